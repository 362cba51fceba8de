internal import CProcessShims
internal import Glibc

/// What a worker sets for its whole process. Call it at the start, before other threads run.
public enum ProcessSettings {
    /// Sets everything for a worker, or for a look at what it needs.
    /// - Parameter concurrency: How many calls may be in flight.
    /// - Returns: what could not be set, or is not enough, one sentence each: what, and what follows.
    public static func prepare(concurrency: Int) -> [String] {
        var warnings: [String] = []
        let number = disableCoreDumps()
        if let text = coreDumpWarning(number != 0 || coreDumpsAreDisabled ? number : EPERM) { warnings.append(text) }
        if !ignoreBrokenPipes() {
            warnings.append("SIGPIPE is not ignored: a log reader that goes away ends the process")
        }
        if !forgetTLSKeyLog() {
            warnings.append("SSLKEYLOGFILE stays set: the keys of TLS sessions may be written to that file")
        }
        if let text = descriptorWarning(limit: descriptorLimit, concurrency: concurrency) { warnings.append(text) }
        return warnings
    }

    /// What follows when core dumps could not be switched off; nil for 0.
    static func coreDumpWarning(_ number: Int32) -> String? {
        guard number != 0 else { return nil }
        return unsafe """
        core dumps of this process are not off (\(String(cString: strerror(number)))): a dump would hold the API key; set \
        LimitCORE=0 or ulimit -c 0
        """
    }

    /// What follows when there are too few descriptors; nil where the limit suffices or is not known.
    static func descriptorWarning(limit: Int?, concurrency: Int) -> String? {
        let needed = concurrency + otherDescriptors
        guard let limit, limit < needed else { return nil }
        return """
            the process may open \(limit) files (RLIMIT_NOFILE) and needs up to \(needed) with concurrency \(concurrency): \
            connections to the API, the brokers or the health listener may fail; raise LimitNOFILE or ulimit -n
            """
    }

    /// Descriptors beside a connection for each call: 64 of the health listener; connections to the brokers by two
    /// clients, their pipes, files and what the libraries keep open.
    private static let otherDescriptors = 64 + 64

    /// How many descriptors the process may have open; nil when the system does not tell.
    static var descriptorLimit: Int? {
        let limit = process_descriptor_limit()
        return limit < 0 ? nil : limit
    }

    /// Keeps this process's memory, and so the API key, out of core dumps and away from debuggers of the same user
    /// (RLIMIT_CORE, PR_SET_DUMPABLE).
    /// - Returns: 0, or the `errno` of the call that failed.
    public static func disableCoreDumps() -> Int32 { process_disable_core_dumps() }

    /// Whether no core dump of this process can be written. Any thread.
    public static var coreDumpsAreDisabled: Bool { process_can_dump_core() == 0 }

    /// Makes a write to a closed pipe or socket an error (EPIPE) instead of the process's end.
    /// - Returns: Whether the system took it.
    @discardableResult
    public static func ignoreBrokenPipes() -> Bool {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = SIG_IGN
        return unsafe sigaction(SIGPIPE, &action, nil) == 0
    }

    /// Lets SIGTERM, SIGINT and SIGHUP through, which a parent may have blocked, and ignores SIGHUP until it is watched: by
    /// default it ends the process without a drain.
    /// - Returns: 0, or the `errno` of the call that failed.
    public static func takeSignals() -> Int32 { process_take_signals() }

    /// Takes `SSLKEYLOGFILE` out of the environment: libcurl's TLS libraries would write session keys into that file.
    /// - Returns: Whether it is gone.
    @discardableResult
    public static func forgetTLSKeyLog() -> Bool { unsafe unsetenv("SSLKEYLOGFILE") == 0 }

    /// Lets malloc keep two arenas instead of eight for each core: the loop's thread allocates nearly everything, and each
    /// of librdkafka's threads would keep pages of its own. And lets it give large blocks back as soon as they are free:
    /// librdkafka's answers and what it inflates of them would stay otherwise.
    public static func limitMalloc() { process_limit_malloc() }

    /// Whether a descriptor is a terminal. Any thread.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Ends the process at once: no exit handlers, and no waiting for libuv's threads. Flush the log before. Any thread.
    public static func exitAtOnce(_ status: Int32) -> Never { _exit(status) }
}
