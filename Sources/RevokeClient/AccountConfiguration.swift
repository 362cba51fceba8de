public import RevokeModel

/// How an account's requests are made. All times are in milliseconds.
public struct AccountConfiguration: Sendable {
    /// The account's name.
    public var name: AccountName
    /// Where the API lies; see `BaseURL` for the rule. DigiCert's is
    /// `https://www.digicert.com/partner-subscription/api/v1`.
    public var baseURL: String
    /// The subaccount's key, sent in the header `X-PARTNER-APIKEY` to this host and nowhere else.
    public var key: APIKey
    /// The file that the key came from, when `RevokeClient` shall read it again as it changes; see `KeyFile`.
    public var keyFile: String?
    /// The time that one request may take in all: name resolution, connect, head and body. 1 to 3,600,000.
    public var requestDeadline: Int64 = 10_000
    /// The part of `requestDeadline` that name resolution and connect may take; at least 1.
    public var connectTimeout: Int64 = 5_000
    /// The most requests in flight, and connections kept open. 1 to 1024.
    public var maximumConnections: Int = 8
    /// How long an idle connection is used again: less than the server's own limit. At least 1,000.
    public var maximumIdleTime: Int64 = 30_000
    /// A file of trusted certificates in PEM in place of the system's.
    public var caFile: String?
    /// An HTTP proxy, `http://host:port`, through which a tunnel is made. Proxy variables of the environment never
    /// count.
    public var proxy: String?
    /// Whether plain HTTP is accepted for another host than loopback, or through a proxy, which would see the key.
    public var allowPlainHTTP = false
    /// Whether a connection is used for more than one request: behind a 204 that declares no body, or another answer that
    /// was read to its declared end, on HTTP/1.1. What a server sends behind that end is taken for the next answer when it
    /// comes after the next request was sent; with `false` that cannot be, and each request costs a handshake.
    public var reusesConnections = true

    /// Makes a configuration with the defaults.
    public init(name: AccountName, baseURL: String, key: APIKey) {
        self.name = name
        self.baseURL = baseURL
        self.key = key
    }
}
