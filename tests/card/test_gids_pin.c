/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS: the user PIN. No test here may cost a try that is not asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card/gids_card.h"
#include "gids/gids.h"
#include "lib/script.h"

static struct kit strict, applet;

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	return 0;
}

static DWORD
authenticate(struct rig *rig, PIN_ID role, DWORD flags, const char *pin, size_t len, DWORD *attempts)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, role, flags, (const BYTE *)pin, (DWORD)len, NULL, NULL,
					       attempts);
}

static CARD_PIN_TRIES
tries(struct rig *rig)
{
	CARD_PIN_TRIES t = { 0xAA, 0xAA };
	DWORD len;

	assert_int_equal(rig->data.pfnCardGetProperty(&rig->data, CP_CARD_PIN_TRIES, (BYTE *)&t, sizeof(t), &len,
						      ROLE_USER),
			 SCARD_S_SUCCESS);
	return t;
}

static DWORD
sign_once(struct rig *rig)
{
	const BCRYPT_PKCS1_PADDING_INFO bare = { NULL };
	const BYTE hash[20] = { 1 };
	CARD_SIGNING_INFO sign;
	DWORD r = rig_sign(rig, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &bare, cur_of(hash, 20), &sign);

	if (r == SCARD_S_SUCCESS)
		rig->data.pfnCspFree(sign.pbSignedData);
	else
		assert_null(sign.pbSignedData);
	return r;
}

/* each wrong PIN costs one try; the one that uses up the last tells 0; then it is blocked. */
static void
test_wrong_pin(void **state)
{
	const struct kit *const kits[] = { &strict, &applet };
	struct rig rig;
	DWORD attempts;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++) {
		rig_acquire(&rig, kits[i]);
		for (DWORD left = 2; left != (DWORD)-1; left--) {
			attempts = 99;
			assert_int_equal(authenticate(&rig, ROLE_USER, 0, "654321", 6, &attempts), SCARD_W_WRONG_CHV);
			assert_int_equal(attempts, left);
			assert_int_equal(rig_exchanges(&rig), 1);
			assert_int_equal(tries(&rig).dwLeft, left);
			assert_int_equal(tries(&rig).dwMax, 3);
			(void)rig_exchanges(&rig);
		}
		attempts = 99;
		assert_int_equal(authenticate(&rig, ROLE_USER, 0, "654321", 6, &attempts), SCARD_W_CHV_BLOCKED);
		assert_int_equal(attempts, 0);
		assert_int_equal(authenticate(&rig, ROLE_USER, 0, KIT_PIN, 6, NULL), SCARD_W_CHV_BLOCKED);
		assert_int_equal(sign_once(&rig), SCARD_W_SECURITY_VIOLATION);
		rig_close(&rig);
	}
}

/* A right PIN brings the counter back and says nothing of attempts. */
static void
test_right_pin(void **state)
{
	struct rig rig;
	DWORD attempts = 99;

	(void)state;
	rig_acquire(&rig, &applet);
	assert_int_equal(authenticate(&rig, ROLE_USER, 0, "000000", 6, NULL), SCARD_W_WRONG_CHV);
	assert_int_equal(authenticate(&rig, ROLE_USER, CARD_PIN_SILENT_CONTEXT, KIT_PIN, 6, &attempts),
			 SCARD_S_SUCCESS);
	assert_int_equal(attempts, 99);
	assert_int_equal(tries(&rig).dwLeft, 3);
	assert_int_equal(sign_once(&rig), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* what is refused without asking the card, above all the empty PIN. */
static void
test_parameters(void **state)
{
	static const char long_pin[128] = "1";
	BYTE *session;
	struct rig rig;
	DWORD len, n = 99;

	(void)state;
	rig_acquire(&rig, &strict);
	rig_next(&rig);
	assert_int_equal(authenticate(&rig, ROLE_USER, 0, "", 0, &n), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(authenticate(&rig, ROLE_USER, 0, NULL, 0, &n), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(authenticate(&rig, ROLE_USER, 0, NULL, 6, &n), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(authenticate(&rig, ROLE_USER, 0, long_pin, 128, &n), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(authenticate(&rig, ROLE_USER, 0, long_pin, 0xFFFFFFFF, &n), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(authenticate(&rig, ROLE_USER, 1, KIT_PIN, 6, &n), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(authenticate(&rig, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, KIT_PIN, 6, &n),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardAuthenticateEx(&rig.data, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN,
							(const BYTE *)KIT_PIN, 6, &session, &len, &n),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(authenticate(&rig, ROLE_USER, CARD_AUTHENTICATE_SESSION_PIN, KIT_PIN, 6, &n),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(authenticate(&rig, ROLE_ADMIN, 0, KIT_PIN, 6, &n), SCARD_E_INVALID_VALUE);
	assert_int_equal(authenticate(&rig, ROLE_EVERYONE, 0, KIT_PIN, 6, &n), SCARD_E_INVALID_PARAMETER);
	for (PIN_ID role = 4; role < 10; role++)
		assert_int_equal(authenticate(&rig, role, 0, KIT_PIN, 6, &n), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig.data.pfnCardAuthenticateEx(NULL, ROLE_USER, 0, (const BYTE *)KIT_PIN, 6, NULL, NULL, &n),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(rig_exchanges(&rig), 0);
	/* whether there is a PUK the card is asked, once; a try it is not */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(authenticate(&rig, 3, 0, KIT_PIN, 6, &n), SCARD_E_INVALID_PARAMETER);
	assert_true(rig_exchanges(&rig) <= 3);
	assert_int_equal(n, 99);
	rig_close(&rig);
}

/* one command for any set with the user or the administrator, none for others. */
static void
test_deauthenticate(void **state)
{
	static const PIN_SET sets[] = { 0x02, 0x04, 0x06, 0x03, 0xFF }, nobody[] = { 0x00, 0x01, 0x08, 0xF9 };
	const struct kit *const kits[] = { &strict, &applet };
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
			assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
			assert_int_equal(sign_once(&rig), SCARD_S_SUCCESS);
			(void)rig_exchanges(&rig);
			assert_int_equal(rig.data.pfnCardDeauthenticateEx(&rig.data, sets[i], 0), SCARD_S_SUCCESS);
			assert_int_equal(rig_exchanges(&rig), 1);
			/* also where the card would go on with the key selected before */
			assert_int_equal(sign_once(&rig), SCARD_W_SECURITY_VIOLATION);
		}
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		(void)rig_exchanges(&rig);
		for (size_t i = 0; i < ARRAY_SIZE(nobody); i++)
			assert_int_equal(rig.data.pfnCardDeauthenticateEx(&rig.data, nobody[i], 0), SCARD_S_SUCCESS);
		assert_int_equal(rig.data.pfnCardDeauthenticateEx(&rig.data, 0x02, 1), SCARD_E_INVALID_PARAMETER);
		assert_int_equal(rig.data.pfnCardDeauthenticateEx(&rig.data, 0x100, 0), SCARD_E_INVALID_PARAMETER);
		assert_int_equal(rig.data.pfnCardDeauthenticateEx(NULL, 0x02, 0), SCARD_E_INVALID_PARAMETER);
		assert_int_equal(rig_exchanges(&rig), 0);
		assert_int_equal(sign_once(&rig), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* inability is told, so that the caller resets the card; trouble is told as trouble. */
static void
test_deauthenticate_fails(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	rig_faults(&rig, "1:sw=6D00;2:sw=6A86;3:sw=6986;4:silence=0");
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_logout(&rig), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(rig_logout(&rig), SCARD_E_COMM_DATA_LOST);
	rig_close(&rig);
}

/* a failed VERIFY ends an earlier one, and no key selected before is used on the strength of it. */
static void
test_wrong_after_right(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &applet);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(sign_once(&rig), SCARD_S_SUCCESS);
	assert_int_equal(rig_verify(&rig, "654321"), SCARD_W_WRONG_CHV);
	assert_int_equal(sign_once(&rig), SCARD_W_SECURITY_VIOLATION);
	rig_close(&rig);
}

/* What each status word to VERIFY means; R-068: -1 when the card does not tell. */
static void
test_status_words(void **state)
{
	static const struct {
		const char *fault;
		DWORD code, attempts;
	} rows[] = {
		{ "ins=20:sw=63C5", SCARD_W_WRONG_CHV, 5 },
		{ "ins=20:sw=63CF", SCARD_W_WRONG_CHV, CARD_DATA_VALUE_UNKNOWN },
		{ "ins=20:sw=6300", SCARD_W_WRONG_CHV, CARD_DATA_VALUE_UNKNOWN },
		{ "ins=20:sw=6302", SCARD_W_WRONG_CHV, 2 },
		{ "ins=20:sw=63C0", SCARD_W_WRONG_CHV, 0 },
		{ "ins=20:sw=6983", SCARD_W_CHV_BLOCKED, 0 },
		{ "ins=20:sw=6A88", SCARD_E_UNSUPPORTED_FEATURE, 99 },
		{ "ins=20:sw=6700", SCARD_E_INVALID_PARAMETER, 99 },
		{ "ins=20:sw=6581", SCARD_E_UNEXPECTED, 99 },
		{ "ins=20:sw=6F00", SCARD_E_UNEXPECTED, 99 },
		{ "ins=20:silence=0", SCARD_E_COMM_DATA_LOST, 99 },
		{ "ins=20:reset", SCARD_W_RESET_CARD, 99 },
		{ "ins=20:remove", SCARD_W_REMOVED_CARD, 99 },
	};
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		DWORD attempts = 99;

		rig_acquire(&rig, &strict);
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(authenticate(&rig, ROLE_USER, 0, KIT_PIN, 6, &attempts), rows[i].code);
		assert_int_equal(attempts, rows[i].attempts);
		assert_int_equal(rig_exchanges(&rig), 1);
		rig_close(&rig);
	}
}

/* M15: whatever the card says to VERIFY, it is sent once or, after a lost selection, twice; and only 9000 is success. */
static void
test_every_status_word(void **state)
{
	char fault[32];
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	for (unsigned sw = 0; sw <= 0xFFFF; sw += sw >= 0x6000 && sw < 0x7000 ? 1 : 257) {
		DWORD attempts = 99, r;

		if (sw == 0x9000)
			continue;
		snprintf(fault, sizeof(fault), "ins=20:sw=%04X", sw);
		rig_faults(&rig, fault);
		r = authenticate(&rig, ROLE_USER, 0, KIT_PIN, 6, &attempts);
		/* an answer's warning without an answer, and more without more, are no success either */
		assert_int_not_equal(r, SCARD_S_SUCCESS);
		assert_true((r == SCARD_W_WRONG_CHV) == ((sw & 0xFFF0) == 0x63C0 || (sw & 0xFFF0) == 0x6300));
		assert_true((r == SCARD_W_CHV_BLOCKED) == (sw == 0x6983));
		assert_in_range(rig_exchanges(&rig), 1, 3);
	}
	rig_faults(&rig, "");
	assert_int_equal(tries(&rig).dwLeft, 3);
	rig_close(&rig);
}

/* The PIN is hidden from every log. */
static void
test_secret(void **state)
{
	static const char text[] = "> 00 A4 04 00 09 A0 00 00 03 97 42 54 46 59 00\n"
				   "< 61 12 4F 0B A0 00 00 03 97 42 54 46 59 02 01 73 03 40 01 C0 90 00\n"
				   "> 00 20 00 80 06 ** ** ** ** ** **\n"
				   "< 63 C2\n";
	static const uint8_t atr[] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
				       0x97, 0x42, 0x54, 0x46, 0x59, 0x04, 0x01, 0xCF };
	struct io *io = script_open(text, false);
	struct rig rig;

	(void)state;
	assert_non_null(io);
	memcpy(io->atr, atr, sizeof(atr));
	io->atr_len = sizeof(atr);
	rig_over(&rig, io);
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_W_WRONG_CHV);
	assert_int_equal(script_secrets(io), 1);
	rig.io = NULL;
	rig_close(&rig);
	assert_true(script_close(&io));
}

/* Tries: the local PIN's object, else the global one's, else VERIFY without data; what works is remembered. */
static void
test_tries_sources(void **state)
{
	struct rig rig;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(tries(&rig).dwLeft, 3);
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_faults(&rig, "1:sw=6A88");
	assert_int_equal(tries(&rig).dwLeft, 3);
	assert_int_equal(rig_exchanges(&rig), 2);
	assert_int_equal(tries(&rig).dwMax, 3);
	assert_int_equal(rig_exchanges(&rig), 1);
	rig_faults(&rig, "1:sw=6A88");
	assert_int_equal(tries(&rig).dwLeft, 3);
	assert_int_equal(rig_exchanges(&rig), 2);
	assert_int_equal(tries(&rig).dwMax, CARD_DATA_VALUE_UNKNOWN);
	assert_int_equal(rig_exchanges(&rig), 1);
	/* verified: the strict card answers 9000, which tells nothing */
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(tries(&rig).dwLeft, CARD_DATA_VALUE_UNKNOWN);
	rig_faults(&rig, "ins=20:sw=6983");
	assert_int_equal(tries(&rig).dwLeft, 0);
	rig_faults(&rig, "ins=20:sw=6D00");
	assert_int_equal(tries(&rig).dwLeft, CARD_DATA_VALUE_UNKNOWN);
	(void)rig_exchanges(&rig);
	assert_int_equal(tries(&rig).dwLeft, CARD_DATA_VALUE_UNKNOWN);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* Forms of the status object: the old tag, damaged content, nothing in it. */
static void
test_tries_forms(void **state)
{
	static const struct {
		const char *fault;
		DWORD left, max;
	} rows[] = {
		{ "1:data=7F72079F17010293010A9000", 2, 10 },
		{ "1:data=7F720397010F9000", 15, CARD_DATA_VALUE_UNKNOWN },
		{ "1:data=7F7206930103970101"
		  "9000",
		  1, 3 },
		/* these fall through to the global PIN's object */
		{ "1:data=7F72009000", 3, 3 },
		{ "1:data=7F72069701FF9301"
		  "9000",
		  3, 3 },
		{ "1:data=7F72049702010390"
		  "00",
		  3, 3 },
		{ "1:data=9000", 3, 3 },
	};
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_acquire(&rig, &strict);
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(tries(&rig).dwLeft, rows[i].left);
		rig_close(&rig);
		rig_acquire(&rig, &strict);
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(tries(&rig).dwMax, rows[i].max);
		rig_close(&rig);
	}
}

/* The question for the tries is passed on when the card is gone. */
static void
test_tries_trouble(void **state)
{
	CARD_PIN_TRIES t;
	struct rig rig;
	DWORD len;

	(void)state;
	rig_acquire(&rig, &strict);
	vcard_io_remove(rig.io);
	assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_PIN_TRIES, (BYTE *)&t, sizeof(t), &len,
						     ROLE_USER),
			 SCARD_W_REMOVED_CARD);
	rig_close(&rig);
	rig_acquire(&rig, &strict);
	rig_faults(&rig, "*:silence=0");
	assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_PIN_TRIES, (BYTE *)&t, sizeof(t), &len,
						     ROLE_USER),
			 SCARD_E_COMM_DATA_LOST);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_pin),
		cmocka_unit_test(test_right_pin),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_deauthenticate),
		cmocka_unit_test(test_deauthenticate_fails),
		cmocka_unit_test(test_wrong_after_right),
		cmocka_unit_test(test_status_words),
		cmocka_unit_test(test_every_status_word),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_tries_sources),
		cmocka_unit_test(test_tries_forms),
		cmocka_unit_test(test_tries_trouble),
	};

	return cmocka_run_group_tests_name("gids/pin", tests, make_kits, free_kits);
}
