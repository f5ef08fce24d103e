/* SPDX-License-Identifier: BSD-2-Clause */
/* PINs and keys of roles: the administrator's, changed, unblocked, typed at the reader, and what stands for them. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "csp/card.h"
#include "csp/response.h"
#include "lib/fakecard.h"
#include "lib/hex.h"
#include "lib/test.h"

static const uint8_t zero_key[24];
static const uint8_t zero_answer[8] = { 0x19, 0x51, 0xEC, 0x3E, 0xF8, 0x1B, 0xBA, 0xBB };
static const struct cursor nothing;

static struct fake_csp f;

static struct fake_role *
role(uint32_t number)
{
	return &f.fake.roles[number];
}

static int
open_card(uint32_t hold_ms)
{
	struct csp_role_info roles[CSP_ROLES];
	size_t count;

	fake_csp_open(&f, hold_ms);
	fake_container(&f.fake, 0, "k", 3, 0, 2048);
	fake_container(&f.fake, 1, "l", 1, 0, 2048);
	role(ROLE_USER)->info.dwChangePermission = CSP_BY_USER;
	role(ROLE_USER)->info.dwUnblockPermission = CSP_BY_ADMIN | CSP_BY_USER;
	role(ROLE_ADMIN)->info.PinType = ChallengeResponsePinType;
	role(ROLE_ADMIN)->info.PinPurpose = AdministratorPin;
	role(ROLE_ADMIN)->info.PinCachePolicy.PinCachePolicyType = PinCacheNone;
	role(ROLE_ADMIN)->key = zero_answer;
	role(ROLE_ADMIN)->tries_hidden = true;
	fake_lock(&f);
	assert_int_equal(csp_refresh(f.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_role_list(f.card, roles, &count), SCARD_S_SUCCESS);
	fake_unlock(&f);
	(void)fake_calls(&f.fake);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return open_card(0);
}

static int
setup_held(void **state)
{
	(void)state;
	return open_card(60000);
}

static int
teardown(void **state)
{
	(void)state;
	fake_csp_close(&f);
	return 0;
}

static struct cursor
text(const char *s)
{
	return cur_of(s, strlen(s));
}

static struct cursor
zeros(void)
{
	return cur_of(zero_key, sizeof(zero_key));
}

static void
calls_are(const char *calls)
{
	assert_string_equal(fake_calls(&f.fake), calls);
}

static DWORD
login_as(uint32_t number, struct cursor secret, uint32_t *ret_tries)
{
	DWORD r;

	fake_lock(&f);
	r = csp_login(f.card, number, secret.p, secret.left, ret_tries);
	fake_unlock(&f);
	return r;
}

/* Something that the user and the administrator may do; there and back, so that it is always something. */
static DWORD
act(void)
{
	static size_t which;
	DWORD r;

	fake_lock(&f);
	(void)csp_refresh(f.card, NULL);
	which = csp_key_at(f.card, 0)->is_default ? 1 : 0;
	r = csp_default_set(f.card, csp_key_at(f.card, which)->id);
	fake_unlock(&f);
	return r;
}

static DWORD
change(struct cursor old_pin, struct cursor new_pin, uint32_t *ret_tries)
{
	DWORD r;

	fake_lock(&f);
	r = csp_pin_change(f.card, CSP_ROLE_USER, old_pin, new_pin, ret_tries);
	fake_unlock(&f);
	return r;
}

static DWORD
unblock(struct cursor key, struct cursor new_pin, uint32_t retries)
{
	DWORD r;

	fake_lock(&f);
	r = csp_pin_unblock(f.card, CSP_ROLE_USER, CSP_ROLE_ADMIN, key, new_pin, retries, NULL);
	fake_unlock(&f);
	return r;
}

/* Responses ------------------------------------------------------------------------------------------------------------ */

static void
response_is(CARD_KEY_ALGORITHM algorithm, const char *key_hex, const char *challenge_hex, const char *wanted_hex)
{
	AUTO_BUF struct buf key = BUF_INIT, challenge = BUF_INIT, response = BUF_INIT;

	assert_true(hex_put(&key, key_hex) && hex_put(&challenge, challenge_hex));
	assert_int_equal(csp_response(f.csp->crypto, algorithm, buf_cur(&key), buf_cur(&challenge), &response),
			 SCARD_S_SUCCESS);
	assert_true(hex_is(buf_cur(&response), wanted_hex));
}

#define ZEROS48 "000000000000000000000000000000000000000000000000"
#define ONES48 "010101010101010101010101010101010101010101010101"
#define COUNT48 "010203040506070801020304050607080102030405060708"
#define AES_TEXT "00112233445566778899AABBCCDDEEFF"

/* CBC, parity ignored; FIPS 197's own examples for AES */
static void
test_responses(void **state)
{
	AUTO_BUF struct buf response = BUF_INIT;

	(void)state;
	response_is(CardKeyUnknown, ZEROS48, "A892D75601617C5D", "1951EC3EF81BBABB");
	response_is(CardKey3Des, ONES48, "A892D75601617C5D", "1951EC3EF81BBABB");
	response_is(CardKeyUnknown, COUNT48, "A892D75601617C5D", "B0A1674747F4EB87");
	response_is(CardKeyUnknown, COUNT48, "A892D75601617C5DA892D75601617C5D", "B0A1674747F4EB8763AA1A900653474A");
	response_is(CardKey3Des112, "01020304050607080102030405060708", "A892D75601617C5D", "B0A1674747F4EB87");
	response_is(CardKeyUnknown, "000102030405060708090A0B0C0D0E0F", AES_TEXT, "69C4E0D86A7B0430D8CDB78070B4C55A");
	response_is(CardKeyAes192, "000102030405060708090A0B0C0D0E0F1011121314151617", AES_TEXT,
		    "DDA97CA4864CDFE06EAF70A0EC0D7191");
	response_is(CardKeyUnknown, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", AES_TEXT,
		    "8EA2B7CA516745BFEAFC49904B496089");
	assert_int_equal(csp_respond(f.csp, zeros(), cur_of(zero_key, 7), &response), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_respond(f.csp, zeros(), nothing, &response), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_respond(f.csp, cur_of(zero_key, 23), cur_of(zero_key, 8), &response),
			 SCARD_E_INVALID_PARAMETER);
}

/* A mutual authentication as it was recorded: the card shows that it has the key, too. */
static void
test_mutual(void **state)
{
	AUTO_BUF struct buf challenge = BUF_INIT, response = BUF_INIT, cryptogram = BUF_INIT;

	(void)state;
	assert_true(hex_put(&challenge, "80826A39841176E0569A82FAD69F387F101112131415161718191A1B1C1D1E1F"
					"A1A2A3A4A5A6A780"));
	assert_true(hex_put(&cryptogram, "3B967D9CCC844293725E25E7185230384A56D9AAD2BF1433B8A0DF8767F9F0E6"
					 "495163258BAC4700"));
	assert_int_equal(csp_respond(f.csp, zeros(), buf_cur(&challenge), &response), SCARD_S_SUCCESS);
	assert_true(hex_is(buf_cur(&response), "607E78D47C091FE5AFDF16D852FF2CCD695AB06D9AA599E2F5F73CFD50143D13"
					       "993B6DC36DFB3EF4"));
	assert_true(
		csp_response_mutual(f.csp->crypto, CardKey3Des, zeros(), buf_cur(&challenge), buf_cur(&cryptogram)));
	/* one that was played back, cut, or made without the key */
	assert_false(csp_response_mutual(f.csp->crypto, CardKey3Des, zeros(), buf_cur(&challenge), buf_cur(&response)));
	assert_false(csp_response_mutual(f.csp->crypto, CardKey3Des, zeros(), buf_cur(&challenge),
					 cur_of(cryptogram.p, 24)));
	cryptogram.p[0] ^= 1;
	assert_false(
		csp_response_mutual(f.csp->crypto, CardKey3Des, zeros(), buf_cur(&challenge), buf_cur(&cryptogram)));
}

static void
test_check_values(void **state)
{
	static const uint8_t count[24] = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t of_zeros[3] = { 0x8C, 0xA6, 0x4D }, of_count[3] = { 0xB0, 0x73, 0xDC };
	uint8_t value[3];

	(void)state;
	fake_lock(&f);
	assert_int_equal(csp_key_check_value(&f.card->data, CardKey3Des, zero_key, 24, value), SCARD_S_SUCCESS);
	assert_memory_equal(value, of_zeros, 3);
	assert_int_equal(csp_key_check_value(&f.card->data, CardKey3Des, count, 24, value), SCARD_S_SUCCESS);
	assert_memory_equal(value, of_count, 3);
	assert_int_equal(csp_key_check_value(&f.card->data, CardKeyAes256, count, 24, value),
			 SCARD_E_INVALID_PARAMETER);
	fake_unlock(&f);
}

/* The administrator ---------------------------------------------------------------------------------------------------- */

/* the card gets an answer, never the key, in each transaction that needs the administrator */
static void
test_administrator(void **state)
{
	(void)state;
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	(void)fake_calls(&f.fake);
	assert_int_equal(login_as(ROLE_ADMIN, zeros(), NULL), SCARD_S_SUCCESS);
	calls_are("challenge2 verify2 lock4 ");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(act(), SCARD_S_SUCCESS);
		assert_non_null(strstr(fake_calls(&f.fake), "challenge2 verify2 cardcf write-cardcf "));
	}
	fake_lock(&f);
	csp_logout(f.reader);
	fake_unlock(&f);
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
}

/* A key of a length that the card's is not costs nothing; a wrong one is forgotten. */
static void
test_wrong_key(void **state)
{
	static const uint8_t other[24] = { 2 };
	uint32_t tries = 77;

	(void)state;
	assert_int_equal(login_as(ROLE_ADMIN, cur_of(other, 16), NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(login_as(ROLE_ADMIN, cur_of(other, 23), NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(login_as(ROLE_ADMIN, nothing, NULL), SCARD_E_INVALID_PARAMETER);
	calls_are("");
	assert_int_equal(login_as(ROLE_ADMIN, cur_of(other, 24), &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, CSP_UNKNOWN);
	calls_are("challenge2 verify2 ");
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
}

static void
test_key_change(void **state)
{
	static const uint8_t new_key[24] = { 0xAB, 0xCD };
	DWORD r;

	(void)state;
	fake_lock(&f);
	assert_int_equal(csp_pin_change(f.card, CSP_ROLE_ADMIN, zeros(), cur_of(new_key, 16), NULL),
			 SCARD_E_INVALID_VALUE);
	calls_are("");
	r = csp_pin_change(f.card, CSP_ROLE_ADMIN, zeros(), cur_of(new_key, 24), NULL);
	fake_unlock(&f);
	assert_int_equal(r, SCARD_S_SUCCESS);
	assert_string_equal(role(ROLE_ADMIN)->new_pin, "abcd00000000000000000000000000000000000000000000");
	calls_are("challenge2 change2 cardcf write-cardcf lock4 ");
}

/* Changing ------------------------------------------------------------------------------------------------------------- */

/* the new PIN is kept, and others hear of it */
static void
test_change(void **state)
{
	uint8_t before = f.fake.files[1].content[1];

	(void)state;
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	(void)fake_calls(&f.fake);
	assert_int_equal(change(text("1234"), text("567890"), NULL), SCARD_S_SUCCESS);
	calls_are("change1 cardcf write-cardcf lock2 ");
	assert_int_equal(f.fake.files[1].content[1], (uint8_t)(before + 1));
	assert_string_equal(role(ROLE_USER)->pin, "567890");
	assert_int_equal(act(), SCARD_S_SUCCESS);
	assert_int_equal(role(ROLE_USER)->tries, 3);
}

static void
test_change_refused(void **state)
{
	uint32_t tries = 77;

	(void)state;
	/* known before the card is asked */
	assert_int_equal(change(text("123"), text("567890"), &tries), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(tries, CSP_UNKNOWN);
	assert_int_equal(change(text("1234"), text("567"), NULL), SCARD_E_INVALID_VALUE);
	assert_int_equal(change(text("1234"), text("12345678901234567"), NULL), SCARD_E_INVALID_VALUE);
	assert_int_equal(change(text("1234"), nothing, NULL), SCARD_E_INVALID_VALUE);
	assert_int_equal(change(nothing, text("567890"), NULL), SCARD_E_INVALID_PARAMETER);
	calls_are("");
	/* by the card */
	assert_int_equal(change(text("1234"), text("56789"), NULL), SCARD_E_INVALID_VALUE);
	assert_int_equal(change(text("4321"), text("567890"), &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	assert_int_equal(role(ROLE_USER)->tries, 2);
	assert_string_equal(role(ROLE_USER)->pin, "1234");
}

/* A wrong old PIN takes the kept one along; nothing is sent again. */
static void
test_change_forgets(void **state)
{
	(void)state;
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	assert_int_equal(change(text("4321"), text("567890"), NULL), SCARD_W_WRONG_CHV);
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(role(ROLE_USER)->tries, 2);
}

/* Whatever became of an exchange that was lost, it is not repeated: the old PIN may be wrong by now. */
static void
test_change_lost(void **state)
{
	static const DWORD codes[] = { SCARD_W_RESET_CARD, SCARD_E_COMM_DATA_LOST };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		(void)fake_calls(&f.fake);
		f.fake.fail_change = codes[i];
		assert_int_equal(change(text("1234"), text("567890"), NULL), SCARD_E_COMM_DATA_LOST);
		assert_null(strstr(strstr(fake_calls(&f.fake), "change1") + 1, "change1"));
	}
}

/* Unblocking ----------------------------------------------------------------------------------------------------------- */

/* nobody is authenticated afterwards, and only the administrator's key is still known */
static void
test_unblock(void **state)
{
	(void)state;
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	role(ROLE_USER)->tries = 0;
	(void)fake_calls(&f.fake);
	assert_int_equal(unblock(zeros(), text("567890"), 5), SCARD_S_SUCCESS);
	calls_are("challenge2 unblock1 verify1 cardcf write-cardcf lock6 ");
	assert_int_equal(role(ROLE_USER)->tries, 5);
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(login_as(ROLE_USER, text("567890"), NULL), SCARD_S_SUCCESS);
}

static void
test_unblock_kept(void **state)
{
	(void)state;
	assert_int_equal(unblock(nothing, text("567890"), 0), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(login_as(ROLE_ADMIN, zeros(), NULL), SCARD_S_SUCCESS);
	assert_int_equal(unblock(nothing, text("567"), 0), SCARD_E_INVALID_VALUE);
	assert_int_equal(unblock(nothing, text("567890"), 0), SCARD_S_SUCCESS);
	/* the key is still there */
	assert_int_equal(act(), SCARD_S_SUCCESS);
	fake_lock(&f);
	assert_int_equal(csp_pin_unblock(f.card, 1, 1, zeros(), text("5678"), 0, NULL), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_pin_unblock(f.card, 0, 2, zeros(), text("5678"), 0, NULL), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_pin_unblock(f.card, 1, 8, zeros(), text("5678"), 0, NULL), SCARD_E_UNSUPPORTED_FEATURE);
	fake_unlock(&f);
}

/* the challenge is the last thing that the card hears before its response */
static void
test_off_line(void **state)
{
	AUTO_BUF struct buf challenge = BUF_INIT, response = BUF_INIT;

	(void)state;
	role(ROLE_USER)->tries = 0;
	fake_lock(&f);
	assert_int_equal(csp_challenge(f.card, CSP_ROLE_ADMIN, &challenge), SCARD_S_SUCCESS);
	fake_unlock(&f);
	calls_are("challenge2 ");
	assert_int_equal(csp_respond(f.csp, zeros(), buf_cur(&challenge), &response), SCARD_S_SUCCESS);
	fake_lock(&f);
	assert_int_equal(csp_pin_unblock_response(f.card, 1, 2, buf_cur(&response), text("56"), 0, NULL),
			 SCARD_E_INVALID_VALUE);
	calls_are("");
	assert_int_equal(csp_pin_unblock_response(f.card, 1, 2, buf_cur(&response), text("567890"), 0, NULL),
			 SCARD_S_SUCCESS);
	fake_unlock(&f);
	calls_are("unblock1 verify1 cardcf write-cardcf lock6 ");
	assert_int_equal(login_as(ROLE_USER, text("567890"), NULL), SCARD_S_SUCCESS);
}

/* A response comes too late when the card was asked something meanwhile, or was reset. */
static void
test_off_line_stale(void **state)
{
	AUTO_BUF struct buf challenge = BUF_INIT;

	(void)state;
	for (int i = 0; i < 3; i++) {
		fake_lock(&f);
		assert_int_equal(csp_challenge(f.card, CSP_ROLE_ADMIN, &challenge), SCARD_S_SUCCESS);
		csp_txn_end(f.card);
		if (i == 0)
			assert_int_equal(csp_refresh(f.card, NULL), SCARD_S_SUCCESS);
		else if (i == 1)
			f.fake.reset = true;
		else
			assert_int_equal(csp_pin_unblock_response(f.card, 1, 2, zeros(), text("567890"), 0, NULL),
					 SCARD_W_WRONG_CHV);
		csp_txn_end(f.card);
		(void)fake_calls(&f.fake);
		assert_int_equal(csp_pin_unblock_response(f.card, 1, 2, cur_of(zero_answer, 8), text("567890"), 0,
							  NULL),
				 SCARD_E_INVALID_VALUE);
		calls_are(i == 1 ? "reconnect " : "");
		fake_unlock(&f);
	}
	fake_lock(&f);
	assert_int_equal(csp_challenge(f.card, CSP_ROLE_USER, &challenge), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_challenge(f.card, 0, &challenge), SCARD_E_UNSUPPORTED_FEATURE);
	fake_unlock(&f);
}

/* What stands for a PIN ------------------------------------------------------------------------------------------------- */

static void
read_anew(void)
{
	fake_counters(&f.fake, (uint8_t)(f.fake.files[1].content[1] + 7), 0, 0);
	fake_lock(&f);
	csp_txn_end(f.card);
	assert_int_equal(csp_refresh(f.card, NULL), SCARD_S_SUCCESS);
	fake_unlock(&f);
	(void)fake_calls(&f.fake);
}

/* what is kept of the PIN is a session PIN, where the card has them */
static void
test_session_pin(void **state)
{
	uint32_t tries = 77;

	(void)state;
	role(ROLE_USER)->has_sessions = true;
	read_anew();
	assert_int_equal(login_as(ROLE_USER, text("4321"), &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	calls_are("generate1 ");
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	calls_are("generate1 session1 lock2 ");
	assert_int_equal(act(), SCARD_S_SUCCESS);
	assert_non_null(strstr(fake_calls(&f.fake), "session1 "));
	/* it ends with the card's power, or with the PIN: no try of the PIN is lost */
	role(ROLE_USER)->session[0] = '\0';
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(role(ROLE_USER)->tries, 3);
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	(void)fake_calls(&f.fake);
	assert_int_equal(change(text("1234"), text("567890"), NULL), SCARD_S_SUCCESS);
	assert_int_equal(act(), SCARD_S_SUCCESS);
	assert_non_null(strstr(fake_calls(&f.fake), "session1 "));
}

/* the reader asks, whenever the card has to be unlocked; bytes do as well */
static void
test_external_pin(void **state)
{
	(void)state;
	role(ROLE_USER)->info.PinType = ExternalPinType;
	(void)snprintf(role(ROLE_USER)->typed, sizeof(role(ROLE_USER)->typed), "1234");
	read_anew();
	assert_int_equal(login_as(ROLE_USER, nothing, NULL), SCARD_S_SUCCESS);
	calls_are("verify1 lock2 ");
	assert_int_equal(act(), SCARD_S_SUCCESS);
	assert_non_null(strstr(fake_calls(&f.fake), "verify1 "));
	/* who presses the wrong key is asked again next time */
	role(ROLE_USER)->typed[0] = '\0';
	assert_int_equal(act(), SCARD_W_CANCELLED_BY_USER);
	(void)snprintf(role(ROLE_USER)->typed, sizeof(role(ROLE_USER)->typed), "1234");
	assert_int_equal(act(), SCARD_S_SUCCESS);
	/* who types a wrong one has to log in again */
	(void)snprintf(role(ROLE_USER)->typed, sizeof(role(ROLE_USER)->typed), "4321");
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	(void)fake_calls(&f.fake);
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_null(strstr(fake_calls(&f.fake), "verify1"));
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	/* both at the reader */
	(void)snprintf(role(ROLE_USER)->typed, sizeof(role(ROLE_USER)->typed), "1234");
	assert_int_equal(change(nothing, nothing, NULL), SCARD_S_SUCCESS);
}

/* */
static void
test_secure_entry(void **state)
{
	(void)state;
	role(ROLE_USER)->info.PinType = ExternalPinType;
	role(ROLE_USER)->info.dwFlags = PIN_INFO_REQUIRE_SECURE_ENTRY;
	read_anew();
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_E_UNSUPPORTED_FEATURE);
	calls_are("");
}

/* Whoever does not want the reader to ask types here. */
static void
test_no_keypads(void **state)
{
	struct csp_token_info info;

	(void)state;
	f.csp->no_keypads = true;
	role(ROLE_USER)->info.PinType = ExternalPinType;
	read_anew();
	assert_int_equal(login_as(ROLE_USER, nothing, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	fake_lock(&f);
	assert_int_equal(csp_token_info(f.card, &info), SCARD_S_SUCCESS);
	assert_false(info.pin_at_reader);
	fake_unlock(&f);
}

/* Lists ---------------------------------------------------------------------------------------------------------------- */

static void
test_roles(void **state)
{
	struct csp_role_info roles[CSP_ROLES];
	size_t count = 0;

	(void)state;
	fake_lock(&f);
	assert_int_equal(csp_role_list(f.card, roles, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 2);
	assert_int_equal(roles[0].role, CSP_ROLE_USER);
	assert_int_equal(roles[0].type, CSP_PIN_TYPED);
	assert_int_equal(roles[0].change_roles, CSP_ROLE_BIT(CSP_ROLE_USER));
	/* the role's own bit does not count */
	assert_int_equal(roles[0].unblock_roles, CSP_ROLE_BIT(CSP_ROLE_ADMIN));
	assert_int_equal(roles[0].tries_left, 3);
	assert_int_equal(roles[0].pin_min, 4);
	assert_int_equal(roles[0].pin_max, 16);
	assert_int_equal(roles[1].type, CSP_PIN_CHALLENGE);
	assert_int_equal(roles[1].purpose, CSP_PURPOSE_ADMINISTRATOR);
	assert_int_equal(roles[1].tries_left, CSP_UNKNOWN);
	/* one that only unblocks is not among the card's PINs, but tells of itself */
	role(5)->info.PinPurpose = UnblockOnlyPin;
	assert_int_equal(csp_role_list(f.card, roles, &count), SCARD_S_SUCCESS);
	assert_int_equal(count, 3);
	assert_int_equal(roles[2].role, 5);
	fake_unlock(&f);
}

/* With one try left only a PIN that the user has just given is sent: nothing that is kept, whatever is to be done. */
static void
test_last_try(void **state)
{
	(void)state;
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	role(ROLE_USER)->tries = 1;
	read_anew();
	for (int i = 0; i < 3; i++) {
		fake_lock(&f);
		if (i == 0)
			assert_int_equal(csp_default_set(f.card, csp_key_at(f.card, 1)->id),
					 SCARD_W_CARD_NOT_AUTHENTICATED);
		else if (i == 1)
			assert_int_equal(csp_key_delete(f.card, csp_key_at(f.card, 1)->id),
					 SCARD_W_CARD_NOT_AUTHENTICATED);
		else
			assert_int_equal(csp_cert_delete(f.card, csp_key_at(f.card, 1)->id),
					 SCARD_W_CARD_NOT_AUTHENTICATED);
		fake_unlock(&f);
		assert_null(strstr(fake_calls(&f.fake), "verify1"));
	}
	assert_int_equal(role(ROLE_USER)->tries, 1);
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	assert_int_equal(act(), SCARD_S_SUCCESS);
}

/* keys and containers are the user's affair, whoever guards the keys */
static void
test_user_manages(void **state)
{
	(void)state;
	f.fake.container_role = 5;
	read_anew();
	assert_int_equal(login_as(5, text("1234"), NULL), SCARD_S_SUCCESS);
	(void)fake_calls(&f.fake);
	fake_lock(&f);
	assert_int_equal(csp_key_at(f.card, 1)->role, 5);
	assert_int_equal(csp_key_delete(f.card, csp_key_at(f.card, 1)->id), SCARD_W_CARD_NOT_AUTHENTICATED);
	fake_unlock(&f);
	assert_int_equal(act(), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	assert_int_equal(act(), SCARD_S_SUCCESS);
}

/* what can only change elsewhere is looked after, and never written */
static void
test_read_only(void **state)
{
	struct csp_finding *findings;
	size_t count;

	(void)state;
	fake_card_pull(f.slot, &f.fake);
	f.fake.read_only = true;
	fake_card_put(f.slot, &f.fake);
	assert_int_equal(csp_poll(f.csp, true), SCARD_S_SUCCESS);
	fake_lock(&f);
	assert_int_equal(csp_refresh(f.card, NULL), SCARD_S_SUCCESS);
	fake_unlock(&f);
	(void)fake_calls(&f.fake);
	fake_lock(&f);
	assert_int_equal(csp_refresh(f.card, NULL), SCARD_S_SUCCESS);
	fake_unlock(&f);
	calls_are("cardcf ");
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	assert_int_equal(act(), SCARD_E_READ_ONLY_CARD);
	assert_int_equal(change(text("1234"), text("567890"), NULL), SCARD_E_READ_ONLY_CARD);
	assert_int_equal(unblock(zeros(), text("567890"), 0), SCARD_E_READ_ONLY_CARD);
	fake_lock(&f);
	assert_int_equal(csp_check(f.card, true, &findings, &count), SCARD_E_READ_ONLY_CARD);
	fake_unlock(&f);
	assert_null(strstr(fake_calls(&f.fake), "write"));
}

/* The administrator's key serves in a transaction that the user's PIN has opened, and the other way round. */
static void
test_both(void **state)
{
	(void)state;
	assert_int_equal(login_as(ROLE_USER, text("1234"), NULL), SCARD_S_SUCCESS);
	assert_int_equal(login_as(ROLE_ADMIN, zeros(), NULL), SCARD_S_SUCCESS);
	calls_are("verify1 challenge2 verify2 ");
	assert_int_equal(act(), SCARD_S_SUCCESS);
	assert_null(strstr(fake_calls(&f.fake), "verify"));
}

#define TEST(name, prepare) cmocka_unit_test_setup_teardown(name, prepare, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_responses, setup),	 TEST(test_check_values, setup),   TEST(test_mutual, setup),
		TEST(test_administrator, setup), TEST(test_wrong_key, setup),	   TEST(test_key_change, setup),
		TEST(test_change, setup),	 TEST(test_change_refused, setup), TEST(test_change_forgets, setup),
		TEST(test_change_lost, setup),	 TEST(test_unblock, setup),	   TEST(test_unblock_kept, setup),
		TEST(test_off_line, setup),	 TEST(test_off_line_stale, setup), TEST(test_session_pin, setup),
		TEST(test_external_pin, setup),	 TEST(test_secure_entry, setup),   TEST(test_no_keypads, setup),
		TEST(test_roles, setup),	 TEST(test_last_try, setup),	   TEST(test_both, setup_held),
		TEST(test_user_manages, setup),	 TEST(test_read_only, setup),
	};

	return cmocka_run_group_tests_name("csp: PINs and keys of roles", tests, NULL, NULL);
}
