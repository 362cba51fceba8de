internal import CCurl
internal import CCurlShims

/// An easy handle of the pool, its URL and the request that it makes now. It is never reset: only what changes from one
/// request to the next is set.
@safe
final class Transfer {
    /// What happens with the result of the request; nil: the handle is idle.
    var done: ((TransferResult) -> Void)?
    /// The headers of the request, held for as long as libcurl has their address.
    var headers: HeaderList?
    /// When the request has to be at its end, in CLOCK_BOOTTIME milliseconds.
    var deadline: Int64 = 0
    /// Whether the request was begun again on a fresh connection.
    var wasRepeated = false
    private var raw: OpaquePointer?

    /// - Throws: `CurlError` when there is no memory or an option is refused.
    init(gate: OpaquePointer, share: UnsafeMutableRawPointer?, options: TransferOptions) throws(CurlError) {
        unsafe raw = nil
        let baseURL = options.baseURL
        unsafe raw = ccurl_transfer_create(
            gate, share, Unmanaged.passUnretained(self).toOpaque(), baseURL.text, baseURL.path,
            baseURL.isHTTPS ? "https" : "http", options.caFile, options.proxy, options.userAgent,
            Int(max(1, options.connectTimeout)), Int(max(1, options.maximumIdleTime / 1_000)),
            options.reusesConnections)
        guard unsafe raw != nil else { throw .failed(operation: "curl_easy_init", reason: "out of memory") }
    }

    /// Frees the handle, which is in no multi handle.
    func destroy() {
        guard let raw = unsafe raw else { return }
        unsafe ccurl_transfer_destroy(raw)
        unsafe self.raw = nil
    }

    /// Sets what is new about a request.
    func prepare(
        _ method: TransferMethod, path: [UInt8], headers: HeaderList, timeout: Int64, freshConnection: Bool,
        bodyLimit: Int
    ) -> CURLcode {
        guard let raw = unsafe raw else { return CURLE_FAILED_INIT }
        self.headers = headers
        wasRepeated = false
        return unsafe path.withUnsafeBufferPointer { path in
            guard let start = path.baseAddress else { return CURLE_URL_MALFORMAT }
            return unsafe ccurl_transfer_prepare(
                raw, method == .post, start, path.count, headers.list, Int(timeout), freshConnection, bodyLimit)
        }
    }

    /// Sets up the same request once more, on a fresh connection.
    func prepareAgain(timeout: Int64) -> CURLcode {
        guard let raw = unsafe raw else { return CURLE_FAILED_INIT }
        wasRepeated = true
        return unsafe ccurl_transfer_prepare_again(raw, Int(timeout))
    }

    func add(to multi: UnsafeMutableRawPointer) -> CURLMcode {
        guard let raw = unsafe raw else { return CURLM_BAD_EASY_HANDLE }
        return unsafe curl_multi_add_handle(multi, ccurl_transfer_easy(raw))
    }

    func remove(from multi: UnsafeMutableRawPointer) {
        guard let raw = unsafe raw else { return }
        _ = unsafe curl_multi_remove_handle(multi, ccurl_transfer_easy(raw))
    }

    /// Whether the gate found bytes, an end or an error on the idle connection and stopped the request.
    var isDirty: Bool { unsafe raw.map { unsafe ccurl_transfer_is_dirty($0) } ?? false }

    /// What is known of the request. `closed` says that it is given up before its end.
    func result(code: CURLcode, closed: Bool = false) -> TransferResult {
        var found = unsafe ccurl_result()
        if let raw = unsafe raw { unsafe ccurl_transfer_result(raw, &found) }
        let end = unsafe closed ? Self.closedEnd(found) : Self.end(found, code)
        var result = TransferResult(
            end: end, sentAt: unsafe found.sends > 0 ? found.sent_at : nil, wasReused: unsafe found.reused,
            retryAfter: [], date: nil, mediaType: unsafe text(found.media_type), body: unsafe bytes(found.body),
            code: Int32(code.rawValue), detail: nil)
        if case .notSent = end { result.detail = detail(code: code) }
        if unsafe found.retry_after_count > 0 {
            result.date = unsafe text(found.date)
            result.retryAfter = unsafe withUnsafeBytes(of: &found.retry_after) { values in
                let values = unsafe values.bindMemory(to: ccurl_bytes.self).prefix(Int(found.retry_after_count))
                return unsafe values.map { unsafe text($0) ?? "" }
            }
        }
        return result
    }

    /// Lets go of what belongs to the request. After `remove(from:)`.
    func finish() {
        if let raw = unsafe raw { unsafe ccurl_transfer_finish(raw) }
        headers = nil
    }

    /// The rule. The order of its lines counts.
    private static func end(_ found: ccurl_result, _ code: CURLcode) -> TransferEnd {
        let status = unsafe Int(found.final_status)
        if unsafe found.sends == 0 { return .notSent(unsafe notSentCause(found, code)) }
        if unsafe found.head_complete {
            if code == CURLE_OK { return .answered(status: status, isBodyComplete: true) }
            if status != 204 { return .answered(status: status, isBodyComplete: false) }
        }
        return .ambiguous(unsafe ambiguousCause(found, code))
    }

    private static func closedEnd(_ found: ccurl_result) -> TransferEnd {
        unsafe found.sends == 0 ? .notSent(.closed) : .ambiguous(.closed)
    }

    private static func notSentCause(_ found: ccurl_result, _ code: CURLcode) -> NotSentCause {
        if unsafe found.late { return .late }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .nameResolution
        case CURLE_COULDNT_CONNECT, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PROXY: return .connect
        case CURLE_OPERATION_TIMEDOUT: return .timeout
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_INVALIDCERTSTATUS:
            return .untrustedCertificate
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED,
            CURLE_SSL_CERTPROBLEM:
            return .tls
        default: return .other
        }
    }

    private static func ambiguousCause(_ found: ccurl_result, _ code: CURLcode) -> AmbiguousTransferCause {
        if unsafe found.resend || found.late { return .resendStopped }
        if unsafe found.head_malformed { return .garbage }
        switch code {
        case CURLE_OPERATION_TIMEDOUT: return .deadline
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY: return .garbage
        default: return unsafe found.head_begun ? .incompleteHead : .connectionClosed
        }
    }

    private func detail(code: CURLcode) -> String {
        var sentence = unsafe raw.map { unsafe String(cString: ccurl_transfer_error($0)) } ?? ""
        if sentence.isEmpty { sentence = CurlGlobal.text(of: code) }
        let printable = sentence.utf8.prefix(200).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: printable, as: UTF8.self)
    }
}

private func bytes(_ found: ccurl_bytes) -> [UInt8] {
    guard unsafe found.length > 0 else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: found.start, count: found.length))
}

private func text(_ found: ccurl_bytes) -> String? {
    guard unsafe found.length > 0 else { return nil }
    return unsafe String(decoding: UnsafeBufferPointer(start: found.start, count: found.length), as: UTF8.self)
}
