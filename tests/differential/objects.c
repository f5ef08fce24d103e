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
