internal import Glibc

/// Opens TCP connections for the commands that look at something. Blocks, each address for so many seconds at most.
enum TCPProbe {
    /// Connects to the first address that takes the connection.
    /// - Returns: the descriptor, which the caller closes, or the error of the last address as a text.
    static func connect(
        _ host: String, _ port: UInt16, isLiteral: Bool = false, seconds: Int
    ) -> Result<Int32, Failure> {
        var hints = unsafe addrinfo()
        if isLiteral { unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let found = unsafe found else {
            return .failure(Failure(text: unsafe String(cString: gai_strerror(code))))
        }
        defer { unsafe freeaddrinfo(found) }
        var failure = Failure(text: "no address")
        var next: UnsafeMutablePointer<addrinfo>? = unsafe found
        while let address = unsafe next {
            unsafe next = unsafe address.pointee.ai_next
            let descriptor = unsafe socket(
                address.pointee.ai_family, address.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else {
                failure = Failure.system(errno)
                continue
            }
            var limit = timeval(tv_sec: seconds, tv_usec: 0)
            let size = socklen_t(MemoryLayout<timeval>.size)
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
            if unsafe Glibc.connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 {
                return .success(descriptor)
            }
            // The limit of a blocking connect ends it with EINPROGRESS (socket(7)).
            failure = Failure.system(errno == EINPROGRESS ? ETIMEDOUT : errno)
            close(descriptor)
        }
        return .failure(failure)
    }

    /// Why there is no connection.
    struct Failure: Error {
        var text: String

        static func system(_ number: Int32) -> Failure { Failure(text: unsafe String(cString: strerror(number))) }
    }
}
