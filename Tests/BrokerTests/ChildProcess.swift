import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Starts processes and waits for their ends.
///
/// Foundation's `Process` takes a child as ended only when all its descendants are, since it watches a descriptor that
/// they inherit; a script that leaves a broker running would never end.
enum ChildProcess {
    /// How a process ended.
    enum End: Hashable, Sendable {
        case exit(Int32)
        case signal(Int32)
    }

    struct SpawnFailure: Error {
        var path: String
        var code: Int32
    }

    /// Starts an executable with these descriptors as its three standard ones, and no other.
    static func spawn(
        _ path: String, _ arguments: [String], input: Int32, output: Int32, error: Int32
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (target, descriptor) in [input, output, error].enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // Threads of a pool block all signals, and a child inherits that.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        #if canImport(Glibc)
            let flags = POSIX_SPAWN_SETSIGMASK
            // glibc takes the close of a descriptor that is not open as done.
            for descriptor in Int32(3)..<1024 { unsafe posix_spawn_file_actions_addclose(&actions, descriptor) }
        #else
            let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_CLOEXEC_DEFAULT
        #endif
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var words = unsafe ([path] + arguments).map { unsafe strdup($0) }
        unsafe words.append(nil)
        defer { unsafe words.forEach { unsafe free($0) } }
        var identifier: pid_t = 0
        let code = unsafe posix_spawn(&identifier, path, &actions, &attributes, words, environ)
        guard code == 0 else { throw SpawnFailure(path: path, code: code) }
        return identifier
    }

    /// Waits for the end of a child; blocks the thread.
    static func wait(_ identifier: pid_t) -> End {
        var status: Int32 = 0
        while unsafe waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal)
    }
}
