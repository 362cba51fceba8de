internal import Configuration
internal import Curl
internal import EventLoop
internal import HTTPServer
internal import Kafka

/// The C libraries that the process has loaded, which can differ from those that it was compiled with. Any thread.
public enum LibraryVersions {
    /// All of them, by name.
    public static var all: [WorkerMetrics.Library] {
        [
            WorkerMetrics.Library(name: "libcurl", version: CurlGlobal.version),
            WorkerMetrics.Library(name: "libmicrohttpd", version: HTTPServer.libraryVersion),
            WorkerMetrics.Library(name: "librdkafka", version: KafkaLibrary.version.description),
            WorkerMetrics.Library(name: "libuv", version: EventLoop.libraryVersion),
            WorkerMetrics.Library(name: "libyaml", version: YAMLLibrary.version),
        ]
    }

    /// All of them on one line.
    static var text: String { all.map { "\($0.name) \($0.version)" }.joined(separator: ", ") }

    /// Refuses libraries that are too old, or cannot do what the worker needs.
    /// - Throws: `KafkaVersionError` or `CurlError`: one sentence.
    public static func check() throws {
        try KafkaLibrary.checkVersion()
        try CurlGlobal.initialize()
    }
}
