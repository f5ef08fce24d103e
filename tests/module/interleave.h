/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three programs at one card, for test_interleave.c: a user who logs in and works, a stranger who has the same module and
 * does not log in, or not any more, and a foreign program that asks nobody. The test writes what they are to do in this
 * round into memory that they share, and reads there what came of it.
 */
#ifndef MODULE_INTERLEAVE_H
#define MODULE_INTERLEAVE_H

#include "module/gate.h"
#include "pkcs11.h"

enum { USER, STRANGER, FOREIGN };
_Static_assert(FOREIGN + 1 == GATE_PROCESSES, "everybody has a place at the gate");

#define SCRIPT_MAX 8u

/* What a user does; what needs the login logs in first. */
enum user_act {
	USER_SIGNS,
	USER_SIGNS_IN_PARTS, /* with time for the others between the parts */
	USER_DECRYPTS,
	USER_WRITES,
	USER_SIGNS_ANEW,  /* with the key that wants the PIN each time; PIV */
	USER_STARTS_ANEW, /* C_Finalize, C_Initialize */
	USER_LOGS_OUT,
	USER_ACTS
};

enum stranger_act {
	STRANGER_SIGNS,
	STRANGER_DECRYPTS,
	STRANGER_CREATES,
	STRANGER_DESTROYS,
	STRANGER_GENERATES,
	STRANGER_SIGNS_LATE, /* logs in, begins, logs out, signs */
	STRANGER_READS,	     /* what everybody may */
	STRANGER_ACTS
};

enum foreign_act {
	FOREIGN_SIGNS,
	FOREIGN_DECRYPTS,
	FOREIGN_WRITES,
	FOREIGN_ASKS,	  /* whether the PIN counts as verified */
	FOREIGN_DOES_ALL, /* in a transaction */
	FOREIGN_SELECTS,
	FOREIGN_RESETS,
	FOREIGN_CONNECTS_ANEW,
	FOREIGN_ACTS,
	FOREIGN_VERIFIES = FOREIGN_ACTS /* with the PIN, to show that the others can succeed */
};

struct script {
	unsigned count;
	unsigned acts[SCRIPT_MAX];
	/* A CK_RV; of the foreign program 0, or the status word of what must not have succeeded, or a code of PC/SC. */
	unsigned long results[SCRIPT_MAX];
};

struct stage {
	bool piv;
	bool over;	/* end, when it is your turn */
	bool logged_in; /* the user is */
	struct script scripts[GATE_PROCESSES];
};

/* The processes, from their fork to their end; never return. */
void user_run(struct stage *stage);
void stranger_run(struct stage *stage);
void foreign_run(struct stage *stage);

#endif
