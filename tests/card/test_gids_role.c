/* SPDX-License-Identifier: BSD-2-Clause */
/* GIDS cards with more PINs than GIDS knows: each guards keys of its own. */
#include <string.h>

#include "card/gids_card.h"
#include "csp/ephemeral.h"
#include "gids/gids.h"

#define SIGNING 3u /* also the number of a PUK, which this card does not have */
#define OTHER 6u
#define NEW_PIN "147147"

static struct kit strict, applet, session;
static const struct kit *const kits[] = { &strict, &applet };

static int
make_kits(void **state)
{
	const unsigned roles = CREATE_PIN_SET(SIGNING) | CREATE_PIN_SET(OTHER);

	(void)state;
	kit_make(&strict, &(struct vcard_profile){ .quirks = VCARD_STRICT, .ecc = true, .roles = roles }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true, .roles = roles }, true);
	kit_make(&session, &(struct vcard_profile){ .ecc = true, .roles = roles, .session_pins = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&strict);
	kit_free(&applet);
	kit_free(&session);
	return 0;
}

static DWORD
verify(struct rig *rig, PIN_ID role, const char *pin, DWORD *ret_tries)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, role, 0, (const BYTE *)pin, (DWORD)strlen(pin), NULL, NULL,
					       ret_tries);
}

static DWORD
sign(struct rig *rig, BYTE index)
{
	static const BYTE digest[32] = { 1 };
	CARD_SIGNING_INFO info;
	DWORD r = rig_sign(rig, index, AT_ECDSA_P256, CARD_PADDING_NONE, NULL, cur_of(digest, sizeof(digest)), &info);

	if (r == SCARD_S_SUCCESS)
		rig->data.pfnCspFree(info.pbSignedData);
	return r;
}

static DWORD
generate(struct rig *rig, BYTE index, PIN_ID role)
{
	return rig->data.pfnCardCreateContainerEx(&rig->data, index, CARD_CREATE_CONTAINER_KEY_GEN, AT_ECDSA_P256, 0,
						  NULL, role);
}

static PIN_ID
guard(struct rig *rig, BYTE index)
{
	PIN_ID role = 99;
	DWORD len;

	assert_int_equal(rig->data.pfnCardGetContainerProperty(&rig->data, index, CCP_PIN_IDENTIFIER, (BYTE *)&role,
							       sizeof(role), &len, 0),
			 SCARD_S_SUCCESS);
	return role;
}

static CARD_PIN_TRIES
tries(struct rig *rig, PIN_ID role)
{
	CARD_PIN_TRIES told;
	DWORD len;

	assert_int_equal(rig->data.pfnCardGetProperty(&rig->data, CP_CARD_PIN_TRIES, (BYTE *)&told, sizeof(told), &len,
						      role),
			 SCARD_S_SUCCESS);
	return told;
}

/* what is told of them */
static void
test_told(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;
	PIN_INFO info;
	DWORD len, pins;

	(void)state;
	rig_acquire(&rig, &strict);
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_LIST_PINS, (BYTE *)&pins, sizeof(pins), &len, 0),
			 SCARD_S_SUCCESS);
	assert_int_equal(pins, 0x06 | CREATE_PIN_SET(SIGNING) | CREATE_PIN_SET(OTHER));
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len, OTHER),
			 SCARD_S_SUCCESS);
	assert_int_equal(info.PinType, AlphaNumericPinType);
	assert_int_equal(info.PinPurpose, AuthenticationPin);
	assert_int_equal(info.dwChangePermission, CREATE_PIN_SET(OTHER));
	assert_int_equal(info.dwUnblockPermission, CREATE_PIN_SET(ROLE_ADMIN));
	assert_int_equal(rig_exchanges(&rig), 0);
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len, 4),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(tries(&rig, SIGNING).dwLeft, 3);
	assert_int_equal(tries(&rig, OTHER).dwMax, 3);
	rig_close(&rig);
}

/* a key is used with its PIN, and a wrong one leaves the others alone */
static void
test_keys(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;
	PIN_ID role = OTHER;
	DWORD left;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_int_equal(generate(&rig, 5, SIGNING), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(generate(&rig, 5, 4), SCARD_E_INVALID_PARAMETER);
		assert_int_equal(verify(&rig, SIGNING, KIT_ROLE_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(generate(&rig, 5, SIGNING), SCARD_S_SUCCESS);
		assert_int_equal(guard(&rig, 5), SIGNING);
		assert_int_equal(guard(&rig, 1), ROLE_USER);
		assert_int_equal(sign(&rig, 5), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, 1), SCARD_S_SUCCESS);
		/* binding is for life */
		assert_int_equal(d->pfnCardSetContainerProperty(d, 5, CCP_PIN_IDENTIFIER, (const BYTE *)&role,
								sizeof(role), 0),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(verify(&rig, SIGNING, "000000", &left), SCARD_W_WRONG_CHV);
		assert_int_equal(left, 2);
		assert_int_equal(sign(&rig, 5), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(sign(&rig, 1), SCARD_S_SUCCESS);
		assert_int_equal(tries(&rig, SIGNING).dwLeft, 2);
		assert_int_equal(tries(&rig, ROLE_USER).dwLeft, 3);
		rig_next(&rig);
		/* the user's PIN is not this key's */
		assert_int_equal(d->pfnCardDeauthenticateEx(d, CREATE_PIN_SET(SIGNING), 0), SCARD_S_SUCCESS);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, 5), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(verify(&rig, OTHER, KIT_ROLE_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, 5), SCARD_W_SECURITY_VIOLATION);
		assert_int_equal(verify(&rig, SIGNING, KIT_ROLE_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(sign(&rig, 5), SCARD_S_SUCCESS);
		/* files are the user's affair */
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_int_equal(verify(&rig, SIGNING, KIT_ROLE_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(d->pfnCardCreateFile(d, NULL, "file", 1, EveryoneReadUserWriteAc),
				 SCARD_W_SECURITY_VIOLATION);
		rig_close(&rig);
	}
}

static DWORD
change(struct rig *rig, DWORD flags, PIN_ID authority, const void *proof, size_t len, PIN_ID role)
{
	return rig->data.pfnCardChangeAuthenticatorEx(&rig->data, flags, authority, proof, (DWORD)len, role,
						      (const BYTE *)NEW_PIN, 6, 0, NULL);
}

/* each is changed by itself and unblocked by the administrator */
static void
test_managed(void **state)
{
	BYTE challenge[64], response[64];
	struct rig rig;
	DWORD left;
	size_t len;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kits); k++) {
		rig_acquire(&rig, kits[k]);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, KIT_PIN, 6, OTHER),
				 SCARD_E_INVALID_PARAMETER);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_CHANGEPIN, OTHER, KIT_ROLE_PIN, 6, OTHER),
				 SCARD_S_SUCCESS);
		assert_int_equal(verify(&rig, OTHER, NEW_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(verify(&rig, SIGNING, KIT_ROLE_PIN, NULL), SCARD_S_SUCCESS);
		for (DWORD i = 3; i-- > 0;) {
			assert_int_equal(verify(&rig, SIGNING, "000000", &left), SCARD_W_WRONG_CHV);
			assert_int_equal(left, i);
		}
		assert_int_equal(verify(&rig, SIGNING, KIT_ROLE_PIN, &left), SCARD_W_CHV_BLOCKED);
		assert_int_equal(rig_challenge(&rig, challenge, sizeof(challenge), &len), SCARD_S_SUCCESS);
		rig_respond(NULL, 0, cur_of(challenge, len), response);
		assert_int_equal(change(&rig, PIN_CHANGE_FLAG_UNBLOCK, ROLE_ADMIN, response, len, SIGNING),
				 SCARD_S_SUCCESS);
		assert_int_equal(verify(&rig, SIGNING, NEW_PIN, NULL), SCARD_S_SUCCESS);
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* session PINs of such a PIN */
static void
test_session_pins(void **state)
{
	struct rig rig;
	CARD_DATA *d = &rig.data;
	BYTE *pin = NULL;
	DWORD len = 0, strength;

	(void)state;
	rig_acquire(&rig, &session);
	d->pfnCspAgree = csp_ephemeral_agree;
	assert_int_equal(d->pfnCardGetProperty(d, CP_CARD_PIN_STRENGTH_VERIFY, (BYTE *)&strength, sizeof(strength),
					       &len, SIGNING),
			 SCARD_S_SUCCESS);
	assert_int_equal(strength, CARD_PIN_STRENGTH_PLAINTEXT | CARD_PIN_STRENGTH_SESSION_PIN);
	assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
	assert_int_equal(verify(&rig, SIGNING, KIT_ROLE_PIN, NULL), SCARD_S_SUCCESS);
	assert_int_equal(generate(&rig, 5, SIGNING), SCARD_S_SUCCESS);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	assert_int_equal(d->pfnCardAuthenticateEx(d, SIGNING, CARD_AUTHENTICATE_GENERATE_SESSION_PIN,
						  (const BYTE *)KIT_ROLE_PIN, 6, &pin, &len, NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(sign(&rig, 5), SCARD_W_SECURITY_VIOLATION);
	assert_int_equal(d->pfnCardAuthenticateEx(d, SIGNING, CARD_AUTHENTICATE_SESSION_PIN, pin, len, NULL, NULL,
						  NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(sign(&rig, 5), SCARD_S_SUCCESS);
	assert_int_equal(sign(&rig, 1), SCARD_W_SECURITY_VIOLATION);
	d->pfnCspFree(pin);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_managed),
		cmocka_unit_test(test_session_pins),
	};

	return cmocka_run_group_tests_name("gids/role", tests, make_kits, free_kits);
}
