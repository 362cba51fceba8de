#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Why a server does not start.
public enum HTTPServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The address is not a literal IPv4 or IPv6 address.
    case addressInvalid(String)
    /// The socket cannot be made or bound: the address, the port and the system's error number.
    case cannotListen(address: String, port: UInt16, errno: Int32)
    /// libmicrohttpd or the system refuses to start a thread.
    case cannotStart

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .addressInvalid(let address): "\(address) is not an IPv4 or IPv6 address"
        case .cannotListen(let address, let port, let number):
            "cannot listen on \(address) port \(port): \(unsafe String(cString: strerror(number)))"
        case .cannotStart: "cannot start the HTTP server's threads"
        }
    }
}
