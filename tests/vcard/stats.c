/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters of a link in a file, where tests and benches read them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vcard/link.h"

/* "word N" at the start of text; moves text behind the line. */
static uint64_t
parse_line(const char **text, const char *word)
{
	size_t len = strlen(word);
	char *end;
	uint64_t value;

	if (strncmp(*text, word, len) != 0 || (*text)[len] != ' ')
		return 0;
	value = strtoull(*text + len + 1, &end, 10);
	if (*end != '\n')
		return 0;
	*text = end + 1;
	return value;
}

int
link_stats_add(int dir, const char *name, const struct link_stats *more)
{
	char text[128] = "";
	const char *p = text;
	struct link_stats s;
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666), len, failed;

	if (fd < 0)
		return -1;
	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		text[0] = '\0';
	s.exchanges = parse_line(&p, "exchanges") + more->exchanges;
	s.up = parse_line(&p, "up") + more->up;
	s.down = parse_line(&p, "down") + more->down;
	len = snprintf(text, sizeof(text), "exchanges %" PRIu64 "\nup %" PRIu64 "\ndown %" PRIu64 "\n", s.exchanges,
		       s.up, s.down);
	failed = pwrite(fd, text, (size_t)len, 0) != len;
	if (close(fd) != 0)
		failed = 1;
	return failed ? -1 : 0;
}
