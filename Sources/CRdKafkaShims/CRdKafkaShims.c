#include "CRdKafkaShims.h"
