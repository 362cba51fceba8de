internal import CCurl

/// What keeps libcurl from being used at all. Ends of requests are never errors: see `TransferEnd`.
public enum CurlError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The libcurl of this process is older than 7.87.
    case tooOld(version: String)
    /// The libcurl of this process speaks no TLS, or resolves names on the caller's thread.
    case featureMissing
    /// libcurl was initialised before, with another allocator.
    case initializedBefore
    /// A call of libcurl or of the event loop failed.
    case failed(operation: String, reason: String)

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .tooOld(let version): "libcurl 7.87 or newer is needed, this one is \(version)"
        case .featureMissing: "this libcurl was built without TLS or without its asynchronous resolver"
        case .initializedBefore: "libcurl was initialised before with another allocator"
        case .failed(let operation, let reason): "\(operation): \(reason)"
        }
    }
}
