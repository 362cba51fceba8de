import Glibc

/// A TCP client for tests that writes bytes and reads answers as they are. Every wait is bounded by 20 s, after which
/// it fails.
public final class RawClient {
    /// What went wrong.
    public enum Failure: Error {
        /// The system's error number of a call.
        case system(Int32)
        /// Nothing came within the bound.
        case timeout
        /// The peer closed the connection before an answer was complete.
        case closed
        /// The answer is not HTTP.
        case malformed
    }

    /// An answer with its body.
    public struct Answer: Sendable {
        /// The status.
        public var status: Int
        /// The head's lines without the status line, as they are.
        public var headers: [String]
        /// The body.
        public var body: String

        /// The value of the first header of that name.
        public func header(_ name: String) -> String? {
            let prefix = name.lowercased() + ":"
            return headers.first { $0.lowercased().hasPrefix(prefix) }
                .map { String($0.dropFirst(prefix.count).drop { $0 == " " }) }
        }
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// Connects to a literal address.
    public init(address: String = "127.0.0.1", port: UInt16) throws {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICHOST
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(address, String(port), &hints, &list) == 0, let first = unsafe list else {
            throw Failure.system(EINVAL)
        }
        defer { unsafe freeaddrinfo(first) }
        descriptor = unsafe socket(first.pointee.ai_family, first.pointee.ai_socktype, 0)
        guard descriptor >= 0 else { throw Failure.system(errno) }
        var bound = timeval(tv_sec: 20, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
        // All properties are set: `deinit` runs for a throw from here on too, and closes the descriptor.
        guard unsafe connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            throw Failure.system(errno)
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Writes a text.
    public func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes { part in
                unsafe Glibc.send(descriptor, part.baseAddress, part.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure.system(errno) }
            sent += count
        }
    }

    /// Writes a request with the headers and a body, and reads the answer.
    public func request(
        _ method: String, _ target: String, headers: [String] = [], body: String? = nil
    ) throws -> Answer {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: test"] + headers
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
        return try answer()
    }

    /// Reads one answer: its head, and a body by `Content-Length`.
    public func answer() throws -> Answer {
        var end = Self.endOfHead(buffer)
        while end == nil {
            guard try receive() else { throw Failure.closed }
            end = Self.endOfHead(buffer)
        }
        guard let end else { throw Failure.malformed }
        let head = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end + 4)
        var lines: [String] = []
        for line in head.split(separator: "\r\n") { lines.append(String(line)) }
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw Failure.malformed
        }
        var answer = Answer(status: status, headers: Array(lines.dropFirst()), body: "")
        let length = answer.header("Content-Length").flatMap { Int($0) } ?? 0
        while buffer.count < length {
            guard try receive() else { throw Failure.closed }
        }
        answer.body = String(decoding: buffer[..<length], as: UTF8.self)
        buffer.removeFirst(length)
        return answer
    }

    /// Waits until the peer closes, and says whether it did so without any byte that is left unread.
    public func isClosedWithoutAnswer() throws -> Bool {
        while try receive() {}
        return buffer.isEmpty
    }

    /// False when the peer has closed or reset the connection.
    private func receive() throws -> Bool {
        var part: [UInt8] = Array(repeating: 0, count: 65_536)
        let count = unsafe recv(descriptor, &part, part.count, 0)
        if count < 0, errno == ECONNRESET { return false }
        guard count >= 0 else {
            throw errno == EAGAIN || errno == EWOULDBLOCK ? Failure.timeout : Failure.system(errno)
        }
        buffer += part[..<count]
        return count > 0
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...(bytes.count - 4)).first { index in
            bytes[index] == 13 && bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10
        }
    }
}
