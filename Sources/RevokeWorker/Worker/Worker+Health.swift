public import Configuration
internal import EventLoop
public import HTTPServer
internal import Kafka
internal import RevokeEngine
internal import RevokeModel

extension Worker {
    /// Publishes the figures for the health listener.
    func publish() {
        let now = Self.readClocks()
        metrics.engine = engine.snapshot(now: now)
        metrics.oldestEventSince = metrics.engine.oldestEventTime.map { now.boot - max(0, now.wall - $0) }
        metrics.lag = [:]
        for (partition, progress) in logProgress {
            guard let own = engine.progress(of: partition) else { continue }
            // A log can end in transaction markers, which are no records: nothing is left when all was read and settled.
            let isDone = !own.hasOpen && progress.lag == 0
            if let logEnd = progress.logEnd { metrics.lag[partition] = isDone ? 0 : max(0, logEnd - own.watermark) }
        }
        for partition in unread.partitions {
            guard let next = engine.progress(of: partition)?.next, unread.progressed(partition, next: next) else {
                continue
            }
            logger.info("a partition is read again", [.partition: .number(partition), .next: .number(next)])
        }
        metrics.unread = unread.all.map { .init(partition: $0.partition, reason: $0.reason) }
        metrics.ready = isReady
        forgetUnknownAccounts()
        tellSkipped()
        metrics.logLinesDropped = logger.ring.droppedLines
        board.publish(metrics, now: now.boot)
    }

    /// Configuration valid, topics usable, joined the group, a partition of the assignment can be read, dead letters can be
    /// stored. Holds and outages are no part.
    private var isReady: Bool { isChecked && hasJoined && !isEnding && !deadLettersFail && canRead }

    /// Whether not every partition of the assignment waits for its leader. A worker without a partition is ready too.
    private var canRead: Bool {
        let waiting = metrics.engine.waitingPartitions
        let partitions = unread.partitions
        return partitions.isEmpty
            || partitions.contains { unread.reason(of: $0) != .noLeader && !waiting.contains($0) }
    }

    /// What the service manager shows of this worker (`STATUS=`).
    func tellStatus(_ line: String) {
        ServiceNotifier.fromEnvironment()?.tell(.status(line))
    }
}

/// The health and metrics listener: read-only, on a thread of its own, so that a worker that stands still can say so.
public enum HealthServer {
    /// A loop that has published nothing for this long (milliseconds) stands still.
    public static let stallLimit: Int64 = 15_000

    /// Starts the listener.
    /// - Throws: `HTTPServerError`.
    public static func start(_ address: ListenAddress, board: MetricsBoard) throws -> HTTPServer {
        try HTTPServer(address: address.host, port: address.port, limits: .init(connections: 64, idleTimeout: 30)) {
            answer($0, board: board, now: EventLoop.boottime())
        }
    }

    /// The answer to a request. Pure.
    static func answer(_ request: HTTPRequest, board: MetricsBoard, now: Int64) -> HTTPResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            return HTTPResponse(status: 405, text: "only GET is allowed\n")
        }
        let entry = board.latest
        let isLive = entry.map { now - $0.publishedAt <= stallLimit } ?? true
        switch request.path {
        case "/livez":
            return isLive
                ? HTTPResponse(status: 200, text: "live\n") : HTTPResponse(status: 503, text: "the loop stands still\n")
        case "/readyz":
            let isReady = isLive && (entry?.metrics.ready ?? false)
            return isReady
                ? HTTPResponse(status: 200, text: "ready\n") : HTTPResponse(status: 503, text: "not ready\n")
        case "/metrics":
            var response = HTTPResponse(
                status: 200, text: "", contentType: "text/plain; version=0.0.4; charset=utf-8")
            response.body = board.prometheusText(now: now)
            return response
        default: return HTTPResponse(status: 404, text: "there are /livez, /readyz and /metrics\n")
        }
    }
}
