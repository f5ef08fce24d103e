/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same calls to our module and to SoftHSM 2: return codes, lengths and what an operation's state is afterwards, but
 * for the differences in differences.c. Operations are probed by the call that follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "differential/sides.h"

#define COMPARED_AT_LEAST 400u

/* After all others. */
static void
test_counts(void **state)
{
	(void)state;
	printf("# %u calls compared\n", compared());
	assert_true(compared() >= COMPARED_AT_LEAST);
	for (size_t i = 0; i < difference_count; i++)
		if (differences[i].used == 0)
			fail_msg("no step differs as \"%s\" 0x%lX 0x%lX", differences[i].step, differences[i].softhsm,
				 differences[i].ours);
}

/* Where everything must be there a missing one fails the first test. */
static bool
softhsm_is_there(void)
{
	const char *ci = getenv("CI");

	return access(SOFTHSM_PATH, R_OK) == 0 || (ci != NULL && strcmp(ci, "true") == 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, sides_set_up, sides_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_sign),
		TEST(test_sign_in_parts),
		TEST(test_verify),
		TEST(test_encrypt),
		TEST(test_digest),
		TEST(test_wrong_keys),
		TEST(test_attributes),
		TEST(test_attribute_pairs),
		TEST(test_search),
		TEST(test_create),
		TEST(test_made_attributes),
		TEST(test_copy),
		TEST(test_set),
		TEST(test_made_by_others),
		TEST(test_generate),
		TEST(test_wrap),
		TEST(test_unwrap),
		TEST(test_derive),
		TEST(test_sessions),
		TEST(test_login),
		TEST(test_general),
		cmocka_unit_test(test_counts),
	};

	if (!softhsm_is_there()) {
		printf("# no SoftHSM 2\n");
		return 77;
	}
	return cmocka_run_group_tests_name("SoftHSM", tests, sides_load, sides_unload);
}
