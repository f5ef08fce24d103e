/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * While one process is logged in, others can neither sign nor decrypt nor write, whatever the order of their exchanges
 * with the card and of the user's. Three processes (interleave.h) do some random acts in each round, and a scheduler
 * chooses at random whose call of PC/SC comes next. Whenever nobody is in a transaction the card itself is asked whether it
 * would serve anybody. D3
 *
 * TEST_SEED starts another series; the failure of a round tells what everybody did.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module/fixture.h"
#include "module/interleave.h"
#include "vcard/perso_piv.h"

#define HOLD "MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"
#define MEETING "XDG_RUNTIME_DIR"
#define ROUNDS 1000u
#define STUCK_MS 60000u
#define PATIENCE_MS 3u
#define DIARY_MAX 512u

static struct stage *stage;
static pid_t pids[GATE_PROCESSES];
static const char *card_path;

/* Chance ------------------------------------------------------------------------------------------------------------------ */

static unsigned long seed;
static uint64_t random_state;

static unsigned
choose(unsigned count)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % count;
}

static void
read_seed(void)
{
	const char *text = getenv("TEST_SEED");

	seed = text != NULL ? strtoul(text, NULL, 10) : 1;
	print_message("seed %lu\n", seed);
}

/* The diary of a round ---------------------------------------------------------------------------------------------------- */

static struct {
	unsigned round, count;
	struct gate_choice steps[DIARY_MAX];
} diary;

static const char *const calls[] = {
	[GATE_STEP] = "goes on",
	[GATE_CONNECT] = "connects",
	[GATE_STATUS] = "asks status",
	[GATE_ATTRIBUTE] = "asks an attribute",
	[GATE_BEGIN] = "begins",
	[GATE_TRANSMIT] = "sends",
	[GATE_END] = "ends",
	[GATE_RECONNECT] = "reconnects",
	[GATE_DISCONNECT] = "disconnects",
};

static void
tell_diary(void)
{
	static const char *const names[] = { "user", "stranger", "foreign" };

	for (unsigned i = 0; i < diary.count; i++) {
		const struct gate_choice *s = &diary.steps[i];

		print_error("%s %s", names[s->process], calls[s->call]);
		if (s->call == GATE_TRANSMIT)
			print_error(" %02X", s->instruction);
		print_error("\n");
	}
	for (unsigned p = 0; p < GATE_PROCESSES; p++) {
		const struct script *script = &stage->scripts[p];

		for (unsigned i = 0; i < script->count; i++)
			print_error("%s act %u: 0x%lX\n", names[p], script->acts[i], script->results[i]);
	}
}

static void __attribute__((format(printf, 1, 2))) fail_round(const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tell_diary();
	fail_msg("seed %lu, round %u: %s", seed, diary.round, text);
}

/* Cards --------------------------------------------------------------------------------------------------------------------- */

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
		fail_round("the card is open to everybody");
	if ((stage->piv ? piv.pin_tries_left : gids.pin_tries_left) != MT_PIN_TRIES)
		fail_round("a PIN try is lost");
}

static void
make_piv_card(const char *path)
{
	static const struct vcard_piv_slot slots[] = { { 0x9A, PIV_ALG_RSA1024, 0, 0 },
						       { 0x9C, PIV_ALG_P256, 0, 0 },
						       { 0x9D, PIV_ALG_RSA1024, 0, 0 } };
	const struct vcard_profile profile = { .applications = VCARD_PIV, .piv = { .quirks = VCARD_PIV_APPLET } };
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
insert_card(bool piv)
{
	static char path[512];

	mt_remove(MT_READER);
	stage->piv = piv;
	if (piv) {
		make_piv_card(mt_path("cards/piv"));
		assert_int_equal(symlink(mt_path("cards/piv"), mt_path("readers/%s/card", MT_READER)), 0);
	} else {
		mt_insert(MT_READER, MT_BOB);
	}
	(void)snprintf(path, sizeof(path), "%s", piv ? mt_path("cards/piv") : mt_path("cards/%d", MT_BOB));
	card_path = path;
}

/* Processes ------------------------------------------------------------------------------------------------------------------ */

static void
launch(unsigned process)
{
	static void (*const mains[])(struct stage *) = { user_run, stranger_run, foreign_run };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		mains[process](stage);
	}
	pids[process] = pid;
}

static void
settle(unsigned process, unsigned ms)
{
	int status;

	if (gate_wait(process, ms) || ms != STUCK_MS)
		return;
	if (waitpid(pids[process], &status, WNOHANG) == pids[process])
		fail_round("process %u has ended with status 0x%x", process, (unsigned)status);
	fail_round("process %u does not come back", process);
}

/* The end of a process that is at GATE_READY. */
static void
dismiss(unsigned process)
{
	int status = -1;

	assert_int_equal(waitpid(pids[process], &status, 0), pids[process]);
	pids[process] = 0;
	if (status != 0)
		fail_msg("process %u has ended with status 0x%x", process, (unsigned)status);
}

static int
set_up(void **state)
{
	if (mt_set_up(state) != 0)
		return -1;
	gate_set_up();
	stage = gate_shared(sizeof(*stage));
	return setenv(MEETING, mt_path("nowhere"), 1);
}

static int
tear_down(void **state)
{
	for (unsigned p = 0; p < GATE_PROCESSES; p++) {
		if (pids[p] != 0) {
			(void)kill(pids[p], SIGKILL);
			(void)waitpid(pids[p], NULL, 0);
		}
		pids[p] = 0;
	}
	gate_tear_down();
	(void)munmap(stage, sizeof(*stage));
	(void)unsetenv(HOLD);
	(void)unsetenv(MEETING);
	return mt_tear_down(state);
}

/* Scheduler -------------------------------------------------------------------------------------------------------------------- */

/* How long the scheduler waits for a process to come back before it lets another go. */
static unsigned patience;

static struct {
	unsigned rounds, calls;
	unsigned attacks;	 /* commands of the foreign program between the user's login and logout */
	uint64_t orders[ROUNDS]; /* as hashes */
	unsigned order_count;
} total;

static void
note_order(uint64_t hash)
{
	unsigned i;

	for (i = 0; i < total.order_count && total.orders[i] != hash; i++)
		;
	if (i == total.order_count && total.order_count < ROUNDS)
		total.orders[total.order_count++] = hash;
}

static void
note_step(const struct gate_choice *step)
{
	total.calls++;
	if (step->process == FOREIGN && step->call == GATE_TRANSMIT && stage->logged_in)
		total.attacks++;
	if (diary.count < DIARY_MAX)
		diary.steps[diary.count++] = *step;
}

/* The same process as before, or, once in a while, any. */
static const struct gate_choice *
pick(const struct gate_choice *choices, unsigned count, unsigned last, unsigned loyalty)
{
	if (choose(10) < loyalty)
		for (unsigned i = 0; i < count; i++)
			if (choices[i].process == last)
				return &choices[i];
	return &choices[choose(count)];
}

static bool
all_are_ready(void)
{
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (pids[p] != 0 && !gate_is_ready(p))
			return false;
	return true;
}

/* Nobody can go: somebody's time will come. */
static void
wait_for_anybody(void)
{
	struct gate_choice choices[GATE_PROCESSES * GATE_THREADS];

	for (unsigned waited = 0; gate_choices(choices) == 0 && !all_are_ready(); waited++) {
		if (waited > STUCK_MS)
			fail_round("nobody goes on");
		mt_sleep_ms(1);
	}
}

/* After how many of its steps the user's process is killed; 0: not. */
static unsigned steps_to_live;

static void
kill_user(void)
{
	assert_int_equal(kill(pids[USER], SIGKILL), 0);
	assert_int_equal(waitpid(pids[USER], NULL, 0), pids[USER]);
	pids[USER] = 0;
	gate_bury(USER);
}

static void
let(const struct gate_choice *step)
{
	const unsigned owner = gate_owner();

	note_step(step);
	gate_let(step);
	settle(step->process, patience);
	if (owner != GATE_NOBODY && gate_owner() == GATE_NOBODY)
		check_locked();
	if (step->process == USER && steps_to_live != 0 && --steps_to_live == 0)
		kill_user();
}

/* Until everybody is ready or dead; returns a hash of who did what when. */
static uint64_t
schedule(unsigned loyalty)
{
	struct gate_choice choices[GATE_PROCESSES * GATE_THREADS];
	unsigned count, last = USER;
	uint64_t hash = 14695981039346656037u;

	while (!all_are_ready()) {
		const struct gate_choice *next;

		if ((count = gate_choices(choices)) == 0) {
			wait_for_anybody();
			continue;
		}
		next = pick(choices, count, last, loyalty);
		last = next->process;
		hash = (hash ^ (next->process * 16 + next->call)) * 1099511628211u;
		let(next);
	}
	return hash;
}

/* Rounds ------------------------------------------------------------------------------------------------------------------------ */

static void
write_script(unsigned process, unsigned acts)
{
	struct script *script = &stage->scripts[process];

	script->count = 1 + choose(4);
	for (unsigned i = 0; i < script->count; i++) {
		script->acts[i] = choose(acts);
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
			fail_round("process %u, act %u: 0x%lX", process, script->acts[i], result);
	}
}

static void
run_round(void)
{
	diary.round++;
	diary.count = 0;
	write_script(USER, USER_ACTS);
	write_script(STRANGER, STRANGER_ACTS);
	write_script(FOREIGN, FOREIGN_ACTS);
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		gate_start(p);
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		settle(p, STUCK_MS);
	note_order(schedule(choose(10)));
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (pids[p] != 0)
			check_results(p);
	total.rounds++;
}

static void
bring(unsigned process)
{
	launch(process);
	settle(process, STUCK_MS);
	(void)schedule(0);
}

static unsigned long
foreign_does(unsigned act)
{
	struct script *script = &stage->scripts[FOREIGN];

	script->count = 1;
	script->acts[0] = act;
	gate_start(FOREIGN);
	settle(FOREIGN, STUCK_MS);
	(void)schedule(0);
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

/* hold: the setting of that name; ms: how long a process may take for a step, or the others go on without it. */
static void
begin(bool piv, const char *hold, unsigned ms)
{
	memset(&total, 0, sizeof(total));
	memset(stage, 0, sizeof(*stage));
	random_state = seed;
	diary.round = steps_to_live = 0;
	patience = ms;
	insert_card(piv);
	assert_int_equal(setenv(HOLD, hold, 1), 0);
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		bring(p);
	check_attacks();
}

static void
end(void)
{
	stage->over = true;
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (pids[p] != 0)
			gate_start(p);
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (pids[p] != 0)
			dismiss(p);
	print_message("%s: %u rounds, %u of them different, %u calls, %u commands of others during a login\n",
		      stage->piv ? "PIV" : "GIDS", total.rounds, total.order_count, total.calls, total.attacks);
}

/* Tests ------------------------------------------------------------------------------------------------------------------------- */

static void
interleave(bool piv, const char *hold, unsigned rounds, unsigned ms)
{
	begin(piv, hold, ms);
	for (unsigned i = 0; i < rounds; i++)
		run_round();
	end();
	assert_true(total.order_count > rounds * 9 / 10);
	assert_true(total.attacks > rounds / 2);
}

/* Every transaction ends with the call that began it, so that chance and nothing else decides the order. */
static void
test_gids(void **state)
{
	(void)state;
	interleave(false, "0", mt_times(ROUNDS), STUCK_MS);
}

static void
test_piv(void **state)
{
	(void)state;
	interleave(true, "0", mt_times(ROUNDS), STUCK_MS);
}

static unsigned
few_rounds(void)
{
	return mt_plain() ? ROUNDS / 10 : ROUNDS / 100;
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
	interleave(false, "2", few_rounds(), PATIENCE_MS);
}

static void
test_piv_held(void **state)
{
	(void)state;
	meet();
	interleave(true, "2", few_rounds(), PATIENCE_MS);
}

/* The user's process is killed after any of its steps, in the middle of a transaction as well. */
static void
kill_often(bool piv)
{
	unsigned killed = 0;

	begin(piv, "0", STUCK_MS);
	for (unsigned i = 0; i < few_rounds(); i++) {
		steps_to_live = 1 + choose(60);
		run_round();
		steps_to_live = 0;
		if (pids[USER] != 0)
			continue;
		killed++;
		assert_int_equal(foreign_does(FOREIGN_DOES_ALL), 0);
		check_locked();
		bring(USER);
	}
	end();
	print_message("killed %u times\n", killed);
}

static void
test_gids_killed(void **state)
{
	(void)state;
	kill_often(false);
}

static void
test_piv_killed(void **state)
{
	(void)state;
	kill_often(true);
}

static int
load(void **state)
{
	read_seed();
	return mt_load(state);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_gids),     TEST(test_piv),	     TEST(test_gids_held),
		TEST(test_piv_held), TEST(test_gids_killed), TEST(test_piv_killed),
	};

	return cmocka_run_group_tests_name("interleaving", tests, load, mt_unload);
}
