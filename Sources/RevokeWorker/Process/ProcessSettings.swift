internal import CProcessShims
internal import Glibc

/// What a worker sets for its whole process. Call it at the start, before other threads run.
public enum ProcessSettings {
    /// Keeps this process's memory, and so the API key, out of core dumps and away from debuggers of the same user
    /// (RLIMIT_CORE, PR_SET_DUMPABLE).
    /// - Returns: 0, or the `errno` of the call that failed.
    public static func disableCoreDumps() -> Int32 { process_disable_core_dumps() }

    /// Whether no core dump of this process can be written. Any thread.
    public static var coreDumpsAreDisabled: Bool { process_can_dump_core() == 0 }

    /// Makes a write to a closed pipe or socket an error (EPIPE) instead of the process's end.
    public static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

    /// Lets SIGTERM, SIGINT and SIGHUP through, which a parent may have blocked, and ignores SIGHUP until it is watched: by
    /// default it ends the process without a drain.
    /// - Returns: 0, or the `errno` of the call that failed.
    public static func takeSignals() -> Int32 { process_take_signals() }

    /// Takes `SSLKEYLOGFILE` out of the environment: libcurl's TLS libraries would write session keys into that file.
    public static func forgetTLSKeyLog() { _ = unsafe unsetenv("SSLKEYLOGFILE") }

    /// Lets malloc keep two arenas instead of eight for each core: the loop's thread allocates nearly everything, and each
    /// of librdkafka's threads would keep pages of its own. And lets it give large blocks back as soon as they are free:
    /// librdkafka's answers and what it inflates of them would stay otherwise.
    public static func limitMalloc() { process_limit_malloc() }

    /// Whether a descriptor is a terminal. Any thread.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Ends the process at once: no exit handlers, and no waiting for libuv's threads. Flush the log before. Any thread.
    public static func exitAtOnce(_ status: Int32) -> Never { _exit(status) }
}
