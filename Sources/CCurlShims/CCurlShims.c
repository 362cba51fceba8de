#define _GNU_SOURCE
#include "CCurlShims.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <malloc/malloc.h>
#define malloc_usable_size malloc_size
#else
#include <malloc.h>
#endif

#define HEAD_LIMIT (32 * 1024)
#define BODY_LIMIT (16 * 1024)
#define VALUE_LIMIT 64
#define PATH_LIMIT 4096

static int64_t boottime(void) {
    struct timespec now;
#ifdef CLOCK_BOOTTIME
    clock_gettime(CLOCK_BOOTTIME, &now);
#else
    clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Initialisation

static void wipe(void *memory, size_t length) {
#ifdef __APPLE__
    memset_s(memory, length, 0, length);
#else
    explicit_bzero(memory, length);
#endif
}

static size_t wiping_allocations;

static void *wiping_malloc(size_t size) {
    wiping_allocations++;
    return malloc(size);
}

static void *wiping_calloc(size_t count, size_t size) { return calloc(count, size); }

static void wiping_free(void *memory) {
    if (memory) wipe(memory, malloc_usable_size(memory));
    free(memory);
}

static void *wiping_realloc(void *memory, size_t size) {
    if (!memory) return malloc(size);
    size_t usable = malloc_usable_size(memory);
    if (size <= usable) return memory;
    void *larger = malloc(size);
    if (!larger) return NULL;
    memcpy(larger, memory, usable);
    wiping_free(memory);
    return larger;
}

static char *wiping_strdup(const char *text) { return strdup(text); }

CURLcode ccurl_global_init_wiping(void) {
    CURLcode code = curl_global_init_mem(
        CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free, wiping_realloc, wiping_strdup, wiping_calloc);
    if (code != CURLE_OK) return code;
    // A second initialisation is accepted and ignored: look whether libcurl allocates here.
    size_t before = wiping_allocations;
    curl_slist_free_all(curl_slist_append(NULL, "x"));
    return wiping_allocations != before ? CURLE_OK : CURLE_FAILED_INIT;
}

const char *ccurl_version_text(void) { return curl_version_info(CURLVERSION_NOW)->version; }

uint32_t ccurl_version_number(void) { return curl_version_info(CURLVERSION_NOW)->version_num; }

bool ccurl_has_needed_features(void) {
    curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    return (info->features & CURL_VERSION_ASYNCHDNS) && (info->features & CURL_VERSION_SSL);
}

// Header lists

struct curl_slist *ccurl_headers_prepend(
    struct curl_slist *rest, const char *name, const uint8_t *value, size_t length) {
    size_t name_length = strlen(name);
    struct curl_slist *node = malloc(sizeof(*node));
    char *line = malloc(name_length + length + 3);
    if (!node || !line) {
        free(node);
        free(line);
        ccurl_headers_free(rest);
        return NULL;
    }
    memcpy(line, name, name_length);
    char *end = line + name_length;
    *end++ = ':';
    if (length) {
        *end++ = ' ';
        memcpy(end, value, length);
        end += length;
    }
    *end = 0;
    node->data = line;
    node->next = rest;
    return node;
}

void ccurl_headers_free(struct curl_slist *list) {
    while (list) {
        struct curl_slist *next = list->next;
        wipe(list->data, strlen(list->data));
        free(list->data);
        free(list);
        list = next;
    }
}

// The gate

struct open_socket {
    curl_socket_t descriptor;
    // 0: not known yet. The port is known only after connect.
    int local_port;
};

struct ccurl_gate {
    // Requests are numbered in the order of their preparation; those below the barrier are not sent any more.
    uint64_t next_serial;
    uint64_t barrier;
    int64_t last_tick;
    int64_t limit;
    ccurl_socket_closing closing;
    void *context;
    struct open_socket *sockets;
    size_t count;
    size_t capacity;
};

ccurl_gate *ccurl_gate_create(int64_t limit, ccurl_socket_closing closing, void *context) {
    ccurl_gate *gate = calloc(1, sizeof(*gate));
    if (!gate) return NULL;
    gate->limit = limit;
    gate->closing = closing;
    gate->context = context;
    gate->last_tick = boottime();
    gate->next_serial = 1;
    return gate;
}

void ccurl_gate_destroy(ccurl_gate *gate) {
    free(gate->sockets);
    free(gate);
}

void ccurl_gate_tick(ccurl_gate *gate, int64_t boottime) { gate->last_tick = boottime; }

void ccurl_gate_withhold(ccurl_gate *gate) { gate->barrier = gate->next_serial; }

bool ccurl_gate_owns(const ccurl_gate *gate, curl_socket_t descriptor) {
    for (size_t i = 0; i < gate->count; i++)
        if (gate->sockets[i].descriptor == descriptor) return true;
    return false;
}

static curl_socket_t open_socket(void *clientp, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    ccurl_gate *gate = clientp;
    if (gate->count == gate->capacity) {
        size_t capacity = gate->capacity ? gate->capacity * 2 : 16;
        struct open_socket *sockets = realloc(gate->sockets, capacity * sizeof(*sockets));
        if (!sockets) return CURL_SOCKET_BAD;
        gate->sockets = sockets;
        gate->capacity = capacity;
    }
    int type = address->socktype;
#ifdef SOCK_CLOEXEC
    type |= SOCK_CLOEXEC;
#endif
    curl_socket_t descriptor = socket(address->family, type, address->protocol);
    if (descriptor == CURL_SOCKET_BAD) return CURL_SOCKET_BAD;
    gate->sockets[gate->count++] = (struct open_socket){descriptor, 0};
    return descriptor;
}

static int close_socket(void *clientp, curl_socket_t descriptor) {
    ccurl_gate *gate = clientp;
    gate->closing(gate->context, descriptor);
    for (size_t i = 0; i < gate->count; i++) {
        if (gate->sockets[i].descriptor != descriptor) continue;
        gate->sockets[i] = gate->sockets[--gate->count];
        break;
    }
    return close(descriptor);
}

static void learn_local_port(struct open_socket *socket) {
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    if (getsockname(socket->descriptor, (struct sockaddr *)&address, &length) != 0) return;
    if (address.ss_family == AF_INET)
        socket->local_port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    else if (address.ss_family == AF_INET6)
        socket->local_port = ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

// Whether nothing waits on the connections with this local port. Two sockets can share a port when their addresses
// differ: then both have to be silent, since a needless new connection does no harm. A connection that is not found is
// not trusted.
static bool is_silent(ccurl_gate *gate, int local_port) {
    bool found = false;
    for (size_t i = 0; i < gate->count; i++) {
        struct open_socket *socket = &gate->sockets[i];
        if (socket->local_port == 0) learn_local_port(socket);
        if (socket->local_port != local_port) continue;
        found = true;
        char byte;
        ssize_t got = recv(socket->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
    }
    return found;
}

// Multi and share handles

CURLMcode ccurl_multi_configure(
    CURLM *multi, curl_socket_callback socket, curl_multi_timer_callback timer, void *context, long connections) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket);
    if (!code) code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
    if (!code) code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
    if (!code) code = curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
    if (!code) code = curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    if (!code) code = curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
    return code;
}

CURLSH *ccurl_share_create(void) {
    CURLSH *share = curl_share_init();
    if (!share) return NULL;
    if (curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK) {
        curl_share_cleanup(share);
        return NULL;
    }
    return share;
}

// Transfers

struct value {
    uint8_t bytes[VALUE_LIMIT];
    uint8_t length;
};

// What a head says about where the answer ends.
struct framing {
    // HTTP/1.1, one head, and each line of it has one reading.
    bool is_plain;
    int lengths;
    // The body's length is a number; of the last one.
    bool length_is_number;
    bool length_is_zero;
    int encodings;
    bool is_chunked;
    int media_types;
};

struct ccurl_transfer {
    CURL *easy;
    CURLU *url;
    ccurl_gate *gate;
    void *context;
    char *base_path;
    size_t base_path_length;

    // What the handle is set to now, so that only changes are set.
    bool is_post;
    bool method_known;
    bool fresh_connection;
    bool reuse_forbidden;
    long timeout_ms;
    // Whether a connection may be used again at all.
    bool reuses_connections;
    bool is_tls;

    // The request.
    uint64_t serial;
    int32_t sends;
    int32_t final_status;
    size_t head_length;
    bool head_begun;
    bool in_head;
    bool head_complete;
    bool head_malformed;
    struct framing framing;
    bool late;
    bool resend;
    bool dirty;
    bool reused;
    int64_t sent_at;
    size_t body_limit;
    uint8_t *body;
    size_t body_length;
    size_t body_capacity;
    int32_t retry_after_count;
    struct value date;
    struct value media_type;
    struct value retry_after[CCURL_RETRY_AFTER_LIMIT];
    char error[CURL_ERROR_SIZE];
};

// Whether nothing that was received waits in the TLS library: of a record that libcurl did not read to its end, for
// instance since the answer's declared end came before, nothing is left on the socket. OpenSSL is asked by way of libcurl,
// which has loaded it; a library that cannot be asked is not trusted.
static bool is_tls_silent(CURL *easy) {
    static int (*has_pending)(const void *ssl);
    if (!has_pending) has_pending = (int (*)(const void *))dlsym(RTLD_DEFAULT, "SSL_has_pending");
    struct curl_tlssessioninfo *session = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || !session) return false;
    if (!has_pending || session->backend != CURLSSLBACKEND_OPENSSL || !session->internals) return false;
    return has_pending(session->internals) == 0;
}

static int prereq(void *clientp, char *primary_ip, char *local_ip, int primary_port, int local_port) {
    (void)primary_ip;
    (void)local_ip;
    (void)primary_port;
    ccurl_transfer *transfer = clientp;
    ccurl_gate *gate = transfer->gate;
    int64_t now = boottime();
    if (now - gate->last_tick > gate->limit || transfer->serial < gate->barrier) {
        transfer->late = true;
        return CURL_PREREQFUNC_ABORT;
    }
    if (transfer->sends > 0) {
        transfer->resend = true;
        return CURL_PREREQFUNC_ABORT;
    }
    long connects = 0;
    if (curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects) != CURLE_OK) return CURL_PREREQFUNC_ABORT;
    transfer->reused = connects == 0;
    // Never on a new connection: after a TLS handshake session tickets can wait there.
    if (transfer->reused &&
        (!is_silent(gate, local_port) || (transfer->is_tls && !is_tls_silent(transfer->easy)))) {
        transfer->dirty = true;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->sends = 1;
    transfer->sent_at = now;
    return CURL_PREREQFUNC_OK;
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

int ccurl_parse_status_line(const uint8_t *line, size_t length) {
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) length--;
    // No other version: the client speaks HTTP/1.1 only.
    if (length < 12 || (memcmp(line, "HTTP/1.1 ", 9) != 0 && memcmp(line, "HTTP/1.0 ", 9) != 0)) return 0;
    const uint8_t *digits = line + 9;
    if (!is_digit(digits[0]) || !is_digit(digits[1]) || !is_digit(digits[2])) return 0;
    if (length > 12 && digits[3] != ' ') return 0;
    int status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
    return status >= 100 && status <= 599 ? status : 0;
}

// The trimmed value of a header line when it has this name.
static bool has_name(const char *line, size_t length, const char *name, size_t name_length, ccurl_bytes *value) {
    if (length <= name_length || line[name_length] != ':' || strncasecmp(line, name, name_length) != 0) return false;
    const char *start = line + name_length + 1;
    const char *end = line + length;
    while (start < end && (*start == ' ' || *start == '\t')) start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n')) end--;
    value->start = (const uint8_t *)start;
    value->length = (size_t)(end - start);
    return true;
}

// A value that does not fit is kept as an empty one: no valid value is as long.
static void keep(struct value *slot, ccurl_bytes value) {
    slot->length = value.length <= VALUE_LIMIT ? (uint8_t)value.length : 0;
    memcpy(slot->bytes, value.start, slot->length);
}

static bool equals(ccurl_bytes value, const char *text, size_t length) {
    return value.length == length && strncasecmp((const char *)value.start, text, length) == 0;
}

// Whether a line ends with CR and LF and, but for the first of a head, is a name, a colon and a value: no space before the
// colon, and no folded line, which new versions of libcurl have put together before they show it.
static bool is_plain_line(const char *line, size_t length, bool is_status_line) {
    if (length < 2 || line[length - 2] != '\r' || line[length - 1] != '\n') return false;
    if (is_status_line) return true;
    size_t name = 0;
    while (name < length && line[name] > ' ' && line[name] < 0x7f && line[name] != ':') name++;
    return name > 0 && line[name] == ':';
}

static void note_length(struct framing *framing, ccurl_bytes value) {
    framing->lengths++;
    bool is_number = value.length > 0 && value.length <= 18;
    for (size_t i = 0; i < value.length; i++)
        if (!is_digit(value.start[i])) is_number = false;
    framing->length_is_number = is_number;
    framing->length_is_zero = equals(value, "0", 1);
}

// The media type without its parameters. Of two nobody knows which one counts.
static void note_media_type(ccurl_transfer *transfer, ccurl_bytes value) {
    const uint8_t *end = memchr(value.start, ';', value.length);
    if (end) value.length = (size_t)(end - value.start);
    while (value.length > 0 && (value.start[value.length - 1] == ' ' || value.start[value.length - 1] == '\t'))
        value.length--;
    keep(&transfer->media_type, value);
    if (++transfer->framing.media_types > 1) transfer->media_type.length = 0;
}

// The closed list of answers behind which a connection may be used again, by their complete head: what comes behind the
// end that it declares would be taken for the answer to the next request. libcurl closes the connection by itself when
// that end is not reached, when more was read than the answer, or when the server says that it closes.
static bool leaves_reusable(const ccurl_transfer *transfer) {
    const struct framing *framing = &transfer->framing;
    if (!framing->is_plain) return false;
    if (transfer->final_status == 204)
        return framing->encodings == 0 &&
            (framing->lengths == 0 || (framing->lengths == 1 && framing->length_is_zero));
    if (transfer->final_status == 205 || transfer->final_status == 304) return false;
    return (framing->lengths == 1 && framing->length_is_number && framing->encodings == 0) ||
        (framing->encodings == 1 && framing->is_chunked && framing->lengths == 0);
}

static void allow_reuse(ccurl_transfer *transfer) {
    if (curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 0L) == CURLE_OK) transfer->reuse_forbidden = false;
}

static size_t header(char *line, size_t size, size_t count, void *userdata) {
    ccurl_transfer *transfer = userdata;
    size_t length = size * count;
    transfer->head_length += length;
    if (transfer->head_length > HEAD_LIMIT) {
        transfer->head_malformed = true;
        return 0;
    }
    // What follows the final head are trailers.
    if (transfer->head_complete) return length;
    transfer->head_begun = true;
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        int status = ccurl_parse_status_line((const uint8_t *)line, length);
        // A status line within a head is as bad as a malformed one.
        if (status == 0 || transfer->in_head) {
            transfer->head_malformed = true;
            transfer->final_status = 0;
            return 0;
        }
        // A head before this one was a 1xx.
        bool is_first = transfer->head_length == length;
        transfer->in_head = true;
        transfer->final_status = status >= 200 ? status : 0;
        transfer->retry_after_count = 0;
        transfer->date.length = transfer->media_type.length = 0;
        transfer->framing = (struct framing){
            .is_plain = is_first && line[7] == '1' && is_plain_line(line, length, true)};
        return length;
    }
    if (!transfer->in_head) {
        transfer->head_malformed = true;
        return 0;
    }
    if ((length == 2 && line[0] == '\r' && line[1] == '\n') || (length == 1 && line[0] == '\n')) {
        transfer->in_head = false;
        transfer->head_complete = transfer->final_status != 0;
        if (length == 1) transfer->framing.is_plain = false;
        if (transfer->head_complete && transfer->reuses_connections && leaves_reusable(transfer))
            allow_reuse(transfer);
        return length;
    }
    if (!is_plain_line(line, length, false)) transfer->framing.is_plain = false;
    ccurl_bytes value;
    if (has_name(line, length, "Retry-After", 11, &value)) {
        if (transfer->retry_after_count < CCURL_RETRY_AFTER_LIMIT)
            keep(&transfer->retry_after[transfer->retry_after_count++], value);
    } else if (has_name(line, length, "Date", 4, &value)) {
        keep(&transfer->date, value);
    } else if (has_name(line, length, "Content-Type", 12, &value)) {
        note_media_type(transfer, value);
    } else if (has_name(line, length, "Content-Length", 14, &value)) {
        note_length(&transfer->framing, value);
    } else if (has_name(line, length, "Transfer-Encoding", 17, &value)) {
        transfer->framing.encodings++;
        transfer->framing.is_chunked = equals(value, "chunked", 7);
    }
    return length;
}

static size_t body(char *bytes, size_t size, size_t count, void *userdata) {
    ccurl_transfer *transfer = userdata;
    size_t length = size * count;
    size_t limit = transfer->final_status == 200 ? transfer->body_limit : BODY_LIMIT;
    size_t room = limit - transfer->body_length;
    size_t taken = length < room ? length : room;
    size_t wanted = transfer->body_length + taken;
    if (wanted > transfer->body_capacity) {
        size_t capacity = transfer->body_capacity ? transfer->body_capacity * 2 : 1024;
        if (capacity < wanted) capacity = wanted;
        uint8_t *larger = realloc(transfer->body, capacity);
        if (!larger) return 0;
        transfer->body = larger;
        transfer->body_capacity = capacity;
    }
    if (taken > 0) memcpy(transfer->body + transfer->body_length, bytes, taken);
    transfer->body_length = wanted;
    // Less than it was given ends the transfer with an error: there is more than the limit.
    return taken;
}

static bool set_options(
    ccurl_transfer *t, CURLSH *share, const char *protocols, const char *ca_file, const char *proxy,
    const char *user_agent, long connect_timeout_ms, long idle_seconds) {
    CURL *e = t->easy;
    CURLcode c = CURLE_OK;
#define SET(option, value) \
    if (c == CURLE_OK) c = curl_easy_setopt(e, option, value)
    SET(CURLOPT_CURLU, t->url);
    SET(CURLOPT_PRIVATE, t->context);
    SET(CURLOPT_ERRORBUFFER, t->error);
    if (share) SET(CURLOPT_SHARE, share);

    SET(CURLOPT_PROTOCOLS_STR, protocols);
    SET(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);

    // Here, and not in the header list, so that a proxy sees it too.
    SET(CURLOPT_USERAGENT, user_agent);
    SET(CURLOPT_PROXY, proxy ? proxy : "");
    SET(CURLOPT_NOPROXY, proxy ? "" : "*");
    SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (ca_file) SET(CURLOPT_CAINFO, ca_file);
    // With a directory of certificates the store is not cached, and each connection costs 20 ms.
    SET(CURLOPT_CAPATH, (char *)NULL);

    SET(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_MAXAGE_CONN, idle_seconds);
    SET(CURLOPT_BUFFERSIZE, 1024L);

    SET(CURLOPT_PREREQFUNCTION, prereq);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t->gate);
    SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, t->gate);
    SET(CURLOPT_HEADERFUNCTION, header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, body);
    SET(CURLOPT_WRITEDATA, t);
#undef SET
    return c == CURLE_OK;
}

ccurl_transfer *ccurl_transfer_create(
    ccurl_gate *gate, CURLSH *share, void *context, const char *base_url, const char *base_path,
    const char *protocols, const char *ca_file, const char *proxy, const char *user_agent, long connect_timeout_ms,
    long idle_seconds, bool reuses_connections) {
    ccurl_transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer) return NULL;
    transfer->gate = gate;
    transfer->context = context;
    transfer->timeout_ms = -1;
    transfer->reuses_connections = reuses_connections;
    transfer->is_tls = strcmp(protocols, "https") == 0;
    transfer->base_path = strdup(base_path);
    transfer->base_path_length = strlen(base_path);
    transfer->url = curl_url();
    transfer->easy = curl_easy_init();
    if (!transfer->base_path || !transfer->url || !transfer->easy ||
        curl_url_set(transfer->url, CURLUPART_URL, base_url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) != CURLUE_OK ||
        !set_options(
            transfer, share, protocols, ca_file, proxy, user_agent, connect_timeout_ms, idle_seconds)) {
        ccurl_transfer_destroy(transfer);
        return NULL;
    }
    return transfer;
}

void ccurl_transfer_destroy(ccurl_transfer *transfer) {
    curl_easy_cleanup(transfer->easy);
    curl_url_cleanup(transfer->url);
    free(transfer->base_path);
    free(transfer->body);
    free(transfer);
}

CURL *ccurl_transfer_easy(ccurl_transfer *transfer) { return transfer->easy; }

// Makes the handle forget what it found out about the last request.
static void forget(ccurl_transfer *t) {
    t->sends = 0;
    t->final_status = 0;
    t->head_length = 0;
    t->head_begun = t->in_head = t->head_complete = t->head_malformed = false;
    t->late = t->resend = t->dirty = t->reused = false;
    t->sent_at = 0;
    t->body_length = 0;
    t->retry_after_count = 0;
    t->date.length = t->media_type.length = 0;
    t->framing = (struct framing){0};
    t->error[0] = 0;
}

static CURLcode set_changes(ccurl_transfer *t, long timeout_ms, bool fresh_connection) {
    CURLcode code = CURLE_OK;
    if (t->timeout_ms != timeout_ms) {
        code = curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
        t->timeout_ms = code == CURLE_OK ? timeout_ms : -1;
    }
    // A connection is used again only when the head of an answer allows it.
    if (code == CURLE_OK && !t->reuse_forbidden) {
        code = curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
        t->reuse_forbidden = code == CURLE_OK;
    }
    if (code == CURLE_OK && t->fresh_connection != fresh_connection) {
        code = curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, fresh_connection ? 1L : 0L);
        if (code == CURLE_OK) t->fresh_connection = fresh_connection;
    }
    return code;
}

CURLcode ccurl_transfer_prepare(
    ccurl_transfer *t, bool is_post, const uint8_t *path, size_t path_length, struct curl_slist *headers,
    long timeout_ms, bool fresh_connection, size_t body_limit) {
    forget(t);
    t->serial = t->gate->next_serial++;
    t->body_limit = body_limit;
    char whole[PATH_LIMIT];
    if (t->base_path_length + path_length >= sizeof(whole)) return CURLE_URL_MALFORMAT;
    memcpy(whole, t->base_path, t->base_path_length);
    memcpy(whole + t->base_path_length, path, path_length);
    whole[t->base_path_length + path_length] = 0;
    if (curl_url_set(t->url, CURLUPART_PATH, whole, 0) != CURLUE_OK) return CURLE_URL_MALFORMAT;

    CURLcode code = CURLE_OK;
    if (!t->method_known || t->is_post != is_post) {
        t->method_known = false;
        if (is_post) {
            code = curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
            // A bare custom method would send no Content-Length.
            if (code == CURLE_OK) code = curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, 0L);
            if (code == CURLE_OK) code = curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, "");
        } else {
            code = curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
        }
        t->method_known = code == CURLE_OK;
        t->is_post = is_post;
    }
    if (code == CURLE_OK) code = curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK) code = set_changes(t, timeout_ms, fresh_connection);
    return code;
}

CURLcode ccurl_transfer_prepare_again(ccurl_transfer *transfer, long timeout_ms) {
    forget(transfer);
    return set_changes(transfer, timeout_ms, true);
}

void ccurl_transfer_finish(ccurl_transfer *transfer) {
    // libcurl keeps the pointer to the list, which ends now.
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, (struct curl_slist *)NULL);
    free(transfer->body);
    transfer->body = NULL;
    transfer->body_length = transfer->body_capacity = 0;
}

bool ccurl_transfer_is_dirty(const ccurl_transfer *transfer) { return transfer->dirty && transfer->sends == 0; }

void ccurl_transfer_result(const ccurl_transfer *t, ccurl_result *result) {
    result->sends = t->sends;
    result->final_status = t->final_status;
    result->head_complete = t->head_complete;
    result->head_begun = t->head_begun;
    result->head_malformed = t->head_malformed;
    result->late = t->late;
    result->resend = t->resend;
    result->dirty = t->dirty;
    result->reused = t->reused;
    result->sent_at = t->sent_at;
    result->body = (ccurl_bytes){t->body, t->body_length};
    result->date = (ccurl_bytes){t->date.bytes, t->date.length};
    result->media_type = (ccurl_bytes){t->media_type.bytes, t->media_type.length};
    result->retry_after_count = t->retry_after_count;
    for (int i = 0; i < t->retry_after_count; i++)
        result->retry_after[i] = (ccurl_bytes){t->retry_after[i].bytes, t->retry_after[i].length};
}

const char *ccurl_transfer_error(const ccurl_transfer *transfer) { return transfer->error; }

void *ccurl_multi_next_ended(CURLM *multi, CURLcode *code) {
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        char *context = NULL;
        *code = message->data.result;
        if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context) == CURLE_OK && context) return context;
    }
    return NULL;
}
