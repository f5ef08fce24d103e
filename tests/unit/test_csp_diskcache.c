/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the cache on disk: what is believed, how much is kept, and what a full disk does. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "csp/crypto.h"
#include "csp/diskcache.h"
#include "lib/test.h"

static struct {
	char root[64], path[128];
	struct csp_crypto *crypto;
	atomic_bool said;
	struct csp_disk disk;
} w;

static const uint8_t atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x01 }, other_atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x02 };

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(w.root, sizeof(w.root), "/tmp/minidriver-cache-XXXXXX");
	if (mkdtemp(w.root) == NULL || csp_crypto_open(&w.crypto) != SCARD_S_SUCCESS)
		return -1;
	/* its parent is made along */
	(void)snprintf(w.path, sizeof(w.path), "%s/.cache/minidriver-pkcs11", w.root);
	atomic_store(&w.said, false);
	w.disk = (struct csp_disk){ w.path, w.crypto, &w.said };
	return 0;
}

static int
tear_down(void **state)
{
	struct csp_cached cards[2 * LIMIT_CACHE_CARDS];
	char parent[128];
	size_t n = 0;

	(void)state;
	(void)csp_cached_list(w.path, cards, ARRAY_SIZE(cards), &n);
	for (size_t i = 0; i < n; i++)
		(void)csp_cached_clear(w.path, cards[i].id);
	(void)snprintf(parent, sizeof(parent), "%s/.cache", w.root);
	(void)rmdir(w.path);
	(void)rmdir(parent);
	csp_crypto_close(&w.crypto);
	return rmdir(w.root);
}

static struct csp_disk_key
key_of(uint8_t number)
{
	struct csp_disk_key key = { .atr = cur_of(atr, sizeof(atr)) };

	memset(key.id, 0xC0, sizeof(key.id));
	key.id[15] = number;
	return key;
}

static bool
put(const struct csp_disk_key *key, size_t len, uint8_t fill)
{
	AUTO_BUF struct buf content = BUF_INIT_MAX(2u * LIMIT_CACHE_CARD);
	uint8_t *at = buf_extend(&content, len);

	assert_non_null(at);
	memset(at, fill, len);
	return csp_disk_write(&w.disk, key, buf_cur(&content));
}

/* Length of what is there for a key, all of one byte; 0 when there is nothing. */
static size_t
get(const struct csp_disk_key *key, uint8_t fill)
{
	AUTO_BUF struct buf content = BUF_INIT_MAX(LIMIT_CACHE_CARD);

	if (!csp_disk_read(&w.disk, key, &content))
		return 0;
	for (size_t i = 0; i < content.len; i++)
		assert_int_equal(content.p[i], fill);
	return content.len;
}

static size_t
count_cards(uint64_t *ret_bytes)
{
	struct csp_cached cards[2 * LIMIT_CACHE_CARDS];
	size_t n = 0;

	assert_int_equal(csp_cached_list(w.path, cards, ARRAY_SIZE(cards), &n), SCARD_S_SUCCESS);
	for (size_t i = 0; ret_bytes != NULL && i < n; i++)
		*ret_bytes += cards[i].bytes;
	return n;
}

/* Each card and each ATR has its own; removing and clearing take away what was meant. */
static void
test_keys(void **state)
{
	struct csp_disk_key one = key_of(1), two = key_of(2), same_id = key_of(1);
	uint64_t bytes = 0;
	struct stat st;

	(void)state;
	same_id.atr = cur_of(other_atr, sizeof(other_atr));
	assert_int_equal(get(&one, 0), 0);
	assert_int_equal(count_cards(NULL), 0);
	assert_true(put(&one, 100, 'a'));
	assert_true(put(&two, 200, 'b'));
	assert_true(put(&same_id, 300, 'c'));
	assert_true(put(&one, 50, 'd'));
	assert_int_equal(get(&one, 'd'), 50);
	assert_int_equal(get(&two, 'b'), 200);
	assert_int_equal(get(&same_id, 'c'), 300);
	assert_int_equal(count_cards(&bytes), 2);
	assert_in_range(bytes, 550, 1000);
	assert_int_equal(stat(w.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);

	csp_disk_remove(&w.disk, &one);
	assert_int_equal(get(&one, 0), 0);
	assert_int_equal(get(&same_id, 'c'), 300);
	assert_int_equal(csp_cached_clear(w.path, one.id), SCARD_S_SUCCESS);
	assert_int_equal(get(&same_id, 0), 0);
	assert_int_equal(csp_cached_clear(w.path, one.id), SCARD_E_FILE_NOT_FOUND);
	assert_int_equal(count_cards(NULL), 1);
	assert_false(atomic_load(&w.said));
}

/* A file under another name is damaged, whatever its checksum. */
static void
test_moved(void **state)
{
	struct csp_disk_key one = key_of(1), two = key_of(2);
	char from[256], to[256];

	(void)state;
	assert_true(put(&one, 100, 'a'));
	assert_true(put(&two, 100, 'b'));
	(void)snprintf(from, sizeof(from), "%s/c0c0c0c0c0c0c0c0c0c0c0c0c0c0c001/3b80800101", w.path);
	(void)snprintf(to, sizeof(to), "%s/c0c0c0c0c0c0c0c0c0c0c0c0c0c0c002/3b80800101", w.path);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(get(&two, 0), 0);
	assert_true(atomic_load(&w.said));
}

static void
test_bounds(void **state)
{
	struct csp_disk_key key = key_of(0);
	uint64_t bytes = 0;

	(void)state;
	assert_false(put(&key, LIMIT_CACHE_CARD + 1, 'x'));
	for (unsigned i = 1; i <= LIMIT_CACHE_CARDS + 6; i++) {
		key = key_of((uint8_t)i);
		assert_true(put(&key, 10, (uint8_t)i));
	}
	assert_int_equal(count_cards(NULL), LIMIT_CACHE_CARDS);
	assert_int_equal(get(&key, LIMIT_CACHE_CARDS + 6), 10);
	for (unsigned i = 1; i <= 20; i++) {
		key = key_of((uint8_t)i);
		assert_true(put(&key, LIMIT_CACHE_CARD, (uint8_t)i));
	}
	(void)count_cards(&bytes);
	assert_true(bytes <= LIMIT_CACHE_TOTAL);
	assert_int_equal(get(&key, 20), LIMIT_CACHE_CARD);
}

/* As on a full disk: the old content stays, and nothing half. */
static void
test_full(void **state)
{
	struct csp_disk_key key = key_of(1), new = key_of(2);
	struct rlimit before, small;

	(void)state;
	assert_true(put(&key, 100, 'a'));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 150;
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(put(&key, 1000, 'b'));
	assert_false(put(&new, 1000, 'b'));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(get(&key, 'a'), 100);
	assert_int_equal(get(&new, 0), 0);
	assert_true(atomic_load(&w.said));
}

/* What was left half written goes when the card is written again, once it is old. */
static void
test_unfinished(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct csp_disk_key key = key_of(1);
	char path[256], fresh[256];
	int fd;

	(void)state;
	assert_true(put(&key, 100, 'a'));
	(void)snprintf(path, sizeof(path), "%s/c0c0c0c0c0c0c0c0c0c0c0c0c0c0c001/.new-1", w.path);
	(void)snprintf(fresh, sizeof(fresh), "%s/c0c0c0c0c0c0c0c0c0c0c0c0c0c0c001/.new-2", w.path);
	assert_true((fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) >= 0);
	assert_int_equal(futimens(fd, old), 0);
	assert_int_equal(close(fd), 0);
	assert_true((fd = open(fresh, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) >= 0);
	assert_int_equal(close(fd), 0);
	assert_true(put(&key, 100, 'b'));
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(access(fresh, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_keys), T(test_moved), T(test_bounds), T(test_full), T(test_unfinished),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
