#pragma once
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or newer is needed (Debian 12, Ubuntu 24.04); the headers that were found are older."
#endif

#define CCURL_CHECKED __attribute__((warn_unused_result))

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/// The oldest libcurl, as in `curl_version_info_data.version_num`.
#define CCURL_OLDEST_VERSION 0x075700

// Initialisation

/// Initialises libcurl with an allocator that overwrites whatever it frees. Tells by CURLE_FAILED_INIT that libcurl
/// was initialised before with another allocator.
CURLcode ccurl_global_init_wiping(void) CCURL_CHECKED;

/// The version of the libcurl of this process, such as `7.88.1`.
const char *ccurl_version_text(void);

/// The same as a number, such as 0x075801.
uint32_t ccurl_version_number(void);

/// Whether the libcurl of this process resolves names on threads of its own and speaks TLS.
bool ccurl_has_needed_features(void);

// Header lists

/// Puts a line in front of a list: `name: value`, or `name:` for an empty value, which takes the header out of the
/// request. NULL: no memory, and the list is freed.
struct curl_slist *_Nullable ccurl_headers_prepend(
    struct curl_slist *_Nullable rest, const char *name, const uint8_t *_Nullable value, size_t length) CCURL_CHECKED;

/// Overwrites and frees a list.
void ccurl_headers_free(struct curl_slist *_Nullable list);

// The gate

/// What all transfers of one multi handle share: when the loop was last seen alive, and the open sockets.
typedef struct ccurl_gate ccurl_gate;

/// Called before a socket is closed, so that nobody watches it any more.
typedef void (*ccurl_socket_closing)(void *context, curl_socket_t descriptor);

/// Makes a gate. `limit` is in milliseconds of CLOCK_BOOTTIME: nothing is sent when the last tick is older.
ccurl_gate *_Nullable ccurl_gate_create(int64_t limit, ccurl_socket_closing closing, void *context) CCURL_CHECKED;

/// Frees a gate; after the multi handle and all transfers that use it.
void ccurl_gate_destroy(ccurl_gate *gate);

/// Says that the loop lived at this time, in CLOCK_BOOTTIME milliseconds.
void ccurl_gate_tick(ccurl_gate *gate, int64_t boottime);

/// Stops all requests that were prepared before and are not sent yet: each ends as late when its turn to be sent comes.
void ccurl_gate_withhold(ccurl_gate *gate);

/// Whether a descriptor is a socket that libcurl opened for a connection (and not a resolver's socket pair).
bool ccurl_gate_owns(const ccurl_gate *gate, curl_socket_t descriptor);

// Multi and share handles

/// Sets callbacks and limits of a multi handle.
CURLMcode ccurl_multi_configure(
    CURLM *multi, curl_socket_callback socket, curl_multi_timer_callback timer, void *context,
    long connections) CCURL_CHECKED;

/// Makes a share handle for TLS sessions, for use on one thread.
CURLSH *_Nullable ccurl_share_create(void) CCURL_CHECKED;

// Transfers

/// An easy handle that is used again and again for one base URL, and what the callbacks found out about its request.
typedef struct ccurl_transfer ccurl_transfer;

/// Makes a transfer for a base URL, of which `base_path` is the path (it may be empty); `protocols` is `https` or
/// `http`. Without `reuses_connections` each request has a connection of its own. The strings are copied. NULL: no
/// memory, or libcurl refused an option.
ccurl_transfer *_Nullable ccurl_transfer_create(
    ccurl_gate *gate, CURLSH *_Nullable share, void *context, const char *base_url, const char *base_path,
    const char *protocols, const char *_Nullable ca_file, const char *_Nullable proxy, const char *user_agent,
    long connect_timeout_ms, long idle_seconds, bool reuses_connections) CCURL_CHECKED;

/// Frees a transfer, which is in no multi handle.
void ccurl_transfer_destroy(ccurl_transfer *transfer);

/// The easy handle, for `curl_multi_add_handle` and `curl_multi_remove_handle`.
CURL *ccurl_transfer_easy(ccurl_transfer *transfer);

/// Prepares a request. `path` follows the base URL's path. `body_limit` is the most of a body that is kept when the
/// status is 200. The list has to live until `ccurl_transfer_finish`.
CURLcode ccurl_transfer_prepare(
    ccurl_transfer *transfer, bool is_post, const uint8_t *path, size_t path_length, struct curl_slist *headers,
    long timeout_ms, bool fresh_connection, size_t body_limit) CCURL_CHECKED;

/// Prepares the same request once more, on a new connection.
CURLcode ccurl_transfer_prepare_again(ccurl_transfer *transfer, long timeout_ms) CCURL_CHECKED;

/// Frees what belongs to one request; after `curl_multi_remove_handle`.
void ccurl_transfer_finish(ccurl_transfer *transfer);

/// A span of bytes that lives until `ccurl_transfer_finish`.
typedef struct {
    const uint8_t *_Nullable start;
    size_t length;
} ccurl_bytes;

/// How many Retry-After values are kept of one answer.
#define CCURL_RETRY_AFTER_LIMIT 8

/// What is known of a request.
typedef struct {
    /// How often the gate let it through: 0 means that nothing was sent, whatever the code.
    int32_t sends;
    /// The status of the last head that is no 1xx; 0: none.
    int32_t final_status;
    /// Whether the blank line of that head was seen.
    bool head_complete;
    /// Whether any line of a head was seen.
    bool head_begun;
    /// Whether a status line or a head broke the rules, or was too long.
    bool head_malformed;
    /// The gate stopped it: the loop had stood still.
    bool late;
    /// The gate stopped a second send.
    bool resend;
    /// The gate stopped it: bytes, an end or an error waited on the idle connection.
    bool dirty;
    /// Whether the request went over a connection that had been used before.
    bool reused;
    /// When the gate first let it through, in milliseconds of CLOCK_BOOTTIME.
    int64_t sent_at;
    ccurl_bytes body;
    ccurl_bytes date;
    /// Content-Type without its parameters; empty when there is none, more than one, or one that is too long.
    ccurl_bytes media_type;
    ccurl_bytes retry_after[CCURL_RETRY_AFTER_LIMIT];
    int32_t retry_after_count;
} ccurl_result;

/// Whether the gate stopped the request before an idle connection that was not silent, and nothing was sent.
bool ccurl_transfer_is_dirty(const ccurl_transfer *transfer);

/// Reads what is known of a request.
void ccurl_transfer_result(const ccurl_transfer *transfer, ccurl_result *result);

/// libcurl's sentence about a failure; may be empty.
const char *ccurl_transfer_error(const ccurl_transfer *transfer);

/// The context of a transfer that has ended, with its code; NULL: no other has ended.
void *_Nullable ccurl_multi_next_ended(CURLM *multi, CURLcode *code) CCURL_CHECKED;

/// Reads the status of a status line, which may end with CR and LF: `HTTP/1.1 204 No Content`. 0: it is malformed.
int ccurl_parse_status_line(const uint8_t *line, size_t length);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
