/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the module costs when nothing happens: programs that look again and again whether a card is there cause no exchange
 * with it. D7
 */
#include <stdio.h>
#include <stdlib.h>

#include "module/fixture.h"

#define HOLD "MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"
#define HOLD_MS 50u
#define POLLS 10000u

/* Looking ------------------------------------------------------------------------------------------------------------------- */

static void
look(CK_RV event)
{
	CK_SLOT_ID slots[4], slot;
	CK_ULONG count = 4;
	CK_SLOT_INFO info;

	assert_rv(mt->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_rv(mt->C_GetSlotInfo(slots[0], &info), CKR_OK);
	assert_true((info.flags & CKF_TOKEN_PRESENT) != 0);
	assert_rv(mt->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), event);
}

/* With a card that nobody has used yet, and with one that the program has logged in to. */
static void
test_looking(void **state)
{
	unsigned long before;

	(void)state;
	mt_initialize();
	for (unsigned i = 0; i < mt_times(POLLS) / 2; i++)
		look(CKR_NO_EVENT);
	assert_int_equal(mt_exchanges(MT_READER), 0);
	assert_rv(mt_login(mt_open(0), MT_PIN), CKR_OK);
	mt_sleep_ms(HOLD_MS * 6);
	before = mt_exchanges(MT_READER);
	for (unsigned i = 0; i < mt_times(POLLS) / 2; i++)
		look(CKR_NO_EVENT);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

static int
set_up(void **state)
{
	char hold[16];

	(void)snprintf(hold, sizeof(hold), "%u", HOLD_MS);
	return setenv(HOLD, hold, 1) != 0 ? -1 : mt_set_up(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_looking, set_up, mt_tear_down),
	};

	return cmocka_run_group_tests_name("idle", tests, mt_load, mt_unload);
}
