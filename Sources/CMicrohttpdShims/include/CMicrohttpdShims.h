#pragma once
#include <microhttpd.h>
#include <stdint.h>

#if MHD_VERSION < 0x00097100
#error "libmicrohttpd 0.9.71 or newer is needed: install libmicrohttpd-dev of Debian 11, Ubuntu 22.04 or newer."
#endif

/// The limits of a server.
typedef struct {
    /// Connections at a time, over all threads.
    unsigned int connection_limit;
    /// Seconds without traffic after which a connection is closed.
    unsigned int idle_timeout;
    /// Threads; with 1 there is one polling thread that accepts too.
    unsigned int threads;
    /// Bytes of memory for one connection: the head of a request must fit.
    size_t connection_memory;
} chttp_limits;

/// Starts a daemon with threads of its own (epoll on Linux) on a socket that listens already. The daemon takes the
/// socket. A path and a query come to the handler as they were sent, without unescaping.
/// Returns null when the daemon cannot be started; the socket is then still the caller's.
struct MHD_Daemon *_Nullable chttp_start(
    int listening_socket, chttp_limits limits, MHD_AccessHandlerCallback _Nonnull handler,
    MHD_RequestCompletedCallback _Nonnull completed, void *_Nonnull context) __attribute__((warn_unused_result));
