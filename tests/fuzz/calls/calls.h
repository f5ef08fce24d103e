/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz target of the C_ functions is made of: the program of bytes, the card behind the module, and the
 * arguments that calls are made with. Each argument is a heap block of its own, of exactly its size.
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "pkcs11.h"

#define PIN "123456"
#define HUGE_COUNT ((CK_ULONG)-1)

extern CK_FUNCTION_LIST_3_0 *p11;

static inline void
require(bool good)
{
	if (!good)
		abort();
}

/* The program ---------------------------------------------------------------------------------------------------------- */

void program_start(const uint8_t *data, size_t size);
bool program_ended(void);
/* 0 when there are no more bytes. */
uint8_t next(void);

/* The card (card.c) ---------------------------------------------------------------------------------------------------- */

/* An authority's certificate (root.c). */
extern const struct cursor root_certificate;

/* A fresh world with one reader and a card with an RSA-1024 and a P-256 key, the first with a certificate not its own. */
void insert_new_card(bool applet);
void discard_card(void);
/* What happens to the card behind the module's back. */
CK_RV call_hand(void);

/* Arguments (args.c) --------------------------------------------------------------------------------------------------- */

/* What earlier calls have given. */
#define SESSIONS_MAX 4
#define OBJECTS_MAX 16
extern CK_SESSION_HANDLE sessions[SESSIONS_MAX];
extern CK_OBJECT_HANDLE objects[OBJECTS_MAX];
extern size_t opened; /* sessions, those in the place of an earlier one included */
void arguments_reset(void);

/* A block of exactly this size that the caller fills. */
void *block(size_t len);
/* A copy of bytes that must stay as it is: release_blocks() looks. */
void *input(const void *bytes, size_t len);
void release_blocks(void);

struct bytes {
	CK_BYTE *p;
	CK_ULONG len;
};
struct output {
	CK_BYTE *p;
	CK_ULONG *len;
	CK_ULONG room;
};
struct template
{
	CK_ATTRIBUTE *p;
	CK_ULONG count;
};

CK_ULONG forged(uint8_t byte);
CK_SLOT_ID slot_arg(void);
CK_SESSION_HANDLE session_arg(void);
CK_OBJECT_HANDLE object_arg(void);
/* A block for a new handle, or NULL. keep_object() puts what has come in it where object_arg() finds it. */
CK_OBJECT_HANDLE *new_object_arg(void);
CK_RV keep_object(const CK_OBJECT_HANDLE *made, CK_RV rv);
struct bytes bytes_arg(void);
struct output output_arg(void);
/* Whether what came back is plausible; a result is kept as input of later calls. Returns rv. */
CK_RV check_output(const struct output *o, CK_RV rv);
CK_ULONG mechanism_type(uint8_t b);
CK_MECHANISM *mechanism_arg(void);
#define ATTRIBUTES_MAX 10
CK_ATTRIBUTE_TYPE attribute_type(uint8_t b);
struct template template_arg(void);

/* Calls about keys and objects (keys.c) ---------------------------------------------------------------------------------- */

CK_RV call_object(void);
CK_RV call_key_pair(void);
CK_RV call_wrap(void);
CK_RV call_unwrap(void);
CK_RV call_derive(void);
CK_RV call_message(void);
CK_RV call_set_state(void);

#endif
