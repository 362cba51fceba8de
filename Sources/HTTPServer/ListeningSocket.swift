#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Makes a socket that listens, so that errors carry the system's number and port 0 can be resolved.
enum ListeningSocket {
    static func open(address: String, port: UInt16) throws(HTTPServerError) -> (descriptor: Int32, port: UInt16) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            unsafe hints.ai_socktype = SOCK_STREAM
        #endif
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(address, String(port), &hints, &list) == 0, let first = unsafe list else {
            throw .addressInvalid(address)
        }
        defer { unsafe freeaddrinfo(first) }
        let info = unsafe first.pointee
        #if canImport(Glibc)
            let type = unsafe info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        #else
            let type = unsafe info.ai_socktype
        #endif
        let descriptor = unsafe socket(info.ai_family, type, info.ai_protocol)
        guard descriptor >= 0 else { throw .cannotListen(address: address, port: port, errno: errno) }
        var on: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard unsafe bind(descriptor, info.ai_addr, info.ai_addrlen) == 0, listen(descriptor, 1024) == 0,
            let bound = boundPort(descriptor)
        else {
            let number = errno
            close(descriptor)
            throw .cannotListen(address: address, port: port, errno: number)
        }
        return (descriptor, bound)
    }

    private static func boundPort(_ descriptor: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe getsockname(descriptor, pointer, &length)
            }
        }
        guard code == 0 else { return nil }
        // The port stands at the same place in both families.
        return unsafe withUnsafeBytes(of: &storage) { bytes in
            unsafe UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        }
    }
}
