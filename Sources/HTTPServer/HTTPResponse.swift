/// What a handler answers.
public struct HTTPResponse: Sendable {
    /// The status, 200 to 599.
    public var status: Int
    /// Headers beside those that the server adds (`Date`, `Content-Length`, `Connection`).
    public var headers: [HTTPRequest.Field]
    /// The body. For 204 and 304 it is not sent.
    public var body: [UInt8]
    /// Milliseconds after which the answer is sent. No thread waits meanwhile; the server's stop sends it at once.
    public var delay: Int64
    /// Whether the connection is closed without an answer; all else but the delay is then ignored.
    public var closesConnection: Bool

    /// Makes a response of its parts.
    public init(
        status: Int, headers: [HTTPRequest.Field] = [], body: [UInt8] = [], delay: Int64 = 0,
        closesConnection: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.delay = delay
        self.closesConnection = closesConnection
    }

    /// Makes a response with a text.
    public init(status: Int, text: String, contentType: String = "text/plain; charset=utf-8") {
        self.init(
            status: status, headers: [HTTPRequest.Field(name: "Content-Type", value: contentType)],
            body: Array(text.utf8))
    }
}
