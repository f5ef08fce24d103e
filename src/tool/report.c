/* SPDX-License-Identifier: BSD-2-Clause */
/* What went wrong, in words, with what can be done about it; and the exit code that says the same to a script. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool/out.h"

#define MESSAGE_MAX 1024u

static const struct report {
	DWORD code;
	enum tool_exit exit;
	const char *text;
	const char *advice; /* or NULL */
} reports[] = {
	{ SCARD_E_NO_SERVICE, TOOL_NO_CARD, "the smart card service does not run",
	  "start it: systemctl enable --now pcscd.socket" },
	{ SCARD_E_SERVICE_STOPPED, TOOL_NO_CARD, "the smart card service has stopped",
	  "start it again: systemctl restart pcscd" },
	{ SCARD_E_NO_READERS_AVAILABLE, TOOL_NO_CARD, "there is no reader",
	  "plug one in; " TOOL_NAME " doctor tells more" },
	{ SCARD_E_READER_UNAVAILABLE, TOOL_NO_CARD, "the reader has gone", "plug it in again" },
	{ SCARD_E_UNKNOWN_READER, TOOL_NO_CARD, "the reader has gone", "plug it in again" },
	{ SCARD_E_NO_SMARTCARD, TOOL_NO_CARD, "there is no card in the reader", "insert the card" },
	{ SCARD_W_REMOVED_CARD, TOOL_NO_CARD, "the card was removed",
	  "insert it again and look at what is on it: " TOOL_NAME " check" },
	{ SCARD_E_UNKNOWN_CARD, TOOL_NO_CARD, "no minidriver serves this card", NULL },
	{ SCARD_W_UNSUPPORTED_CARD, TOOL_NO_CARD, "the card does not speak as cards do", NULL },
	{ SCARD_W_UNRESPONSIVE_CARD, TOOL_NO_CARD, "the card does not answer", "turn it round, clean its contacts" },
	{ SCARD_W_UNPOWERED_CARD, TOOL_NO_CARD, "the card has no power", "take it out and insert it again" },
	{ SCARD_E_SHARING_VIOLATION, TOOL_FAILED, "another program keeps the card to itself",
	  "end that program; " TOOL_NAME " list shows who uses the service" },
	{ SCARD_W_WRONG_CHV, TOOL_DENIED, "it is wrong", NULL },
	{ SCARD_W_CHV_BLOCKED, TOOL_DENIED, "no try is left",
	  "unblock it with the PUK or the admin key: " TOOL_NAME " pin unblock, or without the key at hand: " TOOL_NAME
	  " challenge" },
	{ SCARD_E_INVALID_CHV, TOOL_DENIED, "the card does not take such a PIN", NULL },
	{ SCARD_W_CARD_NOT_AUTHENTICATED, TOOL_DENIED, "the card wants a PIN or key first",
	  "files and PINs of the administrator need --admin" },
	{ SCARD_W_SECURITY_VIOLATION, TOOL_DENIED, "the card does not allow it to whom has been let in",
	  "files and PINs of the administrator need --admin" },
	{ SCARD_E_NO_ACCESS, TOOL_DENIED, "it is not allowed", NULL },
	{ SCARD_W_CANCELLED_BY_USER, TOOL_DENIED, "it was cancelled", NULL },
	{ SCARD_E_CANCELLED, TOOL_FAILED, "it was cancelled", NULL },
	{ SCARD_E_TIMEOUT, TOOL_FAILED, "it took too long", NULL },
	{ SCARD_E_READ_ONLY_CARD, TOOL_FAILED, "the card cannot be written", NULL },
	{ SCARD_E_WRITE_TOO_MANY, TOOL_FAILED, "there is no room on the card",
	  "delete containers or files that are not needed: " TOOL_NAME " info, container list, ls" },
	{ SCARD_E_UNSUPPORTED_FEATURE, TOOL_FAILED, "this card cannot do that", NULL },
	{ SCARD_E_FILE_NOT_FOUND, TOOL_FAILED, "there is no such thing on the card", NULL },
	{ SCARD_E_DIR_NOT_FOUND, TOOL_FAILED, "there is no such directory on the card",
	  "make it: " TOOL_NAME " mkdir" },
	{ SCARD_E_NO_KEY_CONTAINER, TOOL_FAILED, "there is no such key on the card",
	  "see " TOOL_NAME " container list" },
	{ ERROR_FILE_EXISTS, TOOL_FAILED, "there is one already", NULL },
	{ ERROR_DIR_NOT_EMPTY, TOOL_FAILED, "the directory is not empty", NULL },
	{ SCARD_E_INVALID_PARAMETER, TOOL_FAILED, "the card does not take such a value", NULL },
	{ SCARD_E_INVALID_VALUE, TOOL_FAILED, "it is not of a kind that can be used here", NULL },
	{ SCARD_E_COMM_DATA_LOST, TOOL_FAILED, "what the card says or holds cannot be understood",
	  "try again; " TOOL_NAME " check tells whether the card is damaged" },
	{ SCARD_F_COMM_ERROR, TOOL_FAILED, "the reader lost what the card said",
	  "take the card out and insert it again" },
	{ SCARD_E_UNEXPECTED, TOOL_FAILED, "the card did something else",
	  "MINIDRIVER_PKCS11_DEBUG=4 shows what it said" },
	{ SCARD_E_NO_MEMORY, TOOL_FAILED, "there is no memory", NULL },
	{ ERROR_NOT_ENOUGH_MEMORY, TOOL_FAILED, "there is no memory", NULL },
};

static const struct report *
report_find(DWORD code)
{
	static const struct report other = { 0, TOOL_FAILED, "it failed", "MINIDRIVER_PKCS11_DEBUG=4 shows where" };

	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		if (reports[i].code == code)
			return &reports[i];
	}
	return &other;
}

const char *
tool_code_text(DWORD code)
{
	return report_find(code)->text;
}

static void
print_line(const char *prefix, const char *text)
{
	char safe[MESSAGE_MAX];

	tool_progress_end();
	out_safe(text, strlen(text), safe, sizeof(safe));
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s%s\n", prefix, safe);
}

int
tool_say(int code, const char *format, ...)
{
	char text[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_line(TOOL_NAME ": ", text);
	return code;
}

int
tool_report(DWORD code, const char *format, ...)
{
	const struct report *report = report_find(code);
	char text[MESSAGE_MAX], line[MESSAGE_MAX + 128];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)snprintf(line, sizeof(line), "%s: %s", text, report->text);
	print_line(TOOL_NAME ": ", line);
	if (report->advice != NULL)
		print_line("  ", report->advice);
	return (int)report->exit;
}

int
tool_report_tries(DWORD code, uint32_t tries, const char *what)
{
	int exit_code = tool_report(code, "%s", what);

	if (code == SCARD_W_WRONG_CHV && tries == 1)
		print_line("  ", "one try is left before the card blocks it");
	else if (code == SCARD_W_WRONG_CHV && tries == 0)
		print_line("  ", "that was the last try: it is blocked now");
	else if (code == SCARD_W_WRONG_CHV && tries != CSP_UNKNOWN)
		(void)tool_say(0, "%u tries are left", tries);
	return exit_code;
}
