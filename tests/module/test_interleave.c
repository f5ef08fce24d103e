/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * While one process is logged in, others can neither sign nor decrypt nor write, whatever the order of their exchanges
 * with the card and of the user's. Three processes (interleave.h) do some random acts in each round, and a scheduler
 * chooses at random whose call of PC/SC comes next. Whenever a transaction has ended the card itself is asked whether it
 * would serve anybody. D3
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module/fixture.h"
#include "module/scheduler.h"
#include "vcard/perso_piv.h"

#define HOLD "MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"
#define MEETING "XDG_RUNTIME_DIR"
#define ROUNDS SCHEDULER_ORDERS
#define PATIENCE_MS 3u

/* Cards --------------------------------------------------------------------------------------------------------------------- */

/* The last one forgets a PIN only when it is reset. */
enum kind { GIDS, PIV, PIV_WITHOUT_LOGOUT };

static const char *card_path;

/* Nobody is in a transaction: the card must not serve anybody without a PIN. */
static void
check_locked(void)
{
	struct vcard *card = vcard_open(card_path);
	struct vcard_piv_info piv;
	struct vcard_info gids;

	assert_non_null(card);
	vcard_info(card, &gids);
	vcard_piv_info(card, &piv);
	vcard_close(card);
	if (gids.pin_verified || gids.admin_authenticated || piv.pin_verified || piv.admin_authenticated)
		scheduler_fail("the card is open to everybody");
	if ((stage->piv ? piv.pin_tries_left : gids.pin_tries_left) != MT_PIN_TRIES)
		scheduler_fail("a PIN try is lost");
}

static void
make_piv_card(const char *path, uint64_t quirks)
{
	static const struct vcard_piv_slot slots[] = { { 0x9A, PIV_ALG_RSA1024, 0, 0 },
						       { 0x9C, PIV_ALG_P256, 0, 0 },
						       { 0x9D, PIV_ALG_RSA1024, 0, 0 } };
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = quirks } };
	static const uint8_t printed[] = { 0x01, 0x03, 'B', 'o', 'b' };
	struct vcard *card;

	assert_int_equal(vcard_create(path, &profile), 0);
	assert_non_null(card = vcard_open(path));
	assert_int_equal(vcard_piv_format(card, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vcard_piv_keygen(card, &slots[i]), 0);
		assert_int_equal(vcard_piv_issue(card, slots[i].reference, "Bob", 0, VCARD_PIV_PLAIN, NULL), 0);
	}
	assert_int_equal(vcard_piv_put(card, 0x5FC109, cur_of(printed, sizeof(printed))), 0);
	assert_int_equal(vcard_save(card), 0);
	vcard_close(card);
}

static void
insert_card(enum kind kind)
{
	static char path[512];

	mt_remove(MT_READER);
	stage->piv = kind != GIDS;
	if (stage->piv) {
		make_piv_card(mt_path("cards/piv"),
			      kind == PIV_WITHOUT_LOGOUT ? VCARD_PIV_NO_LOGOUT : VCARD_PIV_APPLET);
		assert_int_equal(symlink(mt_path("cards/piv"), mt_path("readers/%s/card", MT_READER)), 0);
	} else {
		mt_insert(MT_READER, MT_BOB);
	}
	(void)snprintf(path, sizeof(path), "%s", stage->piv ? mt_path("cards/piv") : mt_path("cards/%d", MT_BOB));
	card_path = path;
}

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	scheduler_set_up();
	return setenv(MEETING, mt_path("nowhere"), 1);
}

static int
tear_down(void **state)
{
	scheduler_tear_down();
	(void)unsetenv(HOLD);
	(void)unsetenv(MEETING);
	return mt_tear_down(state);
}

/* Rounds ---------------------------------------------------------------------------------------------------------------------- */

static void
write_script(unsigned process, unsigned acts)
{
	struct script *script = &stage->scripts[process];

	script->count = 1 + scheduler_choose(4);
	for (unsigned i = 0; i < script->count; i++) {
		script->acts[i] = scheduler_choose(acts);
		script->results[i] = CKR_GENERAL_ERROR;
	}
}

static bool
is_refusal(unsigned long rv)
{
	return rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID ||
	       rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_KEY_TYPE_INCONSISTENT ||
	       rv == CKR_KEY_FUNCTION_NOT_PERMITTED;
}

static void
check_results(unsigned process)
{
	const struct script *script = &stage->scripts[process];

	for (unsigned i = 0; i < script->count; i++) {
		unsigned long result = script->results[i];

		if (process == STRANGER ? !is_refusal(result) : result != 0)
			scheduler_fail("process %u, act %u: 0x%lX", process, script->acts[i], result);
	}
}

static void
run_round(void)
{
	write_script(USER, USER_ACTS);
	write_script(STRANGER, STRANGER_ACTS);
	write_script(FOREIGN, FOREIGN_ACTS);
	scheduler_play_all();
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (scheduler_is_alive(p))
			check_results(p);
}

static unsigned long
foreign_does(unsigned act)
{
	struct script *script = &stage->scripts[FOREIGN];

	script->count = 1;
	script->acts[0] = act;
	scheduler_play(FOREIGN);
	return script->results[0];
}

/* With the PIN every attack succeeds that the card's user could make; or the rounds would show nothing. */
static void
check_attacks(void)
{
	assert_int_equal(foreign_does(FOREIGN_VERIFIES), 0);
	for (unsigned act = FOREIGN_SIGNS; act <= FOREIGN_ASKS; act++)
		assert_int_equal(foreign_does(act), 0x9000);
	assert_int_equal(foreign_does(FOREIGN_RESETS), 0);
	for (unsigned act = FOREIGN_SIGNS; act <= FOREIGN_ASKS; act++)
		assert_int_equal(foreign_does(act), 0);
}

static void
begin(enum kind kind, const char *hold, unsigned patience_ms)
{
	insert_card(kind);
	assert_int_equal(setenv(HOLD, hold, 1), 0);
	scheduler_begin(patience_ms, check_locked);
	check_attacks();
}

static void
end(void)
{
	const struct scheduler_total *t = &scheduler_total;

	scheduler_end();
	print_message("%s: %u rounds, %u of them different, %u calls, %u commands of others during a login\n",
		      stage->piv ? "PIV" : "GIDS", t->rounds, t->order_count, t->calls, t->attacks);
}

/* Tests ------------------------------------------------------------------------------------------------------------------------- */

static void
interleave(enum kind kind, const char *hold, unsigned rounds, unsigned patience_ms)
{
	begin(kind, hold, patience_ms);
	for (unsigned i = 0; i < rounds; i++)
		run_round();
	end();
	assert_true(scheduler_total.order_count > rounds * 9 / 10);
	assert_true(scheduler_total.attacks > rounds / 2);
}

/* Every transaction ends with the call that began it, so that chance and nothing else decides the order. */
static void
test_gids(void **state)
{
	(void)state;
	interleave(GIDS, "0", mt_times(ROUNDS), 0);
}

static void
test_piv(void **state)
{
	(void)state;
	interleave(PIV, "0", mt_times(ROUNDS), 0);
}

static unsigned
few_rounds(void)
{
	return mt_plain() ? ROUNDS / 10 : ROUNDS / 100;
}

static void
test_piv_without_logout(void **state)
{
	(void)state;
	interleave(PIV_WITHOUT_LOGOUT, "0", few_rounds(), 0);
}

/* Where processes of one user find each other. */
static void
meet(void)
{
	assert_int_equal(mkdir(mt_path("run"), 0700), 0);
	assert_int_equal(setenv(MEETING, mt_path("run"), 1), 0);
}

/* Transactions outlast the call, and a thread of the module's ends them. */
static void
test_gids_held(void **state)
{
	(void)state;
	meet();
	interleave(GIDS, "2", few_rounds(), PATIENCE_MS);
}

static void
test_piv_held(void **state)
{
	(void)state;
	meet();
	interleave(PIV, "2", few_rounds(), PATIENCE_MS);
}

/* The user's process is killed after any of its steps, in the middle of a transaction as well. */
static void
kill_often(enum kind kind)
{
	unsigned killed = 0;

	begin(kind, "0", 0);
	for (unsigned i = 0; i < few_rounds(); i++) {
		scheduler_kill_user(1 + scheduler_choose(60));
		run_round();
		scheduler_kill_user(0);
		if (scheduler_is_alive(USER))
			continue;
		killed++;
		assert_int_equal(foreign_does(FOREIGN_DOES_ALL), 0);
		check_locked();
		scheduler_bring(USER);
	}
	end();
	print_message("killed %u times\n", killed);
}

static void
test_gids_killed(void **state)
{
	(void)state;
	kill_often(GIDS);
}

static void
test_piv_killed(void **state)
{
	(void)state;
	kill_often(PIV);
}

static int
load(void **state)
{
	scheduler_read_seed();
	return mt_load(state);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_gids),     TEST(test_piv),	     TEST(test_piv_without_logout), TEST(test_gids_held),
		TEST(test_piv_held), TEST(test_gids_killed), TEST(test_piv_killed),
	};

	return cmocka_run_group_tests_name("interleaving", tests, load, mt_unload);
}
