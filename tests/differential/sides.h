/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two PKCS#11 modules side by side: ours with a virtual card, and SoftHSM 2 with a token of its own. Each has an RSA-2048
 * and a P-256 key pair. A step is run on both, and what comes of it is compared.
 */
#ifndef DIFFERENTIAL_SIDES_H
#define DIFFERENTIAL_SIDES_H

#include "module/ops.h"

#define SOFTHSM_PATH "/usr/lib/softhsm/libsofthsm2.so"

struct side {
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE rsa_private, rsa_public, ec_private, ec_public;
	CK_BYTE output[OPS_MAX]; /* of the last step, for the next */
	CK_ULONG output_len;
	CK_OBJECT_HANDLE made, other; /* objects in memory */
};

enum { OURS, SOFTHSM, SIDES };
extern struct side sides[SIDES];

/* For cmocka groups and tests: modules loaded; initialised, a read-write session, the user logged in, the keys found. */
int sides_load(void **state);
int sides_unload(void **state);
int sides_set_up(void **state);
int sides_tear_down(void **state);

/* What a step is about; a step uses what it needs. */
struct about {
	CK_MECHANISM mechanism;
	bool ec; /* the EC key pair, not the RSA one */
	CK_ULONG len, room;
	CK_ATTRIBUTE_TYPE attribute;
	CK_OBJECT_HANDLE handle;
	CK_FLAGS flags;
	const char *pin;
	CK_ATTRIBUTE *template;
	CK_ULONG count;
};

/* What came of it; len counts with CKR_OK and CKR_BUFFER_TOO_SMALL. */
struct outcome {
	CK_RV rv;
	CK_ULONG len;
};

/* Words for steps and what they are about. */
#define STEP(function) static struct outcome function(struct side *side, const struct about *about)
#define ONLY_CODE(call) ((struct outcome){ (call), 0 })
#define PLAIN(type)                                                                                                    \
	{                                                                                                              \
		type, NULL, 0                                                                                          \
	}
#define WITH(type, parameter)                                                                                          \
	{                                                                                                              \
		type, &(parameter), sizeof(parameter)                                                                  \
	}

static inline CK_OBJECT_HANDLE
private_of(const struct side *side, const struct about *about)
{
	return about->ec ? side->ec_private : side->rsa_private;
}

static inline CK_OBJECT_HANDLE
public_of(const struct side *side, const struct about *about)
{
	return about->ec ? side->ec_public : side->rsa_public;
}

typedef struct outcome (*step)(struct side *side, const struct about *about);

/*
 * Runs a step on both sides. The two outcomes are the same, or the table of differences (differences.c) has a row for this
 * step and these codes. Returns CKR_OK when both succeeded, else a code of one that did not.
 */
CK_RV same(const char *name, step run, const struct about *about);
#define SAME(run, about, ...) (same(step_name(__VA_ARGS__), run, about))
unsigned compared(void);
/* Names a step, for messages and for the table of differences. Lives until the next one. */
const char *step_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Steps that several chapters use, and the chapters: operations.c, objects.c, made.c, keys.c, sessions.c ---------------- */

struct outcome step_sign_init(struct side *side, const struct about *about);
struct outcome step_sign(struct side *side, const struct about *about);
struct outcome step_digest(struct side *side, const struct about *about);
struct outcome step_find(struct side *side, const struct about *about);
struct outcome step_private_attribute(struct side *side, const struct about *about);
struct outcome step_public_attribute(struct side *side, const struct about *about);
struct outcome step_made_attribute(struct side *side, const struct about *about);
struct outcome step_create(struct side *side, const struct about *about);
struct outcome step_destroy(struct side *side, const struct about *about);

void test_sign(void **state);
void test_sign_in_parts(void **state);
void test_verify(void **state);
void test_encrypt(void **state);
void test_digest(void **state);
void test_wrong_keys(void **state);
void test_attributes(void **state);
void test_attribute_pairs(void **state);
void test_search(void **state);
void test_create(void **state);
void test_made_attributes(void **state);
void test_copy(void **state);
void test_set(void **state);
void test_made_by_others(void **state);
void test_generate(void **state);
void test_wrap(void **state);
void test_unwrap(void **state);
void test_derive(void **state);
void test_sessions(void **state);
void test_login(void **state);
void test_general(void **state);

/* differences.c ------------------------------------------------------------------------------------------------------- */

/* A difference that may be: where SoftHSM 2.6.1 leaves the standard, or chooses otherwise. */
struct difference {
	const char *step; /* beginning of the names of steps */
	CK_RV softhsm, ours;
	const char *reason;
	unsigned used;
};

extern struct difference differences[];
extern const size_t difference_count;

#endif
