#include "CUVShims.h"
