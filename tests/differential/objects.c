/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes and searches. */
#include "differential/sides.h"

STEP(attribute_of_handle)
{
	CK_ATTRIBUTE item = { about->attribute, NULL, 0 };
	CK_RV rv = side->p11->C_GetAttributeValue(side->s, about->handle, &item, 1);

	return (struct outcome){ rv, item.ulValueLen };
}

static struct outcome
attribute(struct side *side, CK_OBJECT_HANDLE object, const struct about *about)
{
	struct about with_handle = *about;

	with_handle.handle = object;
	return attribute_of_handle(side, &with_handle);
}

struct outcome
step_private_attribute(struct side *side, const struct about *about)
{
	return attribute(side, private_of(side, about), about);
}

struct outcome
step_public_attribute(struct side *side, const struct about *about)
{
	return attribute(side, public_of(side, about), about);
}

void
test_attributes(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = {
		CKA_CLASS,
		CKA_TOKEN,
		CKA_PRIVATE,
		CKA_MODIFIABLE,
		CKA_KEY_TYPE,
		CKA_START_DATE,
		CKA_END_DATE,
		CKA_DERIVE,
		CKA_LOCAL,
		CKA_SENSITIVE,
		CKA_DECRYPT,
		CKA_SIGN,
		CKA_SIGN_RECOVER,
		CKA_UNWRAP,
		CKA_EXTRACTABLE,
		CKA_ALWAYS_SENSITIVE,
		CKA_ENCRYPT,
		CKA_VERIFY,
		CKA_VERIFY_RECOVER,
		CKA_WRAP,
		CKA_MODULUS,
		CKA_MODULUS_BITS,
		CKA_PUBLIC_EXPONENT,
		CKA_PRIVATE_EXPONENT,
		CKA_PRIME_1,
		CKA_PRIME_2,
		CKA_EXPONENT_1,
		CKA_EXPONENT_2,
		CKA_COEFFICIENT,
		CKA_EC_PARAMS,
		CKA_EC_POINT,
		CKA_VALUE,
		CKA_TRUSTED,
		CKA_CERTIFICATE_TYPE,
		CKA_ISSUER,
		CKA_SERIAL_NUMBER,
		CKA_APPLICATION,
		CKA_OBJECT_ID,
		CKA_NEVER_EXTRACTABLE,
		CKA_ALWAYS_AUTHENTICATE,
		CKA_WRAP_WITH_TRUSTED,
		CKA_KEY_GEN_MECHANISM,
		CKA_VENDOR_DEFINED + 5,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (int ec = 0; ec < 2; ec++) {
			struct about a = { .attribute = types[i], .ec = ec == 1, .handle = 77777 };
			const char *type = a.ec ? "EC" : "RSA";

			(void)SAME(step_private_attribute, &a, "%s private attribute %lX", type, a.attribute);
			(void)SAME(step_public_attribute, &a, "%s public attribute %lX", type, a.attribute);
			(void)SAME(attribute_of_handle, &a, "attribute of nothing");
		}
}

/* Several attributes at once ------------------------------------------------------------------------------------------- */

/* What can be asked of an RSA private key, each with its own fate. */
static const struct question {
	const char *name;
	CK_ATTRIBUTE_TYPE type;
	bool no_buffer;
	CK_ULONG room;
} questions[] = {
	{ "size", CKA_MODULUS, true, 0 },
	{ "fitting", CKA_KEY_TYPE, false, sizeof(CK_KEY_TYPE) },
	{ "large", CKA_SIGN, false, 64 },
	{ "short", CKA_MODULUS, false, 255 },
	{ "no room", CKA_SIGN, false, 0 },
	{ "sensitive", CKA_PRIVATE_EXPONENT, false, 512 },
	{ "sensitive size", CKA_PRIME_1, true, 0 },
	{ "foreign", CKA_EC_PARAMS, false, 64 },
	{ "unknown", CKA_VENDOR_DEFINED + 5, true, 0 },
};

/* Two questions in one call: len and room are their numbers. */
static CK_RV
ask_two(struct side *side, const struct about *about, CK_ATTRIBUTE ret_items[2])
{
	static CK_BYTE values[2][512];
	const CK_ULONG which[2] = { about->len, about->room };

	for (int i = 0; i < 2; i++) {
		const struct question *q = &questions[which[i]];

		ret_items[i] = (CK_ATTRIBUTE){ q->type, q->no_buffer ? NULL : values[i], q->room };
	}
	return side->p11->C_GetAttributeValue(side->s, side->rsa_private, ret_items, 2);
}

STEP(code_of_two)
{
	CK_ATTRIBUTE items[2];

	return ONLY_CODE(ask_two(side, about, items));
}

/* Whatever the code is, each attribute has its length, or that it has none. */
STEP(lengths_of_two)
{
	CK_ATTRIBUTE items[2];

	(void)ask_two(side, about, items);
	return (struct outcome){ CKR_OK, (items[0].ulValueLen & 0xFFFF) << 16 | (items[1].ulValueLen & 0xFFFF) };
}

void
test_attribute_pairs(void **state)
{
	struct about a = { .len = 0 };

	(void)state;
	for (a.len = 0; a.len < ARRAY_SIZE(questions); a.len++)
		for (a.room = 0; a.room < ARRAY_SIZE(questions); a.room++) {
			const char *first = questions[a.len].name, *second = questions[a.room].name;

			(void)SAME(code_of_two, &a, "pair %s, %s", first, second);
			(void)SAME(lengths_of_two, &a, "lengths %s, %s", first, second);
		}
}

/* Searches ------------------------------------------------------------------------------------------------------------- */

STEP(find_init)
{
	CK_ATTRIBUTE item = { about->attribute, ops_message, about->len };

	return ONLY_CODE(side->p11->C_FindObjectsInit(side->s, &item, 1));
}

struct outcome
step_find(struct side *side, const struct about *about)
{
	CK_OBJECT_HANDLE found[4];
	CK_ULONG n = 0;
	CK_RV rv = side->p11->C_FindObjects(side->s, found, about->room, &n);

	return (struct outcome){ rv, n };
}

STEP(find_final)
{
	(void)about;
	return ONLY_CODE(side->p11->C_FindObjectsFinal(side->s));
}

void
test_search(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_LABEL, CKA_VENDOR_DEFINED + 5, CKA_ID, CKA_MODULUS };
	struct about a = { .room = 4 };

	(void)state;
	(void)SAME(step_find, &a, "find-without-init");
	(void)SAME(find_final, &a, "find-without-init");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		a.attribute = types[i];
		a.len = 9;
		(void)SAME(find_init, &a, "find-init");
		(void)SAME(find_init, &a, "find-init-again");
		(void)SAME(step_find, &a, "find");
		(void)SAME(step_find, &a, "find");
		(void)SAME(find_final, &a, "find-final");
		(void)SAME(find_final, &a, "find-ended");
	}
}
