internal import Glibc

/// An API key. It shows itself nowhere: every description, dump and mirror of it is `<redacted>`.
///
/// Its bytes live in one place outside Swift's strings and are overwritten when the last copy is gone. Any thread.
@safe
public struct APIKey: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The longest key, in bytes.
    public static let maximumLength = 512

    private let storage: APIKeyStorage

    /// Checks and takes a key: 1 to 512 bytes of printable ASCII without spaces (`[\x21-\x7e]`), since libcurl passes
    /// a line break through into the request.
    /// - Throws: `APIKeyError`, which tells the kind of the defect and its position, never the content.
    public init(bytes: some Collection<UInt8>) throws(APIKeyError) {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.maximumLength else { throw .tooLong(length: bytes.count) }
        for (index, byte) in bytes.enumerated() where !(0x21...0x7e).contains(byte) {
            throw .character(position: index + 1)
        }
        storage = APIKeyStorage(bytes)
    }

    /// Checks and takes a key without another copy of it.
    init(span: Span<UInt8>) throws(APIKeyError) {
        let result = unsafe span.withUnsafeBufferPointer { buffer in
            Result { () throws(APIKeyError) in try unsafe APIKey(bytes: buffer) }
        }
        self = try result.get()
    }

    /// Checks and takes a key; see `init(bytes:)`.
    public init(_ text: String) throws(APIKeyError) { try self.init(bytes: text.utf8) }

    /// `<redacted>`.
    public var description: String { "<redacted>" }
    /// `<redacted>`.
    public var debugDescription: String { "<redacted>" }
    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Compares in a time that does not depend on where the keys differ.
    public static func == (left: APIKey, right: APIKey) -> Bool {
        left.storage.withBytes { left in
            right.storage.withBytes { right in
                guard left.count == right.count else { return false }
                var difference: UInt8 = 0
                for index in left.indices { difference |= left[index] ^ right[index] }
                return difference == 0
            }
        }
    }

    /// Lends the bytes.
    func withBytes<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R { try storage.withBytes(body) }

    /// Whether a text shares 8 bytes in a row with the key (or the whole key, when that is shorter).
    func sharesPiece(with text: some Collection<UInt8>) -> Bool {
        let text = Array(text)
        return withBytes { key in
            let length = min(8, key.count)
            guard text.count >= length else { return false }
            for start in 0...(text.count - length) {
                for keyStart in 0...(key.count - length) {
                    var same = 0
                    while same < length, text[start + same] == key[keyStart + same] { same += 1 }
                    if same == length { return true }
                }
            }
            return false
        }
    }

    /// Whether a text, read forwards or backwards, has 8 letters in a row that the key has in a row too (or the whole of a
    /// shorter key, backwards): whatever stands between the letters, in small ones or capitals.
    func sharesLetters(with text: some BidirectionalCollection<UInt8>) -> Bool {
        if sharesPiece(with: text.reversed()) { return true }
        let letters = text.compactMap(Self.smallLetter)
        return sharesRun(of: letters) || sharesRun(of: letters.reversed())
    }

    /// Passes over what is no letter where the key lies: a copy of its letters would stay in freed memory.
    private func sharesRun(of letters: [UInt8]) -> Bool {
        withBytes { key in
            for start in 0..<max(0, letters.count - 7) {
                for keyStart in 0..<key.count {
                    var index = keyStart
                    var same = 0
                    while same < 8, index < key.count {
                        if let letter = Self.smallLetter(key[index]) {
                            guard letter == letters[start + same] else { break }
                            same += 1
                        }
                        index += 1
                    }
                    if same == 8 { return true }
                }
            }
            return false
        }
    }

    private static func smallLetter(_ byte: UInt8) -> UInt8? {
        let small = byte | 0x20
        return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(small) ? small : nil
    }
}

/// The bytes of a key, overwritten when they are freed.
@safe
private final class APIKeyStorage: @unchecked Sendable {
    // Written once, before any other thread knows of it.
    private let bytes: UnsafeMutableBufferPointer<UInt8>

    init(_ source: some Collection<UInt8>) {
        unsafe bytes = .allocate(capacity: source.count)
        _ = unsafe bytes.initialize(from: source)
    }

    deinit {
        if let start = unsafe bytes.baseAddress { unsafe explicit_bzero(start, bytes.count) }
        unsafe bytes.deallocate()
    }

    func withBytes<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R {
        try body(unsafe Span(_unsafeElements: UnsafeBufferPointer(bytes)))
    }
}

/// Why bytes are not accepted as a key. It never holds any of them.
public enum APIKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There are none.
    case empty
    /// There are more than 512.
    case tooLong(length: Int)
    /// A byte outside `[\x21-\x7e]` stands at this position, counted from 1.
    case character(position: Int)

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .empty: "the key is empty"
        case .tooLong(let length): "the key has \(length) bytes, more than \(APIKey.maximumLength)"
        case .character(let position):
            "the key has a byte at position \(position) that is not a printable ASCII character, or is a space"
        }
    }
}
