/// How all requests of a `CurlMulti` are made. All times are in milliseconds.
public struct TransferOptions: Sendable {
    /// Where the API lies.
    public var baseURL: BaseURL
    /// The time that one request may take in all.
    public var deadline: Int64
    /// The part of it that name resolution and connect may take.
    public var connectTimeout: Int64
    /// How many idle connections are kept; at least as many as requests in flight.
    public var maximumConnections: Int
    /// How long an idle connection is used again; whole seconds count.
    public var maximumIdleTime: Int64
    /// A file of trusted certificates in place of the system's.
    public var caFile: String?
    /// An HTTP proxy, `http://host:port`; nil: none, whatever the environment says.
    public var proxy: String?
    /// What the header `User-Agent` says, to a proxy too.
    public var userAgent: String
    /// Whether a connection is used for more than one request: behind an answer of a closed list only, see
    /// `leaves_reusable` of the shims.
    public var reusesConnections: Bool

    /// Makes options.
    public init(
        baseURL: BaseURL, deadline: Int64, connectTimeout: Int64, maximumConnections: Int, maximumIdleTime: Int64,
        caFile: String? = nil, proxy: String? = nil, userAgent: String, reusesConnections: Bool = true
    ) {
        self.baseURL = baseURL
        self.deadline = deadline
        self.connectTimeout = connectTimeout
        self.maximumConnections = maximumConnections
        self.maximumIdleTime = maximumIdleTime
        self.caFile = caFile
        self.proxy = proxy
        self.userAgent = userAgent
        self.reusesConnections = reusesConnections
    }
}

/// The method of a request; both send no body.
public enum TransferMethod: Sendable {
    /// GET.
    case get
    /// POST with `Content-Length: 0`.
    case post
}
