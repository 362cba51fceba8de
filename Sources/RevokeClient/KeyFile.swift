/// Reads a key file: the key alone, with one line break (LF or CRLF) at most behind it.
public enum KeyFile {
    /// So many bytes of a file are read: more than a key with its line break, so that a longer one is seen.
    static let readLimit = 4_096

    /// Reads a key. Blocks: on an event loop, offload it. Any thread.
    ///
    /// Everything odd is refused by its kind and position, never by its content: a byte order mark, quotes, spaces, a
    /// header's name, a second line break, other bytes outside `[\x21-\x7e]`, more than 512 bytes.
    /// - Throws: `KeyFileError`.
    public static func read(_ path: String) throws(KeyFileError) -> APIKey {
        try unsafe FileContent.read(path, limit: readLimit) { content throws(KeyFileError) in
            try key(unsafe Span(_unsafeBytes: content))
        }
    }

    /// Finds the key in the content of a file.
    static func key(_ content: borrowing Span<UInt8>) throws(KeyFileError) -> APIKey {
        var count = content.count
        guard count > 0 else { throw .empty }
        if begins(content, [0xef, 0xbb, 0xbf]) || begins(content, [0xfe, 0xff]) || begins(content, [0xff, 0xfe]) {
            throw .byteOrderMark
        }
        if content[count - 1] == UInt8(ascii: "\n") {
            count -= 1
            if count > 0, content[count - 1] == UInt8(ascii: "\r") { count -= 1 }
        }
        guard count > 0 else { throw .empty }
        if namesHeader(content) { throw .headerName }
        for quote in [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`")] where content[0] == quote {
            throw .quotes
        }
        for index in 0..<count {
            switch content[index] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"): throw .space(position: index + 1)
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): throw .lineBreak(position: index + 1)
            case 0x21...0x7e: continue
            default: throw .character(position: index + 1)
            }
        }
        guard count <= APIKey.maximumLength else { throw .tooLong(length: count) }
        do throws(APIKeyError) {
            return try APIKey(span: content.extracting(0..<count))
        } catch {
            // All of this was checked above.
            throw .character(position: 1)
        }
    }

    private static func begins(_ content: borrowing Span<UInt8>, _ mark: [UInt8]) -> Bool {
        guard content.count >= mark.count else { return false }
        for index in mark.indices where content[index] != mark[index] { return false }
        return true
    }

    /// `X-PARTNER-APIKEY:` in any case, or another name with a colon and a space behind it.
    private static func namesHeader(_ content: borrowing Span<UInt8>) -> Bool {
        var index = 0
        while index < content.count, index < 64, content[index] != UInt8(ascii: ":") {
            switch content[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                index += 1
            default: return false
            }
        }
        guard index > 0, index < content.count, content[index] == UInt8(ascii: ":") else { return false }
        if index + 1 < content.count, content[index + 1] == UInt8(ascii: " ") { return true }
        let name = Array("x-partner-apikey".utf8)
        guard index == name.count else { return false }
        for position in name.indices where content[position] | 0x20 != name[position] | 0x20 { return false }
        return true
    }
}

/// Why a key file is not accepted. It never holds any of the content.
public enum KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file cannot be read: the system's error number.
    case unreadable(errno: Int32)
    /// The path is not a regular file.
    case notAFile
    /// The file is empty, or holds a line break alone.
    case empty
    /// The file is longer than a key can be; a length of 4,096 stands for any longer one too.
    case tooLong(length: Int)
    /// The file begins with a byte order mark.
    case byteOrderMark
    /// The key stands in quotes.
    case quotes
    /// The file begins with a header's name, such as `X-PARTNER-APIKEY:`.
    case headerName
    /// A space or a tab stands at this position, counted from 1.
    case space(position: Int)
    /// A second line break, or one within the key, stands at this position.
    case lineBreak(position: Int)
    /// Another byte outside `[\x21-\x7e]` stands at this position.
    case character(position: Int)

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .unreadable(let number): "the key file cannot be read (error \(number))"
        case .notAFile: "the key file is not a regular file"
        case .empty: "the key file is empty"
        case .tooLong(let length):
            "the key file has \(length) bytes\(length >= KeyFile.readLimit ? " or more" : ""), more than a key of \(APIKey.maximumLength)"
        case .byteOrderMark: "the key file begins with a byte order mark"
        case .quotes: "the key in the key file stands in quotes"
        case .headerName: "the key file begins with a header's name"
        case .space(let position): "the key file has a space at position \(position)"
        case .lineBreak(let position): "the key file has a line break at position \(position)"
        case .character(let position): "the key file has a byte that is not printable ASCII at position \(position)"
        }
    }
}
