/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the cache on disk: who may have written them, whether they are whole, and how much there is of them. */
#define _GNU_SOURCE /* O_DIRECTORY, O_NOFOLLOW */
#include "csp/diskcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/crypto.h"

#define MAGIC "MDCACHE1"
#define MAGIC_LEN 8u
#define SUM_LEN 32u
#define FRAME_MAX (MAGIC_LEN + CSP_CARD_ID_LEN + 1 + LIMIT_ATR + SUM_LEN)
#define HEX_ID (2 * CSP_CARD_ID_LEN + 1)
#define HEX_ATR (2 * LIMIT_ATR + 1)
/* Names of files that are being written; no hexadecimal. */
#define UNFINISHED ".new-"
#define UNFINISHED_SECONDS 60
/* Directory entries that are looked at: what is not ours does not keep anybody waiting. */
#define ENTRIES_MAX 1024u

static void
say(const struct csp_disk *disk, const char *what, const char *why)
{
	if (!atomic_exchange(disk->said, true))
		log_warn(LOG_CSP, "cache %s: %s: %s", disk->directory, what, why);
}

/* False when it is too long. */
static bool
hex_name(struct cursor bytes, char *ret_name, size_t room)
{
	uint8_t byte;

	if (bytes.left == 0 || 2 * bytes.left + 1 > room)
		return false;
	while (cur_u8(&bytes, &byte)) {
		(void)snprintf(ret_name, 3, "%02x", byte);
		ret_name += 2;
	}
	return true;
}

static bool
hex_digit(char c, uint8_t *ret_value)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	if (at == NULL)
		return false;
	*ret_value = (uint8_t)(at - digits);
	return true;
}

static bool
read_hex_id(const char *name, uint8_t ret_id[CSP_CARD_ID_LEN])
{
	uint8_t high, low;

	if (strlen(name) != 2 * CSP_CARD_ID_LEN)
		return false;
	for (size_t i = 0; i < CSP_CARD_ID_LEN; i++) {
		if (!hex_digit(name[2 * i], &high) || !hex_digit(name[2 * i + 1], &low))
			return false;
		ret_id[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Directories ---------------------------------------------------------------------------------------------------------- */

/* NULL when it is the caller's and nobody else's. */
static const char *
distrust(const struct stat *st)
{
	if (st->st_uid != geteuid())
		return "belongs to somebody else";
	return (st->st_mode & 077) != 0 ? "is open to others" : NULL;
}

/* -1 with *ret_why, which is NULL when there is nothing. */
static int
open_private(int at, const char *path, const char **ret_why)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	*ret_why = NULL;
	if (fd < 0) {
		*ret_why = errno == ENOENT			? NULL
			   : errno == ELOOP || errno == ENOTDIR ? "is no directory"
								: "cannot be opened";
		return -1;
	}
	*ret_why = fstat(fd, &st) != 0 ? "cannot be looked at" : distrust(&st);
	if (*ret_why == NULL)
		return fd;
	(void)close(fd);
	return -1;
}

/* Makes the directory, and the one it is in if that is missing; never in one that is somebody else's. */
static void
make_root(const char *path)
{
	char parent[CSP_PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat st;
	size_t len;
	int fd;

	if (slash == NULL || slash == path || slash[1] == '\0' || (len = (size_t)(slash - path)) >= sizeof(parent))
		return;
	memcpy(parent, path, len);
	parent[len] = '\0';
	(void)mkdir(parent, 0700);
	if ((fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid())
		(void)mkdirat(fd, slash + 1, 0700);
	(void)close(fd);
}

static int
open_root(const struct csp_disk *disk, bool make)
{
	const char *why;
	int fd = open_private(AT_FDCWD, disk->directory, &why);

	if (fd < 0 && why == NULL && make) {
		make_root(disk->directory);
		if ((fd = open_private(AT_FDCWD, disk->directory, &why)) < 0 && why == NULL)
			why = "cannot be made";
	}
	if (fd < 0 && why != NULL)
		say(disk, "not used, the directory", why);
	return fd;
}

static int
open_card(const struct csp_disk *disk, int root, const char *name, bool make)
{
	const char *why;
	int fd = open_private(root, name, &why);

	if (fd < 0 && why == NULL && make) {
		(void)mkdirat(root, name, 0700);
		if ((fd = open_private(root, name, &why)) < 0 && why == NULL)
			why = "cannot be made";
	}
	if (fd < 0 && why != NULL)
		say(disk, name, why);
	return fd;
}

/* Root and card's directory at once; -1. */
static int
open_key(const struct csp_disk *disk, const struct csp_disk_key *key, bool make, int *ret_root)
{
	char name[HEX_ID] = "";
	int root, fd;

	if (!hex_name(cur_of(key->id, sizeof(key->id)), name, sizeof(name)) || (root = open_root(disk, make)) < 0)
		return -1;
	if ((fd = open_card(disk, root, name, make)) < 0) {
		(void)close(root);
		return -1;
	}
	*ret_root = root;
	return fd;
}

/* Reading -------------------------------------------------------------------------------------------------------------- */

static bool
read_all(int fd, size_t size, struct buf *ret_bytes)
{
	uint8_t *at = buf_extend(ret_bytes, size);
	size_t done = 0;
	ssize_t n;

	if (at == NULL)
		return false;
	while (done < size) {
		n = read(fd, at + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* Why a file is not read; NULL when it was. */
static const char *
read_file(int fd, struct buf *ret_bytes)
{
	struct stat st;
	const char *why;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return "is no file";
	if ((why = distrust(&st)) != NULL)
		return why;
	if (st.st_nlink != 1)
		return "has other names";
	if (st.st_size < (off_t)(MAGIC_LEN + SUM_LEN) || st.st_size > (off_t)(LIMIT_CACHE_CARD + FRAME_MAX))
		return "has a length that makes no sense";
	return read_all(fd, (size_t)st.st_size, ret_bytes) ? NULL : "cannot be read";
}

static bool
sum(const struct csp_disk *disk, struct cursor bytes, uint8_t ret_sum[SUM_LEN])
{
	return csp_crypto_hash(disk->crypto, CSP_SHA256, &bytes, 1, ret_sum) == SCARD_S_SUCCESS;
}

/* The content of a file that is what was written for this card. */
static bool
unframe(const struct csp_disk *disk, const struct csp_disk_key *key, struct cursor file, struct cursor *ret_content)
{
	struct cursor c, head, id, atr, whole;
	uint8_t expected[SUM_LEN], len;

	if (file.left < SUM_LEN || !cur_take(&file, file.left - SUM_LEN, &whole) || !sum(disk, whole, expected) ||
	    !cur_equals(&file, expected, sizeof(expected)))
		return false;
	c = whole;
	if (!cur_take(&c, MAGIC_LEN, &head) || !cur_equals(&head, MAGIC, MAGIC_LEN) ||
	    !cur_take(&c, CSP_CARD_ID_LEN, &id) || !cur_equals(&id, key->id, CSP_CARD_ID_LEN) || !cur_u8(&c, &len) ||
	    !cur_take(&c, len, &atr) || !cur_equals(&atr, key->atr.p, key->atr.left))
		return false;
	*ret_content = c;
	return true;
}

bool
csp_disk_read(const struct csp_disk *disk, const struct csp_disk_key *key, struct buf *ret_content)
{
	AUTO_BUF struct buf bytes = BUF_INIT_MAX(LIMIT_CACHE_CARD + FRAME_MAX);
	char name[HEX_ATR] = "";
	struct cursor content;
	const char *why;
	int root = -1, at, fd;

	if (!hex_name(key->atr, name, sizeof(name)) || (at = open_key(disk, key, false, &root)) < 0)
		return false;
	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	why = fd >= 0 ? read_file(fd, &bytes) : errno == ENOENT ? NULL : "cannot be opened";
	if (fd >= 0 && why == NULL && !unframe(disk, key, buf_cur(&bytes), &content))
		why = "is damaged";
	if (why != NULL)
		say(disk, name, why);
	if (fd >= 0)
		(void)close(fd);
	(void)close(at);
	(void)close(root);
	if (fd < 0 || why != NULL)
		return false;
	buf_reset(ret_content);
	buf_put_cur(ret_content, content);
	return !buf_failed(ret_content);
}

/* Bounds --------------------------------------------------------------------------------------------------------------- */

typedef void (*on_file)(int at, const char *name, const struct stat *st, void *arg);

/* Each entry of a directory but its own names; the descriptor stays the caller's. */
static void
each(int at, on_file work, void *arg)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	struct stat st;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (unsigned n = 0; n < ENTRIES_MAX && (e = readdir(dir)) != NULL; n++)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    fstatat(at, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			work(at, e->d_name, &st, arg);
	(void)closedir(dir);
}

static void
measure(int at, const char *name, const struct stat *st, void *arg)
{
	struct csp_cached *card = arg;

	(void)at;
	(void)name;
	card->bytes += (uint64_t)st->st_size;
	card->written = st->st_mtime > card->written ? st->st_mtime : card->written;
}

static void
delete_file(int at, const char *name, const struct stat *st, void *arg)
{
	(void)st;
	(void)arg;
	(void)unlinkat(at, name, 0);
}

/* What a process left behind that ended while it wrote. */
static void
delete_unfinished(int at, const char *name, const struct stat *st, void *arg)
{
	const time_t *now = arg;

	if (strncmp(name, UNFINISHED, strlen(UNFINISHED)) == 0 && st->st_mtime + UNFINISHED_SECONDS < *now)
		(void)unlinkat(at, name, 0);
}

struct cards {
	struct csp_cached *list;
	size_t count, room;
};

static void
note_card(int at, const char *name, const struct stat *st, void *arg)
{
	struct cards *cards = arg;
	struct csp_cached card = { .bytes = 0 };
	const char *why;
	int fd;

	(void)st;
	if (cards->count == cards->room || !read_hex_id(name, card.id) || (fd = open_private(at, name, &why)) < 0)
		return;
	each(fd, measure, &card);
	(void)close(fd);
	cards->list[cards->count++] = card;
}

static bool
delete_card(int root, const uint8_t id[CSP_CARD_ID_LEN])
{
	char name[HEX_ID] = "";
	const char *why;
	int fd;

	if (!hex_name(cur_of(id, CSP_CARD_ID_LEN), name, sizeof(name)) || (fd = open_private(root, name, &why)) < 0)
		return false;
	each(fd, delete_file, NULL);
	(void)close(fd);
	return unlinkat(root, name, AT_REMOVEDIR) == 0;
}

/* The card that was written longest ago; the one that has just been written is never it, unless it is alone. */
static size_t
oldest(const struct cards *cards, const uint8_t *spared)
{
	size_t at = cards->count;

	for (size_t i = 0; i < cards->count; i++)
		if (memcmp(cards->list[i].id, spared, CSP_CARD_ID_LEN) != 0 &&
		    (at == cards->count || cards->list[i].written < cards->list[at].written))
			at = i;
	return at;
}

static void
prune(int root, const uint8_t spared[CSP_CARD_ID_LEN])
{
	struct csp_cached list[2 * LIMIT_CACHE_CARDS];
	struct cards cards = { list, 0, ARRAY_SIZE(list) };
	uint64_t total = 0;
	size_t i;

	each(root, note_card, &cards);
	for (i = 0; i < cards.count; i++)
		total += list[i].bytes;
	while (cards.count > LIMIT_CACHE_CARDS || total > LIMIT_CACHE_TOTAL) {
		if ((i = oldest(&cards, spared)) == cards.count)
			return;
		(void)delete_card(root, list[i].id);
		total -= list[i].bytes;
		list[i] = list[--cards.count];
	}
}

/* Writing -------------------------------------------------------------------------------------------------------------- */

static bool
write_all(int fd, struct cursor c)
{
	ssize_t n;

	while (c.left > 0) {
		n = write(fd, c.p, c.left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		(void)cur_skip(&c, (size_t)n);
	}
	return true;
}

/* NULL, or why not. What another process writes at the same time stays whole, too: the later one counts. */
static const char *
replace_file(int at, const char *name, struct cursor bytes)
{
	char fresh[sizeof(UNFINISHED) + 16];
	uint64_t number = 0;
	bool ok;
	int fd;

	if (!secret_random(&number, sizeof(number)))
		return "cannot be written";
	(void)snprintf(fresh, sizeof(fresh), UNFINISHED "%016llx", (unsigned long long)number);
	fd = openat(at, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return "cannot be made";
	ok = write_all(fd, bytes);
	ok = close(fd) == 0 && ok && renameat(at, fresh, at, name) == 0;
	if (!ok)
		(void)unlinkat(at, fresh, 0);
	return ok ? NULL : "cannot be written";
}

static bool
frame(const struct csp_disk *disk, const struct csp_disk_key *key, struct cursor content, struct buf *ret_bytes)
{
	uint8_t value[SUM_LEN];

	buf_put(ret_bytes, MAGIC, MAGIC_LEN);
	buf_put(ret_bytes, key->id, sizeof(key->id));
	buf_u8(ret_bytes, (uint8_t)key->atr.left);
	buf_put_cur(ret_bytes, key->atr);
	buf_put_cur(ret_bytes, content);
	if (buf_failed(ret_bytes) || !sum(disk, buf_cur(ret_bytes), value))
		return false;
	buf_put(ret_bytes, value, sizeof(value));
	return !buf_failed(ret_bytes);
}

bool
csp_disk_write(const struct csp_disk *disk, const struct csp_disk_key *key, struct cursor content)
{
	AUTO_BUF struct buf bytes = BUF_INIT_MAX(LIMIT_CACHE_CARD + FRAME_MAX);
	char name[HEX_ATR] = "";
	time_t now = time(NULL);
	const char *why;
	int root = -1, at;

	if (content.left > LIMIT_CACHE_CARD || !hex_name(key->atr, name, sizeof(name)) ||
	    !frame(disk, key, content, &bytes) || (at = open_key(disk, key, true, &root)) < 0)
		return false;
	each(at, delete_unfinished, &now);
	if ((why = replace_file(at, name, buf_cur(&bytes))) != NULL)
		say(disk, name, why);
	else
		prune(root, key->id);
	(void)close(at);
	(void)close(root);
	return why == NULL;
}

void
csp_disk_remove(const struct csp_disk *disk, const struct csp_disk_key *key)
{
	char name[HEX_ATR] = "";
	int root = -1, at;

	if (!hex_name(key->atr, name, sizeof(name)) || (at = open_key(disk, key, false, &root)) < 0)
		return;
	(void)unlinkat(at, name, 0);
	(void)close(at);
	(void)close(root);
}

/* For people ----------------------------------------------------------------------------------------------------------- */

static DWORD
open_for_people(const char *directory, int *ret_root)
{
	const char *why;
	int root = open_private(AT_FDCWD, directory, &why);

	if (root < 0)
		return why == NULL ? SCARD_E_FILE_NOT_FOUND : SCARD_E_NO_ACCESS;
	*ret_root = root;
	return SCARD_S_SUCCESS;
}

DWORD
csp_cached_list(const char *directory, struct csp_cached *ret_cards, size_t room, size_t *ret_count)
{
	struct cards cards = { ret_cards, 0, room };
	int root = -1;
	DWORD r = open_for_people(directory, &root);

	if (r == SCARD_S_SUCCESS) {
		each(root, note_card, &cards);
		(void)close(root);
	}
	*ret_count = cards.count;
	return r == SCARD_E_FILE_NOT_FOUND ? SCARD_S_SUCCESS : r;
}

DWORD
csp_cached_clear(const char *directory, const uint8_t id[CSP_CARD_ID_LEN])
{
	int root = -1;
	DWORD r = open_for_people(directory, &root);

	if (r == SCARD_S_SUCCESS) {
		r = delete_card(root, id) ? SCARD_S_SUCCESS : SCARD_E_FILE_NOT_FOUND;
		(void)close(root);
	}
	return r;
}
