/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines, each written by one write() so that threads and processes that share a file do not mix. No stdio, no lock:
 * a process forked in the middle of a line finds nothing held.
 */
#define _GNU_SOURCE /* secure_getenv */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "carderr.h"

#define LOG_LINE 1024u
/* A short APDU with its status word is shown whole. */
#define LOG_HEX_BYTES 268u

static atomic_int log_level_now;
static atomic_int log_fd = -1;

/* clang-format off */
static const struct {
	DWORD code;
	const char *name;
} code_names[] = {
	{ SCARD_S_SUCCESS,               "SCARD_S_SUCCESS" },
	{ SCARD_F_INTERNAL_ERROR,        "SCARD_F_INTERNAL_ERROR" },
	{ SCARD_E_CANCELLED,             "SCARD_E_CANCELLED" },
	{ SCARD_E_INVALID_HANDLE,        "SCARD_E_INVALID_HANDLE" },
	{ SCARD_E_INVALID_PARAMETER,     "SCARD_E_INVALID_PARAMETER" },
	{ SCARD_E_NO_MEMORY,             "SCARD_E_NO_MEMORY" },
	{ SCARD_E_INSUFFICIENT_BUFFER,   "SCARD_E_INSUFFICIENT_BUFFER" },
	{ SCARD_E_UNKNOWN_READER,        "SCARD_E_UNKNOWN_READER" },
	{ SCARD_E_TIMEOUT,               "SCARD_E_TIMEOUT" },
	{ SCARD_E_SHARING_VIOLATION,     "SCARD_E_SHARING_VIOLATION" },
	{ SCARD_E_NO_SMARTCARD,          "SCARD_E_NO_SMARTCARD" },
	{ SCARD_E_UNKNOWN_CARD,          "SCARD_E_UNKNOWN_CARD" },
	{ SCARD_E_PROTO_MISMATCH,        "SCARD_E_PROTO_MISMATCH" },
	{ SCARD_E_INVALID_VALUE,         "SCARD_E_INVALID_VALUE" },
	{ SCARD_F_COMM_ERROR,            "SCARD_F_COMM_ERROR" },
	{ SCARD_E_INVALID_ATR,           "SCARD_E_INVALID_ATR" },
	{ SCARD_E_NOT_TRANSACTED,        "SCARD_E_NOT_TRANSACTED" },
	{ SCARD_E_READER_UNAVAILABLE,    "SCARD_E_READER_UNAVAILABLE" },
	{ SCARD_E_NO_SERVICE,            "SCARD_E_NO_SERVICE" },
	{ SCARD_E_SERVICE_STOPPED,       "SCARD_E_SERVICE_STOPPED" },
	{ SCARD_E_UNEXPECTED,            "SCARD_E_UNEXPECTED" },
	{ SCARD_E_UNSUPPORTED_FEATURE,   "SCARD_E_UNSUPPORTED_FEATURE" },
	{ SCARD_E_DIR_NOT_FOUND,         "SCARD_E_DIR_NOT_FOUND" },
	{ SCARD_E_FILE_NOT_FOUND,        "SCARD_E_FILE_NOT_FOUND" },
	{ SCARD_E_NO_ACCESS,             "SCARD_E_NO_ACCESS" },
	{ SCARD_E_WRITE_TOO_MANY,        "SCARD_E_WRITE_TOO_MANY" },
	{ SCARD_E_INVALID_CHV,           "SCARD_E_INVALID_CHV" },
	{ SCARD_E_NO_READERS_AVAILABLE,  "SCARD_E_NO_READERS_AVAILABLE" },
	{ SCARD_E_COMM_DATA_LOST,        "SCARD_E_COMM_DATA_LOST" },
	{ SCARD_E_NO_KEY_CONTAINER,      "SCARD_E_NO_KEY_CONTAINER" },
	{ SCARD_E_PIN_CACHE_EXPIRED,     "SCARD_E_PIN_CACHE_EXPIRED" },
	{ SCARD_E_NO_PIN_CACHE,          "SCARD_E_NO_PIN_CACHE" },
	{ SCARD_E_READ_ONLY_CARD,        "SCARD_E_READ_ONLY_CARD" },
	{ SCARD_W_UNSUPPORTED_CARD,      "SCARD_W_UNSUPPORTED_CARD" },
	{ SCARD_W_UNRESPONSIVE_CARD,     "SCARD_W_UNRESPONSIVE_CARD" },
	{ SCARD_W_UNPOWERED_CARD,        "SCARD_W_UNPOWERED_CARD" },
	{ SCARD_W_RESET_CARD,            "SCARD_W_RESET_CARD" },
	{ SCARD_W_REMOVED_CARD,          "SCARD_W_REMOVED_CARD" },
	{ SCARD_W_SECURITY_VIOLATION,    "SCARD_W_SECURITY_VIOLATION" },
	{ SCARD_W_WRONG_CHV,             "SCARD_W_WRONG_CHV" },
	{ SCARD_W_CHV_BLOCKED,           "SCARD_W_CHV_BLOCKED" },
	{ SCARD_W_CANCELLED_BY_USER,     "SCARD_W_CANCELLED_BY_USER" },
	{ SCARD_W_CARD_NOT_AUTHENTICATED, "SCARD_W_CARD_NOT_AUTHENTICATED" },
	{ SCARD_W_CACHE_ITEM_NOT_FOUND,  "SCARD_W_CACHE_ITEM_NOT_FOUND" },
	{ SCARD_W_CACHE_ITEM_STALE,      "SCARD_W_CACHE_ITEM_STALE" },
	{ SCARD_W_CACHE_ITEM_TOO_BIG,    "SCARD_W_CACHE_ITEM_TOO_BIG" },
	{ ERROR_NOT_ENOUGH_MEMORY,       "ERROR_NOT_ENOUGH_MEMORY" },
	{ ERROR_FILE_EXISTS,             "ERROR_FILE_EXISTS" },
	{ ERROR_INSUFFICIENT_BUFFER,     "ERROR_INSUFFICIENT_BUFFER" },
	{ ERROR_DIR_NOT_EMPTY,           "ERROR_DIR_NOT_EMPTY" },
	{ ERROR_REVISION_MISMATCH,       "ERROR_REVISION_MISMATCH" },
};
/* clang-format on */

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_APDU] = "apdu",
};
static const char *const area_names[] = {
	[LOG_BASE] = "base", [LOG_IO] = "io",	[LOG_ISO] = "iso",
	[LOG_CARD] = "card", [LOG_CSP] = "csp", [LOG_P11] = "p11",
};

const char *
log_code_name(DWORD code)
{
	for (size_t i = 0; i < ARRAY_SIZE(code_names); i++)
		if (code_names[i].code == code)
			return code_names[i].name;
	return "unknown code";
}

static int
wanted_level(void)
{
	const char *text = secure_getenv("MINIDRIVER_PKCS11_DEBUG");

	if (text == NULL || text[0] < '1' || text[0] > '4' || text[1] != '\0')
		return 0;
	return text[0] - '0';
}

void
log_open(void)
{
	log_open_as(wanted_level(), secure_getenv("MINIDRIVER_PKCS11_LOG"));
}

void
log_open_as(int level, const char *path)
{
	int fd = STDERR_FILENO;

	log_close();
	if (level == 0)
		return;
	if (path != NULL && path[0] != '\0')
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return;
	atomic_store(&log_fd, fd);
	atomic_store(&log_level_now, level);
}

void
log_close(void)
{
	int fd = atomic_exchange(&log_fd, -1);

	atomic_store(&log_level_now, 0);
	if (fd >= 0 && fd != STDERR_FILENO)
		(void)close(fd);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <= atomic_load(&log_level_now);
}

struct line {
	char text[LOG_LINE];
	size_t len;
};

/* What does not fit is cut; one byte stays free for the line feed. */
static void __attribute__((format(printf, 2, 0))) line_vadd(struct line *line, const char *format, va_list args)
{
	size_t room = sizeof(line->text) - line->len;
	int n = vsnprintf(line->text + line->len, room, format, args);

	if (n > 0)
		line->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void __attribute__((format(printf, 2, 3))) line_add(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_vadd(line, format, args);
	va_end(args);
}

static void
line_start(struct line *line, enum log_level level, enum log_area area, const char *function)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	line->len = 0;
	line_add(line, "minidriver-pkcs11[%ld] %lld.%03ld %s %s: ", (long)getpid(), (long long)now.tv_sec,
		 now.tv_nsec / 1000000, area_names[area], level_names[level]);
	if (function != NULL)
		line_add(line, "%s: ", function);
}

/* Names come from cards and readers: what could forge a line or drive a terminal is replaced. */
static void
line_end(struct line *line)
{
	int saved_errno = errno;

	for (size_t i = 0; i < line->len; i++)
		if ((unsigned char)line->text[i] < 0x20 || line->text[i] == 0x7F)
			line->text[i] = '?';
	line->text[line->len++] = '\n';
	/* there is nobody to tell that the log cannot be written */
	if (write(atomic_load(&log_fd), line->text, line->len) < 0)
		errno = saved_errno;
}

void
log_write(enum log_level level, enum log_area area, const char *function, const char *format, ...)
{
	struct line line;
	va_list args;

	if (!log_enabled(level))
		return;
	line_start(&line, level, area, function);
	va_start(args, format);
	line_vadd(&line, format, args);
	va_end(args);
	line_end(&line);
}

void
log_code(enum log_area area, DWORD code, const char *function, const char *format, ...)
{
	struct line line;
	va_list args;

	if (!log_enabled(LOG_ERROR))
		return;
	line_start(&line, LOG_ERROR, area, function);
	va_start(args, format);
	line_vadd(&line, format, args);
	va_end(args);
	line_add(&line, ": %s (%08X)", log_code_name(code), (unsigned)code);
	line_end(&line);
}

void
log_hex(enum log_area area, const char *prefix, struct cursor data)
{
	struct line line;
	uint8_t byte;
	size_t shown = 0;

	if (!log_enabled(LOG_APDU))
		return;
	line_start(&line, LOG_APDU, area, NULL);
	line_add(&line, "%s", prefix);
	for (; shown < LOG_HEX_BYTES && cur_u8(&data, &byte); shown++)
		line_add(&line, " %02X", byte);
	if (!cur_at_end(&data))
		line_add(&line, " ... %zu more", data.left);
	line_end(&line);
}
