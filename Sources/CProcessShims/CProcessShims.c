#include "CProcessShims.h"

#include <errno.h>
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
