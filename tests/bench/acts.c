/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What everyday acts cost a card: exchanges, bytes up and down, milliseconds, for a PKCS#11 module. Each act runs in a
 * fresh process. Usage:
 *
 *   acts STATS-FILE PIN ID MODULE ACT...     a line for each act, with its name (see cost_print())
 *
 * ID: the key that signs has this CKA_ID, a byte in hex; "-": the first key that is found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/caller.h"
#include "bench/meter.h"

/* longer than a module holds a transaction after its last command */
#define PAUSE_MS 2200

struct run {
	struct caller caller;
	struct meter meter;
	const char *stats;
};

static void
start(struct run *r)
{
	meter_start(&r->meter, r->stats);
}

static struct cost
stop(const struct run *r)
{
	return meter_read(&r->meter);
}

/* The time until the caller had its result, and all that the card was sent until now. */
static struct cost
with_the_end(const struct run *r, double ms)
{
	struct cost c = stop(r);

	c.ms = ms;
	return c;
}

static void
wait_a_while(void)
{
	struct timespec t = { PAUSE_MS / 1000, (long)(PAUSE_MS % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

static struct cost
act_slots(struct run *r)
{
	start(r);
	caller_initialize(&r->caller);
	return stop(r);
}

static struct cost
act_token(struct run *r)
{
	start(r);
	caller_initialize(&r->caller);
	caller_token_info(&r->caller);
	return stop(r);
}

static struct cost
act_list(struct run *r)
{
	start(r);
	caller_initialize(&r->caller);
	caller_open(&r->caller);
	caller_list(&r->caller);
	return stop(r);
}

static struct cost
act_list_again(struct run *r)
{
	caller_initialize(&r->caller);
	caller_open(&r->caller);
	caller_list(&r->caller);
	wait_a_while();
	start(r);
	caller_list(&r->caller);
	return stop(r);
}

static struct cost
act_find(struct run *r)
{
	start(r);
	caller_initialize(&r->caller);
	caller_open(&r->caller);
	caller_find(&r->caller);
	return stop(r);
}

static struct cost
act_sign(struct run *r)
{
	struct cost c;

	start(r);
	caller_login(&r->caller);
	caller_sign(&r->caller);
	c = stop(r);
	caller_finalize(&r->caller);
	return with_the_end(r, c.ms);
}

static struct cost
act_sign_next(struct run *r)
{
	caller_login(&r->caller);
	caller_sign(&r->caller);
	start(r);
	caller_sign(&r->caller);
	return stop(r);
}

static struct cost
act_sign_later(struct run *r)
{
	struct cost c;

	caller_login(&r->caller);
	caller_sign(&r->caller);
	wait_a_while();
	start(r);
	caller_sign(&r->caller);
	c = stop(r);
	wait_a_while(); /* the hold time ends with a deauthentication */
	return with_the_end(r, c.ms);
}

static struct cost
act_sign_100(struct run *r)
{
	struct cost c;
	int i;

	start(r);
	caller_login(&r->caller);
	for (i = 0; i < 100; i++)
		caller_sign(&r->caller);
	c = stop(r);
	caller_finalize(&r->caller);
	return with_the_end(r, c.ms);
}

static const struct act {
	const char *name;
	struct cost (*run)(struct run *r);
} acts[] = {
	{ "slots", act_slots },		  /* C_Initialize, slot list and slot info */
	{ "token", act_token },		  /* the same and C_GetTokenInfo */
	{ "list", act_list },		  /* all objects with their attributes */
	{ "list-again", act_list_again }, /* once more, in a later transaction */
	{ "find", act_find },		  /* one object by its CKA_ID */
	{ "sign", act_sign },		  /* the first signature, until the card is locked again */
	{ "sign-next", act_sign_next },	  /* one more in the same transaction */
	{ "sign-later", act_sign_later }, /* one more in a later transaction, until the card is locked again */
	{ "sign-100", act_sign_100 },	  /* 100 signatures with one login */
};

static const struct act *
act_named(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].name, name) == 0)
			return &acts[i];
	}
	die(name, 0);
}

static void
perform(const struct act *act, struct run *r, const char *module)
{
	pid_t child;
	int status = 0;

	fflush(stdout);
	child = fork();
	if (child < 0)
		die("no process", 0);
	if (child == 0) {
		struct cost c;

		caller_load(&r->caller, module);
		c = act->run(r);
		cost_print(act->name, &c);
		(void)r->caller.p11->C_Finalize(NULL); /* some acts have done so */
		exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		die(act->name, (unsigned long)status);
}

int
main(int argc, char **argv)
{
	struct run r = { 0 };
	int i;

	if (argc < 6) {
		fprintf(stderr, "usage: acts STATS-FILE PIN ID MODULE ACT...\n");
		return 2;
	}
	r.stats = argv[1];
	r.caller.pin = argv[2];
	r.caller.id = argv[3];
	for (i = 5; i < argc; i++)
		perform(act_named(argv[i]), &r, argv[4]);
	return 0;
}
