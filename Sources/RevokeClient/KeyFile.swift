/// Reads a key file.
public enum KeyFile {
    /// Reads a key; blocks.
    public static func read(_ path: String) throws(KeyFileError) -> APIKey { throw .empty }
}

/// Why a key file is not accepted. It never holds any of the content.
public enum KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file cannot be read: the system's error number.
    case unreadable(errno: Int32)
    /// The path is not a regular file.
    case notAFile
    /// The file is empty, or holds a line break alone.
    case empty
    /// The file is longer than a key can be.
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
        case .tooLong(let length): "the key file has \(length) bytes, more than a key of \(APIKey.maximumLength)"
        case .byteOrderMark: "the key file begins with a byte order mark"
        case .quotes: "the key in the key file stands in quotes"
        case .headerName: "the key file begins with a header's name"
        case .space(let position): "the key file has a space at position \(position)"
        case .lineBreak(let position): "the key file has a line break at position \(position)"
        case .character(let position): "the key file has a byte that is not printable ASCII at position \(position)"
        }
    }
}
