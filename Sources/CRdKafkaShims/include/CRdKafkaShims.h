#pragma once
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Hands one record to a producer; the bytes are copied. `key` and `value` of NULL are null, a non-NULL pointer with
 * size 0 is empty. `headers` may be NULL; the producer owns the list after RD_KAFKA_RESP_ERR_NO_ERROR, the caller
 * keeps it on an error. `timestamp` is in milliseconds since 1970, 0 means now. The partition is chosen by the key.
 * On an error its text is written to `text`, cut to `text_size` bytes with the closing NUL. Never blocks.
 */
__attribute__((warn_unused_result)) rd_kafka_resp_err_t rks_produce(
    rd_kafka_t *_Nonnull client, const char *_Nonnull topic, const void *_Nullable key, size_t key_size,
    const void *_Nullable value, size_t value_size, rd_kafka_headers_t *_Nullable headers, int64_t timestamp,
    uintptr_t opaque, char *_Nonnull text, size_t text_size);

/** Sets offset and metadata of a list's element; the bytes are copied, NULL or size 0 means none. False: no memory. */
__attribute__((warn_unused_result)) bool rks_set_offset(
    rd_kafka_topic_partition_t *_Nonnull element, int64_t offset, const void *_Nullable metadata, size_t size);
