/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the computer that the tool reads and writes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/tool.h"

static bool
is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

static bool
read_all(int fd, struct buf *content)
{
	uint8_t piece[4096];
	ssize_t n;

	do {
		n = read(fd, piece, sizeof(piece));
		if (n > 0)
			buf_put(content, piece, (size_t)n);
	} while ((n > 0 && !buf_failed(content)) || (n < 0 && errno == EINTR));
	secret_wipe(piece, sizeof(piece));
	if (n == 0 && buf_failed(content))
		errno = EFBIG;
	return n == 0 && !buf_failed(content);
}

int
tool_file_read(const char *path, struct buf *ret_content)
{
	int fd = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return tool_say(TOOL_FAILED, "%s: %s", path, strerror(errno));
	good = read_all(fd, ret_content);
	if (!good)
		(void)tool_say(0, "%s: %s", path,
			       buf_failed(ret_content) ? "it is too long for a card" : strerror(errno));
	if (fd != STDIN_FILENO)
		(void)close(fd);
	return good ? TOOL_OK : TOOL_FAILED;
}

static bool
write_all(int fd, struct cursor content)
{
	ssize_t n;

	while (!cur_at_end(&content)) {
		n = write(fd, content.p, content.left);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			(void)cur_skip(&content, (size_t)n);
	}
	return true;
}

static int
write_to(const char *path, int flags, mode_t mode, struct cursor content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
	bool good;

	if (fd < 0)
		return tool_say(TOOL_FAILED, "%s: %s", path, strerror(errno));
	good = write_all(fd, content);
	if (close(fd) != 0)
		good = false;
	return good ? TOOL_OK : tool_say(TOOL_FAILED, "%s: %s", path, strerror(errno));
}

int
tool_file_write(const char *path, struct cursor content)
{
	tool_progress_end();
	if (!is_standard(path))
		return write_to(path, O_TRUNC, 0666, content);
	if (fflush(stdout) == 0 && write_all(STDOUT_FILENO, content))
		return TOOL_OK;
	return tool_say(TOOL_FAILED, "standard output: %s", strerror(errno));
}

int
tool_file_write_secret(const char *path, const struct secret *content)
{
	return write_to(path, O_EXCL, 0600, cur_of(content->p, content->len));
}
