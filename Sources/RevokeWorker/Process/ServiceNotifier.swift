internal import Glibc

/// Tells the service manager how the worker is: the protocol of sd_notify(3), a datagram to the Unix socket that
/// `NOTIFY_SOCKET` names. Never blocks; what cannot be told is lost, as the protocol wants it. Any thread.
public struct ServiceNotifier: Hashable, Sendable {
    /// What is told.
    public enum State: Hashable, Sendable {
        /// The start is over (`READY=1`).
        case ready
        /// The shutdown has begun (`STOPPING=1`).
        case stopping
        /// A line for people (`STATUS=…`); line breaks become spaces.
        case status(String)

        var text: String {
            switch self {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            case .status(let line):
                "STATUS=" + String(line.map { $0.isNewline ? " " : $0 })
            }
        }
    }

    /// A path, or the name of an abstract socket behind an `@`.
    private let socketName: String

    /// Makes a notifier for a socket, or nil when there is none, or the name is of another form than `/…` or `@…` or too
    /// long.
    public init?(socketName: String?) {
        guard let socketName, socketName.utf8.count > 1, socketName.utf8.count < Self.nameCapacity,
            socketName.hasPrefix("/") || socketName.hasPrefix("@")
        else { return nil }
        self.socketName = socketName
    }

    /// Makes a notifier of the variable `NOTIFY_SOCKET`, or nil when it is not set.
    public static func fromEnvironment() -> ServiceNotifier? {
        let name = unsafe getenv("NOTIFY_SOCKET").map { name in unsafe String(cString: name) }
        return ServiceNotifier(socketName: name)
    }

    /// The bytes of `sun_path`.
    private static let nameCapacity = MemoryLayout<sockaddr_un>.size - nameOffset
    private static let nameOffset = MemoryLayout<sa_family_t>.size

    /// Tells a state.
    /// - Returns: Whether the datagram was handed over.
    @discardableResult
    public func tell(_ state: State) -> Bool {
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // An abstract name begins with a zero byte and ends with the address's length (unix(7)).
        var name = Array(socketName.utf8)
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in unsafe path.copyBytes(from: name) }
        let isPath = name.first != 0
        let length = socklen_t(Self.nameOffset + name.count + (isPath ? 1 : 0))
        let text = Array(state.text.utf8)
        let sent = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe sendto(
                    descriptor, text, text.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL),
                    pointer, length)
            }
        }
        return sent == text.count
    }
}
