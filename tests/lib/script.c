/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted card: reads its script line by line as commands come. */
#define _GNU_SOURCE /* memmem */
#include "lib/script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "carderr.h"
#include "lib/hex.h"

struct script {
	struct io io;
	const char *rest;
	bool marks; /* names its transactions */
	bool failed;
	unsigned commands;
	unsigned secrets;
};

static struct script *
script_of(struct io *io)
{
	return (struct script *)io;
}

struct line {
	const char *text; /* NULL at the end of the script */
	size_t len;
};

/* The next line that is not empty or a comment, without moving past it. */
static struct line
peek_line(struct script *s)
{
	while (*s->rest != '\0') {
		s->rest += strspn(s->rest, " \t\n");
		if (*s->rest != '#')
			break;
		s->rest += strcspn(s->rest, "\n");
	}
	if (*s->rest == '\0')
		return (struct line){ NULL, 0 };
	return (struct line){ s->rest, strcspn(s->rest, "\n") };
}

static struct line
take_line(struct script *s)
{
	struct line line = peek_line(s);

	if (line.text != NULL)
		s->rest = line.text + line.len;
	return line;
}

static DWORD
out_of_order(struct script *s, struct line line, const char *got)
{
	if (line.text == NULL)
		fprintf(stderr, "script: expected nothing more\n");
	else
		fprintf(stderr, "script: expected %.*s\n", (int)line.len, line.text);
	fprintf(stderr, "script: got      %s\n", got);
	s->failed = true;
	return SCARD_F_INTERNAL_ERROR;
}

static char *
command_text(struct cursor command)
{
	char *text = malloc(3 * command.left + 2);
	size_t at = 1;
	uint8_t byte;

	if (text == NULL)
		return NULL;
	text[0] = '>';
	text[1] = '\0';
	while (cur_u8(&command, &byte))
		at += (size_t)snprintf(text + at, 4, " %02X", byte);
	return text;
}

/* Byte by byte, so that ** can stand for any. */
static bool
command_fits(struct line line, struct cursor command)
{
	char pair[3] = { 0 };
	uint8_t byte;

	for (size_t i = 1; i < line.len; i++) {
		if (isspace((unsigned char)line.text[i]))
			continue;
		if (i + 1 >= line.len || !cur_u8(&command, &byte))
			return false;
		memcpy(pair, line.text + i, 2);
		i++;
		if (strcmp(pair, "**") != 0 && !hex_is(cur_of(&byte, 1), pair))
			return false;
	}
	return cur_at_end(&command);
}

/* The code behind a !, SCARD_S_SUCCESS without one. */
static DWORD
line_code(struct line line)
{
	const char *mark = memchr(line.text, '!', line.len);

	return mark != NULL ? (DWORD)strtoul(mark + 1, NULL, 16) : SCARD_S_SUCCESS;
}

static DWORD
give_answer(struct script *s, struct buf *response)
{
	struct line line = take_line(s);
	char *text;
	bool ok;

	if (line.text == NULL || line.text[0] != '<')
		return out_of_order(s, line, "a command, and there is no answer to it");
	if (line_code(line) != SCARD_S_SUCCESS)
		return line_code(line);
	if ((text = strndup(line.text + 1, line.len - 1)) == NULL)
		return SCARD_E_NO_MEMORY;
	ok = hex_put(response, text) || buf_failed(response);
	free(text);
	if (!ok)
		return out_of_order(s, line, "a line that is no hex");
	return buf_failed(response) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static DWORD
script_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	struct script *s = script_of(io);
	struct line line = peek_line(s);
	char *got;

	s->commands++;
	s->secrets += secret ? 1 : 0;
	if (line.text == NULL || line.text[0] != '>' || !command_fits(line, command)) {
		got = command_text(command);
		(void)out_of_order(s, line, got != NULL ? got : "a command");
		free(got);
		return SCARD_F_INTERNAL_ERROR;
	}
	(void)take_line(s);
	return give_answer(s, response);
}

static bool
line_has(struct line line, const char *word)
{
	return memmem(line.text, line.len, word, strlen(word)) != NULL;
}

static DWORD
script_begin(struct io *io, bool *ret_reset)
{
	struct script *s = script_of(io);
	struct line line = { "", 0 };

	if (s->marks) {
		line = peek_line(s);
		if (line.text == NULL || line.text[0] != '=' || !line_has(line, "begin"))
			return out_of_order(s, line, "= begin");
		(void)take_line(s);
	}
	if (line_code(line) != SCARD_S_SUCCESS)
		return line_code(line);
	*ret_reset = line_has(line, "reset");
	return SCARD_S_SUCCESS;
}

static void
script_end(struct io *io, bool reset_card)
{
	struct script *s = script_of(io);
	struct line line;

	if (!s->marks)
		return;
	line = peek_line(s);
	if (line.text == NULL || line.text[0] != '=' || !line_has(line, "end") || line_has(line, "reset") != reset_card)
		(void)out_of_order(s, line, reset_card ? "= end reset" : "= end");
	else
		(void)take_line(s);
}

static void
script_free(struct io *io)
{
	free(script_of(io));
}

static const struct io_ops script_ops = {
	.transmit = script_transmit,
	.begin = script_begin,
	.end = script_end,
	.close = script_free,
};

struct io *
script_open(const char *text, bool t0)
{
	struct script *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->io.ops = &script_ops;
	s->io.t0 = t0;
	s->rest = text;
	s->marks = strstr(text, "= begin") != NULL;
	return &s->io;
}

unsigned
script_commands(const struct io *io)
{
	return ((const struct script *)io)->commands;
}

unsigned
script_secrets(const struct io *io)
{
	return ((const struct script *)io)->secrets;
}

bool
script_close(struct io **io)
{
	struct script *s = script_of(*io);
	bool ok = !s->failed && peek_line(s).text == NULL;

	if (!s->failed && !ok)
		(void)out_of_order(s, peek_line(s), "the end");
	io_close(io);
	return ok;
}
