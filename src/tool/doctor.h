/* SPDX-License-Identifier: BSD-2-Clause */
/* What doctor looks at, and how it tells. */
#ifndef TOOL_DOCTOR_H
#define TOOL_DOCTOR_H

#include "tool/out.h"

enum doctor_state { DOCTOR_GOOD, DOCTOR_NOTE, DOCTOR_BAD };

/* Adds a finding; fix may be NULL. */
void doctor_tell(struct json_object *rows, enum doctor_state state, const char *subject, const char *fix,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Service, polkit, drivers, readers. */
void doctor_host(struct tool *tool, struct json_object *rows);
/* The module, p11-kit's and NSS's knowledge of it. */
void doctor_modules(const struct tool *tool, struct json_object *rows);
/* Each card: PINs, certificates, consistency. */
void doctor_cards(struct tool *tool, struct json_object *rows);

#endif
