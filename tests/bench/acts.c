/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What everyday acts cost a card: exchanges, bytes up and down, milliseconds, for one or more PKCS#11 modules on the
 * same virtual card in one run. Each act runs in a fresh process. Usage:
 *
 *   acts STATS-FILE PIN NAME=MODULE...         a table (Markdown)
 *   acts --check STATS-FILE PIN MODULE         compares exchanges with the budgets, as a test
 *   acts --check-piv STATS-FILE PIN MODULE     the same for the reference PIV card, where the key is 9A
 *
 * $ACTS_ID: the key that signs has this CKA_ID, a byte in hex; without it the first key that is found.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pkcs11.h"

#define HOLD_MS 1500

struct cost {
	unsigned long exchanges, up, down;
	double ms;
};

struct run {
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	const char *stats;
	char *pin;
	struct timespec begin;
	struct cost base;
};

static void
die(const char *what, unsigned long code)
{
	fprintf(stderr, "acts: %s: 0x%lX\n", what, code);
	exit(2);
}

static void
must(CK_RV rv, const char *what)
{
	if (rv != CKR_OK)
		die(what, rv);
}

/* The number in the file's next line, after word. */
static unsigned long
counter(FILE *f, const char *word)
{
	char line[64];

	if (fgets(line, sizeof(line), f) == NULL || strncmp(line, word, strlen(word)) != 0)
		die("counters cannot be read", 0);
	return strtoul(line + strlen(word), NULL, 10);
}

/* The counters of the reader; a reader that has seen nothing has no file yet. */
static struct cost
counters(const char *path)
{
	struct cost c = { 0 };
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return c;
	c.exchanges = counter(f, "exchanges ");
	c.up = counter(f, "up ");
	c.down = counter(f, "down ");
	fclose(f);
	return c;
}

static void
start(struct run *r)
{
	r->base = counters(r->stats);
	clock_gettime(CLOCK_MONOTONIC, &r->begin);
}

static struct cost
stop(const struct run *r)
{
	struct cost now = counters(r->stats);
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	now.exchanges -= r->base.exchanges;
	now.up -= r->base.up;
	now.down -= r->base.down;
	now.ms = (double)(end.tv_sec - r->begin.tv_sec) * 1e3 + (double)(end.tv_nsec - r->begin.tv_nsec) / 1e6;
	return now;
}

/* The time until the caller had its result, and all that the card was sent until now. */
static struct cost
with_the_end(const struct run *r, struct cost c)
{
	double ms = c.ms;

	c = stop(r);
	c.ms = ms;
	return c;
}

static void
pause_ms(unsigned ms)
{
	struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

static void
initialize(struct run *r)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = 0;
	CK_SLOT_INFO info;

	must(r->p11->C_Initialize(NULL), "C_Initialize");
	must(r->p11->C_GetSlotList(CK_TRUE, NULL, &n), "C_GetSlotList");
	n = 16;
	must(r->p11->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList");
	if (n == 0)
		die("no token", 0);
	r->slot = slots[0];
	must(r->p11->C_GetSlotInfo(r->slot, &info), "C_GetSlotInfo");
}

static void
open_session(struct run *r)
{
	must(r->p11->C_OpenSession(r->slot, CKF_SERIAL_SESSION, NULL, NULL, &r->session), "C_OpenSession");
}

/* What a listing program reads of each object. */
static void
list(struct run *r)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS, CKA_ID,	   CKA_LABEL,		CKA_KEY_TYPE,
						   CKA_VALUE, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_SUBJECT };
	CK_OBJECT_HANDLE objects[64];
	CK_BYTE value[8192];
	CK_ULONG n = 0, i;
	size_t k;

	must(r->p11->C_FindObjectsInit(r->session, NULL, 0), "C_FindObjectsInit");
	must(r->p11->C_FindObjects(r->session, objects, 64, &n), "C_FindObjects");
	must(r->p11->C_FindObjectsFinal(r->session), "C_FindObjectsFinal");
	for (i = 0; i < n; i++) {
		for (k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
			CK_ATTRIBUTE a = { types[k], value, sizeof(value) };

			r->p11->C_GetAttributeValue(r->session, objects[i], &a, 1);
		}
	}
}

static void
login_and_find(struct run *r)
{
	const char *wanted = getenv("ACTS_ID");
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_BYTE id = wanted != NULL ? (CK_BYTE)strtoul(wanted, NULL, 16) : 0;
	CK_ATTRIBUTE template[2] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
	CK_ULONG n = 0;

	must(r->p11->C_Login(r->session, CKU_USER, (CK_UTF8CHAR *)r->pin, (CK_ULONG)strlen(r->pin)), "C_Login");
	must(r->p11->C_FindObjectsInit(r->session, template, wanted != NULL ? 2 : 1), "C_FindObjectsInit");
	must(r->p11->C_FindObjects(r->session, &r->key, 1, &n), "C_FindObjects");
	must(r->p11->C_FindObjectsFinal(r->session), "C_FindObjectsFinal");
	if (n == 0)
		die("no private key", 0);
}

static void
sign(struct run *r)
{
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE data[] = "hello", signature[512];
	CK_ULONG n = sizeof(signature);

	must(r->p11->C_SignInit(r->session, &mechanism, r->key), "C_SignInit");
	must(r->p11->C_Sign(r->session, data, sizeof(data) - 1, signature, &n), "C_Sign");
}

static struct cost
act_slots(struct run *r)
{
	start(r);
	initialize(r);
	return stop(r);
}

static struct cost
act_token_info(struct run *r)
{
	CK_TOKEN_INFO info;

	start(r);
	initialize(r);
	must(r->p11->C_GetTokenInfo(r->slot, &info), "C_GetTokenInfo");
	return stop(r);
}

static struct cost
act_list(struct run *r)
{
	start(r);
	initialize(r);
	open_session(r);
	list(r);
	return stop(r);
}

static struct cost
act_list_again(struct run *r)
{
	initialize(r);
	open_session(r);
	list(r);
	pause_ms(HOLD_MS + 700);
	start(r);
	list(r);
	return stop(r);
}

static struct cost
act_first_signature(struct run *r)
{
	struct cost c;

	start(r);
	initialize(r);
	open_session(r);
	login_and_find(r);
	sign(r);
	c = stop(r);
	must(r->p11->C_Finalize(NULL), "C_Finalize");
	return with_the_end(r, c);
}

static struct cost
act_further_signature(struct run *r)
{
	initialize(r);
	open_session(r);
	login_and_find(r);
	sign(r);
	start(r);
	sign(r);
	return stop(r);
}

static struct cost
act_later_signature(struct run *r)
{
	struct cost c;

	initialize(r);
	open_session(r);
	login_and_find(r);
	sign(r);
	pause_ms(HOLD_MS + 700);
	start(r);
	sign(r);
	c = stop(r);
	pause_ms(HOLD_MS + 700); /* the hold time ends with a deauthentication */
	return with_the_end(r, c);
}

static const struct {
	const char *name;
	struct cost (*run)(struct run *r);
	unsigned long budget; /* exchanges, on a card with one RSA-2048 key and no certificate */
	unsigned long piv;    /* on a PIV card with four keys and certificates, of which an RSA-2048 key signs */
} acts[] = {
	{ "initialise, list slots, slot info", act_slots, 0, 0 },
	{ "token info", act_token_info, 3, 2 },
	{ "first listing, nothing cached", act_list, 5, 18 },
	{ "second listing after a pause", act_list_again, 1, 5 },
	{ "first signature in a fresh process, with deauthentication", act_first_signature, 7, 9 },
	{ "each further signature", act_further_signature, 1, 3 },
	{ "signature in a later transaction, with deauthentication", act_later_signature, 5, 9 },
};
#define ACTS (sizeof(acts) / sizeof(acts[0]))

/* Runs one act with one module in a process of its own. */
static struct cost
measure(size_t act, const char *module, const char *stats, char *pin)
{
	struct cost c = { 0 };
	int result[2], status;
	pid_t child = -1;

	fflush(stdout);
	if (pipe(result) != 0 || (child = fork()) < 0)
		die("no process", 0);
	if (child == 0) {
		struct run r = { .stats = stats, .pin = pin };
		void *lib = dlopen(module, RTLD_NOW | RTLD_LOCAL);
		CK_C_GetFunctionList get = lib != NULL ? (CK_C_GetFunctionList)dlsym(lib, "C_GetFunctionList") : NULL;

		if (get == NULL || get(&r.p11) != CKR_OK)
			die(module, 0);
		c = acts[act].run(&r);
		if (write(result[1], &c, sizeof(c)) != (ssize_t)sizeof(c))
			die("pipe", 0);
		r.p11->C_Finalize(NULL);
		exit(0);
	}
	close(result[1]);
	if (read(result[0], &c, sizeof(c)) != (ssize_t)sizeof(c))
		die("an act failed", act);
	close(result[0]);
	waitpid(child, &status, 0);
	return c;
}

static int
check(const char *stats, char *pin, const char *module, bool piv)
{
	int failed = 0;
	size_t i;

	for (i = 0; i < ACTS; i++) {
		struct cost c = measure(i, module, stats, pin);
		unsigned long budget = piv ? acts[i].piv : acts[i].budget;
		bool good = c.exchanges <= budget;

		printf("%s - %s: %lu exchanges, budget %lu\n", good ? "ok" : "not ok", acts[i].name, c.exchanges,
		       budget);
		failed += !good;
	}
	return failed != 0;
}

static int
table(const char *stats, char *pin, int count, char **modules)
{
	size_t i;
	int m;

	printf("| Act |");
	for (m = 0; m < count; m++)
		printf(" %.*s: exchanges | bytes to / from card | ms |", (int)strcspn(modules[m], "="), modules[m]);
	printf("\n| --- |");
	for (m = 0; m < count; m++)
		printf(" --- | --- | --- |");
	printf("\n");
	for (i = 0; i < ACTS; i++) {
		printf("| %s |", acts[i].name);
		for (m = 0; m < count; m++) {
			struct cost c = measure(i, strchr(modules[m], '=') + 1, stats, pin);

			printf(" %lu | %lu / %lu | %.1f |", c.exchanges, c.up, c.down, c.ms);
			fflush(stdout);
		}
		printf("\n");
	}
	return 0;
}

int
main(int argc, char **argv)
{
	int m;

	if (argc == 5 && strcmp(argv[1], "--check") == 0)
		return check(argv[2], argv[3], argv[4], false);
	if (argc == 5 && strcmp(argv[1], "--check-piv") == 0)
		return check(argv[2], argv[3], argv[4], true);
	for (m = 3; m < argc; m++) {
		if (strchr(argv[m], '=') == NULL)
			argc = 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: acts [--check | --check-piv] STATS-FILE PIN NAME=MODULE...\n");
		return 2;
	}
	return table(argv[1], argv[2], argc - 3, argv + 3);
}
