import Configuration
import EventLoop
import Foundation
import Threads

@testable import RevokeWorker

/// A worker in this process, on a thread of its own, into which a test can reach.
final class LoopWorker: Sendable {
    /// The lines of its log.
    let lines = Watched<[String]>([])
    /// How it ended.
    let end = Watched<WorkerEnd?>(nil)
    private let jobs = Monitor<[@Sendable (Worker) -> Void]>([])
    private let wakeup = Monitor<Wakeup?>(nil)

    /// Starts a worker with a configuration file's text.
    init(_ text: String) throws {
        let configuration = try ConfigurationParser().parse(
            file: ConfigurationParser.File(path: "test", bytes: Array(text.utf8))
        ).configuration
        let setup = try WorkerSetup.load(configuration)
        let ring = LogRing(capacity: 65_536)
        let pipe = Pipe()
        LogWriter.start(ring: ring, descriptor: pipe.fileHandleForWriting.fileDescriptor, format: .json)
        Thread.detachNewThread { [lines] in
            var rest: [UInt8] = []
            while true {
                let data = pipe.fileHandleForReading.availableData
                guard !data.isEmpty else { break }
                rest += data
                var found = rest.split(separator: 10, omittingEmptySubsequences: false)
                rest = Array(found.removeLast())
                let texts = found.map { String(decoding: $0, as: UTF8.self) }
                if !texts.isEmpty { lines.update { $0 += texts } }
            }
        }
        let begun = DispatchSemaphore(value: 0)
        Thread.detachNewThread { [self] in
            run(setup, Logger(level: .debug, ring: ring)) { begun.signal() }
            _ = ring.close(deadline: 5_000)
            try? pipe.fileHandleForWriting.close()
        }
        begun.wait()
    }

    private func run(_ setup: WorkerSetup, _ logger: Logger, begun: () -> Void) {
        do {
            let loop = try EventLoop()
            defer { loop.close() }
            var result = WorkerEnd.clean
            let worker = Worker(
                setup: setup, loop: loop, logger: logger, board: MetricsBoard(),
                onEnd: { end in
                    result = end
                    loop.stop()
                },
                onStuck: { end in
                    result = end
                    loop.stop()
                })
            let wakeup = try loop.makeWakeup { [self] in
                let jobs = jobs.withLock { jobs in
                    defer { jobs = [] }
                    return jobs
                }
                for job in jobs { job(worker) }
            }
            self.wakeup.withLock { $0 = wakeup }
            try worker.start()
            begun()
            loop.run()
            wakeup.close()
            let ended = result
            end.update { $0 = ended }
        } catch {
            let ended = WorkerEnd.fatal("\(error)")
            begun()
            end.update { $0 = ended }
        }
    }

    /// Does something on the worker's loop, and waits until it is done.
    @discardableResult
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (Worker, @escaping @Sendable (Result) -> Void) -> Void
    ) async -> Result {
        await withCheckedContinuation { continuation in
            jobs.withLock { $0.append { worker in body(worker) { continuation.resume(returning: $0) } } }
            wakeup.withLock { $0 }?.signal()
        }
    }

    /// Waits for a line that contains a text, among those that came after the first `skip` lines.
    func line(containing text: String, after skip: Int = 0) async throws {
        try await lines.wait(for: "a line with '\(text)'") { lines in
            lines.dropFirst(skip).contains { $0.contains(text) } ? true : nil
        }
    }

    /// Shuts down and waits for the end.
    func stop() async throws -> WorkerEnd {
        await perform { (worker, done: @escaping @Sendable (Bool) -> Void) in
            worker.shutdown()
            done(true)
        }
        return try await end.wait(for: "the worker's end") { $0 }
    }
}
