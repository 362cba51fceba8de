#pragma once
#include <uv.h>

#if UV_VERSION_HEX < ((1 << 16) | (42 << 8))
#error "libuv 1.42 or newer is needed: install a newer libuv1-dev (Debian 12 and Ubuntu 22.04 have it) and build again."
#endif
