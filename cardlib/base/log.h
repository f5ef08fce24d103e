/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logging. Silent unless asked: log_open() reads MINIDRIVER_PKCS11_DEBUG (level 1..4, with secure_getenv) and
 * MINIDRIVER_PKCS11_LOG (file; stderr when unset), once. A failure is logged where it is first seen, and only there.
 * Secrets never reach a log: buffers that carry them are marked (iso7816/apdu.h) and print as [hidden].
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cursor.h"

enum log_level { LOG_ERROR = 1, LOG_WARNING, LOG_INFO, LOG_APDU };
enum log_area { LOG_BASE, LOG_IO, LOG_ISO, LOG_CARD, LOG_CSP, LOG_P11 };

/* Reads the environment; called by C_Initialize. None of the three is thread-safe against log_write. */
void log_open(void);
/* With a level (0 for none) and a file (NULL or empty: stderr) from elsewhere. */
void log_open_as(int level, const char *path);
void log_close(void);
bool log_enabled(enum log_level level);

/* One line; what is too long is cut, control characters become question marks. function may be NULL. */
void log_write(enum log_level level, enum log_area area, const char *function, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* As log_write at LOG_ERROR, adding the name of the code. */
void log_code(enum log_area area, DWORD code, const char *function, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* One line of hex at LOG_APDU; long data is cut. */
void log_hex(enum log_area area, const char *prefix, struct cursor data);
/* Name of an SCARD_ or ERROR_ code, or "unknown code". */
const char *log_code_name(DWORD code);

#define log_warn(area, ...) log_write(LOG_WARNING, area, __func__, __VA_ARGS__)
#define log_info(area, ...) log_write(LOG_INFO, area, __func__, __VA_ARGS__)
#define log_fail(area, code, ...) log_code(area, code, __func__, __VA_ARGS__)

#endif
