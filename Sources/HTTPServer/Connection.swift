internal import CMicrohttpd

/// A connection of libmicrohttpd. `resume` may be called on any thread, all else on the connection's thread while
/// the handler runs.
@safe struct Connection: @unchecked Sendable {
    private let pointer: OpaquePointer

    @unsafe init(_ pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    /// Reads what libmicrohttpd has of the request.
    func request(method: String, path: String, body: [UInt8]) -> HTTPRequest {
        HTTPRequest(
            method: method, path: path,
            query: fields(.GET_ARGUMENT_KIND).map {
                HTTPRequest.Field(name: HTTPRequest.unescape($0.name), value: HTTPRequest.unescape($0.value))
            },
            headers: fields(.HEADER_KIND), body: body)
    }

    /// Takes the connection out of the polling until `resume`.
    func suspend() { unsafe MHD_suspend_connection(pointer) }

    /// Lets libmicrohttpd call the handler again.
    func resume() { unsafe MHD_resume_connection(pointer) }

    private final class Collector {
        var fields: [HTTPRequest.Field] = []
    }

    private func fields(_ kind: MHD_ValueKind) -> [HTTPRequest.Field] {
        let collector = Collector()
        unsafe MHD_get_connection_values(
            pointer, kind,
            { context, _, name, value in
                guard let context = unsafe context, let name = unsafe name else { return .YES }
                let collector = unsafe Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue()
                let text = unsafe value.map { unsafe String(cString: $0) } ?? ""
                collector.fields.append(HTTPRequest.Field(name: unsafe String(cString: name), value: text))
                return .YES
            }, Unmanaged.passUnretained(collector).toOpaque())
        return collector.fields
    }

    /// Whether the head announces a body that is longer than the limit.
    func announcesMore(than limit: Int) -> Bool {
        guard let value = unsafe MHD_lookup_connection_value(pointer, .HEADER_KIND, "Content-Length") else {
            return false
        }
        // libmicrohttpd has refused what is not a number.
        return unsafe (Int(String(cString: value)) ?? Int.max) > limit
    }

    /// Hands an answer to libmicrohttpd.
    func queue(_ response: HTTPResponse) -> MHD_Result {
        if response.closesConnection { return .NO }
        let handle = unsafe response.body.withUnsafeBytes { bytes in
            unsafe MHD_create_response_from_buffer(
                bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
        }
        guard let handle = unsafe handle else { return .NO }
        defer { unsafe MHD_destroy_response(handle) }
        for field in response.headers {
            // A header that libmicrohttpd refuses (a line break in it) is left out.
            _ = unsafe MHD_add_response_header(handle, field.name, field.value)
        }
        return unsafe MHD_queue_response(pointer, UInt32(clamping: response.status), handle)
    }
}
