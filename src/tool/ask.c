/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where secrets come from: a file, a descriptor, a variable, or the terminal without echo. They go from there into
 * struct secret without a stop in ordinary memory, but for variables, which the caller has there anyway.
 */
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "tool/encode.h"

/* Longest line: a response or a key in hex with blanks, a password. */
#define LINE_MAX_BYTES 1024u
#define QUESTION_MAX 640u

/* How options and messages call them. */
static const struct {
	const char *option, *what;
} names[SECRET_COUNT] = {
	[SECRET_PIN] = { "pin", "the PIN" },
	[SECRET_NEW_PIN] = { "new-pin", "the new PIN" },
	[SECRET_ADMIN_KEY] = { "admin-key", "the admin key" },
	[SECRET_NEW_ADMIN_KEY] = { "new-admin-key", "the new admin key" },
	[SECRET_PUK] = { "puk", "the PUK" },
	[SECRET_RESPONSE] = { "response", "the response" },
	[SECRET_PASSWORD] = { "password", "the password" },
};

bool
tool_has_source(const struct tool *tool, enum tool_secret which)
{
	const struct secret_source *s = &tool->options.secrets[which];

	return s->file != NULL || s->fd != NULL || s->variable != NULL;
}

/* Lines ---------------------------------------------------------------------------------------------------------------- */

enum line_result { LINE_READ, LINE_ENDED, LINE_BROKEN, LINE_TOO_LONG };

/* Byte by byte, so that the next line is left for whoever asks next. The end of the file ends a line too. */
static enum line_result
read_line(int fd, struct secret *line)
{
	size_t n = 0;
	ssize_t got;

	if (!secret_alloc(line, LINE_MAX_BYTES))
		return LINE_BROKEN;
	for (;;) {
		got = read(fd, line->p + n, 1);
		/* what was read so far counts: half a PIN would cost a try */
		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1 || line->p[n] == '\n')
			break;
		if (++n == LINE_MAX_BYTES)
			return LINE_TOO_LONG;
	}
	if (got < 0)
		return LINE_BROKEN;
	if (got == 0 && n == 0)
		return LINE_ENDED;
	if (n > 0 && line->p[n - 1] == '\r')
		n--;
	secret_truncate(line, n);
	return LINE_READ;
}

static int
line_answer(enum line_result result, const char *where, const char *what, const struct secret *line)
{
	switch (result) {
	case LINE_READ: break;
	case LINE_ENDED: return tool_say(TOOL_USAGE, "%s: there is no line with %s", where, what);
	case LINE_TOO_LONG: return tool_say(TOOL_USAGE, "%s: the line is too long for %s", where, what);
	case LINE_BROKEN: return tool_say(TOOL_FAILED, "%s: %s", where, strerror(errno));
	}
	return line->len > 0 ? TOOL_OK : tool_say(TOOL_USAGE, "%s: %s is empty", where, what);
}

static int
from_fd(const char *number, const char *what, struct secret *line)
{
	uint32_t fd = 0;

	if (!tool_number(number, "the descriptor", INT16_MAX, &fd))
		return TOOL_USAGE;
	return line_answer(read_line((int)fd, line), "the descriptor", what, line);
}

static void
warn_if_open(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH)) != 0)
		(void)tool_say(0, "warning: other users can read %s; chmod 600 it", path);
}

static int
from_file(const char *path, const char *what, struct secret *line)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return tool_say(TOOL_USAGE, "%s: %s", path, strerror(errno));
	warn_if_open(fd, path);
	r = line_answer(read_line(fd, line), path, what, line);
	(void)close(fd);
	return r;
}

static int
from_variable(const char *name, const char *what, struct secret *line)
{
	const char *value = getenv(name);

	if (value == NULL || *value == '\0')
		return tool_say(TOOL_USAGE, "the variable %s is not set", name);
	if (strlen(value) > LINE_MAX_BYTES || !secret_set(line, value, strlen(value)))
		return tool_say(TOOL_USAGE, "the variable %s is too long for %s", name, what);
	return TOOL_OK;
}

static int
from_source(const struct secret_source *source, const char *what, struct secret *line)
{
	if (source->file != NULL)
		return from_file(source->file, what, line);
	if (source->fd != NULL)
		return from_fd(source->fd, what, line);
	return from_variable(source->variable, what, line);
}

/* The terminal --------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = number;
}

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

/* A signal ends the wait, so that the echo is back before anything else happens. It comes during the wait only. */
static void
catch_signals(struct sigaction *ret_old, sigset_t *ret_mask)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	interrupted = 0;
	(void)sigemptyset(&ours);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaddset(&ours, signals[i]);
	(void)pthread_sigmask(SIG_BLOCK, &ours, ret_mask);
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaction(signals[i], &action, &ret_old[i]);
}

static void
release_signals(const struct sigaction *old, const sigset_t *mask)
{
	(void)pthread_sigmask(SIG_SETMASK, mask, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)sigaction(signals[i], &old[i], NULL);
	if (interrupted != 0)
		(void)raise(interrupted);
}

/* A terminal has something to read when a whole line has been typed. */
static enum line_result
wait_and_read(int tty, const sigset_t *mask, struct secret *line)
{
	struct pollfd poll = { .fd = tty, .events = POLLIN };

	return ppoll(&poll, 1, NULL, mask) < 0 ? LINE_BROKEN : read_line(tty, line);
}

/* What was typed before the question is thrown away: it was meant for something else. */
static enum line_result
read_terminal(int tty, const char *prompt, bool echo, struct secret *line)
{
	struct sigaction old[ARRAY_SIZE(signals)];
	struct termios before, silent;
	enum line_result result;
	bool changed = false;
	sigset_t mask;
	int why;

	catch_signals(old, &mask);
	if (!echo && tcgetattr(tty, &before) == 0) {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
		changed = tcsetattr(tty, TCSAFLUSH, &silent) == 0;
	}
	(void)dprintf(tty, "%s", prompt);
	result = wait_and_read(tty, &mask, line);
	why = errno;
	if (changed) {
		(void)tcsetattr(tty, TCSAFLUSH, &before);
		(void)dprintf(tty, "\n");
	}
	release_signals(old, &mask);
	errno = why;
	return result;
}

static int
open_terminal(void)
{
	tool_progress_end();
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

static int
from_terminal(enum tool_secret which, const char *prompt, bool echo, struct secret *line)
{
	int tty = open_terminal(), r;
	char text[128];

	if (tty < 0)
		return tool_say(TOOL_USAGE, "there is no terminal to ask for %s; give --%s-file or --%s-fd",
				names[which].what, names[which].option, names[which].option);
	(void)fflush(stdout);
	(void)snprintf(text, sizeof(text), "%s: ", prompt);
	r = line_answer(read_terminal(tty, text, echo, line), "the terminal", names[which].what, line);
	(void)close(tty);
	return r;
}

/* Asking --------------------------------------------------------------------------------------------------------------- */

static int
ask(struct tool *tool, enum tool_secret which, const char *prompt, bool echo, struct secret *ret_secret)
{
	AUTO_SECRET struct secret line = SECRET_INIT;
	int r;

	if (tool_has_source(tool, which))
		r = from_source(&tool->options.secrets[which], names[which].what, &line);
	else
		r = from_terminal(which, prompt, echo, &line);
	if (r != TOOL_OK)
		return r;
	secret_free(ret_secret);
	*ret_secret = line;
	line = (struct secret)SECRET_INIT;
	return TOOL_OK;
}

int
tool_ask(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_secret)
{
	int r = ask(tool, which, prompt, false, ret_secret);

	if (r == TOOL_OK && ret_secret->len > LIMIT_PIN && which != SECRET_PASSWORD)
		return tool_say(TOOL_USAGE, "%s is too long", names[which].what);
	return r;
}

int
tool_ask_line(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_line)
{
	return ask(tool, which, prompt, true, ret_line);
}

int
tool_ask_new(struct tool *tool, enum tool_secret which, const char *prompt, struct secret *ret_secret)
{
	AUTO_SECRET struct secret again = SECRET_INIT;
	int r = tool_ask(tool, which, prompt, ret_secret);

	if (r != TOOL_OK || tool_has_source(tool, which))
		return r;
	if ((r = tool_ask(tool, which, "The same again", &again)) != TOOL_OK)
		return r;
	return secret_equal(ret_secret, &again) ? TOOL_OK : tool_say(TOOL_USAGE, "the two are not the same");
}

int
tool_ask_key(struct tool *tool, enum tool_secret which, const char *prompt, bool again, struct secret *ret_key)
{
	AUTO_SECRET struct secret text = SECRET_INIT;
	int r = again ? tool_ask_new(tool, which, prompt, &text) : tool_ask(tool, which, prompt, &text);

	if (r != TOOL_OK)
		return r;
	secret_free(ret_key);
	if (!decode_hex(cur_of(text.p, text.len), ret_key))
		return tool_say(TOOL_USAGE, "%s: hexadecimal digits are wanted, two for each byte", names[which].what);
	return TOOL_OK;
}

bool
tool_confirm(const struct tool *tool, const char *question)
{
	AUTO_SECRET struct secret line = SECRET_INIT;
	char text[QUESTION_MAX];
	int tty;

	if (tool->options.yes)
		return true;
	if ((tty = open_terminal()) < 0) {
		(void)tool_say(0, "%s There is no terminal to ask; --yes says so", question);
		return false;
	}
	(void)snprintf(text, sizeof(text), "%s [y/N] ", question);
	(void)read_terminal(tty, text, true, &line);
	(void)close(tty);
	return line.len > 0 && (line.p[0] == 'y' || line.p[0] == 'Y');
}
