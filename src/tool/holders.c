/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processes behind the smart card service's connections. The kernel tells for each of the service's ends of a
 * connection which socket is the other end (sock_diag(7)), and /proc whose that is. Of other users' processes an
 * ordinary user is told nothing.
 */
#include <dirent.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tool/holders.h"

#define SERVICE "/run/pcscd/pcscd.comm"
#define PEERS_MAX 64u
#define ANSWER_MAX 32768u
#define ALIGNED(n) (((n) + 3u) & ~3u)

struct peers {
	uint32_t inodes[PEERS_MAX];
	size_t count;
};

const char *
holders_service_path(void)
{
	const char *path = getenv("PCSCLITE_CSOCK_NAME");

	return path != NULL ? path : SERVICE;
}

/* The kernel's answer ---------------------------------------------------------------------------------------------------- */

static bool
ask_kernel(int fd)
{
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} question = {
		.header = { .nlmsg_len = sizeof(question),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = AF_UNIX,
			     .udiag_states = UINT32_MAX,
			     .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER },
	};
	struct timeval patience = { .tv_sec = 2 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return send(fd, &question, sizeof(question), 0) == (ssize_t)sizeof(question);
}

/* A socket with its attributes: its name, and the inode of the other end. */
static void
read_socket(struct cursor c, struct peers *peers)
{
	struct unix_diag_msg message;
	struct rtattr_head {
		uint16_t len, type;
	} head;
	const char *path = holders_service_path();
	uint32_t peer = 0, inode;
	bool named = false;
	struct cursor value;

	if (!cur_copy(&c, &message, sizeof(message)))
		return;
	while (cur_copy(&c, &head, sizeof(head)) && head.len >= sizeof(head) &&
	       cur_take(&c, head.len - sizeof(head), &value)) {
		if (head.type == UNIX_DIAG_NAME && value.left >= strlen(path))
			named = memcmp(value.p, path, strlen(path)) == 0;
		if (head.type == UNIX_DIAG_PEER && cur_copy(&value, &inode, sizeof(inode)))
			peer = inode;
		(void)cur_skip(&c, ALIGNED(head.len) - head.len);
	}
	if (named && peer != 0 && peers->count < PEERS_MAX)
		peers->inodes[peers->count++] = peer;
}

/* False at the end of all answers. */
static bool
read_answers(struct cursor c, struct peers *peers)
{
	struct nlmsghdr header;
	struct cursor body;

	while (cur_copy(&c, &header, sizeof(header)) && header.nlmsg_len >= sizeof(header) &&
	       cur_take(&c, header.nlmsg_len - sizeof(header), &body)) {
		if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
			return false;
		read_socket(body, peers);
		(void)cur_skip(&c, ALIGNED(header.nlmsg_len) - header.nlmsg_len);
	}
	return true;
}

static void
find_peers(struct peers *peers)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	uint8_t *answer = malloc(ANSWER_MAX);
	ssize_t n = 1;

	if (fd >= 0 && answer != NULL && ask_kernel(fd)) {
		do
			n = recv(fd, answer, ANSWER_MAX, 0);
		while (n > 0 && read_answers(cur_of(answer, (size_t)n), peers));
	}
	free(answer);
	if (fd >= 0)
		(void)close(fd);
}

/* Processes -------------------------------------------------------------------------------------------------------------- */

static bool
is_peer(const struct peers *peers, const char *link)
{
	unsigned long inode;

	if (strncmp(link, "socket:[", 8) != 0)
		return false;
	inode = strtoul(link + 8, NULL, 10);
	for (size_t i = 0; i < peers->count; i++) {
		if (peers->inodes[i] == inode)
			return true;
	}
	return false;
}

static bool
has_peer(const char *pid, const struct peers *peers)
{
	char path[300], link[64];
	struct dirent *entry;
	bool found = false;
	ssize_t n;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	if ((dir = opendir(path)) == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		if ((n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1)) < 0)
			continue;
		link[n] = '\0';
		found = is_peer(peers, link);
	}
	(void)closedir(dir);
	return found;
}

static void
put_process(struct json_object *rows, const char *pid)
{
	struct json_object *row = out_object();
	char path[300], name[64] = "?";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	if ((file = fopen(path, "re")) != NULL) {
		if (fgets(name, sizeof(name), file) != NULL)
			name[strcspn(name, "\n")] = '\0';
		(void)fclose(file);
	}
	out_number(row, "pid", strtoul(pid, NULL, 10));
	out_text(row, "name", name);
	out_add(rows, row);
}

struct json_object *
holders_list(void)
{
	struct json_object *rows = out_array();
	struct peers peers = { .count = 0 };
	struct dirent *entry;
	DIR *proc;

	find_peers(&peers);
	if (peers.count == 0 || (proc = opendir("/proc")) == NULL)
		return rows;
	while ((entry = readdir(proc)) != NULL) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    strtoul(entry->d_name, NULL, 10) != (unsigned long)getpid() && has_peer(entry->d_name, &peers))
			put_process(rows, entry->d_name);
	}
	(void)closedir(proc);
	return rows;
}
