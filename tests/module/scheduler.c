/* SPDX-License-Identifier: BSD-2-Clause */
/* Who goes next: chance, the processes from their start to their end, and a diary for when something goes wrong. */
#include "module/scheduler.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module/fixture.h"

#define STUCK_MS 60000u
#define DIARY_MAX 512u

struct stage *stage;
struct scheduler_total scheduler_total;

static struct {
	unsigned long seed;
	uint64_t random;
	unsigned patience_ms; /* 0: a process always comes back */
	void (*check_free)(void);
	unsigned steps_to_live; /* of the user's process; 0: for ever */
	pid_t pids[GATE_PROCESSES];
} own;

/* Chance -------------------------------------------------------------------------------------------------------------------- */

unsigned
scheduler_choose(unsigned count)
{
	own.random = own.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(own.random >> 33) % count;
}

void
scheduler_read_seed(void)
{
	const char *text = getenv("TEST_SEED");

	own.seed = text != NULL ? strtoul(text, NULL, 10) : 1;
	print_message("seed %lu\n", own.seed);
}

/* Diary --------------------------------------------------------------------------------------------------------------------- */

static struct {
	unsigned round, count;
	struct gate_choice steps[DIARY_MAX];
} diary;

static const char *const calls[] = {
	[GATE_STEP] = "goes on",	 [GATE_CONNECT] = "connects",	    [GATE_STATUS] = "asks status",
	[GATE_BEGIN] = "begins",	 [GATE_TRANSMIT] = "sends",	    [GATE_END] = "ends",
	[GATE_RECONNECT] = "reconnects", [GATE_DISCONNECT] = "disconnects",
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

void
scheduler_fail(const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tell_diary();
	fail_msg("seed %lu, round %u: %s", own.seed, diary.round, text);
}

static void
note_order(uint64_t hash)
{
	struct scheduler_total *t = &scheduler_total;
	unsigned i;

	for (i = 0; i < t->order_count && t->orders[i] != hash; i++)
		;
	if (i == t->order_count && t->order_count < SCHEDULER_ORDERS)
		t->orders[t->order_count++] = hash;
}

static void
note_step(const struct gate_choice *step)
{
	scheduler_total.calls++;
	if (step->process == FOREIGN && step->call == GATE_TRANSMIT && stage->logged_in)
		scheduler_total.attacks++;
	if (diary.count < DIARY_MAX)
		diary.steps[diary.count++] = *step;
}

/* Processes ------------------------------------------------------------------------------------------------------------------ */

void
scheduler_set_up(void)
{
	gate_set_up();
	stage = gate_shared(sizeof(*stage));
}

void
scheduler_tear_down(void)
{
	for (unsigned p = 0; p < GATE_PROCESSES; p++) {
		if (scheduler_is_alive(p)) {
			(void)kill(own.pids[p], SIGKILL);
			(void)waitpid(own.pids[p], NULL, 0);
		}
		own.pids[p] = 0;
	}
	gate_tear_down();
	(void)munmap(stage, sizeof(*stage));
}

bool
scheduler_is_alive(unsigned process)
{
	return own.pids[process] != 0;
}

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
	own.pids[process] = pid;
}

/* Until the process is at the gate. */
static void
settle(unsigned process)
{
	int status;

	if (gate_wait(process, STUCK_MS))
		return;
	if (waitpid(own.pids[process], &status, WNOHANG) == own.pids[process]) {
		own.pids[process] = 0;
		scheduler_fail("process %u has ended with status 0x%x", process, (unsigned)status);
	}
	scheduler_fail("process %u does not come back", process);
}

/* The end of a process that was at GATE_READY. */
static void
dismiss(unsigned process)
{
	int status = -1;

	assert_int_equal(waitpid(own.pids[process], &status, 0), own.pids[process]);
	own.pids[process] = 0;
	if (status != 0)
		scheduler_fail("process %u has ended with status 0x%x", process, (unsigned)status);
}

void
scheduler_kill_user(unsigned steps)
{
	own.steps_to_live = steps;
}

static void
kill_user(void)
{
	assert_int_equal(kill(own.pids[USER], SIGKILL), 0);
	assert_int_equal(waitpid(own.pids[USER], NULL, 0), own.pids[USER]);
	own.pids[USER] = 0;
	gate_bury(USER);
}

/* Turns ---------------------------------------------------------------------------------------------------------------------- */

/* The same process as before, or, once in a while, any. */
static const struct gate_choice *
pick(const struct gate_choice *choices, unsigned count, unsigned last, unsigned loyalty)
{
	if (scheduler_choose(10) < loyalty)
		for (unsigned i = 0; i < count; i++)
			if (choices[i].process == last)
				return &choices[i];
	return &choices[scheduler_choose(count)];
}

static bool
all_are_ready(void)
{
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (scheduler_is_alive(p) && !gate_is_ready(p))
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
			scheduler_fail("nobody goes on");
		mt_sleep_ms(1);
	}
}

static void
let(const struct gate_choice *step)
{
	const unsigned owner = gate_owner();

	note_step(step);
	gate_let(step);
	if (own.patience_ms == 0)
		settle(step->process);
	else
		(void)gate_wait(step->process, own.patience_ms);
	if (owner != GATE_NOBODY && gate_owner() == GATE_NOBODY)
		own.check_free();
	if (step->process == USER && own.steps_to_live != 0 && --own.steps_to_live == 0)
		kill_user();
}

/* Until everybody is ready or dead; returns a hash of who did what when. */
static uint64_t
take_turns(unsigned loyalty)
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

void
scheduler_begin(unsigned patience_ms, void (*check_free)(void))
{
	memset(&scheduler_total, 0, sizeof(scheduler_total));
	diary.round = own.steps_to_live = 0;
	own.random = own.seed;
	own.patience_ms = patience_ms;
	own.check_free = check_free;
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		scheduler_bring(p);
}

void
scheduler_bring(unsigned process)
{
	launch(process);
	settle(process);
	(void)take_turns(0);
}

void
scheduler_play(unsigned process)
{
	gate_start(process);
	settle(process);
	(void)take_turns(0);
}

void
scheduler_play_all(void)
{
	diary.round++;
	diary.count = 0;
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		gate_start(p);
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		settle(p);
	note_order(take_turns(scheduler_choose(10)));
	scheduler_total.rounds++;
}

void
scheduler_end(void)
{
	stage->over = true;
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (scheduler_is_alive(p))
			gate_start(p);
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		if (scheduler_is_alive(p))
			dismiss(p);
}
