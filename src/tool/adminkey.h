/* SPDX-License-Identifier: BSD-2-Clause */
/* New keys of the administrator. */
#ifndef TOOL_ADMINKEY_H
#define TOOL_ADMINKEY_H

#include "tool/tool.h"

/*
 * A key that the card has not yet: asked for, or with --save-admin-key a random one that is in its file before the card
 * hears of it.
 */
int admin_key_new(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_key);

#endif
