// openapi.h - the description of the HTTP interface, for programs.
#ifndef SL_SERVER_OPENAPI_H
#define SL_SERVER_OPENAPI_H

#include "base/base.h"

// docs/openapi.yaml, byte for byte (tools/embed-openapi; a test holds them together).
struct sl_str sl_openapi_text(void);

#endif
