/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: everything between an application and the key, looked at in order, with the fix for what is wrong. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tool/doctor.h"

#define TEXT_MAX 768u

static const char *const states[] = {
	[DOCTOR_GOOD] = "ok",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_BAD] = "bad",
};

void
doctor_tell(struct json_object *rows, enum doctor_state state, const char *subject, const char *fix, const char *format,
	    ...)
{
	struct json_object *row = out_object();
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	out_text(row, "state", states[state]);
	out_text(row, "subject", subject);
	out_text(row, "text", text);
	if (fix != NULL)
		out_text(row, "fix", fix);
	out_add(rows, row);
}

static const char *
member(const struct json_object *row, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(row, key, &value) ? json_object_get_string(value) : NULL;
}

static void
print(const struct json_object *rows)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		const struct json_object *row = json_object_array_get_idx(rows, i);
		const char *fix = member(row, "fix");

		out_line("%-5s %-14s %s", member(row, "state"), member(row, "subject"), member(row, "text"));
		if (fix != NULL)
			out_line("%20s fix: %s", "", fix);
	}
}

static bool
any_bad(const struct json_object *rows)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		const char *state = member(json_object_array_get_idx(rows, i), "state");

		if (state != NULL && strcmp(state, states[DOCTOR_BAD]) == 0)
			return true;
	}
	return false;
}

static void
bad_line(void *context, const char *file, unsigned line, const char *what)
{
	static const char fix[] = "correct it or take it out; see minidriver-pkcs11.conf(5)";

	if (line > 0)
		doctor_tell(context, DOCTOR_BAD, "configuration", fix, "%s, line %u: %s", file, line, what);
	else
		doctor_tell(context, DOCTOR_BAD, "configuration", fix, "%s: %s", file, what);
}

int
verb_doctor(struct tool *tool, char **args, int count)
{
	AUTO_JSON struct json_object *rows = out_array();
	DWORD r;

	(void)args;
	(void)count;
	csp_config_load(&tool->config, bad_line, rows);
	log_open_as(tool->config.log_level, tool->config.log_file);
	if ((r = csp_open(&tool->config, &tool->csp)) != SCARD_S_SUCCESS)
		return tool_report(r, "the start failed");
	tool_progress("Looking at everything");
	doctor_host(tool, rows);
	doctor_modules(tool, rows);
	doctor_cards(tool, rows);
	if (tool->options.json)
		out_json(rows);
	else
		print(rows);
	return any_bad(rows) ? TOOL_FOUND : TOOL_OK;
}
