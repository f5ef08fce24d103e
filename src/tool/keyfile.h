/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and certificates from files of the computer. */
#ifndef TOOL_KEYFILE_H
#define TOOL_KEYFILE_H

#include "tool/tool.h"

/* PEM, DER or PKCS#12; the password is asked for when it is needed. The caller ends it with csp_keyfile_free(). */
int keyfile_open(struct tool *tool, const char *path, struct csp_keyfile *ret_file);

#endif
