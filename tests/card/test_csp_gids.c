/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common part over the GIDS minidriver and a virtual card in this process: what everyday acts cost in exchanges
 * (the budgets that the project has set itself), what is left on the card, and what is left of us when exchanges fail.
 */
#include "csp/card.h"
#include "lib/mutate.h"
#include "lib/faketransport.h"
#include "unit/vcard_fixture.h"
#include "vcard/io_front.h"

#define HOLD_MS 60000u

static struct world {
	struct fixture fixture;
	struct fake_reader *slot;
	struct io *io;	    /* the connection now */
	const char *faults; /* armed when it is made */
	struct csp *csp;
	struct csp_reader *reader;
	struct csp_card *card;
} w;

static const struct csp_scheme sha256 = { .padding = CSP_PAD_PKCS1, .hash = CSP_SHA256 };
static const struct csp_scheme pss = { .padding = CSP_PAD_PSS, .hash = CSP_SHA256, .mgf = CSP_SHA256, .salt_len = 32 };
static const struct csp_scheme ecdsa = { .padding = CSP_PAD_ECDSA };
static const uint8_t hash[32] = { 1, 2, 3 };

static DWORD
connect_card(struct fake_reader *reader, void *card, struct io **ret_io)
{
	char error[LINK_ERROR_MAX];

	(void)reader;
	assert_int_equal(vcard_io_wrap(card, ret_io), SCARD_S_SUCCESS);
	w.io = *ret_io;
	if (w.faults != NULL)
		assert_true(link_arm(vcard_io_link(w.io), w.faults, strlen(w.faults), error));
	return SCARD_S_SUCCESS;
}

static void
open_csp(void)
{
	const struct csp_options options = { .transaction_timeout_ms = HOLD_MS };

	assert_int_equal(csp_open(&options, &w.csp), SCARD_S_SUCCESS);
	assert_int_equal(csp_poll(w.csp, true), SCARD_S_SUCCESS);
	w.reader = csp_reader_at(w.csp, 0);
	assert_non_null(w.reader);
}

static int
setup_card(uint32_t quirks, enum vcard_perso_algorithm algorithm)
{
	const struct vcard_perso_container key = { .pin = PIN, .algorithm = algorithm, .name = "key" };

	memset(&w, 0, sizeof(w));
	fixture_formatted(&w.fixture, quirks);
	assert_int_equal(vcard_perso_keygen(w.fixture.card, &key), 0);
	fake_world_reset();
	w.slot = fake_reader_add("Virtual Reader");
	fake_card_insert(w.slot, connect_card, w.fixture.card);
	open_csp();
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return setup_card(VCARD_STRICT, VCARD_RSA2048);
}

static int
setup_applet(void **state)
{
	(void)state;
	return setup_card(VCARD_APPLET, VCARD_RSA2048);
}

static int
setup_small(void **state)
{
	(void)state;
	return setup_card(VCARD_APPLET, VCARD_RSA1024);
}

static int
setup_small_strict(void **state)
{
	(void)state;
	return setup_card(VCARD_STRICT, VCARD_RSA1024);
}

static int
setup_ec(void **state)
{
	(void)state;
	return setup_card(VCARD_STRICT, VCARD_P256);
}

static int
teardown(void **state)
{
	(void)state;
	csp_close(&w.csp);
	fixture_close(&w.fixture);
	return 0;
}

static void
lock(void)
{
	csp_reader_lock(w.reader);
	assert_int_equal(csp_reader_card(w.reader, &w.card), SCARD_S_SUCCESS);
}

static void
unlock(void)
{
	csp_reader_unlock(w.reader);
}

/* Exchanges since the last time. */
static unsigned
exchanges(void)
{
	struct link *link = vcard_io_link(w.io);
	unsigned n = (unsigned)link->stats.exchanges;

	link->stats.exchanges = 0;
	return n;
}

static DWORD
login(void)
{
	return csp_login(w.card, CSP_ROLE_USER, (const uint8_t *)PIN, strlen(PIN), NULL);
}

static DWORD
list(void)
{
	const struct public_key *key;
	DWORD r = csp_refresh(w.card, NULL);

	for (size_t i = 0; r == SCARD_S_SUCCESS && i < csp_key_count(w.card); i++)
		r = csp_key_public(w.card, csp_key_at(w.card, i)->id, &key);
	return r;
}

/* Signs with the first key; a signature that is given must be right. */
static DWORD
sign(const struct csp_scheme *scheme)
{
	const struct public_key *key;
	uint8_t signature[LIMIT_RSA_BYTES];
	size_t len = 0;
	bool good = false;
	DWORD r;

	if (csp_key_count(w.card) == 0)
		return SCARD_E_NO_KEY_CONTAINER;
	r = csp_sign(w.card, csp_key_at(w.card, 0)->id, scheme, cur_of(hash, sizeof(hash)), signature,
		     sizeof(signature), &len);
	if (r != SCARD_S_SUCCESS || csp_key_public(w.card, csp_key_at(w.card, 0)->id, &key) != SCARD_S_SUCCESS)
		return r;
	assert_int_equal(csp_verify(w.csp, key, scheme, cur_of(hash, sizeof(hash)), cur_of(signature, len), &good),
			 SCARD_S_SUCCESS);
	assert_true(good);
	return r;
}

/* Budgets ------------------------------------------------------------------------------------------------------------ */

static void
test_token_info(void **state)
{
	struct csp_token_info info;

	(void)state;
	lock();
	assert_int_equal(csp_token_info(w.card, &info), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 3);
	assert_int_equal(csp_token_info(w.card, &info), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 0);
	assert_int_equal(info.tries_left, 3);
	assert_string_equal(info.serial, "0000000000000000");
	unlock();
}

static void
test_listing(void **state)
{
	struct csp_token_info info;

	(void)state;
	lock();
	assert_int_equal(list(), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_count(w.card), 1);
	assert_in_range(exchanges(), 1, 6);
	assert_int_equal(list(), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 0);
	/* cardid is part of a listing as PKCS#11 programs do it; the tries come on top */
	assert_int_equal(csp_token_info(w.card, &info), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 2);
	csp_txn_end(w.card);
	assert_int_equal(list(), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 1);
	unlock();
}

static void
test_signatures(void **state)
{
	(void)state;
	lock();
	assert_int_equal(list(), SCARD_S_SUCCESS);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
	(void)exchanges();
	/* further ones in the same transaction */
	for (int i = 0; i < 5; i++)
		assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 5);
	csp_txn_end(w.card);
	assert_int_equal(exchanges(), 1);
	/* in a later one: cardcf, VERIFY, MSE, PSO, and locking again */
	assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
	csp_txn_end(w.card);
	assert_int_equal(exchanges(), 5);
	unlock();
}

/* Locked again ------------------------------------------------------------------------------------------------------- */

static bool
card_signs(void)
{
	uint16_t sw;

	(void)transmit(w.fixture.card, SELECT);
	sw = status_of(transmit(w.fixture.card, "002241B606800157840181"));
	return sw == 0x9000;
}

static void
test_left_locked(void **state)
{
	(void)state;
	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
	csp_txn_end(w.card);
	assert_false(card_signs());
	/* and nobody minds that somebody selected in between */
	assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
	unlock();
	csp_close(&w.csp);
	assert_false(card_signs());
	open_csp();
}

/* Another program resets the card, or selects something else, between our transactions. */
static void
test_foreign_hands(void **state)
{
	(void)state;
	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	for (int i = 0; i < 3; i++) {
		csp_txn_end(w.card);
		vcard_io_reset(w.io);
		assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
		csp_txn_end(w.card);
		(void)transmit(w.fixture.card, "00A4040009A00000030800001000");
		(void)transmit(w.fixture.card, "00A4000C023FFF");
		assert_int_equal(sign(&pss), SCARD_S_SUCCESS);
		/* in the middle of ours: it resets, or locks */
		vcard_io_reset(w.io);
		assert_int_equal(sign(&pss), SCARD_S_SUCCESS);
		(void)transmit(w.fixture.card, LOGOUT);
		assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
	}
	unlock();
}

/* r then s, each in all of its bytes */
static void
test_ecdsa(void **state)
{
	(void)state;
	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_at(w.card, 0)->type, KEY_EC);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	assert_int_equal(sign(&ecdsa), SCARD_S_SUCCESS);
	unlock();
}

static void
test_decrypt(void **state)
{
	static const struct csp_scheme schemes[] = { { .padding = CSP_PAD_PKCS1 },
						     { .padding = CSP_PAD_OAEP, .hash = CSP_SHA1, .mgf = CSP_SHA1 },
						     { .padding = CSP_PAD_OAEP, .hash = CSP_SHA256, .mgf = CSP_SHA1 } };
	AUTO_SECRET struct secret plain = SECRET_INIT;
	const struct public_key *key;
	uint8_t block[LIMIT_RSA_BYTES];
	size_t len = 0;

	(void)state;
	lock();
	assert_int_equal(list(), SCARD_S_SUCCESS);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		assert_int_equal(csp_key_public(w.card, csp_key_at(w.card, 0)->id, &key), SCARD_S_SUCCESS);
		assert_int_equal(csp_encrypt(w.csp, key, &schemes[i], cur_of("hello", 5), block, sizeof(block), &len),
				 SCARD_S_SUCCESS);
		assert_int_equal(csp_decrypt(w.card, csp_key_at(w.card, 0)->id, &schemes[i], cur_of(block, len),
					     &plain),
				 SCARD_S_SUCCESS);
		assert_int_equal(plain.len, 5);
		assert_memory_equal(plain.p, "hello", 5);
		/* P-136: nobody is told that it is no message */
		block[len - 1] ^= 1;
		assert_int_equal(csp_decrypt(w.card, csp_key_at(w.card, 0)->id, &schemes[i], cur_of(block, len),
					     &plain),
				 schemes[i].padding == CSP_PAD_PKCS1 ? SCARD_S_SUCCESS : SCARD_E_INVALID_VALUE);
	}
	unlock();
}

/* Failures ----------------------------------------------------------------------------------------------------------- */

static unsigned
tries_left(void)
{
	return status_of(transmit(w.fixture.card, "00200080")) & 0xFu;
}

/* List, log in, sign; stops at the first failure. */
static DWORD
scenario(void)
{
	struct csp_token_info info;
	DWORD r;

	csp_reader_lock(w.reader);
	r = csp_reader_card(w.reader, &w.card);
	if (r == SCARD_S_SUCCESS)
		r = csp_token_info(w.card, &info);
	if (r == SCARD_S_SUCCESS)
		r = list();
	if (r == SCARD_S_SUCCESS)
		r = login();
	if (r == SCARD_S_SUCCESS)
		r = sign(&sha256);
	if (r == SCARD_S_SUCCESS) {
		csp_txn_end(w.card);
		r = sign(&sha256);
	}
	csp_reader_unlock(w.reader);
	return r;
}

/* Each exchange fails once in each way: no crash, no try lost, and afterwards everything works. */
static void
test_each_exchange_fails(void **state)
{
	static const char *const what[] = { "sw=6F00", "sw=6982", "data=", "data=90",	"empty",  "cut=1",
					    "body=0",  "body=1",  "reset", "silence=0", "remove", "pull" };
	char faults[40];
	DWORD r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(what); i += mutate_stride()) {
		for (unsigned n = 1; n <= 18; n++) {
			(void)snprintf(faults, sizeof(faults), "%u:%s", n, what[i]);
			w.faults = faults;
			csp_close(&w.csp);
			open_csp();
			r = scenario();
			w.faults = NULL;
			fake_card_remove(w.slot);
			fake_card_insert(w.slot, connect_card, w.fixture.card);
			assert_int_equal(csp_poll(w.csp, true), SCARD_S_SUCCESS);
			assert_false(card_signs());
			assert_int_equal(tries_left(), 3);
			if (scenario() != SCARD_S_SUCCESS)
				fail_msg("%s: %08x, and not well afterwards", faults, r);
		}
	}
}

static void
test_removal(void **state)
{
	(void)state;
	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	vcard_io_remove(w.io);
	assert_int_equal(sign(&sha256), SCARD_W_REMOVED_CARD);
	assert_int_equal(csp_key_count(w.card), 0);
	unlock();
	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(sign(&sha256), SCARD_W_CARD_NOT_AUTHENTICATED);
	unlock();
}

/* Keys made and deleted ---------------------------------------------------------------------------------------------- */

static const struct csp_generate p256 = { .type = KEY_EC, .bits = 256, .name = "made" };
static const struct csp_generate with_id = {
	.type = KEY_EC, .bits = 256, .name = "made", .id = { (const uint8_t *)"id", 2 }
};

/* What keys are made and deleted for; one of them is what the card had. */
static DWORD
change(void)
{
	uint32_t id = 0;
	DWORD r;

	if ((r = csp_refresh(w.card, NULL)) != SCARD_S_SUCCESS || (r = login()) != SCARD_S_SUCCESS ||
	    (r = csp_generate(w.card, &with_id, &id)) != SCARD_S_SUCCESS)
		return r;
	return csp_key_delete(w.card, id);
}

/* what it costs beside the listing, and that others hear of it; the first container stays the default */
static void
test_keys_made(void **state)
{
	struct csp_freshness before;
	uint32_t id = 0;

	(void)state;
	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	(void)exchanges();
	before = w.card->freshness;
	/* counters, file, activation, key, key map, container map; the key map came with the table */
	assert_int_equal(csp_generate(w.card, &p256, &id), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 6);
	/* the other key; this one the card has just said */
	assert_int_equal(list(), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 1);
	assert_int_equal(csp_key_count(w.card), 2);
	assert_true(csp_key_find(w.card, id)->local);
	assert_false(csp_key_find(w.card, id)->is_default);
	assert_int_equal(w.card->freshness.containers, before.containers + 1);
	assert_int_equal(w.card->freshness.files, before.files + 1);
	/* counters, file selected and deleted, key map, container map */
	assert_int_equal(csp_key_delete(w.card, id), SCARD_S_SUCCESS);
	assert_int_equal(exchanges(), 5);
	assert_int_equal(csp_key_delete(w.card, id), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(w.card->freshness.containers, before.containers + 2);
	/* the only one left goes as well, and the next one is the default */
	assert_int_equal(csp_key_delete(w.card, csp_key_at(w.card, 0)->id), SCARD_S_SUCCESS);
	assert_int_equal(csp_generate(w.card, &p256, &id), SCARD_S_SUCCESS);
	assert_true(csp_key_find(w.card, id)->is_default);
	assert_int_equal(sign(&ecdsa), SCARD_S_SUCCESS);
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	unlock();
}

/* What is left of a damaged map does not tell where a key is; none is made over one. */
static void
test_damaged_map(void **state)
{
	static const uint8_t rubbish[87] = { [80] = 2 }; /* a default container that is none, and a byte too many */
	uint32_t id = 0;

	(void)state;
	for (size_t len = 86; len <= sizeof(rubbish); len++) {
		csp_close(&w.csp);
		assert_int_equal(vcard_perso_put(w.fixture.card, PIN, "mscp", "cmapfile", cur_of(rubbish, len)), 0);
		open_csp();
		lock();
		assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
		assert_int_equal(csp_key_count(w.card), 0);
		assert_int_equal(login(), SCARD_S_SUCCESS);
		assert_int_equal(csp_generate(w.card, &p256, &id), SCARD_E_COMM_DATA_LOST);
		assert_int_equal(id, 0);
		unlock();
	}
}

/* Names that applications gave are as hostile as the rest of the card. */
static void
test_bad_names(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} files[] = {
		{ "", 0 },
		{ "\2\0\1\0\3key\1\x77\0", 11 },
		{ "\1\0\1\0\3key\377", 9 },
		{ "\1\0\1\0\3key\1", 9 },
		{ "\1\0\1\0\3key\1\x77", 10 },
		{ "\1\0\1\0\3key\1\x77\2\xC3\x28", 13 },
		{ "\1\0\2\0\3key\1\x77\0", 11 },
		{ "\1\1\1\0\3key\1\x77\0", 11 },
		{ "\1\0\1\0\3kez\1\x77\0", 11 },
	};
	static const char good[] = "\1\0\1\1\3key\1\x77\2me";

	(void)state;
	for (size_t i = 0; i <= ARRAY_SIZE(files); i++) {
		struct cursor content =
			i < ARRAY_SIZE(files) ? cur_of(files[i].bytes, files[i].len) : cur_of(good, sizeof(good) - 1);
		const struct csp_key *key;

		csp_close(&w.csp);
		assert_int_equal(vcard_perso_put(w.fixture.card, PIN, "p11", "attrs", content), 0);
		open_csp();
		lock();
		assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
		assert_non_null(key = csp_key_at(w.card, 0));
		assert_int_equal(key->ckaid_len, i == ARRAY_SIZE(files) ? 1 : 0);
		assert_string_equal(key->label, i == ARRAY_SIZE(files) ? "me" : "");
		assert_true(key->local == (i == ARRAY_SIZE(files)));
		unlock();
	}
}

/* Another program has locked the card meanwhile, or nobody has logged in. */
static void
test_keys_made_locked(void **state)
{
	uint32_t id = 0;

	(void)state;
	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_generate(w.card, &p256, &id), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(csp_key_delete(w.card, csp_key_at(w.card, 0)->id), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	(void)transmit(w.fixture.card, LOGOUT);
	assert_int_equal(csp_generate(w.card, &p256, &id), SCARD_S_SUCCESS);
	csp_txn_end(w.card);
	assert_int_equal(csp_key_delete(w.card, id), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_count(w.card), 1);
	unlock();
}

/* Whatever an accident has left: the first key works, the rest can be deleted, and a new key made in its place. */
static void
assert_well(const char *faults)
{
	uint32_t id = 0;

	lock();
	assert_int_equal(csp_refresh(w.card, NULL), SCARD_S_SUCCESS);
	assert_in_range(csp_key_count(w.card), 1, 2);
	assert_int_equal(login(), SCARD_S_SUCCESS);
	assert_int_equal(sign(&sha256), SCARD_S_SUCCESS);
	if (csp_key_count(w.card) == 2)
		assert_int_equal(csp_key_delete(w.card, csp_key_at(w.card, 1)->id), SCARD_S_SUCCESS);
	if (csp_generate(w.card, &p256, &id) != SCARD_S_SUCCESS)
		fail_msg("%s: no key can be made afterwards", faults);
	assert_int_equal(csp_key_find(w.card, id)->container, 1);
	assert_int_equal(csp_key_delete(w.card, id), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_count(w.card), 1);
	unlock();
}

/* P-144, M19: each exchange of making and deleting a key fails once in each way */
static void
test_each_change_fails(void **state)
{
	static const char *const what[] = { "remove", "pull", "reset", "sw=6F00", "sw=6A84" };
	char faults[40];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(what); i += mutate_stride()) {
		for (unsigned n = 1; n <= 32; n++) {
			(void)snprintf(faults, sizeof(faults), "%u:%s", n, what[i]);
			w.faults = faults;
			csp_close(&w.csp);
			open_csp();
			csp_reader_lock(w.reader);
			if (csp_reader_card(w.reader, &w.card) == SCARD_S_SUCCESS)
				(void)change();
			csp_reader_unlock(w.reader);
			w.faults = NULL;
			fake_card_remove(w.slot);
			if (what[i][0] == 'r' || what[i][0] == 'p')
				vcard_reset(w.fixture.card); /* without power */
			fake_card_insert(w.slot, connect_card, w.fixture.card);
			assert_int_equal(csp_poll(w.csp, true), SCARD_S_SUCCESS);
			assert_false(card_signs());
			assert_int_equal(tries_left(), 3);
			assert_well(faults);
		}
	}
}

#define TEST(name, prepare) cmocka_unit_test_setup_teardown(name, prepare, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_token_info, setup),
		TEST(test_token_info, setup_applet),
		TEST(test_listing, setup),
		TEST(test_listing, setup_applet),
		TEST(test_signatures, setup),
		TEST(test_signatures, setup_applet),
		TEST(test_left_locked, setup),
		TEST(test_foreign_hands, setup),
		TEST(test_foreign_hands, setup_applet),
		TEST(test_ecdsa, setup_ec),
		TEST(test_decrypt, setup),
		TEST(test_each_exchange_fails, setup_small),
		TEST(test_removal, setup),
		TEST(test_keys_made, setup_small),
		TEST(test_keys_made_locked, setup_small),
		TEST(test_bad_names, setup_small),
		TEST(test_damaged_map, setup_small),
		TEST(test_each_change_fails, setup_small),
		TEST(test_each_change_fails, setup_small_strict),
	};

	return cmocka_run_group_tests_name("csp over gids", tests, NULL, NULL);
}
