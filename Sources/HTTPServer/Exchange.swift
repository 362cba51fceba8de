internal import CMicrohttpd

/// One request on its way through libmicrohttpd, from its head to the end of its answer. Used on the connection's
/// thread only.
final class Exchange {
    var body: [UInt8] = []
    /// The answer that waits for the resume of the connection.
    var delayed: HTTPResponse?
}
