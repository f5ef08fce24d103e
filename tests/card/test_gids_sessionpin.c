/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GIDS: session PINs on a card that has them: negotiated, used by another context, wrong, void; asked for after entry at
 * the reader; pulled out at every exchange. A card of plain GIDS has none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "card/gids_card.h"
#include "csp/ephemeral.h"
#include "lib/hex.h"

#define INVALID SCARD_E_INVALID_PARAMETER
#define SESSION_LEN 16u

static struct kit plain, strict, applet;
static const struct kit *const kits[] = { &strict, &applet };

static int
make_kits(void **state)
{
	(void)state;
	kit_make(&plain, &(struct vcard_profile){ .ecc = true }, true);
	kit_make(&strict, &(struct vcard_profile){ .ecc = true, .session_pins = true }, true);
	kit_make(&applet, &(struct vcard_profile){ .quirks = VCARD_APPLET, .ecc = true, .session_pins = true }, true);
	return 0;
}

static int
free_kits(void **state)
{
	(void)state;
	kit_free(&plain);
	kit_free(&strict);
	kit_free(&applet);
	return 0;
}

static void
acquire(struct rig *rig, const struct kit *kit, const char *keys)
{
	rig_open(rig, kit);
	vcard_io_keypad(rig->io, keys);
	rig->data.pfnCspAgree = csp_ephemeral_agree;
	assert_int_equal(registry_acquire(&rig->data, &rig->memory), SCARD_S_SUCCESS);
	(void)rig_exchanges(rig);
}

struct session {
	BYTE bytes[SESSION_LEN];
};

/* pin NULL: the reader asks. */
static DWORD
make(struct rig *rig, DWORD flags, const char *pin, struct session *ret_session, DWORD *ret_tries)
{
	BYTE *session = NULL;
	DWORD len = 0;
	DWORD r = rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_USER, flags, (const BYTE *)pin,
						  pin != NULL ? (DWORD)strlen(pin) : 0, &session, &len, ret_tries);

	if (session == NULL) {
		assert_int_equal(len, 0);
		return r;
	}
	assert_int_equal(r, SCARD_S_SUCCESS);
	assert_int_equal(len, SESSION_LEN);
	memcpy(ret_session->bytes, session, SESSION_LEN);
	rig->data.pfnCspFree(session);
	return r;
}

static DWORD
generate(struct rig *rig, const char *pin, struct session *ret_session)
{
	return make(rig, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, pin, ret_session, NULL);
}

static DWORD
present(struct rig *rig, const struct session *session)
{
	return rig->data.pfnCardAuthenticateEx(&rig->data, ROLE_USER, CARD_AUTHENTICATE_SESSION_PIN, session->bytes,
					       SESSION_LEN, NULL, NULL, NULL);
}

static struct vcard_info
info(const struct rig *rig)
{
	struct vcard_info i;

	vcard_info(rig->card, &i);
	return i;
}

static DWORD
strength(struct rig *rig)
{
	DWORD value = 0, len;

	assert_int_equal(rig->data.pfnCardGetProperty(&rig->data, CP_CARD_PIN_STRENGTH_VERIFY, (BYTE *)&value,
						      sizeof(value), &len, ROLE_USER),
			 SCARD_S_SUCCESS);
	return value;
}

/* a session PIN is made, is no form of the PIN, and unlocks nothing until it is presented */
static void
test_made(void **state)
{
	struct session one, again;
	struct rig rig;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kits); i++) {
		acquire(&rig, kits[i], NULL);
		assert_int_equal(strength(&rig), CARD_PIN_STRENGTH_PLAINTEXT | CARD_PIN_STRENGTH_SESSION_PIN);
		assert_int_equal(generate(&rig, KIT_PIN, &one), SCARD_S_SUCCESS);
		assert_false(info(&rig).pin_verified);
		assert_memory_not_equal(one.bytes, KIT_PIN, strlen(KIT_PIN));
		assert_int_equal(present(&rig, &one), SCARD_S_SUCCESS);
		assert_true(info(&rig).pin_verified);
		/* the same one while it is good */
		assert_int_equal(generate(&rig, KIT_PIN, &again), SCARD_S_SUCCESS);
		assert_memory_equal(one.bytes, again.bytes, SESSION_LEN);
		assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
		assert_false(info(&rig).pin_verified);
		/* plain PINs go on working */
		assert_int_equal(rig_verify(&rig, KIT_PIN), SCARD_S_SUCCESS);
		rig_close(&rig);
	}
}

/* what goes to the card while a session PIN is made does not hold the PIN */
static void
test_hidden(void **state)
{
	static char text[65536];
	char path[] = "/tmp/session-XXXXXX";
	struct session session;
	struct rig rig;
	ssize_t n;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	acquire(&rig, &strict, NULL);
	vcard_io_link(rig.io)->trace_fd = fd;
	assert_int_equal(generate(&rig, KIT_PIN, &session), SCARD_S_SUCCESS);
	assert_int_equal(rig_exchanges(&rig), 2);
	vcard_io_link(rig.io)->trace_fd = -1;
	n = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "00 87 00 80"));
	assert_null(strstr(text, "31 32 33 34"));
	(void)close(fd);
	(void)unlink(path);
	rig_close(&rig);
}

/* R-083, and what else is refused without a word to the card */
static void
test_refused(void **state)
{
	struct session session = { { 0 } };
	struct rig rig;
	CARD_DATA *d = &rig.data;
	BYTE *block = NULL;
	DWORD len;

	(void)state;
	acquire(&rig, &strict, NULL);
	assert_int_equal(d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN,
						  (const BYTE *)KIT_PIN, 6, NULL, NULL, NULL),
			 INVALID);
	assert_int_equal(d->pfnCardAuthenticateEx(d, ROLE_ADMIN, CARD_AUTHENTICATE_SESSION_PIN, session.bytes,
						  SESSION_LEN, NULL, NULL, NULL),
			 SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_SESSION_PIN, session.bytes, 3, NULL,
						  NULL, NULL),
			 SCARD_W_WRONG_CHV);
	assert_int_equal(d->pfnCardAuthenticateEx(d, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN,
						  (const BYTE *)"12345678901234567890123456789012", 32, &block, &len,
						  NULL),
			 INVALID);
	d->pfnCspAgree = NULL;
	assert_int_equal(generate(&rig, KIT_PIN, &session), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
	acquire(&rig, &plain, NULL);
	assert_int_equal(strength(&rig), CARD_PIN_STRENGTH_PLAINTEXT);
	assert_int_equal(generate(&rig, KIT_PIN, &session), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(present(&rig, &session), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(rig_exchanges(&rig), 0);
	rig_close(&rig);
}

/* another context unlocks the card with it, until the card is reset */
static void
test_handed_on(void **state)
{
	struct registry_memory memory;
	struct session session;
	struct rig rig, other;

	(void)state;
	acquire(&rig, &strict, NULL);
	assert_int_equal(generate(&rig, KIT_PIN, &session), SCARD_S_SUCCESS);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	other = rig;
	memset(&memory, 0, sizeof(memory));
	other.data = (CARD_DATA){ .dwVersion = CARD_DATA_CURRENT_VERSION,
				  .pbAtr = rig.data.pbAtr,
				  .cbAtr = rig.data.cbAtr,
				  .pfnCspAlloc = rig.data.pfnCspAlloc,
				  .pfnCspReAlloc = rig.data.pfnCspReAlloc,
				  .pfnCspFree = rig.data.pfnCspFree,
				  .io = rig.io,
				  .dwTransaction = 7 };
	assert_int_equal(registry_acquire(&other.data, &memory), SCARD_S_SUCCESS);
	assert_int_equal(present(&other, &session), SCARD_S_SUCCESS);
	assert_true(info(&rig).pin_verified);
	assert_int_equal(other.data.pfnCardDeleteContext(&other.data), SCARD_S_SUCCESS);
	rig_insert_again(&rig);
	assert_int_equal(present(&rig, &session), SCARD_W_WRONG_CHV);
	assert_int_equal(info(&rig).pin_tries_left, 3);
	rig_close(&rig);
}

/* wrong ones cost no try of the PIN, and in the end the session PIN; R-051: so does another PIN */
static void
test_void(void **state)
{
	struct session session, wrong;
	struct rig rig;
	DWORD tries = 99;

	(void)state;
	acquire(&rig, &strict, NULL);
	assert_int_equal(generate(&rig, KIT_PIN, &session), SCARD_S_SUCCESS);
	wrong = session;
	wrong.bytes[3] ^= 1;
	for (int i = 0; i < 4; i++)
		assert_int_equal(present(&rig, &wrong), SCARD_W_WRONG_CHV);
	assert_int_equal(present(&rig, &session), SCARD_W_WRONG_CHV);
	assert_int_equal(info(&rig).pin_tries_left, 3);
	assert_int_equal(make(&rig, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, "0000", &session, &tries),
			 SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 2);
	assert_int_equal(generate(&rig, KIT_PIN, &session), SCARD_S_SUCCESS);
	assert_int_equal(rig.data.pfnCardChangeAuthenticatorEx(&rig.data, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER,
							       (const BYTE *)KIT_PIN, 6, ROLE_USER,
							       (const BYTE *)"87654321", 8, 0, NULL),
			 SCARD_S_SUCCESS);
	assert_int_equal(present(&rig, &session), SCARD_W_WRONG_CHV);
	rig_close(&rig);
}

/* The PIN that was entered at the reader unlocks and is never seen; a session PIN stands for it from then on. */
static void
test_at_reader(void **state)
{
	struct session session, other;
	struct rig rig;

	(void)state;
	acquire(&rig, &strict, "cancel 123456");
	assert_int_equal(make(&rig, 0, NULL, &session, NULL), SCARD_W_CANCELLED_BY_USER);
	assert_int_equal(make(&rig, 0, NULL, &session, NULL), SCARD_S_SUCCESS);
	assert_true(info(&rig).pin_verified);
	assert_int_equal(rig_logout(&rig), SCARD_S_SUCCESS);
	assert_int_equal(present(&rig, &session), SCARD_S_SUCCESS);
	assert_true(info(&rig).pin_verified);
	/* made without being used */
	assert_int_equal(generate(&rig, NULL, &other), SCARD_S_SUCCESS);
	assert_memory_equal(session.bytes, other.bytes, SESSION_LEN);
	assert_false(info(&rig).pin_verified);
	rig_close(&rig);
}

/* Whatever goes wrong on the way: no session PIN, nothing unlocked, nothing left in memory. */
static void
test_trouble(void **state)
{
	static const char *const faults[] = { "pull",	"reset",  "sw=6F00", "empty", "data=7C0285009000",
					      "cut=10", "sw=6985" };
	struct session session;
	struct rig rig;
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		for (unsigned n = 1; n <= 2; n++) {
			acquire(&rig, &strict, NULL);
			(void)snprintf(text, sizeof(text), "%u:%s", n, faults[i]);
			rig_faults(&rig, text);
			assert_int_not_equal(generate(&rig, KIT_PIN, &session), SCARD_S_SUCCESS);
			assert_false(info(&rig).pin_verified);
			rig_close(&rig);
		}
	}
	for (unsigned n = 1; n <= 1; n++) {
		acquire(&rig, &strict, NULL);
		rig_fail_alloc(n);
		assert_int_equal(generate(&rig, KIT_PIN, &session), ERROR_NOT_ENOUGH_MEMORY);
		rig_close(&rig);
	}
	/* a point of the card's that is not on the curve */
	acquire(&rig, &strict, NULL);
	rig_faults(&rig, "1:data=7C43854104"
			 "0000000000000000000000000000000000000000000000000000000000000001"
			 "0000000000000000000000000000000000000000000000000000000000000001"
			 "9000");
	assert_int_equal(generate(&rig, KIT_PIN, &session), SCARD_E_COMM_DATA_LOST);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),	  cmocka_unit_test(test_hidden), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_handed_on), cmocka_unit_test(test_void),	 cmocka_unit_test(test_at_reader),
		cmocka_unit_test(test_trouble),
	};

	return cmocka_run_group_tests_name("/gids/sessionpin", tests, make_kits, free_kits);
}
