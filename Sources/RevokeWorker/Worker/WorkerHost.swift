internal import EventLoop
internal import Glibc

/// Runs a worker with its loop, its signals, its log writer and its health listener; the calling thread is the loop's.
public enum WorkerHost {
    /// Asks a worker on another thread to shut down.
    public final class Control: Sendable {
        private let wakeup: Wakeup

        init(_ wakeup: Wakeup) { self.wakeup = wakeup }

        /// Drains, commits, leaves the group and ends. Any thread.
        public func shutdown() { wakeup.signal() }
    }

    /// Runs a worker until it ends.
    /// - Parameters:
    ///   - setup: What it is made of.
    ///   - logger: Where it logs.
    ///   - board: Where it publishes its figures.
    ///   - handlesSignals: Whether SIGTERM and SIGINT shut it down, a second one ends the process at once, SIGHUP does
    ///     nothing, and the service manager is told of the start.
    ///   - started: Called on the loop's thread when the worker has begun.
    /// - Throws: an error whose description is one sentence, when it cannot begin.
    public static func run(
        _ setup: WorkerSetup, logger: Logger, board: MetricsBoard, handlesSignals: Bool,
        started: (Control) -> Void = { _ in }
    ) throws -> WorkerEnd {
        let loop = try EventLoop()
        defer { loop.close() }
        var end = WorkerEnd.clean
        let worker = Worker(
            setup: setup, loop: loop, logger: logger, board: board,
            onEnd: { result in
                if handlesSignals { exit(result) }
                end = result
                loop.stop()
            },
            onStuck: { result in
                if handlesSignals { exit(result) }
            })
        /// Closing the loop would wait for work that may hang (a key file on a dead network file system).
        func exit(_ end: WorkerEnd) {
            logger.ring.flush(deadline: 200)
            ProcessSettings.exitAtOnce(end.exitCode)
        }
        let wakeup = try loop.makeWakeup { worker.shutdown() }
        var signals: [SignalWatch] = []
        if handlesSignals {
            for number in [SIGTERM, SIGINT] {
                signals.append(
                    try loop.onSignal(number, oneShot: true) {
                        ServiceNotifier.fromEnvironment()?.tell(.stopping)
                        worker.shutdown()
                    })
            }
        }
        if handlesSignals {
            signals.append(
                try loop.onSignal(SIGHUP, oneShot: false) {
                    logger.info("SIGHUP is ignored: there is no file to reopen, and files that change are read again")
                })
        }
        try worker.start()
        if handlesSignals {
            // Configuration, key and listener are good. That no broker answers is no reason to start again.
            ServiceNotifier.fromEnvironment()?.tell(.ready)
        }
        started(Control(wakeup))
        loop.run()
        wakeup.close()
        for signal in signals { signal.close() }
        return end
    }
}
