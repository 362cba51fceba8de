internal import CUV

/// An error of libuv or of the operating system, as libuv tells it.
public struct EventLoopError: Error, Hashable, CustomStringConvertible {
    /// libuv's code: negative; on Unix the negated `errno`.
    public let code: Int32
    /// The code's name, such as `EMFILE`.
    public let name: String
    /// The call that failed, such as `uv_poll_start`.
    public let operation: String

    init(code: Int32, operation: StaticString) {
        self.code = code
        self.operation = operation.description
        // The variants with a buffer: the others leak memory for unknown codes (libuv's guide, "Error handling").
        self.name = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let start = buffer.baseAddress, let text = unsafe uv_err_name_r(code, start, buffer.count) else {
                return "UNKNOWN"
            }
            return unsafe String(cString: text)
        }
    }

    /// The operation, the name and libuv's sentence.
    public var description: String {
        let sentence = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, let text = unsafe uv_strerror_r(code, start, buffer.count) else {
                return ""
            }
            return unsafe String(cString: text)
        }
        return "\(operation): \(name): \(sentence)"
    }

    /// Throws when a code of libuv is an error.
    static func check(_ code: Int32, _ operation: StaticString) throws(EventLoopError) {
        if code < 0 { throw EventLoopError(code: code, operation: operation) }
    }

    /// The error of every call on a loop that is closed.
    static func closed(_ operation: StaticString) -> EventLoopError {
        EventLoopError(code: UV_ECANCELED.rawValue, operation: operation)
    }
}
