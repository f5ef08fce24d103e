/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tool prints: one JSON value for each verb, shown as it is with --json, and as aligned tables and lines
 * otherwise. Texts of cards and files are made harmless when they go in: no control characters, no bytes that are not UTF-8.
 */
#ifndef TOOL_OUT_H
#define TOOL_OUT_H

#include <json-c/json.h>

#include "tool/tool.h"

#define AUTO_JSON __attribute__((cleanup(out_free)))

void out_free(struct json_object **value);

/* Objects with members; out of memory leaves a member out. */
struct json_object *out_object(void);
struct json_object *out_array(void);
void out_text(struct json_object *object, const char *key, const char *text);
void out_bytes(struct json_object *object, const char *key, const char *text, size_t len);
void out_number(struct json_object *object, const char *key, uint64_t number);
/* null for CSP_UNKNOWN */
void out_count(struct json_object *object, const char *key, uint32_t number);
void out_flag(struct json_object *object, const char *key, bool flag);
void out_null(struct json_object *object, const char *key);
void out_hex(struct json_object *object, const char *key, struct cursor bytes);
/* YYYYMMDD as YYYY-MM-DD; null when it is empty. */
void out_date(struct json_object *object, const char *key, const char *date);
/* Takes member over. */
void out_put(struct json_object *object, const char *key, struct json_object *member);
void out_add(struct json_object *array, struct json_object *member);
void out_add_text(struct json_object *array, const char *text);

struct out_column {
	const char *key, *heading;
};

/* The whole value, with --json. */
void out_json(const struct json_object *value);
/* A line for each column, and rows below their headings; null is "-", flags are yes and no. */
void out_record(const struct json_object *object, const struct out_column *columns, size_t count);
void out_table(const struct json_object *array, const struct out_column *columns, size_t count);
/* Either way, for a verb that prints one of them; nothing there prints as empty. */
void out_print_table(const struct tool *tool, const struct json_object *array, const struct out_column *columns,
		     size_t count, const char *empty);
/* To standard output, harmless. */
void out_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An empty line. */
void out_gap(void);

/*
 * A copy of len bytes that can be shown: control characters, marks that turn the direction of text, and what is no UTF-8
 * become U+FFFD. Cut at a character if room is too small.
 */
void out_safe(const char *text, size_t len, char *ret_text, size_t room);

#endif
