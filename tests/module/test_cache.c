/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache on disk as a program sees it: what a warm start costs, that it never says anything but what the card says, and
 * what becomes of files that somebody else wrote, or nobody could. "A start" is C_Initialize after C_Finalize, which
 * is as good as another process.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "module/ops.h"
#include "vcard/engine.h"

#define DIRECTORY "home/cache"
#define EF_CARDID 0xA012u
#define EF_PUBLIC 0xA010u
#define DO_CARDID 0xDF20u
#define DO_CARDCF 0xDF22u
/* SELECT, cardid, cardcf */
#define WARM 3u

static uint8_t id[16] = { 0x70, 0x31, 0x31, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
static uint8_t counters[6] = { 0, 1, 12, 0, 34, 0 };

static void
put_object(enum mt_card card, uint16_t file, uint32_t tag, const uint8_t *bytes, size_t len)
{
	struct vcard *open = vcard_open(mt_path("cards/%d", card));

	assert_non_null(open);
	assert_int_equal(vcard_raw_put(open, file, tag, cur_of(bytes, len)), 0);
	assert_int_equal(vcard_save(open), 0);
	vcard_close(open);
}

/* The cards of the fixture have identifiers of one byte repeated, which nobody keeps anything under. */
static void
set_identity(enum mt_card card)
{
	put_object(card, EF_CARDID, DO_CARDID, id, sizeof(id));
	put_object(card, EF_PUBLIC, DO_CARDCF, counters, sizeof(counters));
}

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	set_identity(MT_ALICE);
	assert_int_equal(mkdir(mt_path("home"), 0700), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "yes", 1), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY", mt_path(DIRECTORY), 1), 0);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DEBUG", "2", 1), 0);
	return setenv("MINIDRIVER_PKCS11_LOG", mt_path("log"), 1);
}

static int
tear_down(void **state)
{
	(void)unsetenv("MINIDRIVER_PKCS11_LOG");
	(void)unsetenv("MINIDRIVER_PKCS11_DEBUG");
	(void)unsetenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY");
	(void)setenv("MINIDRIVER_PKCS11_DISK_CACHE", "no", 1);
	return mt_tear_down(state);
}

/* Words ---------------------------------------------------------------------------------------------------------------- */

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

/* All that a listing program shows; ret_text may be NULL. Returns its exchanges. */
static unsigned long
list(struct buf *ret_text)
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

static void
assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->p, b->p, a->len);
}

/* As the card itself says, without any cache. */
static void
list_card(struct buf *ret_text)
{
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "no", 1), 0);
	(void)list(ret_text);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "yes", 1), 0);
}

/* The one file of the cache; empty when there is none. */
static const char *
cache_file(void)
{
	static char path[1024];
	char directory[600];
	struct dirent *e;
	DIR *d;

	(void)snprintf(directory, sizeof(directory), "%s",
		       mt_path(DIRECTORY "/70313101020304050607%s", "08090a0b0c0d"));
	path[0] = '\0';
	if ((d = opendir(directory)) == NULL)
		return path;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)snprintf(path, sizeof(path), "%s/%.200s", directory, e->d_name);
	(void)closedir(d);
	return path;
}

static size_t
read_whole(const char *path, uint8_t *ret_bytes, size_t room)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f == NULL)
		return 0;
	n = fread(ret_bytes, 1, room, f);
	(void)fclose(f);
	return n;
}

static void
write_whole(const char *path, const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Lines of the log about the cache, which begins anew. */
static unsigned
complaints(void)
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

/* Costs ---------------------------------------------------------------------------------------------------------------- */

/* A listing takes three exchanges, whatever there is, and says what it says without the callbacks. R-033 */
static void
test_listing(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, cold = BUF_INIT, warm = BUF_INIT;

	(void)state;
	list_card(&card);
	assert_true(list(&cold) > WARM);
	assert_same(&cold, &card);
	assert_int_equal(list(&warm), WARM);
	assert_same(&warm, &card);
	assert_int_equal(complaints(), 0);
	assert_true(cache_file()[0] != '\0');
}

static unsigned long
find_one(CK_BYTE container)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_SESSION_HANDLE s = mt_start();

	(void)mt_object(s, CKO_PUBLIC_KEY, container);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* One key among many costs what the only one costs. */
static void
test_find(void **state)
{
	(void)state;
	(void)list(NULL);
	assert_int_equal(find_one(4), WARM);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	id[15]++;
	set_identity(MT_BOB);
	id[15]--;
	(void)list(NULL);
	assert_int_equal(find_one(0), WARM);
}

static unsigned long
sign_once(CK_RV expected)
{
	const unsigned long before = mt_exchanges(MT_READER);

	assert_rv(mt_sign(mt_start_user()), expected);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* SELECT, cardid, cardcf, VERIFY, MSE, PSO, and the card is locked again. P2: no PIN on disk. */
static void
test_signature(void **state)
{
	uint8_t bytes[65536];
	size_t len;

	(void)state;
	(void)list(NULL);
	(void)sign_once(CKR_OK);
	assert_int_equal(sign_once(CKR_OK), 7);
	assert_false(mt_is_verified(MT_ALICE));
	len = read_whole(cache_file(), bytes, sizeof(bytes));
	assert_true(len > 0);
	assert_null(memmem(bytes, len, MT_PIN, strlen(MT_PIN)));
}

static unsigned long
token_info(void)
{
	const unsigned long before = mt_exchanges(MT_READER);
	CK_TOKEN_INFO info;

	mt_initialize();
	assert_rv(mt->C_GetTokenInfo(1, &info), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	return mt_exchanges(MT_READER) - before;
}

/* A card of our own making has a name in a file: SELECT, cardid, cardcf, tries. */
static void
test_token(void **state)
{
	(void)state;
	(void)list(NULL);
	assert_int_equal(token_info(), WARM + 1);
}

/* Tries are asked of the card, and a PIN that is wrong is wrong with a warm cache, too. */
static void
test_tries(void **state)
{
	CK_SESSION_HANDLE s;

	(void)state;
	(void)list(NULL);
	s = mt_start();
	assert_rv(mt_login(s, MT_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	mt_initialize();
	assert_true((mt_token_flags(1) & CKF_USER_PIN_COUNT_LOW) != 0);
}

/* Freshness ------------------------------------------------------------------------------------------------------------ */

static void
set_label(const char *label)
{
	CK_SESSION_HANDLE s;
	CK_ATTRIBUTE a = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };

	mt_initialize();
	s = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	assert_rv(mt->C_SetAttributeValue(s, mt_object(s, CKO_PRIVATE_KEY, 0), &a, 1), CKR_OK);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
}

/* What is changed, by this process or one without a cache, is what is listed. R-114 */
static void
test_changes(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, first = BUF_INIT, second = BUF_INIT;

	(void)state;
	(void)list(NULL);
	set_label("by us");
	list_card(&card);
	assert_true(list(&first) > WARM);
	assert_same(&first, &card);
	assert_int_equal(list(NULL), WARM);

	assert_int_equal(setenv("MINIDRIVER_PKCS11_DISK_CACHE", "no", 1), 0);
	set_label("by somebody else");
	list_card(&card);
	(void)list(&second);
	assert_same(&second, &card);
	assert_int_equal(list(NULL), WARM);
}

/* While this process works with the card: the next transaction notices. */
static void
test_change_between(void **state)
{
	CK_SESSION_HANDLE s;

	(void)state;
	(void)list(NULL);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS", "0", 1), 0);
	s = mt_start();
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 6);
	/* the container map is another card's now, and says so */
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	s = mt_start();
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 1);
	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"), 0);
}

/* Cards that are not kept: identifiers that are nobody's own, counters that never counted. */
static void
test_not_kept(void **state)
{
	static const uint8_t zeros[16];
	uint8_t same[16];

	(void)state;
	memset(same, 0xA1, sizeof(same));
	put_object(MT_ALICE, EF_CARDID, DO_CARDID, zeros, sizeof(zeros));
	assert_true(list(NULL) > WARM);
	assert_true(list(NULL) > WARM);
	put_object(MT_ALICE, EF_CARDID, DO_CARDID, same, sizeof(same));
	assert_true(list(NULL) > WARM);
	assert_true(list(NULL) > WARM);
	put_object(MT_ALICE, EF_CARDID, DO_CARDID, id, sizeof(id));
	put_object(MT_ALICE, EF_PUBLIC, DO_CARDCF, zeros, sizeof(counters));
	assert_true(list(NULL) > WARM);
	assert_true(list(NULL) > WARM);
	assert_int_equal(complaints(), 0);
}

/*
 * M18: a copy of the card, with the same identifier and the same counters, has another key. The first signature tells: it is
 * not given out, and from then on the card is what it is.
 */
static void
test_clone(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT, again = BUF_INIT;
	CK_BYTE modulus[512];
	CK_SESSION_HANDLE s;

	(void)state;
	(void)list(NULL);
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	set_identity(MT_BOB);
	s = mt_start_user();
	assert_int_equal(mt_get(s, ops_public(s, 0), CKA_MODULUS, modulus, sizeof(modulus)), 256);
	assert_true(mt_sign(s) != CKR_OK);
	assert_rv(mt_sign(s), CKR_OK);
	assert_int_equal(mt_count(s, CKO_PUBLIC_KEY), 1);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	list_card(&card);
	(void)list(&again);
	assert_same(&again, &card);
}

/* Attacks: P6 ---------------------------------------------------------------------------------------------------------- */

/* After each the listing is the card's, and one line says what was wrong; the next start is warm if it can be. */
static void
attacked(const struct buf *card, unsigned lines, bool heals)
{
	AUTO_BUF struct buf text = BUF_INIT, again = BUF_INIT;

	(void)list(&text);
	assert_same(&text, card);
	assert_int_equal(complaints(), lines);

	if (heals)
		assert_int_equal(list(&again), WARM);
	else
		(void)list(&again);
	assert_same(&again, card);
	(void)complaints();
}

static void
test_edited(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT;
	uint8_t bytes[65536];
	char path[1024];
	size_t len;

	(void)state;
	(void)list(&card);
	(void)snprintf(path, sizeof(path), "%s", cache_file());
	len = read_whole(path, bytes, sizeof(bytes));
	assert_true(len > 100 && len < sizeof(bytes));
	for (size_t at = 0; at < len; at += mt_plain() ? len / 23 : len / 4) {
		bytes[at] ^= 0x10;
		write_whole(path, bytes, len);
		bytes[at] ^= 0x10;
		attacked(&card, 1, true);
	}
	for (size_t cut = 0; cut < len; cut += mt_plain() ? len / 17 : len / 3) {
		write_whole(path, bytes, cut);
		attacked(&card, 1, true);
	}
	bytes[len] = 0;
	write_whole(path, bytes, len + 1);
	attacked(&card, 1, true);
}

static void
test_foreign_files(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT;
	char path[1024];

	(void)state;
	(void)list(&card);
	(void)snprintf(path, sizeof(path), "%s", cache_file());

	assert_int_equal(chmod(path, 0644), 0);
	attacked(&card, 1, true);
	assert_int_equal(link(path, mt_path("second name")), 0);
	attacked(&card, 1, true);
	assert_int_equal(rename(path, mt_path("elsewhere")), 0);
	assert_int_equal(symlink(mt_path("elsewhere"), path), 0);
	attacked(&card, 1, true);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	attacked(&card, 1, true);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	attacked(&card, 1, false);
	assert_int_equal(rmdir(path), 0);
	attacked(&card, 0, true);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		attacked(&card, 1, true);
	}
}

/* Alice's file in the place of another card's, and the other way. */
static void
test_other_cards_file(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT;
	uint8_t bytes[65536];
	size_t len;

	(void)state;
	(void)list(NULL);
	len = read_whole(cache_file(), bytes, sizeof(bytes));
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	id[15]++;
	set_identity(MT_BOB);
	id[15]--;
	(void)list(&card);
	write_whole(mt_path(DIRECTORY "/7031310102030405060708090a0b0c0e/%s", strrchr(cache_file(), '/') + 1), bytes,
		    len);
	attacked(&card, 1, true);
}

static void
test_directories(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT;

	(void)state;
	(void)list(&card);
	assert_int_equal(chmod(mt_path(DIRECTORY), 0755), 0);
	attacked(&card, 1, false);
	assert_int_equal(chmod(mt_path(DIRECTORY), 0700), 0);
	attacked(&card, 0, true);
	assert_int_equal(rename(mt_path(DIRECTORY), mt_path("moved")), 0);
	assert_int_equal(symlink(mt_path("moved"), mt_path(DIRECTORY)), 0);
	attacked(&card, 1, false);
	assert_int_equal(unlink(mt_path(DIRECTORY)), 0);
	write_whole(mt_path(DIRECTORY), id, sizeof(id));
	attacked(&card, 1, false);
	assert_int_equal(unlink(mt_path(DIRECTORY)), 0);
	if (geteuid() == 0) {
		assert_int_equal(mkdir(mt_path(DIRECTORY), 0700), 0);
		assert_int_equal(chown(mt_path(DIRECTORY), 65534, 65534), 0);
		attacked(&card, 1, false);
		assert_int_equal(rmdir(mt_path(DIRECTORY)), 0);
		/* nor is one made in somebody else's home */
		assert_int_equal(chown(mt_path("home"), 65534, 65534), 0);
		attacked(&card, 1, false);
		assert_int_not_equal(access(mt_path(DIRECTORY), F_OK), 0);
	}
}

/* A home that cannot be written, none at all, and the usual one. */
static void
test_no_room(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT;

	(void)state;
	list_card(&card);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY", "/proc/minidriver/cache", 1), 0);
	attacked(&card, 1, false);
	assert_int_equal(setenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY", mt_path(DIRECTORY), 1), 0);

	assert_int_equal(unsetenv("MINIDRIVER_PKCS11_CACHE_DIRECTORY"), 0);
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	(void)unsetenv("XDG_CACHE_HOME");
	attacked(&card, 0, false);
	assert_int_equal(setenv("XDG_CACHE_HOME", mt_path("home"), 1), 0);
	attacked(&card, 0, true);
	assert_int_equal(access(mt_path("home/minidriver-pkcs11"), F_OK), 0);
	assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
}

static int
list_in_child(void)
{
	AUTO_BUF struct buf text = BUF_INIT;

	for (unsigned i = 0; i < 10; i++)
		(void)list(&text);
	return text.len > 1000 ? 0 : 1;
}

/* Several processes at once read and write, and none reads half of what another writes. */
static void
test_two_writers(void **state)
{
	AUTO_BUF struct buf card = BUF_INIT;
	pid_t children[3];
	int status;

	(void)state;
	list_card(&card);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(list_in_child());
	}
	for (unsigned i = 0; i < 10; i++)
		if (cache_file()[0] != '\0')
			(void)unlink(cache_file());
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(complaints(), 0);
	attacked(&card, 0, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_listing),     T(test_token),   T(test_find),	      T(test_signature),
		T(test_tries),	     T(test_changes), T(test_change_between), T(test_not_kept),
		T(test_clone),	     T(test_edited),  T(test_foreign_files),  T(test_other_cards_file),
		T(test_directories), T(test_no_room), T(test_two_writers),
#undef T
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
