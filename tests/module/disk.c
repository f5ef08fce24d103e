/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for tests of the cache on disk, and the attacks on it that every card has to stand. */
#define _GNU_SOURCE
#include "module/disk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "module/fixture.h"

int
disk_set_up(void)
{
	if (mkdir(mt_path("home"), 0700) != 0 || setenv("MINIDRIVER_PKCS11_DISK_CACHE", "yes", 1) != 0 ||
	    setenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY", mt_path(DISK_DIRECTORY), 1) != 0 ||
	    setenv("MINIDRIVER_PKCS11_DEBUG", "2", 1) != 0)
		return -1;
	return setenv("MINIDRIVER_PKCS11_LOG", mt_path("log"), 1);
}

int
disk_tear_down(void **state)
{
	(void)unsetenv("MINIDRIVER_PKCS11_LOG");
	(void)unsetenv("MINIDRIVER_PKCS11_DEBUG");
	(void)unsetenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY");
	(void)setenv("MINIDRIVER_PKCS11_DISK_CACHE", "no", 1);
	return mt_tear_down(state);
}

static void
put_attribute(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *text)
{
	CK_BYTE value[8192];
	CK_ATTRIBUTE a = { type, value, sizeof(value) };
	CK_RV rv = mt->C_GetAttributeValue(s, object, &a, 1);

	buf_be32(text, (uint32_t)rv);
	if (rv == CKR_OK) {
		buf_be32(text, (uint32_t)a.ulValueLen);
		buf_put(text, value, a.ulValueLen);
	}
}

unsigned long
disk_list(struct buf *ret_text)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS,	CKA_ID,	     CKA_LABEL,	  CKA_KEY_TYPE,
						   CKA_VALUE,	CKA_TOKEN,   CKA_MODULUS, CKA_PUBLIC_EXPONENT,
						   CKA_SUBJECT, CKA_EC_POINT };
	AUTO_BUF struct buf text = BUF_INIT_MAX(1u << 20);
	const unsigned long before = mt_exchanges(MT_READER);
	CK_OBJECT_HANDLE found[64];
	unsigned long cost;
	CK_SESSION_HANDLE s;
	size_t n;

	s = mt_start();
	n = mt_find(s, NULL, 0, found, ARRAY_SIZE(found));
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(types); k++)
			put_attribute(s, found[i], types[k], &text);
	assert_false(buf_failed(&text));
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	cost = mt_exchanges(MT_READER) - before;
	if (ret_text != NULL)
		buf_move(ret_text, &text);
	return cost;
}

void
disk_assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->p, b->p, a->len);
}

void
disk_list_card(struct buf *ret_text)
{
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "no", 1), 0);
	(void)disk_list(ret_text);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "yes", 1), 0);
}

const char *
disk_file(const char *id)
{
	static char path[1024];
	const struct dirent *e;
	DIR *d = opendir(mt_path(DISK_DIRECTORY "/%s", id));

	path[0] = '\0';
	if (d == NULL)
		return path;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)snprintf(path, sizeof(path), "%s/%.200s", mt_path(DISK_DIRECTORY "/%s", id), e->d_name);
	(void)closedir(d);
	return path;
}

size_t
disk_read(const char *path, uint8_t *ret_bytes, size_t room)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f == NULL)
		return 0;
	n = fread(ret_bytes, 1, room, f);
	(void)fclose(f);
	return n;
}

void
disk_write(const char *path, const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

unsigned
disk_complaints(void)
{
	char line[512];
	unsigned n = 0;
	FILE *f = fopen(mt_path("log"), "re");

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "cache ") != NULL;
	(void)fclose(f);
	assert_int_equal(unlink(mt_path("log")), 0);
	return n;
}

/* Attacks ---------------------------------------------------------------------------------------------------------------- */

void
disk_attacked(const struct disk_card *card, const struct buf *expected, unsigned lines, bool heals)
{
	AUTO_BUF struct buf text = BUF_INIT, again = BUF_INIT;

	(void)disk_list(&text);
	disk_assert_same(&text, expected);
	assert_int_equal(disk_complaints(), lines);
	if (heals)
		assert_int_equal(disk_list(&again), card->warm);
	else
		(void)disk_list(&again);
	disk_assert_same(&again, expected);
	(void)disk_complaints();
}

void
disk_edited(const struct disk_card *card)
{
	AUTO_BUF struct buf expected = BUF_INIT;
	uint8_t bytes[65536];
	char path[1024];
	size_t len;

	(void)disk_list(&expected);
	(void)snprintf(path, sizeof(path), "%s", disk_file(card->id));
	len = disk_read(path, bytes, sizeof(bytes));
	assert_true(len > 100 && len < sizeof(bytes));
	for (size_t at = 0; at < len; at += mt_plain() ? len / 23 : len / 4) {
		bytes[at] ^= 0x10;
		disk_write(path, bytes, len);
		bytes[at] ^= 0x10;
		disk_attacked(card, &expected, 1, true);
	}
	for (size_t cut = 0; cut < len; cut += mt_plain() ? len / 17 : len / 3) {
		disk_write(path, bytes, cut);
		disk_attacked(card, &expected, 1, true);
	}
	bytes[len] = 0;
	disk_write(path, bytes, len + 1);
	disk_attacked(card, &expected, 1, true);
}

void
disk_foreign_files(const struct disk_card *card)
{
	AUTO_BUF struct buf expected = BUF_INIT;
	char path[1024];

	(void)disk_list(&expected);
	(void)snprintf(path, sizeof(path), "%s", disk_file(card->id));

	assert_int_equal(chmod(path, 0644), 0);
	disk_attacked(card, &expected, 1, true);
	assert_int_equal(link(path, mt_path("second name")), 0);
	disk_attacked(card, &expected, 1, true);
	assert_int_equal(rename(path, mt_path("elsewhere")), 0);
	assert_int_equal(symlink(mt_path("elsewhere"), path), 0);
	disk_attacked(card, &expected, 1, true);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	disk_attacked(card, &expected, 1, true);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	disk_attacked(card, &expected, 1, false);
	assert_int_equal(rmdir(path), 0);
	disk_attacked(card, &expected, 0, true);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		disk_attacked(card, &expected, 1, true);
	}
}

void
disk_directories(const struct disk_card *card)
{
	AUTO_BUF struct buf expected = BUF_INIT;

	(void)disk_list(&expected);
	assert_int_equal(chmod(mt_path(DISK_DIRECTORY), 0755), 0);
	disk_attacked(card, &expected, 1, false);
	assert_int_equal(chmod(mt_path(DISK_DIRECTORY), 0700), 0);
	disk_attacked(card, &expected, 0, true);
	assert_int_equal(rename(mt_path(DISK_DIRECTORY), mt_path("moved")), 0);
	assert_int_equal(symlink(mt_path("moved"), mt_path(DISK_DIRECTORY)), 0);
	disk_attacked(card, &expected, 1, false);
	assert_int_equal(unlink(mt_path(DISK_DIRECTORY)), 0);
	disk_write(mt_path(DISK_DIRECTORY), (const uint8_t *)"file", 4);
	disk_attacked(card, &expected, 1, false);
	assert_int_equal(unlink(mt_path(DISK_DIRECTORY)), 0);
	if (geteuid() == 0) {
		assert_int_equal(mkdir(mt_path(DISK_DIRECTORY), 0700), 0);
		assert_int_equal(chown(mt_path(DISK_DIRECTORY), 65534, 65534), 0);
		disk_attacked(card, &expected, 1, false);
		assert_int_equal(rmdir(mt_path(DISK_DIRECTORY)), 0);
		/* nor is one made in somebody else's home */
		assert_int_equal(chown(mt_path("home"), 65534, 65534), 0);
		disk_attacked(card, &expected, 1, false);
		assert_int_not_equal(access(mt_path(DISK_DIRECTORY), F_OK), 0);
	}
}

void
disk_no_room(const struct disk_card *card)
{
	AUTO_BUF struct buf expected = BUF_INIT;

	disk_list_card(&expected);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY", "/proc/minidriver/cache", 1), 0);
	disk_attacked(card, &expected, 1, false);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY", mt_path(DISK_DIRECTORY), 1), 0);

	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY"), 0);
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	(void)unsetenv("XDG_CACHE_HOME");
	disk_attacked(card, &expected, 0, false);
	assert_int_equal(setenv("XDG_CACHE_HOME", mt_path("home"), 1), 0);
	disk_attacked(card, &expected, 0, true);
	assert_int_equal(access(mt_path("home/minidriver-pkcs11"), F_OK), 0);
	assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
}

static int
list_in_child(void)
{
	AUTO_BUF struct buf text = BUF_INIT;

	for (unsigned i = 0; i < 10; i++)
		(void)disk_list(&text);
	return text.len > 1000 ? 0 : 1;
}

void
disk_two_writers(const struct disk_card *card)
{
	AUTO_BUF struct buf expected = BUF_INIT;
	pid_t children[3];
	int status;

	disk_list_card(&expected);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(list_in_child());
	}
	for (unsigned i = 0; i < 10; i++)
		if (disk_file(card->id)[0] != '\0')
			(void)unlink(disk_file(card->id));
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(disk_complaints(), 0);
	disk_attacked(card, &expected, 0, true);
}
