#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* The first two bytes of the version are major and minor, the third the revision. */
#if RD_KAFKA_VERSION < 0x020002ff
#error "librdkafka 2.0.2 or newer is needed; install a newer librdkafka-dev."
#endif
