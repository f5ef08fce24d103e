/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that use one card at the same time, each with a module of its own: how they change hands, how fair that is,
 * what becomes of those who wait for a program that is stopped or killed, and what one may not do on another's PIN.
 */
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module/ops.h"

#define PROGRAMS 16
#define BUSY "MINIDRIVER_PKCS11_BUSY_TIMEOUT_MS"
#define HOLD "MINIDRIVER_PKCS11_TRANSACTION_TIMEOUT_MS"

/* What programs leave for the test to see. */
static struct world {
	atomic_uint ready, failed;
	atomic_bool go, over;
	unsigned least; /* signatures that anybody had when the first program was ready */
	struct {
		unsigned long ended_ms, longest_ms;
		atomic_uint done;
		CK_RV rv;
	} of[PROGRAMS];
} * world;

static int
set_up(void **state)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world == MAP_FAILED)
		return -1;
	return mt_set_up(state);
}

static int
tear_down(void **state)
{
	(void)munmap(world, sizeof(*world));
	(void)unsetenv(BUSY);
	return mt_tear_down(state);
}

/* Programs --------------------------------------------------------------------------------------------------------------- */

/* A test that has failed waits for nobody. */
static void
die_with_test(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static pid_t
start(void (*body)(int), int number)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		die_with_test();
		body(number);
		_exit(0);
	}
	return pid;
}

static void
await(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
await_ready(unsigned count)
{
	for (int i = 0; i < 20000 && atomic_load(&world->ready) < count; i++)
		mt_sleep_ms(1);
	assert_int_equal(atomic_load(&world->ready), count);
}

/* In a program: nothing of cmocka's may be used, which would end the wrong test. */
struct program {
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	EVP_PKEY *public;
};

static void
leave(int number, CK_RV rv)
{
	world->of[number].rv = rv;
	atomic_fetch_add(&world->failed, 1);
	atomic_fetch_add(&world->ready, 1);
	_exit(1);
}

static void
must(int number, CK_RV rv)
{
	if (rv != CKR_OK)
		leave(number, rv);
}

static CK_OBJECT_HANDLE
find(int number, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class)
{
	CK_BYTE id = 0;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_ULONG count = 0;

	must(number, mt->C_FindObjectsInit(session, template, 2));
	must(number, mt->C_FindObjects(session, &object, 1, &count));
	must(number, mt->C_FindObjectsFinal(session));
	if (count != 1)
		leave(number, CKR_OBJECT_HANDLE_INVALID);
	return object;
}

static void
open_program(int number, struct program *p)
{
	CK_UTF8CHAR pin[] = MT_PIN;
	CK_BYTE spki[1024];
	CK_ATTRIBUTE info = { CKA_PUBLIC_KEY_INFO, spki, sizeof(spki) };
	const unsigned char *bytes = spki;

	must(number, mt->C_Initialize(NULL));
	must(number, mt->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &p->session));
	must(number, mt->C_Login(p->session, CKU_USER, pin, sizeof(MT_PIN) - 1));
	p->key = find(number, p->session, CKO_PRIVATE_KEY);
	must(number, mt->C_GetAttributeValue(p->session, find(number, p->session, CKO_PUBLIC_KEY), &info, 1));
	p->public = d2i_PUBKEY(NULL, &bytes, (long)info.ulValueLen);
	if (p->public == NULL)
		leave(number, CKR_GENERAL_ERROR);
}

static CK_RV
sign(struct program *p)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[OPS_MAX];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = mt->C_SignInit(p->session, &mechanism, p->key);
	EVP_MD_CTX *ctx;

	if (rv == CKR_OK)
		rv = mt->C_Sign(p->session, ops_message, 20, signature, &len);
	if (rv != CKR_OK)
		return rv;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, p->public) != 1 ||
	    EVP_DigestVerify(ctx, signature, len, ops_message, 20) != 1)
		rv = CKR_SIGNATURE_INVALID;
	EVP_MD_CTX_free(ctx);
	return rv;
}

static void
get_ready(void)
{
	atomic_fetch_add(&world->ready, 1);
	while (!atomic_load(&world->go))
		mt_sleep_ms(1);
}

/* Many ------------------------------------------------------------------------------------------------------------------- */

static struct {
	int programs;
	unsigned times;
} job;

static void
note_first(void)
{
	unsigned least = job.times;

	if (atomic_exchange(&world->over, true))
		return;
	for (int i = 0; i < job.programs; i++)
		least = atomic_load(&world->of[i].done) < least ? atomic_load(&world->of[i].done) : least;
	world->least = least;
}

static void
many(int number)
{
	struct program p;

	open_program(number, &p);
	get_ready();
	for (unsigned i = 0; i < job.times; i++) {
		const unsigned long before = mt_now_ms();

		must(number, sign(&p));
		if (mt_now_ms() - before > world->of[number].longest_ms)
			world->of[number].longest_ms = mt_now_ms() - before;
		atomic_fetch_add(&world->of[number].done, 1);
	}
	note_first();
	world->of[number].ended_ms = mt_now_ms();
	must(number, mt->C_Finalize(NULL));
	EVP_PKEY_free(p.public);
}

struct cost {
	unsigned long ms, exchanges;
	unsigned least;
};

/* What it costs that so many programs do it, from the moment in which all of them are logged in. */
static struct cost
run_many(int programs, unsigned times)
{
	unsigned long begun, before, last = 0;
	pid_t pids[PROGRAMS];

	memset(world, 0, sizeof(*world));
	job.programs = programs;
	job.times = times;
	for (int i = 0; i < programs; i++)
		pids[i] = start(many, i);
	await_ready((unsigned)programs);
	begun = mt_now_ms();
	before = mt_exchanges(MT_READER);
	atomic_store(&world->go, true);
	for (int i = 0; i < programs; i++) {
		int status;

		(void)waitpid(pids[i], &status, 0);
		if (status != 0)
			fail_msg("program %d: status 0x%x, 0x%lX", i, (unsigned)status, world->of[i].rv);
		last = world->of[i].ended_ms > last ? world->of[i].ended_ms : last;
	}
	return (struct cost){ last - begun, mt_exchanges(MT_READER) - before, world->least };
}

/*
 * What one who does all the work needs, and what many who share it do: exchanges, since those are what takes time with a
 * reader, and they are the same on any machine. Fair, where the card is what is scarce and not the processor: when the
 * first is ready, nobody has less than a third of that.
 */
static bool
share(int programs, unsigned times, bool slow)
{
	const struct cost alone = run_many(1, times * (unsigned)programs), together = run_many(programs, times);
	unsigned long longest = 0;

	for (int i = 0; i < programs; i++)
		longest = world->of[i].longest_ms > longest ? world->of[i].longest_ms : longest;
	print_message(
		"%u signatures by one: %lu ms, %lu exchanges; by %d: %lu ms, %lu exchanges; longest wait %lu ms; when "
		"the first had %u, the last had %u\n",
		times * (unsigned)programs, alone.ms, alone.exchanges, programs, together.ms, together.exchanges,
		longest, times, together.least);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	assert_false(mt_is_verified(MT_ALICE));
	return (!slow || 3 * together.least >= times) && 2 * together.exchanges <= 3 * alone.exchanges;
}

/* A machine that is busy with something else can make a program miss its time. */
static void
share_well(int programs, unsigned times, bool slow)
{
	bool good = false;

	for (int i = 0; i < 3 && !good; i++)
		good = share(programs, times, slow) || !mt_plain();
	assert_true(good);
}

/* TEST_SHARING_LATENCY and TEST_SHARING_TIMES are for trying other readers and amounts by hand. */
static unsigned
wanted_times(unsigned times)
{
	const char *other = getenv("TEST_SHARING_TIMES");

	return other != NULL ? (unsigned)strtoul(other, NULL, 10) : mt_plain() ? times : 2;
}

static void
test_many(void **state)
{
	(void)state;
	share_well(PROGRAMS, wanted_times(50), false);
}

static void
test_slow_reader(void **state)
{
	const char *other = getenv("TEST_SHARING_LATENCY");

	(void)state;
	assert_int_equal(setenv("VCARD_LATENCY", other != NULL ? other : "2000,0", 1), 0);
	share_well(other != NULL ? PROGRAMS : 3, wanted_times(other != NULL ? 50 : 40), true);
	assert_int_equal(unsetenv("VCARD_LATENCY"), 0);
}

/* Two -------------------------------------------------------------------------------------------------------------------- */

/* Signs when told, and tells how long that took. */
struct told {
	pid_t pid;
	int to, from;
};

static int to_child, from_child;

static void
obey(int number)
{
	struct program p;
	char word;

	open_program(number, &p);
	atomic_fetch_add(&world->ready, 1);
	while (read(to_child, &word, 1) == 1 && word == 's') {
		const unsigned long before = mt_now_ms();
		unsigned long answer[2];

		answer[0] = sign(&p);
		answer[1] = mt_now_ms() - before;
		if (write(from_child, answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	(void)mt->C_Finalize(NULL);
	EVP_PKEY_free(p.public);
}

static struct told
start_told(int number)
{
	struct told t;
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	to_child = in[0];
	from_child = out[1];
	t = (struct told){ .to = in[1], .from = out[0] };
	fflush(stdout);
	t.pid = fork();
	assert_true(t.pid >= 0);
	if (t.pid == 0) {
		die_with_test();
		obey(number);
		_exit(0);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	await_ready((unsigned)number + 1);
	return t;
}

static CK_RV
tell(const struct told *t, unsigned long *ret_ms)
{
	unsigned long answer[2] = { CKR_GENERAL_ERROR, 0 };

	assert_int_equal(write(t->to, "s", 1), 1);
	assert_int_equal(read(t->from, answer, sizeof(answer)), sizeof(answer));
	*ret_ms = answer[1];
	return answer[0];
}

static void
dismiss(const struct told *t)
{
	assert_int_equal(write(t->to, "q", 1), 1);
	await(t->pid);
	(void)close(t->to);
	(void)close(t->from);
}

static unsigned long
worst_of_turns(void)
{
	struct told a = start_told(0), b = start_told(1);
	unsigned long ms, worst = 0;

	for (int i = 0; i < 3; i++) {
		assert_rv(tell(&a, &ms), CKR_OK);
		worst = ms > worst ? ms : worst;
		assert_rv(tell(&b, &ms), CKR_OK);
		worst = ms > worst ? ms : worst;
	}
	dismiss(&a);
	dismiss(&b);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
	return worst;
}

/* Each keeps the card for later, and gives it away as soon as the other one asks. */
static void
test_turns(void **state)
{
	unsigned long worst;

	(void)state;
	worst = worst_of_turns();
	print_message("longest change of hands: %lu ms\n", worst);
	if (mt_plain())
		assert_true(worst < 200);
}

/* Without a directory to meet in, with one of others, with a file that is damaged: slower, no worse. */
static void
test_no_place(void **state)
{
	const char *place = getenv("XDG_RUNTIME_DIR");
	char *kept = place != NULL ? strdup(place) : NULL;

	(void)state;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/nonexistent", 1), 0);
	assert_int_equal(setenv(HOLD, "30", 1), 0);
	assert_true(worst_of_turns() < 5000);
	assert_int_equal(unsetenv(HOLD), 0);
	if (kept != NULL)
		assert_int_equal(setenv("XDG_RUNTIME_DIR", kept, 1), 0);
	free(kept);
}

static void
spoil(const char *file, const void *bytes, size_t len)
{
	int fd = open(file, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	(void)close(fd);
}

static void
test_damaged(void **state)
{
	const char *place = getenv("XDG_RUNTIME_DIR");
	uint8_t rubbish[4][48] = { { 1 } };
	char pattern[512];
	glob_t files;

	(void)state;
	if (place == NULL)
		skip();
	memset(rubbish[1], 0xFF, sizeof(rubbish[1]));
	memset(rubbish[2], 0x7F, sizeof(rubbish[2]));
	memset(rubbish[3] + 8, 0xFF, 8);
	(void)worst_of_turns();
	(void)snprintf(pattern, sizeof(pattern), "%s/minidriver-pkcs11/????????????????", place);
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	for (unsigned i = 0; i < 4; i++) {
		for (size_t k = 0; k < files.gl_pathc; k++)
			spoil(files.gl_pathv[k], rubbish[i], i == 0 ? 3 : sizeof(rubbish[i]));
		atomic_store(&world->ready, 0);
		assert_true(worst_of_turns() < 5000);
	}
	globfree(&files);
}

/* Whoever waits for a program that is stopped is told so, and the program goes on where it was. */
static void
test_stopped(void **state)
{
	struct told a, b;
	unsigned long ms;
	CK_RV rv;

	(void)state;
	assert_int_equal(setenv(BUSY, "400", 1), 0);
	a = start_told(0);
	b = start_told(1);
	assert_rv(tell(&a, &ms), CKR_OK);
	assert_int_equal(kill(a.pid, SIGSTOP), 0);
	rv = tell(&b, &ms);
	print_message("gave up after %lu ms\n", ms);
	assert_rv(rv, CKR_DEVICE_ERROR);
	assert_true(ms >= 400 && ms < 10000);
	assert_int_equal(kill(a.pid, SIGCONT), 0);
	for (int i = 0; i < 10 && rv != CKR_OK; i++)
		rv = tell(&b, &ms);
	assert_rv(rv, CKR_OK);
	assert_rv(tell(&a, &ms), CKR_OK);
	dismiss(&a);
	dismiss(&b);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* Nobody waits for the dead. */
static void
test_killed(void **state)
{
	struct told a, b;
	unsigned long ms;
	int status;

	(void)state;
	a = start_told(0);
	b = start_told(1);
	assert_rv(tell(&a, &ms), CKR_OK);
	assert_int_equal(kill(a.pid, SIGKILL), 0);
	assert_int_equal(waitpid(a.pid, &status, 0), a.pid);
	assert_rv(tell(&b, &ms), CKR_OK);
	if (mt_plain())
		assert_true(ms < 500);
	dismiss(&b);
	assert_int_equal(mt_tries(MT_ALICE), MT_PIN_TRIES);
}

/* The end ---------------------------------------------------------------------------------------------------------------- */

static void *
sign_in_thread(void *arg)
{
	CK_RV *rv = arg;

	*rv = mt_sign(mt_open(0));
	return NULL;
}

/* Whoever waits for a card is let go when the module ends. */
static void
test_finalise_while_waiting(void **state)
{
	struct told a;
	pthread_t thread;
	unsigned long ms;
	CK_RV rv = CKR_OK;

	(void)state;
	a = start_told(0);
	assert_int_equal(setenv(HOLD, "0", 1), 0);
	(void)mt_start_user();
	assert_int_equal(unsetenv(HOLD), 0);
	assert_rv(tell(&a, &ms), CKR_OK);
	assert_int_equal(kill(a.pid, SIGSTOP), 0);
	assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, &rv), 0);
	mt_sleep_ms(200);
	ms = mt_now_ms();
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	if (mt_plain())
		assert_true(mt_now_ms() - ms < 2000);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(rv != CKR_OK);
	assert_int_equal(kill(a.pid, SIGCONT), 0);
	dismiss(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slow_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_finalise_while_waiting, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("sharing", tests, mt_load, mt_unload);
}
