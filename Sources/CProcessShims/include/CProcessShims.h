#pragma once

/// Makes sure that no core dump of this process is written: the soft and hard limit RLIMIT_CORE become 0 and, on Linux,
/// PR_SET_DUMPABLE becomes 0, which also covers dumps that go to a program and keeps other processes of the same user
/// from reading this one's memory.
///
/// A side effect (prctl(2)): /proc/self belongs to root from now on, so a process that is not root cannot open
/// /dev/stdout or /proc/self/fd/… any more.
///
/// @return 0, or the errno of the call that failed.
__attribute__((warn_unused_result)) int process_disable_core_dumps(void);

/// Whether the system would write a core dump of this process, as far as the process can tell.
///
/// @return 0 when it would not, 1 when it would, or a negative errno.
__attribute__((warn_unused_result)) int process_can_dump_core(void);

/// Unblocks SIGTERM, SIGINT and SIGHUP for this thread and those that it starts, and ignores SIGHUP until it is watched.
///
/// @return 0, or an errno.
__attribute__((warn_unused_result)) int process_take_signals(void);

/// Lets malloc keep at most two arenas, and give blocks of 128 KiB and more back to the system when they are freed
/// (mallopt(3): M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD), where the C library is glibc.
void process_limit_malloc(void);

/// How many descriptors the process may have open (the soft limit RLIMIT_NOFILE).
///
/// @return the limit, at most LONG_MAX, or a negative errno.
__attribute__((warn_unused_result)) long process_descriptor_limit(void);
