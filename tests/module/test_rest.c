/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module that has nothing to do: it asks nothing, wakes for nothing, and lets go of the card, which is connected again,
 * and known again, when somebody wants it. D7
 */
#define DWORD pcsc_dword
#include <winscard.h>
#undef DWORD

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module/ops.h"
#include "vcard/engine.h"
#include "vcard/perso_piv.h"

#define CONNECTION "MINIDRIVER_PKCS11_CONNECTION_TIMEOUT_MS"
#define HOLD "MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"
#define EF_CARDID 0xA012u
#define DO_CARDID 0xDF20u

/* The cards of the fixture have identifiers of one byte repeated, by which no card is known again. */
static void
set_identity(enum mt_card card)
{
	static const uint8_t id[] = "sixteen bytes of";
	struct vcard *open = vcard_open(mt_path("cards/%d", card));

	assert_non_null(open);
	assert_int_equal(vcard_raw_put(open, EF_CARDID, DO_CARDID, cur_of(id, sizeof(id) - 1)), 0);
	assert_int_equal(vcard_save(open), 0);
	vcard_close(open);
}

/* D7: what is asked again and again costs nothing, and who does nothing is not woken. */
static void
test_rest(void **state)
{
	struct rusage before, after;
	unsigned long exchanges;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;

	(void)state;
	assert_int_equal(setenv(HOLD, "20", 1), 0);
	(void)mt_start_user();
	assert_int_equal(unsetenv(HOLD), 0);
	assert_rv(mt->C_GetTokenInfo(1, &token), CKR_OK);
	mt_sleep_ms(200); /* the transaction is over */
	exchanges = mt_exchanges(MT_READER);
	for (unsigned i = 0; i < mt_times(10000); i++) {
		assert_rv(mt->C_GetSlotInfo(1, &slot), CKR_OK);
		assert_true((slot.flags & CKF_TOKEN_PRESENT) != 0);
	}
	assert_int_equal(mt_exchanges(MT_READER), exchanges);
	if (!mt_plain())
		return;
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	mt_sleep_ms(300);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_true(after.ru_nvcsw - before.ru_nvcsw <= 5);
}

/* True when another program could have the card to itself. */
static bool
can_have_it_alone(void)
{
	SCARDCONTEXT context;
	SCARDHANDLE card;
	pcsc_dword protocol;
	bool can;

	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_S_SUCCESS);
	can = SCardConnect(context, MT_READER, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, &card, &protocol) ==
	      SCARD_S_SUCCESS;
	if (can)
		assert_int_equal(SCardDisconnect(card, SCARD_UNPOWER_CARD), SCARD_S_SUCCESS);
	(void)SCardReleaseContext(context);
	return can;
}

static CK_RV
sign(CK_SESSION_HANDLE session, CK_BYTE id)
{
	const CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;

	(void)ops_sign(session, mechanism, mt_object(session, CKO_PRIVATE_KEY, id), 20, signature, &rv);
	return rv;
}

/* Logged in, with a signature made. */
static CK_SESSION_HANDLE
start(CK_BYTE id)
{
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO token;

	assert_int_equal(setenv(HOLD, "20", 1), 0);
	assert_int_equal(setenv(CONNECTION, "60", 1), 0);
	session = mt_start_user();
	assert_int_equal(unsetenv(HOLD), 0);
	assert_int_equal(unsetenv(CONNECTION), 0);
	assert_rv(mt->C_GetTokenInfo(1, &token), CKR_OK);
	assert_rv(sign(session, id), CKR_OK);
	return session;
}

static void
await_rest(void)
{
	for (int i = 0; i < 1000 && !can_have_it_alone(); i++)
		mt_sleep_ms(5);
	assert_true(can_have_it_alone());
}

/* A card that is not used is connected to nobody, and the login lasts all the same. */
static void
test_let_go(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	set_identity(MT_ALICE);
	session = start(0);
	for (int i = 0; i < 2; i++) {
		await_rest();
		assert_rv(sign(session, 0), CKR_OK);
	}
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

static void
test_let_go_piv(void **state)
{
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = VCARD_PIV_APPLET } };
	const char *path = mt_path("cards/piv");
	CK_SESSION_HANDLE session;
	struct vcard *card;

	(void)state;
	mt_remove(MT_READER);
	assert_int_equal(vcard_create(path, &profile), 0);
	assert_non_null(card = vcard_open(path));
	assert_int_equal(vcard_piv_reference(card, NULL), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
	assert_int_equal(symlink(path, mt_path("readers/%s/card", MT_READER)), 0);
	session = start(1);
	for (int i = 0; i < 2; i++) {
		await_rest();
		assert_rv(sign(session, 1), CKR_OK);
	}
}

/* A card that could not be told from others stays connected. */
static void
test_not_known_again(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	session = start(0);
	mt_sleep_ms(200);
	assert_false(can_have_it_alone());
	assert_rv(sign(session, 0), CKR_OK);
}

/* Meanwhile the reader was taken away and came back with another card, and nobody saw it. */
static void
test_exchanged_meanwhile(void **state)
{
	CK_SESSION_HANDLE session;

	(void)state;
	set_identity(MT_ALICE);
	session = start(0);
	await_rest();
	mt_remove_reader(MT_READER);
	mt_add_reader(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	assert_rv(mt_sign(session), CKR_DEVICE_REMOVED);
	assert_int_equal(mt_tries(MT_BOB), MT_PIN_TRIES);
	assert_rv(mt_sign(session), CKR_SESSION_HANDLE_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rest, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_let_go, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_let_go_piv, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_not_known_again, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_exchanged_meanwhile, mt_set_up, mt_tear_down),
	};

	return cmocka_run_group_tests_name("rest", tests, mt_load, mt_unload);
}
