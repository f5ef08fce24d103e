/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON values, and their shape for people. */
#define _GNU_SOURCE /* wcswidth */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tool/encode.h"
#include "tool/out.h"

#define REPLACEMENT "\xEF\xBF\xBD"
#define TEXT_MAX 1024u
#define CELL_MAX 512u

void
out_free(struct json_object **value)
{
	if (*value != NULL)
		(void)json_object_put(*value);
	*value = NULL;
}

/* Harmless text -------------------------------------------------------------------------------------------------------- */

/* The character that c begins with; false when it is no UTF-8 (RFC 3629), and then one byte is to be skipped. */
static bool
take_character(struct cursor *c, uint32_t *ret_code, struct cursor *ret_bytes)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	struct cursor at = *c, bytes = *c;
	uint32_t code;
	size_t more;
	uint8_t b;

	if (!cur_u8(&at, &b))
		return false;
	more = b < 0x80 ? 0 : b < 0xC2 ? 4 : b < 0xE0 ? 1 : b < 0xF0 ? 2 : b < 0xF5 ? 3 : 4;
	if (more == 4)
		return false;
	code = more == 0 ? b : b & (0x3Fu >> more);
	for (size_t i = 0; i < more; i++) {
		if (!cur_u8(&at, &b) || (b & 0xC0) != 0x80)
			return false;
		code = code << 6 | (b & 0x3Fu);
	}
	if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ||
	    !cur_take(&bytes, more + 1, ret_bytes))
		return false;
	*ret_code = code;
	*c = at;
	return true;
}

/* Control characters, separators of lines, marks that turn the direction or cannot be seen, private characters. */
static bool
is_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200B && code <= 0x200F) ||
	       (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF ||
	       (code >= 0xFFF9 && code <= 0xFFFB) || code >= 0xE0000;
}

static size_t
put_part(char *text, size_t room, size_t at, const void *part, size_t len)
{
	if (at + len >= room)
		return room;
	memcpy(text + at, part, len);
	return at + len;
}

void
out_safe(const char *text, size_t len, char *ret_text, size_t room)
{
	struct cursor c = cur_of(text, len), bytes = cur_of(NULL, 0);
	size_t at = 0, next;
	uint32_t code = 0;

	while (!cur_at_end(&c)) {
		if (!take_character(&c, &code, &bytes)) {
			(void)cur_skip(&c, 1);
			bytes = cur_of(REPLACEMENT, 3);
		} else if (is_harmful(code)) {
			bytes = cur_of(REPLACEMENT, 3);
		}
		if ((next = put_part(ret_text, room, at, bytes.p, bytes.left)) == room)
			break;
		at = next;
	}
	ret_text[at] = '\0';
}

/* Building ------------------------------------------------------------------------------------------------------------- */

struct json_object *
out_object(void)
{
	return json_object_new_object();
}

struct json_object *
out_array(void)
{
	return json_object_new_array();
}

void
out_put(struct json_object *object, const char *key, struct json_object *member)
{
	if (object == NULL || json_object_object_add(object, key, member) != 0)
		out_free(&member);
}

void
out_add(struct json_object *array, struct json_object *member)
{
	if (array == NULL || json_object_array_add(array, member) != 0)
		out_free(&member);
}

static struct json_object *
new_text(const char *text, size_t len)
{
	char safe[TEXT_MAX];

	out_safe(text, len, safe, sizeof(safe));
	return json_object_new_string(safe);
}

void
out_text(struct json_object *object, const char *key, const char *text)
{
	out_put(object, key, new_text(text, strlen(text)));
}

void
out_bytes(struct json_object *object, const char *key, const char *text, size_t len)
{
	out_put(object, key, new_text(text, len));
}

void
out_add_text(struct json_object *array, const char *text)
{
	out_add(array, new_text(text, strlen(text)));
}

void
out_number(struct json_object *object, const char *key, uint64_t number)
{
	out_put(object, key, json_object_new_int64((int64_t)number));
}

void
out_null(struct json_object *object, const char *key)
{
	out_put(object, key, NULL);
}

void
out_count(struct json_object *object, const char *key, uint32_t number)
{
	if (number == CSP_UNKNOWN)
		out_null(object, key);
	else
		out_number(object, key, number);
}

void
out_flag(struct json_object *object, const char *key, bool flag)
{
	out_put(object, key, json_object_new_boolean(flag));
}

void
out_hex(struct json_object *object, const char *key, struct cursor bytes)
{
	char text[TEXT_MAX];

	if (encode_hex(bytes, text, sizeof(text)))
		out_text(object, key, text);
	else
		out_null(object, key);
}

void
out_date(struct json_object *object, const char *key, const char *date)
{
	char text[16];

	if (strlen(date) != 8) {
		out_null(object, key);
		return;
	}
	(void)snprintf(text, sizeof(text), "%.4s-%.2s-%.2s", date, date + 4, date + 6);
	out_text(object, key, text);
}

/* Printing ------------------------------------------------------------------------------------------------------------- */

void
out_line(const char *format, ...)
{
	char text[TEXT_MAX], safe[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tool_progress_end();
	out_safe(text, strlen(text), safe, sizeof(safe));
	(void)printf("%s\n", safe);
}

void
out_gap(void)
{
	(void)putchar('\n');
}

void
out_json(const struct json_object *value)
{
	struct json_object *copy = NULL;

	tool_progress_end();
	/* json-c formats into the object itself */
	if (json_object_deep_copy((struct json_object *)(uintptr_t)value, &copy, NULL) == 0)
		(void)printf("%s\n", json_object_to_json_string_ext(copy, JSON_C_TO_STRING_PRETTY |
										  JSON_C_TO_STRING_NOSLASHESCAPE));
	out_free(&copy);
}

static void
join(const struct json_object *array, char *ret_text, size_t room)
{
	size_t at = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < json_object_array_length(array) && at < room; i++) {
		int n = snprintf(ret_text + at, room - at, "%s%s", i > 0 ? ", " : "",
				 json_object_get_string(json_object_array_get_idx(array, i)));

		at += n > 0 ? (size_t)n : room;
	}
	if (at == 0)
		(void)snprintf(ret_text, room, "-");
}

static void
cell_text(const struct json_object *object, const char *key, char *ret_text, size_t room)
{
	struct json_object *member = NULL;
	char text[CELL_MAX];

	if (!json_object_object_get_ex(object, key, &member) || member == NULL) {
		(void)snprintf(ret_text, room, "-");
		return;
	}
	switch (json_object_get_type(member)) {
	case json_type_boolean:
		(void)snprintf(text, sizeof(text), "%s", json_object_get_boolean(member) ? "yes" : "no");
		break;
	case json_type_array: join(member, text, sizeof(text)); break;
	default: (void)snprintf(text, sizeof(text), "%s", json_object_get_string(member)); break;
	}
	/* cut at a character */
	out_safe(text, strlen(text), ret_text, room);
}

/* Columns of the terminal that a text takes; its bytes where the locale does not know. */
static size_t
width_of(const char *text)
{
	wchar_t wide[CELL_MAX];
	size_t n = mbstowcs(wide, text, CELL_MAX);
	int width;

	if (n == (size_t)-1 || n >= CELL_MAX)
		return strlen(text);
	width = wcswidth(wide, n);
	return width < 0 ? strlen(text) : (size_t)width;
}

static void
print_padded(const char *text, size_t width)
{
	size_t have = width_of(text);

	(void)printf("%s", text);
	for (; have < width; have++)
		(void)putchar(' ');
}

void
out_record(const struct json_object *object, const struct out_column *columns, size_t count)
{
	char text[CELL_MAX];
	size_t width = 0;

	tool_progress_end();
	for (size_t i = 0; i < count; i++)
		width = width_of(columns[i].heading) > width ? width_of(columns[i].heading) : width;
	for (size_t i = 0; i < count; i++) {
		cell_text(object, columns[i].key, text, sizeof(text));
		print_padded(columns[i].heading, width + 2);
		(void)printf("%s\n", text);
	}
}

static size_t
column_width(const struct json_object *array, const struct out_column *column)
{
	size_t width = width_of(column->heading), w;
	char text[CELL_MAX];

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		cell_text(json_object_array_get_idx(array, i), column->key, text, sizeof(text));
		w = width_of(text);
		width = w > width ? w : width;
	}
	return width;
}

/* row NULL: the headings */
static void
print_row(const struct json_object *array, const struct json_object *row, const struct out_column *columns,
	  size_t count)
{
	char text[CELL_MAX];

	for (size_t i = 0; i < count; i++) {
		if (row == NULL)
			(void)snprintf(text, sizeof(text), "%s", columns[i].heading);
		else
			cell_text(row, columns[i].key, text, sizeof(text));
		if (i + 1 < count)
			print_padded(text, column_width(array, &columns[i]) + 2);
		else
			(void)printf("%s\n", text);
	}
}

void
out_table(const struct json_object *array, const struct out_column *columns, size_t count)
{
	tool_progress_end();
	print_row(array, NULL, columns, count);
	for (size_t i = 0; i < json_object_array_length(array); i++)
		print_row(array, json_object_array_get_idx(array, i), columns, count);
}

void
out_print_table(const struct tool *tool, const struct json_object *array, const struct out_column *columns,
		size_t count, const char *empty)
{
	if (tool->options.json)
		out_json(array);
	else if (json_object_array_length(array) == 0)
		out_line("%s", empty);
	else
		out_table(array, columns, count);
}
