package import EventLoop

/// Reads a key file again when it changes. Used on the loop's thread only.
package final class KeyFileWatch {
    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - current: The key that is in use.
    ///   - pollInterval: Milliseconds between two looks.
    ///   - changed: Called with a key that differs from the last one.
    ///   - problem: Called with what is wrong with the file, once for each change of the answer; nil: it is well again.
    package init(
        loop: EventLoop, path: String, current: APIKey, pollInterval: Int64,
        changed: @escaping (APIKey) -> Void, problem: @escaping (KeyFileError?) -> Void
    ) throws(RevokeClientError) {
    }

    /// Ends the watch. Idempotent.
    package func close() {}
}
