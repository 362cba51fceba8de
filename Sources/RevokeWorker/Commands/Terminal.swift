internal import Glibc

/// What the commands print and how they end.
public enum Terminal {
    /// A flag or a configuration is wrong (EX_USAGE of sysexits.h).
    public static let usageExit: Int32 = 64

    /// Writes a line to standard output.
    public static func print(_ line: String) { write(line + "\n", to: 1) }

    /// Writes a line to standard error.
    public static func complain(_ line: String) { write(line + "\n", to: 2) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// The environment of the process.
    public static var environment: [String: String] {
        var result: [String: String] = [:]
        var entry = unsafe environ
        while let pointer = unsafe entry.pointee {
            let text = unsafe String(cString: pointer)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return result
    }
}
