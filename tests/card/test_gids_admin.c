/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GIDS: the administrator's challenge and response, PINs changed and unblocked by administrator and PUK, the key changed,
 * in the forms of versions 4 and 6, at a pinpad, and with cards pulled at every exchange.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "card/gids_card.h"
#include "gids/gids.h"
#include "vcard/key.h"

#define NEW_PIN "9876543"
#define INVALID SCARD_E_INVALID_PARAMETER
/* What a card says to SELECT that knows the mutual form only. */
#define MUTUAL "ins=A4@1:data=61124F0BA00000039742544659020173034001809000"

static struct kit strict, applet, puk;
static const struct kit *const kits[] = { &strict, &applet };

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true }, true);
	kit_make(&puk, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true, .puk = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&puk);
	return 0;
}

/* The calls ----------------------------------------------------------------------------------------------------------- */

static DWORD
respond(struct rig *rig, const BYTE *response, size_t len, DWORD *ret_tries)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_ADMIN, 0, response, (DWORD)len, NULL, NULL, ret_tries);
}

/* A challenge and the right response to it. */
static size_t
challenge(struct rig *rig, BYTE ret_response[64])
{
	BYTE bytes[64];
	size_t len;

	assert_int_equal(rig_challenge(rig, bytes, sizeof(bytes), &len), SCARD_S_SUCCESS);
	rig_respond(NULL, 0, cur_of(bytes, len), ret_response);
	return len;
}

static DWORD
change(struct rig *rig, DWORD flags, PIN_ID authority, const void *proof, size_t proof_len, PIN_ID target,
       const char *pin, DWORD *ret_tries)
{
	return rig->data.pfnCardChangeAuthenticatorEx(&rig->data, flags, authority, proof, (DWORD)proof_len, target,
						      (const BYTE *)pin, pin != NULL ? (DWORD)strlen(pin) : 0, 0,
						      ret_tries);
}

static DWORD
change_pin(struct rig *rig, const char *old, const char *new, DWORD *ret_tries)
{
	return change(rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, old, strlen(old), ROLE_USER, new, ret_tries);
}

static DWORD
unblock(struct rig *rig, const char *pin)
{
	BYTE response[64];
	size_t len = challenge(rig, response);

	return change(rig, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, response, len, ROLE_USER, pin, NULL);
}

/* Only the administrator makes such a file, and only the user signs. */
static bool
is_admin(struct rig *rig)
{
	CARD_DATA *d = &rig->data;
	DWORD r = d->pfnCardCreateFile(d, NULL, "admins", 4, AdminReadWriteAc);

	if (r == SCARD_S_SUCCESS)
		r = d->pfnCardDeleteFile(d, NULL, "admins", 0);
	else
		assert_int_equal(r, SCARD_W_SECURITY_VIOLATION);
	return r == SCARD_S_SUCCESS;
}

static bool
is_user(struct rig *rig)
{
	static const BYTE digest[32] = { 1 };
	CARD_SIGNING_INFO info;
	DWORD r = rig_sign(rig, 1, AT_ECDSA_P256, CARD_PADDING_NONE, NULL, cur_of(digest, sizeof(digest)), &info);

	if (r == SCARD_S_SUCCESS)
		rig->data.pfnCspFree(info.pbSignedData);
	else
		assert_int_equal(r, SCARD_W_SECURITY_VIOLATION);
	return r == SCARD_S_SUCCESS;
}

static DWORD
tries_left(struct rig *rig, PIN_ID role)
{
	CARD_PIN_TRIES tries;
	DWORD len;

	assert_int_equal(rig->data.pfnCardGetProperty(&rig->data, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries),
						      &len, role),
			 SCARD_S_SUCCESS);
	return tries.dwLeft;
}

static void
block(struct rig *rig)
{
	for (DWORD i = 0; i < 3; i++)
		assert_int_equal(rig_verify(rig, "000000"), SCARD_W_WRONG_CHV);
	assert_int_equal(rig_verify(rig, KIT_PIN), SCARD_W_CHV_BLOCKED);
}

/* Challenge and response ------------------------------------------------------------------------------------------------ */

/* eight bytes, answered by libcrypto's 3DES; R-049: and the user stays authenticated beside the administrator */
static void
test_external(void **state)
{
	BYTE response[64];
	struct rig rig;
	DWORD tries = 99;
	size_t len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_false(is_admin(&rig));
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		(void)rig_exchanges(&rig);
		len = challenge(&rig, response);
		assert_int_equal(len, 8);
		assert_int_equal(rig_exchanges(&rig), 2);
		assert_int_equal(respond(&rig, response, len, &tries), SCARD_S_SUCCESS);
		assert_int_equal(rig_exchanges(&rig), 1);
		assert_int_equal(tries, 99);
		assert_true(is_admin(&rig));
		assert_true(is_user(&rig));
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_false(is_admin(&rig));
		rig_close(&rig);
	}
}

/* The clear text of both sides' numbers; the card's answer proves that it has the key. */
static void
test_mutual(void **state)
{
	BYTE clear[64], response[64], proof_clear[64], *proof = NULL;
	struct vcard_crypto crypto = { NULL };
	static const BYTE key[KIT_ADMIN_KEY_LEN];
	DWORD proof_len = 0;
	struct rig rig;
	size_t len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_open(&rig, kits[k]);
		rig_faults(&rig, MUTUAL);
		assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
		assert_int_equal(rig_challenge(&rig, clear, sizeof(clear), &len), SCARD_S_SUCCESS);
		assert_int_equal(len, 40);
		assert_int_equal(clear[39], 0x80);
		rig_respond(NULL, 0, cur_of(clear, len), response);
		assert_int_equal(rig.data.pfnCardAuthenticateEx(&rig.data, ROLE_ADMIN, 0, response, 40, &proof,
								&proof_len, NULL),
				 SCARD_S_SUCCESS);
		assert_int_equal(proof_len, 40);
		assert_true(vcard_des3_cbc(&crypto, cur_of(key, sizeof(key)), false, proof, 40, proof_clear));
		assert_memory_equal(proof_clear, clear + 16, 16);
		assert_memory_equal(proof_clear + 16, clear, 16);
		rig.data.pfnCspFree(proof);
		assert_true(is_admin(&rig));
		/* and a card that proves nothing */
		assert_int_equal(rig_challenge(&rig, clear, sizeof(clear), &len), SCARD_S_SUCCESS);
		rig_respond(NULL, 0, cur_of(clear, len), response);
		rig_faults(&rig, "ins=87:empty");
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_E_COMM_DATA_LOST);
		rig_close(&rig);
		vcard_crypto_free(&crypto);
	}
}

/* The key's algorithm is what its file says, and decides how much each side adds; asked for once. */
static void
test_algorithms(void **state)
{
	static const struct {
		const char *fault;
		CARD_KEY_ALGORITHM algorithm;
		DWORD key_len;
		size_t challenge_len;
	} rows[] = {
		{ "01", CardKey3Des112, 16, 40 }, { "02", CardKey3Des, 24, 40 },   { "03", CardKeyAes128, 16, 48 },
		{ "04", CardKeyAes192, 24, 48 },  { "05", CardKeyAes256, 32, 64 }, { "77", CardKey3Des, 24, 40 },
	};
	char fault[160];
	CARD_CHALLENGE_KEY told;
	BYTE clear[96];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_open(&rig, &strict);
		snprintf(fault, sizeof(fault),
			 MUTUAL ";ins=A4@2:data=621A8201188302B0808C04870020FFA50BA40980"
				"01%s8301809501C09000",
			 rows[i].fault);
		rig_faults(&rig, fault);
		assert_int_equal(registry_acquire(d, &rig.memory), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_CHALLENGE_KEY, (BYTE *)&told, sizeof(told), &len,
						       ROLE_ADMIN),
				 SCARD_S_SUCCESS);
		assert_int_equal(told.Algorithm, rows[i].algorithm);
		assert_int_equal(told.cbKey, rows[i].key_len);
		(void)rig_exchanges(&rig);
		assert_int_equal(rig_challenge(&rig, clear, sizeof(clear), &n), SCARD_S_SUCCESS);
		assert_int_equal(rig_exchanges(&rig), 2);
		assert_int_equal(n, rows[i].challenge_len);
		assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_CHALLENGE_KEY, (BYTE *)&told, sizeof(told), &len,
						       ROLE_USER),
				 SCARD_E_INVALID_PARAMETER);
		rig_close(&rig);
	}
}

/* 300 in a row differ */
static void
test_challenges_differ(void **state)
{
	static BYTE seen[300][8];
	struct rig rig;
	size_t len;

	(void)state;
	rig_acquire(&rig, &strict);
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		assert_int_equal(rig_challenge(&rig, seen[i], sizeof(seen[i]), &len), SCARD_S_SUCCESS);
		assert_int_equal(len, 8);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(seen[i], seen[j], 8);
	}
	rig_close(&rig);
}

/* a wrong response says so, leaves nobody authenticated, and costs no try of anything */
static void
test_wrong_response(void **state)
{
	BYTE response[64];
	struct rig rig;
	size_t len;
	DWORD tries;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (unsigned i = 0; i < 5; i++) {
			len = challenge(&rig, response);
			response[i] ^= 1;
			tries = 99;
			assert_int_equal(respond(&rig, response, len, &tries), SCARD_W_WRONG_CHV);
			assert_int_equal(tries, CARD_DATA_VALUE_UNKNOWN);
			assert_false(is_admin(&rig));
		}
		/* a challenge is asked of an administrator who is authenticated: he is not any more until he answers */
		assert_int_equal(rig_admin(&rig), SCARD_S_SUCCESS);
		len = challenge(&rig, response);
		response[0] ^= 1;
		assert_int_equal(respond(&rig, response, len, &tries), SCARD_W_WRONG_CHV);
		assert_false(is_admin(&rig));
		assert_int_equal(rig_admin(&rig), SCARD_S_SUCCESS);
		assert_int_equal(tries_left(&rig, ROLE_USER), 3);
		rig_close(&rig);
	}
}

/* a challenge is good for one response, until the next command, and not after a reset; all of that is free */
static void
test_stale_challenge(void **state)
{
	BYTE response[64];
	struct rig rig;
	size_t len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		/* none at all */
		memset(response, 0, sizeof(response));
		assert_int_equal(respond(&rig, response, 8, NULL), SCARD_E_INVALID_VALUE);
		assert_int_equal(rig_exchanges(&rig), 0);
		/* answered already */
		len = challenge(&rig, response);
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_S_SUCCESS);
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_E_INVALID_VALUE);
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		/* something between */
		len = challenge(&rig, response);
		rig_next(&rig);
		assert_int_equal(rig_read(&rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
		(void)rig_exchanges(&rig);
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_E_INVALID_VALUE);
		assert_int_equal(rig_exchanges(&rig), 0);
		/* another transaction alone is nothing between */
		len = challenge(&rig, response);
		rig_next(&rig);
		assert_int_equal(respond(&rig, response, len - 1, NULL), INVALID);
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_S_SUCCESS);
		assert_true(is_admin(&rig));
		/* the card was reset, and the caller says so, or nobody does */
		len = challenge(&rig, response);
		vcard_reset(rig.card);
		assert_int_equal(rig.data.pfnCardReconnect(&rig.data), SCARD_S_SUCCESS);
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_E_INVALID_VALUE);
		len = challenge(&rig, response);
		vcard_reset(rig.card);
		rig_next(&rig);
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_E_INVALID_VALUE);
		assert_int_equal(rig_admin(&rig), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* M15, M19: nonsense in place of a challenge, and every refusal */
static void
test_bad_challenges(void **state)
{
	static const struct {
		const char *fault;
		DWORD expected;
	} rows[] = {
		{ "ins=87:empty", SCARD_E_COMM_DATA_LOST },
		{ "ins=87:cut=1", SCARD_E_COMM_DATA_LOST },
		{ "ins=87:data=7C0281009000", SCARD_E_COMM_DATA_LOST },
		{ "ins=87:data=7C0681040102030"
		  "49000",
		  SCARD_E_COMM_DATA_LOST },
		{ "ins=87:data=7C0A82080102030405060708"
		  "9000",
		  SCARD_E_COMM_DATA_LOST },
		{ "ins=87:extend=00", SCARD_E_COMM_DATA_LOST },
		{ "ins=87:sw=6D00", SCARD_E_UNSUPPORTED_FEATURE },
		{ "ins=87:sw=6985", SCARD_E_UNSUPPORTED_FEATURE },
		{ "ins=22:sw=6984", SCARD_E_UNSUPPORTED_FEATURE },
		{ "*:remove", SCARD_W_REMOVED_CARD },
	};
	BYTE bytes[64];
	struct rig rig;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_acquire(&rig, &strict);
		rig_faults(&rig, rows[i].fault);
		assert_int_equal(rig_challenge(&rig, bytes, sizeof(bytes), &len), rows[i].expected);
		assert_int_equal(respond(&rig, bytes, 8, NULL), SCARD_E_INVALID_VALUE);
		rig_close(&rig);
	}
	rig_acquire(&rig, &strict);
	rig_fail_alloc(1);
	assert_int_equal(rig_challenge(&rig, bytes, sizeof(bytes), &len), ERROR_NOT_ENOUGH_MEMORY);
	assert_int_equal(respond(&rig, bytes, 8, NULL), SCARD_E_INVALID_VALUE);
	rig_close(&rig);
}

/* Unblocking ------------------------------------------------------------------------------------------------------------ */

/* the administrator unblocks; nobody is authenticated afterwards; all tries are back */
static void
test_unblock(void **state)
{
	struct rig rig;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		block(&rig);
		assert_int_equal(unblock(&rig, NEW_PIN), SCARD_S_SUCCESS);
		assert_int_equal(tries_left(&rig, ROLE_USER), 3);
		assert_false(is_user(&rig));
		assert_false(is_admin(&rig));
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_W_WRONG_CHV);
		assert_int_equal(rig_verify(&rig, NEW_PIN), SCARD_S_SUCCESS);
		/* also what was authenticated before is not any more */
		assert_true(is_user(&rig));
		assert_int_equal(unblock(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_false(is_user(&rig));
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* what the card does not take, and a wrong response: nothing has changed, nobody is authenticated */
static void
test_unblock_refused(void **state)
{
	char long_pin[200];
	BYTE response[64];
	struct rig rig;
	CARD_DATA *d = &rig.data;
	size_t len;

	(void)state;
	memset(long_pin, '1', sizeof(long_pin));
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		for (size_t n = 0; n < 4; n++) {
			static const size_t lengths[] = { 3, 17, 127, 130 };

			assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
			long_pin[lengths[n]] = '\0';
			assert_int_equal(unblock(&rig, long_pin), SCARD_E_INVALID_CHV);
			long_pin[lengths[n]] = '1';
			assert_false(is_user(&rig));
			assert_false(is_admin(&rig));
		}
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		len = challenge(&rig, response);
		response[7] ^= 0x80;
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, response, len, ROLE_USER, NEW_PIN,
					NULL),
				 SCARD_W_WRONG_CHV);
		assert_false(is_user(&rig));
		assert_false(is_admin(&rig));
		/* no challenge: not even that */
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		(void)rig_exchanges(&rig);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, response, len, ROLE_USER, NEW_PIN,
					NULL),
				 SCARD_E_INVALID_VALUE);
		assert_int_equal(rig_exchanges(&rig), 0);
		/* a number of tries cannot be set, and the challenge is void then */
		len = challenge(&rig, response);
		assert_int_equal(d->pfnCardChangeAuthenticatorEx(d, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, response,
								 (DWORD)len, ROLE_USER, (const BYTE *)NEW_PIN, 7, 5,
								 NULL),
				 INVALID);
		assert_int_equal(respond(&rig, response, len, NULL), SCARD_E_INVALID_VALUE);
		len = challenge(&rig, response);
		assert_int_equal(d->pfnCardChangeAuthenticatorEx(d, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, response,
								 (DWORD)len, ROLE_USER, (const BYTE *)NEW_PIN, 7,
								 CARD_DATA_VALUE_UNKNOWN, NULL),
				 SCARD_S_SUCCESS);
		assert_int_equal(rig_verify(&rig, NEW_PIN), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* a card with a PUK has it in the administrator's place; it counts, and does nothing but unblock */
static void
test_puk(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;
	PIN_INFO info;
	DWORD len, tries, pins;

	(void)state;
	rig_acquire(&rig, &puk);
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len, GIDS_ROLE_PUK),
			 SCARD_S_SUCCESS);
	assert_int_equal(info.PinType, AlphaNumericPinType);
	assert_int_equal(info.PinPurpose, UnblockOnlyPin);
	assert_int_equal(info.dwChangePermission, CREATE_PIN_SET(GIDS_ROLE_PUK));
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_LIST_PINS, (BYTE *)&pins, sizeof(pins), &len, 0),
			 SCARD_S_SUCCESS);
	assert_int_equal(pins, 0x0E);
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len, ROLE_USER),
			 SCARD_S_SUCCESS);
	assert_int_equal(info.dwUnblockPermission, CREATE_PIN_SET(GIDS_ROLE_PUK));
	assert_int_equal(d->pfnCardAuthenticateEx(d, GIDS_ROLE_PUK, 0, (const BYTE *)KIT_PUK, 8, NULL, NULL, NULL),
			 SCARD_E_UNSUPPORTED_FEATURE);
	block(&rig);
#define BY_PUK(value, pin)                                                                                             \
	change(&rig, PIN_CHANGE_FLAG_UNBLOCK, GIDS_ROLE_PUK, value, strlen(value), ROLE_USER, pin, &tries)
	assert_int_equal(BY_PUK("00000000", NEW_PIN), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	assert_int_equal(tries_left(&rig, GIDS_ROLE_PUK), 2);
	assert_int_equal(BY_PUK(KIT_PUK, NEW_PIN), SCARD_S_SUCCESS);
	assert_false(is_user(&rig));
	assert_int_equal(rig_verify(&rig, NEW_PIN), SCARD_S_SUCCESS);
	assert_int_equal(BY_PUK(KIT_PUK, "123"), SCARD_E_INVALID_CHV);
	assert_false(is_user(&rig));
	/* its own change */
	assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, GIDS_ROLE_PUK, KIT_PUK, 8, GIDS_ROLE_PUK, "11112222",
				&tries),
			 SCARD_S_SUCCESS);
	for (DWORD i = 3; i-- > 0;) {
		assert_int_equal(BY_PUK(KIT_PUK, KIT_PIN), SCARD_W_WRONG_CHV);
		assert_int_equal(tries, i);
	}
	assert_int_equal(BY_PUK("11112222", KIT_PIN), SCARD_W_CHV_BLOCKED);
	assert_int_equal(tries, 0);
	assert_int_equal(rig_verify(&rig, NEW_PIN), SCARD_S_SUCCESS);
	rig_close(&rig);
	/* a card without one says so */
	rig_acquire(&rig, &strict);
	assert_int_equal(BY_PUK(KIT_PUK, NEW_PIN), INVALID);
	rig_close(&rig);
}

/* Changes --------------------------------------------------------------------------------------------------------------- */

/* the old PIN is counted, the new one is in force, and the user authenticated; R-052: bytes of any value */
static void
test_change_pin(void **state)
{
	static const char odd[] = "\xC4 \x01\xFF\x80";
	struct rig rig;
	DWORD tries;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		tries = 99;
		rig_acquire(&rig, kits[k]);
		assert_int_equal(change_pin(&rig, KIT_PIN, NEW_PIN, &tries), SCARD_S_SUCCESS);
		assert_int_equal(tries, 99);
		assert_true(is_user(&rig));
		assert_int_equal(change_pin(&rig, "000000", KIT_PIN, &tries), SCARD_W_WRONG_CHV);
		assert_int_equal(tries, 2);
		assert_false(is_user(&rig));
		assert_int_equal(change_pin(&rig, NEW_PIN, "123", &tries), SCARD_E_INVALID_CHV);
		assert_int_equal(change_pin(&rig, NEW_PIN, "01234567890123456", &tries), SCARD_E_INVALID_CHV);
		assert_false(is_user(&rig));
		assert_int_equal(tries_left(&rig, ROLE_USER), 3);
		assert_int_equal(change_pin(&rig, NEW_PIN, odd, &tries), SCARD_S_SUCCESS);
		assert_int_equal(rig_verify(&rig, odd), SCARD_S_SUCCESS);
		assert_int_equal(change_pin(&rig, odd, KIT_PIN, &tries), SCARD_S_SUCCESS);
		for (DWORD i = 3; i-- > 0;) {
			assert_int_equal(change_pin(&rig, "000000", NEW_PIN, &tries), SCARD_W_WRONG_CHV);
			assert_int_equal(tries, i);
		}
		assert_int_equal(change_pin(&rig, KIT_PIN, NEW_PIN, &tries), SCARD_W_CHV_BLOCKED);
		assert_int_equal(tries, 0);
		rig_close(&rig);
	}
}

static DWORD
change_key(struct rig *rig, const BYTE *old, const BYTE *new, size_t new_len)
{
	BYTE bytes[64], response[64];
	size_t len;

	assert_int_equal(rig_challenge(rig, bytes, sizeof(bytes), &len), SCARD_S_SUCCESS);
	rig_respond(old, KIT_ADMIN_KEY_LEN, cur_of(bytes, len), response);
	return rig->data.pfnCardChangeAuthenticatorEx(&rig->data, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_ADMIN, response,
						      (DWORD)len, ROLE_ADMIN, new, (DWORD)new_len, 0, NULL);
}

/* another key for the administrator, who stays; keys that differ in parity bits are one key */
static void
test_change_key(void **state)
{
	BYTE key[KIT_ADMIN_KEY_LEN], parity[KIT_ADMIN_KEY_LEN];
	CARD_CHALLENGE_KEY told;
	struct rig rig;
	DWORD len;

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++) {
		key[i] = (BYTE)(0x12 + 7 * i);
		parity[i] = key[i] ^ 1;
	}
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(rig.data.pfnCardGetProperty(&rig.data, CP_CARD_CHALLENGE_KEY, (BYTE *)&told,
							     sizeof(told), &len, ROLE_ADMIN),
				 SCARD_S_SUCCESS);
		assert_int_equal(told.Algorithm, CardKey3Des);
		assert_int_equal(told.cbKey, 24);
		assert_int_equal(change_key(&rig, NULL, key, 16), SCARD_E_INVALID_CHV);
		assert_int_equal(change_key(&rig, NULL, key, sizeof(key)), SCARD_S_SUCCESS);
		assert_true(is_admin(&rig));
		assert_int_equal(change_key(&rig, NULL, key, sizeof(key)), SCARD_W_WRONG_CHV);
		assert_false(is_admin(&rig));
		assert_int_equal(rig_admin(&rig), SCARD_W_WRONG_CHV);
		assert_int_equal(rig_admin_with(&rig, parity), SCARD_S_SUCCESS);
		assert_true(is_admin(&rig));
		rig_close(&rig);
	}
}

/* before anything is sent */
static void
test_parameters(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;
	BYTE bytes[24] = { 0 }, *out = NULL;
	DWORD len, tries;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(d->pfnCardGetChallengeEx(NULL, ROLE_ADMIN, &out, &len, 0), INVALID);
	assert_int_equal(d->pfnCardGetChallengeEx(d, ROLE_ADMIN, NULL, &len, 0), INVALID);
	assert_int_equal(d->pfnCardGetChallengeEx(d, ROLE_ADMIN, &out, NULL, 0), INVALID);
	assert_int_equal(d->pfnCardGetChallengeEx(d, ROLE_ADMIN, &out, &len, 1), INVALID);
	assert_int_equal(d->pfnCardGetChallengeEx(d, ROLE_USER, &out, &len, 0), INVALID);
	assert_int_equal(d->pfnCardGetChallengeEx(d, ROLE_EVERYONE, &out, &len, 0), INVALID);
	assert_int_equal(d->pfnCardGetChallengeEx(d, MAX_PINS, &out, &len, 0), INVALID);
	assert_null(out);
#define CHANGE(flags, authority, target) change(&rig, flags, authority, bytes, 8, target, NEW_PIN, &tries)
	assert_int_equal(CHANGE(0, ROLE_USER, ROLE_USER), INVALID);
	assert_int_equal(CHANGE(3, ROLE_USER, ROLE_USER), INVALID);
	assert_int_equal(CHANGE(4, ROLE_USER, ROLE_USER), INVALID);
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_CHANGEPIN, ROLE_EVERYONE, ROLE_USER), INVALID);
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_CHANGEPIN, ROLE_ADMIN, ROLE_USER), INVALID);
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, ROLE_ADMIN), INVALID);
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_CHANGEPIN, MAX_PINS, MAX_PINS), INVALID);
	/* a PIN does not unblock itself, and the administrator cannot be unblocked */
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_UNBLOCK, ROLE_USER, ROLE_USER), INVALID);
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_UNBLOCK, ROLE_EVERYONE, ROLE_USER), INVALID);
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_UNBLOCK, ROLE_USER, ROLE_ADMIN), INVALID);
	assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, NULL, 0, ROLE_USER, NEW_PIN, &tries),
			 INVALID);
	assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, KIT_PIN, 6, ROLE_USER, NULL, &tries),
			 INVALID);
	/* no pinpad here */
	assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, NULL, 0, ROLE_USER, NULL, &tries), INVALID);
	/* the algorithm must fit the key */
	assert_int_equal(CHANGE(PIN_CHANGE_FLAG_CHANGEPIN | PIN_CHANGE_KEY_ALGORITHM(CardKeyAes256), ROLE_ADMIN,
				ROLE_ADMIN),
			 INVALID);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* The forms of version 4 -------------------------------------------------------------------------------------------------- */

/* the older calls do the same */
static void
test_old_forms(void **state)
{
	BYTE response[64], bytes[64], *given = NULL;
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len, tries = 99;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
#define PIN(user, pin) d->pfnCardAuthenticatePin(d, user, (const BYTE *)(pin), (DWORD)strlen(pin), &tries)
		assert_int_equal(PIN("anonymous", KIT_PIN), INVALID);
		assert_int_equal(PIN("User", KIT_PIN), INVALID);
		assert_int_equal(PIN(NULL, KIT_PIN), INVALID);
		assert_int_equal(PIN(CARD_USER_ADMIN, KIT_PIN), INVALID);
		assert_int_equal(d->pfnCardAuthenticatePin(d, CARD_USER_USER, NULL, 0, &tries), INVALID);
		assert_int_equal(PIN(CARD_USER_USER, "111111"), SCARD_W_WRONG_CHV);
		assert_int_equal(tries, 2);
		assert_int_equal(PIN(CARD_USER_USER, KIT_PIN), SCARD_S_SUCCESS);
		assert_true(is_user(&rig));
		assert_int_equal(d->pfnCardDeauthenticate(d, CARD_USER_USER, 1), INVALID);
		assert_int_equal(d->pfnCardDeauthenticate(d, "nobody", 0), INVALID);
		assert_int_equal(d->pfnCardDeauthenticate(d, CARD_USER_USER, 0), SCARD_S_SUCCESS);
		assert_false(is_user(&rig));

		assert_int_equal(d->pfnCardGetChallenge(d, &given, &len), SCARD_S_SUCCESS);
		rig_respond(NULL, 0, cur_of(given, len), response);
		d->pfnCspFree(given);
		assert_int_equal(d->pfnCardAuthenticateChallenge(d, response, len, &tries), SCARD_S_SUCCESS);
		assert_true(is_admin(&rig));
		assert_int_equal(d->pfnCardAuthenticateChallenge(d, response, len, &tries), SCARD_E_INVALID_VALUE);

		len = (DWORD)challenge(&rig, response);
#define UNBLOCK(user, flags) d->pfnCardUnblockPin(d, user, response, len, (const BYTE *)NEW_PIN, 7, 0, flags)
		assert_int_equal(UNBLOCK(CARD_USER_USER, 3), INVALID);
		assert_int_equal(UNBLOCK(CARD_USER_ADMIN, CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE), INVALID);
		assert_int_equal(d->pfnCardUnblockPin(d, CARD_USER_USER, NULL, 0, (const BYTE *)NEW_PIN, 7, 0, 1),
				 INVALID);
		len = (DWORD)challenge(&rig, response);
		assert_int_equal(UNBLOCK(CARD_USER_USER, CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE), SCARD_S_SUCCESS);
		assert_int_equal(UNBLOCK(CARD_USER_USER, CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE),
				 SCARD_E_INVALID_VALUE);
		assert_int_equal(UNBLOCK(CARD_USER_USER, CARD_AUTHENTICATE_PIN_PIN), INVALID);
		assert_false(is_admin(&rig));
#define CHANGE_OLD(user, old, old_len, flags)                                                                          \
	d->pfnCardChangeAuthenticator(d, user, old, old_len, (const BYTE *)KIT_PIN, 6, 0, flags, &tries)
		assert_int_equal(CHANGE_OLD(CARD_USER_USER, (const BYTE *)NEW_PIN, 7, 1), INVALID);
		assert_int_equal(CHANGE_OLD(CARD_USER_USER, (const BYTE *)NEW_PIN, 7, CARD_AUTHENTICATE_PIN_PIN),
				 SCARD_S_SUCCESS);
		assert_true(is_user(&rig));
		memset(bytes, 0x22, sizeof(bytes));
		len = (DWORD)challenge(&rig, response);
		assert_int_equal(d->pfnCardChangeAuthenticator(d, CARD_USER_ADMIN, response, len, bytes, 24, 0,
							       CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE, &tries),
				 SCARD_S_SUCCESS);
		assert_int_equal(rig_admin_with(&rig, bytes), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
	/* a PUK comes with any of three flags */
	for (DWORD flags = 0; flags < 3; flags++) {
		rig_acquire(&rig, &puk);
		assert_int_equal(d->pfnCardUnblockPin(d, CARD_USER_USER, (const BYTE *)KIT_PUK, 8,
						      (const BYTE *)NEW_PIN, 7, 0, flags),
				 SCARD_S_SUCCESS);
		assert_int_equal(rig_verify(&rig, NEW_PIN), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* At the reader ------------------------------------------------------------------------------------------------------------ */

static DWORD
at_pinpad(struct rig *rig, DWORD flags, DWORD *ret_tries)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_USER, flags, NULL, 0, NULL, NULL, ret_tries);
}

/* the reader asks for the PIN, and never silently; R-066: the old form does not know such PINs */
static void
test_pinpad(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;
	DWORD len, tries = 99;
	PIN_INFO info;

	(void)state;
	rig_open(&rig, &strict);
	vcard_io_keypad(rig.io, "cancel timeout 111111 123456");
	assert_int_equal(registry_acquire(d, &rig.memory), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len, ROLE_USER),
			 SCARD_S_SUCCESS);
	assert_int_equal(info.PinType, ExternalPinType);
	(void)rig_exchanges(&rig);
	assert_int_equal(at_pinpad(&rig, CARD_PIN_SILENT_CONTEXT, &tries), INVALID);
	assert_int_equal(d->pfnCardAuthenticatePin(d, CARD_USER_USER, (const BYTE *)KIT_PIN, 6, &tries), INVALID);
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(at_pinpad(&rig, 0, &tries), SCARD_W_CANCELLED_BY_USER);
	assert_int_equal(at_pinpad(&rig, 0, &tries), SCARD_E_TIMEOUT);
	assert_int_equal(tries, 99);
	assert_int_equal(at_pinpad(&rig, 0, &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	assert_false(is_user(&rig));
	assert_int_equal(at_pinpad(&rig, 0, &tries), SCARD_S_SUCCESS);
	assert_true(is_user(&rig));
	/* whoever has the PIN's bytes may give them all the same */
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_null(vcard_io_refusal(rig.io));
	rig_close(&rig);
}

static void
test_pinpad_change(void **state)
{
	struct rig rig;
	DWORD tries = 99;

	(void)state;
	rig_open(&rig, &strict);
	vcard_io_keypad(rig.io, "123456 55555 44444 111111 55555 55555 123456 55555 55555 cancel");
	assert_int_equal(registry_acquire(&rig.data, &rig.memory), SCARD_S_SUCCESS);
#define AT_PINPAD() change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, NULL, 0, ROLE_USER, NULL, &tries)
	/* the two new ones differ */
	assert_int_equal(AT_PINPAD(), SCARD_E_INVALID_CHV);
	assert_int_equal(AT_PINPAD(), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	assert_int_equal(AT_PINPAD(), SCARD_S_SUCCESS);
	assert_true(is_user(&rig));
	assert_int_equal(AT_PINPAD(), SCARD_W_CANCELLED_BY_USER);
	assert_int_equal(rig_verify(&rig, "55555"), SCARD_S_SUCCESS);
	rig_close(&rig);
}

/* Pulled ------------------------------------------------------------------------------------------------------------------- */

static DWORD
act(struct rig *rig, unsigned which)
{
	static const BYTE key[KIT_ADMIN_KEY_LEN] = "another administrator's";
	BYTE bytes[64], response[64];
	size_t len;
	DWORD r;

	if (which == 0)
		return change_pin(rig, KIT_PIN, NEW_PIN, NULL);
	if ((r = rig_challenge(rig, bytes, sizeof(bytes), &len)) != SCARD_S_SUCCESS)
		return r;
	rig_respond(NULL, 0, cur_of(bytes, len), response);
	if (which == 1)
		return change(rig, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, response, len, ROLE_USER, NEW_PIN, NULL);
	return rig->data.pfnCardChangeAuthenticatorEx(&rig->data, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_ADMIN, response,
						      (DWORD)len, ROLE_ADMIN, key, sizeof(key), 0, NULL);
}

/* Whatever happened, the old secret is good or the new one, and no try is lost. */
static void
assert_usable(struct rig *rig, unsigned which)
{
	static const BYTE key[KIT_ADMIN_KEY_LEN] = "another administrator's";

	assert_true(tries_left(rig, ROLE_USER) == 3);
	assert_int_equal(rig_read(rig, NULL, "cardid", NULL), SCARD_S_SUCCESS);
	if (which == 2) {
		assert_true(rig_admin(rig) == SCARD_S_SUCCESS || rig_admin_with(rig, key) == SCARD_S_SUCCESS);
		assert_true(is_admin(rig));
	} else {
		assert_true(rig_verify(rig, KIT_PIN) == SCARD_S_SUCCESS || rig_verify(rig, NEW_PIN) == SCARD_S_SUCCESS);
		assert_true(is_user(rig));
	}
}

/* M19: pulled, failed or garbled at every exchange of each change */
static void
test_each_exchange_fails(void **state)
{
	static const char *const how[] = { "remove", "pull", "sw=6F00", "empty", "cut=1", "reset" };
	char fault[32];
	struct rig rig;
	DWORD r;

	(void)state;
	for (unsigned which = 0; which < 3; which++)
		for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
			unsigned n = 0;

			do {
				rig_acquire(&rig, kits[i % 2]);
				snprintf(fault, sizeof(fault), "%u:%s", ++n, how[i]);
				rig_faults(&rig, fault);
				r = act(&rig, which);
				rig_faults(&rig, "");
				rig_insert_again(&rig);
				assert_usable(&rig, which);
				rig_close(&rig);
			} while ((r != SCARD_S_SUCCESS || n < 4) && n < 12);
			assert_int_equal(r, SCARD_S_SUCCESS);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_external),
		cmocka_unit_test(test_mutual),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_challenges_differ),
		cmocka_unit_test(test_wrong_response),
		cmocka_unit_test(test_stale_challenge),
		cmocka_unit_test(test_bad_challenges),
		cmocka_unit_test(test_unblock),
		cmocka_unit_test(test_unblock_refused),
		cmocka_unit_test(test_puk),
		cmocka_unit_test(test_change_pin),
		cmocka_unit_test(test_change_key),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_old_forms),
		cmocka_unit_test(test_pinpad),
		cmocka_unit_test(test_pinpad_change),
		cmocka_unit_test(test_each_exchange_fails),
	};

	return cmocka_run_group_tests_name("gids/admin", tests, make_kits, free_kits);
}
