#include "CProcessShims.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

int process_disable_core_dumps(void) {
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return errno;
#if defined(__linux__)
    if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0) return errno;
#endif
    return 0;
}

int process_can_dump_core(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0) return -errno;
#if defined(__linux__)
    // A dump to a program ignores the limit but for 1 (core(5)); the flag stops that too.
    int dumpable = prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L);
    if (dumpable < 0) return -errno;
    return dumpable == 1 || limit.rlim_max != 0;
#else
    return limit.rlim_max != 0;
#endif
}

int process_take_signals(void) {
    sigset_t ours;
    if (sigemptyset(&ours) != 0 || sigaddset(&ours, SIGTERM) != 0 || sigaddset(&ours, SIGINT) != 0 ||
        sigaddset(&ours, SIGHUP) != 0)
        return errno;
    if (signal(SIGHUP, SIG_IGN) == SIG_ERR) return errno;
    return pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}

#ifdef __GLIBC__
#include <malloc.h>
#endif

void process_limit_malloc(void) {
#ifdef __GLIBC__
    (void)mallopt(M_ARENA_MAX, 2);
    // By default both thresholds grow with what is freed, up to 32 and 64 MiB.
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
#endif
}

long process_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    return limit.rlim_cur > LONG_MAX ? LONG_MAX : (long)limit.rlim_cur;
}
