internal import Configuration
internal import HTTPServer
internal import RevokeClient
internal import RevokeModel

/// `revoke-worker run`: the worker.
public enum RunCommand {
    /// Runs until a signal or a fatal error. Returns the exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        let about = "Consumes revoke-credentials events and revokes the credentials of their contracts."
        switch CommandContext.start("run", about: about, arguments: arguments) {
        case .end(let code): return code
        case .go(let parsed, _): return run(parsed)
        }
    }

    private static func run(_ parsed: ParsedConfiguration) -> Int32 {
        let configuration = parsed.configuration
        let processWarnings = ProcessSettings.prepare(concurrency: configuration.account.concurrency)
        let signals = ProcessSettings.takeSignals()
        ProcessSettings.limitMalloc()
        let setup: WorkerSetup
        do {
            try LibraryVersions.check()
            setup = try WorkerSetup.load(configuration)
        } catch {
            Terminal.complain("error: \(error)")
            return 1
        }
        let ring = LogRing()
        LogWriter.start(ring: ring, format: configuration.logFormat)
        let logger = Logger(level: configuration.logLevel, ring: ring)
        let board = MetricsBoard()
        let server: HTTPServer
        do {
            server = try HealthServer.start(configuration.healthListen, board: board)
        } catch {
            Terminal.complain(
                "error: health.listen \(configuration.healthListen): \(error); free the port, or set health.listen to another one"
            )
            return 1
        }
        logger.info(
            "starting",
            [
                .version: .text(WorkerVersion.text), .library: .text(LibraryVersions.text),
                .topic: .text(configuration.topic), .group: .text(configuration.group),
                .account: .text(configuration.account.name.text),
                .address: .text("\(server.address):\(server.port)"),
            ])
        for warning in processWarnings { logger.warning("process settings", [.error: .text(warning)]) }
        if signals != 0 {
            logger.warning("signals cannot be let through: SIGTERM may not drain", [.code: .number(signals)])
        }
        for notice in parsed.notices { logger.warning("configuration", [.option: .text(notice)]) }
        defer { ring.flush(deadline: 200) }
        do {
            return try WorkerHost.run(setup, logger: logger, board: board, handlesSignals: true).exitCode
        } catch {
            logger.error("the worker cannot begin", [.error: .text("\(error)")])
            return 1
        }
    }
}

/// The version of this program.
public enum WorkerVersion {
    /// The version by Semantic Versioning.
    public static let text = RevokeClient.version
}
