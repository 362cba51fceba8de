#include "CRdKafkaShims.h"

#include <stdlib.h>
#include <string.h>

rd_kafka_resp_err_t rks_produce(rd_kafka_t *client, const char *topic, const void *key, size_t key_size,
                                const void *value, size_t value_size, rd_kafka_headers_t *headers, int64_t timestamp,
                                uintptr_t opaque, char *text, size_t text_size) {
    rd_kafka_vu_t arguments[8];
    size_t count = 0;

    memset(arguments, 0, sizeof(arguments));
    arguments[count].vtype = RD_KAFKA_VTYPE_TOPIC;
    arguments[count++].u.cstr = topic;
    arguments[count].vtype = RD_KAFKA_VTYPE_PARTITION;
    arguments[count++].u.i32 = RD_KAFKA_PARTITION_UA;
    arguments[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    arguments[count++].u.i = RD_KAFKA_MSG_F_COPY;
    arguments[count].vtype = RD_KAFKA_VTYPE_KEY;
    arguments[count].u.mem.ptr = (void *)(uintptr_t)key;
    arguments[count++].u.mem.size = key_size;
    arguments[count].vtype = RD_KAFKA_VTYPE_VALUE;
    arguments[count].u.mem.ptr = (void *)(uintptr_t)value;
    arguments[count++].u.mem.size = value_size;
    arguments[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    arguments[count++].u.i64 = timestamp;
    arguments[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    arguments[count++].u.ptr = (void *)opaque;
    if (headers != NULL) {
        /* A prepared list, never VTYPE_HEADER: that one is freed twice when the partition does not exist. */
        arguments[count].vtype = RD_KAFKA_VTYPE_HEADERS;
        arguments[count++].u.headers = headers;
    }

    rd_kafka_error_t *error = rd_kafka_produceva(client, arguments, count);
    if (error == NULL) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (text_size > 0) {
        const char *message = rd_kafka_error_string(error);
        size_t length = strlen(message);
        if (length >= text_size) {
            length = text_size - 1;
        }
        memcpy(text, message, length);
        text[length] = '\0';
    }
    rd_kafka_error_destroy(error);
    return code;
}

bool rks_set_offset(rd_kafka_topic_partition_t *element, int64_t offset, const void *metadata, size_t size) {
    element->offset = offset;
    if (metadata == NULL || size == 0) {
        return true;
    }
    /* librdkafka frees it with the list. */
    element->metadata = malloc(size);
    if (element->metadata == NULL) {
        return false;
    }
    memcpy(element->metadata, metadata, size);
    element->metadata_size = size;
    return true;
}
