#define _GNU_SOURCE 1
#include "CUVShims.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { highest_signal = 64 };

typedef void (*signal_handler)(int);

/// What the first delivery of each signal calls; NULL where no watch was ever made.
static _Atomic(signal_handler) first_handlers[highest_signal + 1];
/// How often each signal was delivered.
static atomic_uint deliveries[highest_signal + 1];

/// Runs on any thread, in a signal handler: only functions that are async-signal-safe (POSIX, signal-safety(7)).
static void first_or_end(int number) {
    int saved = errno;
    if (atomic_fetch_add(&deliveries[number], 1) == 0) {
        signal_handler first = atomic_load(&first_handlers[number]);
        if (first != NULL) first(number);
        errno = saved;
        return;
    }
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    sigaction(number, &standard, NULL);
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, number);
    pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    raise(number);
    _exit(128 + number);
}

int uv_shims_end_on_second(int number) {
    if (number < 1 || number > highest_signal) return -EINVAL;
    struct sigaction current;
    if (sigaction(number, NULL, &current) != 0) return -errno;
    if ((current.sa_flags & SA_SIGINFO) != 0) return -EINVAL;
    if (current.sa_handler == first_or_end) return 0;
    if (current.sa_handler == SIG_DFL || current.sa_handler == SIG_IGN) return -EINVAL;
    atomic_store(&first_handlers[number], current.sa_handler);
    atomic_store(&deliveries[number], 0);
    current.sa_handler = first_or_end;
    if (sigaction(number, &current, NULL) != 0) return -errno;
    return 0;
}
