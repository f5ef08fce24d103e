/* SPDX-License-Identifier: BSD-2-Clause */
/* What an application does with a PKCS#11 module, in the steps that the benchmark measures. A failure ends the program. */
#pragma once

#include "pkcs11.h"

struct caller {
	CK_FUNCTION_LIST *p11;
	char *pin;
	const char *id; /* CKA_ID of the key that signs, one byte in hex, or "-" for the first key that is found */
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

void caller_load(struct caller *c, const char *module);

/* Until the first slot with a token is known. */
void caller_initialize(struct caller *c);
void caller_token_info(struct caller *c);
void caller_open(struct caller *c);

/* What a listing program reads of each object. */
void caller_list(struct caller *c);

/* The objects with the CKA_ID, and no attribute of them. */
void caller_find(struct caller *c);

/* The session that signs: initialized, open, logged in, and the key is found. */
void caller_login(struct caller *c);
void caller_sign(struct caller *c);
void caller_finalize(struct caller *c);
