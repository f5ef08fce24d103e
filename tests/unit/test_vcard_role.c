/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtual card can be made to have that GIDS does not: PINs that guard single keys, and session PINs, with the
 * host's side of the agreement done by libcrypto. A card without the switches answers as GIDS does.
 */
#include "unit/vcard_fixture.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define ROLE3_PIN "333333"
#define ROLE5_PIN "555555"
#define VERIFY3 "0020008306333333333333"
#define VERIFY5 "0020008506353535353535"
#define WRONG3 "0020008306303030303030"
#define SIGN "002241B606800156840181"
#define SIGN_GUARDED "002241B606800156840182"

static void
must(int result)
{
	if (result != 0)
		fail_msg("%s", vcard_perso_error());
}

/* Roles 3 and 5, container 0 for the user and container 1 for role 3. */
static void
open_with_roles(struct fixture *f, uint32_t quirks, bool puk)
{
	const struct vcard_profile profile = {
		.quirks = quirks, .roles = 1u << 3 | 1u << 5, .session_pins = true, .puk = puk
	};
	struct vcard_perso_container container = { .pin = PIN, .algorithm = VCARD_RSA1024 };

	fixture_open(f, &profile);
	must(vcard_perso_set_role(f->card, 3, ROLE3_PIN));
	must(vcard_perso_set_role(f->card, 5, ROLE5_PIN));
	if (puk)
		must(vcard_perso_set_puk(f->card, "87654321"));
	must(vcard_perso_format(f->card, PIN, NULL, NULL));
	must(vcard_perso_keygen(f->card, &container));
	container.index = 1;
	container.guard = 3;
	container.guard_pin = ROLE3_PIN;
	must(vcard_perso_keygen(f->card, &container));
	expect(f->card, SELECT, "61164F0BA00000039742544659020173074001C0C10228019000");
}

/* --- roles -------------------------------------------------------------------------------------------------------- */

/* Each key has its PIN, and no other PIN stands in for it. */
static void
test_guards(void **state)
{
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	expect(f.card, SIGN, "6982");
	expect(f.card, SIGN_GUARDED, "6982");
	expect(f.card, VERIFY, "9000");
	expect(f.card, SIGN, "9000");
	expect(f.card, SIGN_GUARDED, "6982");
	expect(f.card, VERIFY5, "9000");
	expect(f.card, SIGN_GUARDED, "6982");
	expect(f.card, VERIFY3, "9000");
	expect(f.card, SIGN_GUARDED, "9000");
	expect(f.card, SIGN, "9000");
	expect(f.card, LOGOUT, "9000");
	expect(f.card, SIGN_GUARDED, "6982");
	/* role PINs open keys, and no files */
	expect(f.card, VERIFY3, "9000");
	expect(f.card, SIGN_GUARDED, "9000");
	expect(f.card, SIGN, "6982");
	expect(f.card, "00DBA01004DF700101", "6982");
	fixture_close(&f);
}

static void
test_role_pins(void **state)
{
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	expect(f.card, "00200083", "63C3");
	expect(f.card, VERIFY3, "9000");
	expect(f.card, "00200083", "9000");
	expect(f.card, VERIFY, "9000");
	assert_int_equal(info_of(f.card).roles_verified, 1u << 3);
	/* a wrong PIN ends what it was for, and nothing else */
	expect(f.card, SIGN_GUARDED, "9000");
	expect(f.card, WRONG3, "63C2");
	assert_int_equal(info_of(f.card).roles_verified, 0);
	assert_true(info_of(f.card).pin_verified);
	assert_int_equal(info_of(f.card).pin_tries_left, 3);
	expect(f.card, "002A9E9A0100", "6985");
	expect(f.card, "00CB3FFF045C027F7400", "7F74069701029301039000");
	expect(f.card, "00CB3FFF045C027F7600", "7F76069701039301039000");
	expect(f.card, "00CB3FFF045C027F7200", "7F72069701039301039000");
	expect(f.card, VERIFY3, "9000");
	expect(f.card, "0020008006303030303030", "63C2");
	assert_int_equal(info_of(f.card).roles_verified, 1u << 3);
	expect(f.card, "002400830C333333333333343434343434", "9000");
	expect(f.card, VERIFY3, "63C2");
	expect(f.card, "0020008306343434343434", "9000");
	/* the change needs the PIN itself */
	expect(f.card, "002400850C333333333333343434343434", "63C2");
	expect(f.card, "0024018506343434343434", "6985");
	/* roles that this card does not have */
	expect(f.card, "0020008406343434343434", "6A88");
	expect(f.card, "0020008706343434343434", "6A88");
	expect(f.card, "0020008806343434343434", "6A88");
	expect(f.card, "00CB3FFF045C027F7500", "6A88");
	fixture_reopen(&f);
	expect(f.card, "00CB3FFF045C027F7600", "7F76069701029301039000");
	expect(f.card, "00200083", "9000");
	vcard_reset(f.card);
	assert_int_equal(info_of(f.card).roles_verified, 0);
	fixture_close(&f);
}

static void
block_role_3(struct vcard *card)
{
	expect(card, WRONG3, "63C2");
	expect(card, WRONG3, "63C1");
	expect(card, WRONG3, "63C0");
	expect(card, VERIFY3, "6983");
}

static void
become_admin(struct vcard *card)
{
	static const uint8_t zeros[VCARD_DES3_LEN];
	AUTO_BUF struct buf command = BUF_INIT;
	struct vcard_crypto crypto = { NULL };
	uint8_t response[8];
	struct cursor answer;

	expect(card, "002281A403830180", "9000");
	answer = transmit(card, "00870000047C02810000");
	assert_int_equal(answer.left, 14);
	assert_true(vcard_des3_cbc(&crypto, cur_of(zeros, sizeof(zeros)), true, answer.p + 4, 8, response));
	vcard_crypto_free(&crypto);
	assert_true(hex_put(&command, "008700000C7C0A8208"));
	buf_put(&command, response, sizeof(response));
	assert_int_equal(status_of(transmit_bytes(card, buf_cur(&command))), 0x9000);
}

static void
test_unblocking(void **state)
{
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	block_role_3(f.card);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "002C028306333333333333", "6982");
	become_admin(f.card);
	expect(f.card, "002C028306333333333333", "9000");
	assert_false(info_of(f.card).pin_verified);
	expect(f.card, VERIFY3, "9000");
	fixture_close(&f);
	open_with_roles(&f, VCARD_APPLET, true);
	block_role_3(f.card);
	expect(f.card, "002C00830E3837363534333232333333333333", "63C2");
	expect(f.card, "002C00830E3837363534333231333333333333", "9000");
	expect(f.card, VERIFY3, "9000");
	fixture_close(&f);
}

/* A guard that the card does not have, and one for a file that holds no key. */
static void
test_bad_guards(void **state)
{
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	expect(f.card, VERIFY, "9000");
	expect(f.card, "00E000002262208201188302B0858C058F10101000C603830184A50BB609800116830185950140", "6A80");
	expect(f.card, "00E000002262208201188302B0858C058F10101000C603830183A50BB609800116830185950140", "9000");
	expect(f.card, "00E000001362118201398302A0208C03033000C603830183", "6A80");
	fixture_close(&f);
}

/* A plain card passes over what it does not know, and says nothing of it. */
static void
test_plain_card(void **state)
{
	struct fixture f;

	(void)state;
	fixture_keyed(&f, VCARD_STRICT);
	expect(f.card, SELECT, FCI "9000");
	expect(f.card, "00200083", "6A88");
	expect(f.card, VERIFY3, "6A88");
	expect(f.card, "00200090", "6A88");
	expect(f.card, "002000901000000000000000000000000000000000", "6A88");
	expect(f.card, "00CB3FFF045C027F7400", "6A88");
	expect(f.card, "00870080047C02850000", "6A86");
	fixture_close(&f);
}

/* --- session PINs ------------------------------------------------------------------------------------------------- */

#define POINT 65
#define STREAM 64
#define SESSION 16

static EVP_PKEY *
key_of(const uint8_t point[POINT])
{
	char group[] = "P-256";
	uint8_t copy[POINT];
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(copy, point, POINT);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, POINT);
	params[2] = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void
derive(EVP_PKEY *own, const uint8_t peer_point[POINT], uint8_t ret_secret[32])
{
	EVP_PKEY *peer = key_of(peer_point);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t len = 32;

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, ret_secret, &len), 1);
	assert_int_equal(len, 32);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
}

/* The host's half: its point, and the stream. */
static void
agree(const uint8_t card_point[POINT], uint8_t ret_point[POINT], uint8_t ret_stream[STREAM])
{
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	uint8_t input[32 + 4 + 2 * POINT] = { 0 };
	size_t len = 0;
	unsigned i;

	assert_non_null(own);
	assert_int_equal(EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_PUB_KEY, ret_point, POINT, &len), 1);
	assert_int_equal(len, POINT);
	derive(own, card_point, input);
	memcpy(input + 36, card_point, POINT);
	memcpy(input + 36 + POINT, ret_point, POINT);
	for (i = 0; i < 2; i++) {
		input[35] = (uint8_t)(i + 1);
		assert_int_equal(EVP_Digest(input, sizeof(input), ret_stream + (size_t)i * 32, NULL, EVP_sha256(),
					    NULL),
				 1);
	}
	EVP_PKEY_free(own);
}

static void
start(struct vcard *card, uint8_t reference, uint8_t ret_point[POINT])
{
	char command[32];
	struct cursor answer;

	(void)snprintf(command, sizeof(command), "008700%02X047C02850000", reference);
	answer = transmit(card, command);
	assert_int_equal(answer.left, 4 + POINT + 2);
	assert_memory_equal(answer.p, "\x7C\x43\x85\x41\x04", 5);
	memcpy(ret_point, answer.p + 4, POINT);
}

static uint16_t
finish(struct vcard *card, uint8_t reference, const uint8_t card_point[POINT], const char *pin, uint8_t *ret_session)
{
	AUTO_BUF struct buf command = BUF_INIT;
	AUTO_BUF struct buf block = BUF_INIT;
	uint8_t point[POINT], stream[STREAM];
	struct cursor answer;
	size_t i;

	agree(card_point, point, stream);
	buf_put(&block, pin, strlen(pin));
	buf_u8(&block, 0x80);
	buf_zeros(&block, 32 - block.len);
	assert_int_equal(block.len, 32);
	for (i = 0; i < block.len; i++)
		block.p[i] ^= stream[i];
	buf_put(&command, (const uint8_t[]){ 0x00, 0x87, 0x00, reference, 0x67, 0x7C, 0x65, 0x85, POINT }, 9);
	buf_put(&command, point, POINT);
	buf_put(&command, (const uint8_t[]){ 0x86, 0x20 }, 2);
	buf_put_cur(&command, buf_cur(&block));
	buf_u8(&command, 0);
	answer = transmit_bytes(card, buf_cur(&command));
	if (status_of(answer) != 0x9000) {
		assert_int_equal(answer.left, 2);
		return status_of(answer);
	}
	assert_int_equal(answer.left, 4 + SESSION + 2);
	assert_memory_equal(answer.p, "\x7C\x12\x87\x10", 4);
	for (i = 0; i < SESSION; i++)
		ret_session[i] = answer.p[4 + i] ^ stream[32 + i];
	return 0x9000;
}

static uint16_t
negotiate(struct vcard *card, uint8_t reference, const char *pin, uint8_t *ret_session)
{
	uint8_t point[POINT];

	start(card, reference, point);
	return finish(card, reference, point, pin, ret_session);
}

static uint16_t
present(struct vcard *card, uint8_t reference, const uint8_t session[SESSION])
{
	AUTO_BUF struct buf command = BUF_INIT;

	buf_put(&command, (const uint8_t[]){ 0x00, 0x20, 0x00, reference, SESSION }, 5);
	buf_put(&command, session, SESSION);
	return status_of(transmit_bytes(card, buf_cur(&command)));
}

/* it is made without unlocking anything, is not the PIN, and stays the same while it is good. */
static void
test_session(void **state)
{
	uint8_t session[SESSION], again[SESSION];
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	expect(f.card, "00200090", "6984");
	assert_int_equal(negotiate(f.card, 0x80, PIN, session), 0x9000);
	assert_false(info_of(f.card).pin_verified);
	expect(f.card, SIGN, "6982");
	expect(f.card, "00200090", "63C3");
	assert_memory_not_equal(session, PIN, 6);
	assert_int_equal(present(f.card, 0x90, session), 0x9000);
	assert_true(info_of(f.card).pin_verified);
	expect(f.card, SIGN, "9000");
	expect(f.card, LOGOUT, "9000");
	expect(f.card, SELECT, "61164F0BA00000039742544659020173074001C0C10228019000");
	assert_int_equal(negotiate(f.card, 0x80, PIN, again), 0x9000);
	assert_memory_equal(session, again, SESSION);
	/* plain PINs go on */
	expect(f.card, VERIFY, "9000");
	/* another process finds it */
	expect(f.card, LOGOUT, "9000");
	fixture_reopen(&f);
	assert_int_equal(present(f.card, 0x90, session), 0x9000);
	/* until the card is reset */
	vcard_reset(f.card);
	expect_sw(f.card, SELECT, 0x9000);
	assert_int_equal(present(f.card, 0x90, session), 0x6984);
	assert_int_equal(negotiate(f.card, 0x80, PIN, again), 0x9000);
	assert_memory_not_equal(session, again, SESSION);
	fixture_close(&f);
}

/* its own counter, and the PIN's is left alone. */
static void
test_wrong_session(void **state)
{
	uint8_t session[SESSION], wrong[SESSION];
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	assert_int_equal(negotiate(f.card, 0x80, PIN, session), 0x9000);
	memcpy(wrong, session, SESSION);
	wrong[15] ^= 1;
	expect(f.card, VERIFY, "9000");
	assert_int_equal(present(f.card, 0x90, wrong), 0x63C2);
	assert_false(info_of(f.card).pin_verified);
	assert_int_equal(present(f.card, 0x90, session), 0x9000);
	assert_int_equal(present(f.card, 0x90, wrong), 0x63C2);
	expect(f.card, "002000900131", "63C1");
	assert_int_equal(present(f.card, 0x90, wrong), 0x63C0);
	assert_int_equal(present(f.card, 0x90, session), 0x6984);
	assert_int_equal(info_of(f.card).pin_tries_left, 3);
	assert_int_equal(info_of(f.card).sessions, 0);
	assert_int_equal(negotiate(f.card, 0x80, PIN, wrong), 0x9000);
	assert_memory_not_equal(session, wrong, SESSION);
	fixture_close(&f);
}

static void
test_wrong_pin(void **state)
{
	uint8_t session[SESSION];
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	assert_int_equal(negotiate(f.card, 0x80, "111111", session), 0x63C2);
	assert_int_equal(negotiate(f.card, 0x80, "", session), 0x63C1);
	assert_int_equal(info_of(f.card).sessions, 0);
	assert_int_equal(negotiate(f.card, 0x80, PIN, session), 0x9000);
	assert_int_equal(info_of(f.card).pin_tries_left, 3);
	assert_int_equal(negotiate(f.card, 0x80, "111111", session), 0x63C2);
	assert_int_equal(negotiate(f.card, 0x80, "111111", session), 0x63C1);
	assert_int_equal(negotiate(f.card, 0x80, "111111", session), 0x63C0);
	assert_int_equal(negotiate(f.card, 0x80, PIN, session), 0x6983);
	fixture_close(&f);
}

/* A PIN that was entered at the reader: who has it verified may have a session PIN for it. */
static void
test_session_of_verified(void **state)
{
	uint8_t session[SESSION], other[SESSION];
	struct cursor answer;
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	expect(f.card, "00870080047C02870000", "6982");
	expect(f.card, VERIFY3, "9000");
	expect(f.card, "00870080047C02870000", "6982");
	expect(f.card, VERIFY, "9000");
	answer = transmit(f.card, "00870080047C02870000");
	assert_int_equal(answer.left, 4 + SESSION + 2);
	assert_memory_equal(answer.p, "\x7C\x12\x87\x10", 4);
	memcpy(session, answer.p + 4, SESSION);
	assert_int_equal(negotiate(f.card, 0x80, PIN, other), 0x9000);
	assert_memory_equal(session, other, SESSION);
	expect(f.card, LOGOUT, "9000");
	assert_int_equal(present(f.card, 0x90, session), 0x9000);
	expect(f.card, SIGN, "9000");
	expect_sw(f.card, "00870080047C02870000", 0x9000);
	fixture_close(&f);
}

/* A changed PIN takes its session PIN along, and no other's. */
static void
test_changed_pin(void **state)
{
	uint8_t user[SESSION], role[SESSION];
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	assert_int_equal(negotiate(f.card, 0x80, PIN, user), 0x9000);
	assert_int_equal(negotiate(f.card, 0x83, ROLE3_PIN, role), 0x9000);
	assert_int_equal(info_of(f.card).sessions, 1u << 1 | 1u << 3);
	assert_int_equal(present(f.card, 0x93, user), 0x63C2);
	assert_int_equal(present(f.card, 0x93, role), 0x9000);
	expect(f.card, SIGN_GUARDED, "9000");
	expect(f.card, SIGN, "6982");
	expect(f.card, "002400800C" PIN_HEX "313131313131", "9000");
	assert_int_equal(present(f.card, 0x90, user), 0x6984);
	assert_int_equal(present(f.card, 0x93, role), 0x9000);
	become_admin(f.card);
	expect(f.card, "002C028306333333333333", "9000");
	assert_int_equal(info_of(f.card).sessions, 0);
	fixture_close(&f);
}

/* The card's half is good for the next command, once, and for the PIN that it was made for. */
static void
test_agreement(void **state)
{
	uint8_t point[POINT], other[POINT], session[SESSION];
	struct fixture f;

	(void)state;
	open_with_roles(&f, VCARD_STRICT, false);
	start(f.card, 0x80, point);
	start(f.card, 0x80, other);
	assert_memory_not_equal(point, other, POINT);
	/* an old point: what comes out of the block is no PIN, which is a wrong one */
	assert_int_equal(finish(f.card, 0x80, point, PIN, session), 0x63C2);
	assert_int_equal(finish(f.card, 0x80, other, PIN, session), 0x6985);
	start(f.card, 0x80, point);
	expect(f.card, "00200080", "63C2");
	assert_int_equal(finish(f.card, 0x80, point, PIN, session), 0x6985);
	start(f.card, 0x80, point);
	assert_int_equal(finish(f.card, 0x83, point, ROLE3_PIN, session), 0x6985);
	/* another process may finish what this one began */
	start(f.card, 0x80, point);
	fixture_reopen(&f);
	assert_int_equal(finish(f.card, 0x80, point, PIN, session), 0x9000);
	expect(f.card, "00870080047C02810000", "6A80");
	expect(f.card, "0087008000", "6A80");
	expect(f.card, "00870084047C02850000", "6A86");
	/* a point that is none costs nothing */
	start(f.card, 0x80, point);
	expect(f.card,
	       "00870080677C658541"
	       "0400000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	       "000000000000000000000000000000"
	       "86200000000000000000000000000000000000000000000000000000000000000000"
	       "00",
	       "6A80");
	assert_int_equal(info_of(f.card).pin_tries_left, 3);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_role_pins),
		cmocka_unit_test(test_unblocking),
		cmocka_unit_test(test_bad_guards),
		cmocka_unit_test(test_plain_card),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_wrong_session),
		cmocka_unit_test(test_wrong_pin),
		cmocka_unit_test(test_session_of_verified),
		cmocka_unit_test(test_changed_pin),
		cmocka_unit_test(test_agreement),
	};

	return cmocka_run_group_tests_name("/vcard/role", tests, NULL, NULL);
}
