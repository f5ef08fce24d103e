/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is connected with the smart card service. */
#ifndef TOOL_HOLDERS_H
#define TOOL_HOLDERS_H

#include "tool/out.h"

/* Where the service listens: what the client library would use. */
const char *holders_service_path(void);
/* An array of pid and name, without this process; empty when there is nobody, or when the kernel does not tell. */
struct json_object *holders_list(void);

#endif
