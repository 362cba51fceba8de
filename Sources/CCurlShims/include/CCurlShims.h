#pragma once
#include <curl/curl.h>
#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or newer is needed (Debian 12, Ubuntu 24.04); the headers that were found are older."
#endif
