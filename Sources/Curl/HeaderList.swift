internal import CCurl
internal import CCurlShims

/// The headers that a request adds or takes away: never changed, and overwritten when they are freed.
///
/// libcurl keeps only the pointer and reads it again at each send, so a request holds its list from before it is added
/// until after it is removed. Another key is another list.
@safe
public final class HeaderList {
    let list: UnsafeMutablePointer<curl_slist>

    /// Makes a list of one header with a secret value, of plain ones, and of headers that libcurl shall not send by itself.
    ///
    /// The caller has checked that no value has a line break.
    /// - Throws: `CurlError` when there is no memory.
    public init(
        secret name: String, value: Span<UInt8>, plain: [(name: String, value: String)] = [], suppressed: [String]
    ) throws(CurlError) {
        let list = unsafe value.withUnsafeBufferPointer { bytes in
            var list: UnsafeMutablePointer<curl_slist>?
            for header in suppressed {
                unsafe list = ccurl_headers_prepend(list, header, nil, 0)
                guard unsafe list != nil else { return unsafe list }
            }
            for header in plain.reversed() {
                let value = Array(header.value.utf8)
                unsafe list = value.withUnsafeBufferPointer { bytes in
                    unsafe ccurl_headers_prepend(list, header.name, bytes.baseAddress, bytes.count)
                }
                guard unsafe list != nil else { return unsafe list }
            }
            return unsafe ccurl_headers_prepend(list, name, bytes.baseAddress, bytes.count)
        }
        guard let list = unsafe list else { throw .failed(operation: "headers", reason: "out of memory") }
        unsafe self.list = unsafe list
    }

    deinit { unsafe ccurl_headers_free(list) }
}
