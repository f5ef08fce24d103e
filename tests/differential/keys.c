/* SPDX-License-Identifier: BSD-2-Clause */
/* Secret keys: generated, wrapped, unwrapped, derived. */
#include "differential/sides.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY, data = CKO_DATA;
static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_ULONG len16 = 16, len15 = 15, len0 = 0, len20 = 20;
static CK_RSA_PKCS_OAEP_PARAMS oaep_sha1 = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };

/* clang-format off */
#define CLASS { CKA_CLASS, &secret_key, sizeof(secret_key) }
#define AES { CKA_KEY_TYPE, &aes, sizeof(aes) }
#define GENERIC { CKA_KEY_TYPE, &generic, sizeof(generic) }
#define LEN(number) { CKA_VALUE_LEN, &(number), sizeof(number) }
#define OPEN { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 }
/* clang-format on */

#define ITEMS_MAX 6

struct row {
	const char *name;
	CK_MECHANISM_TYPE mechanism;
	CK_ATTRIBUTE items[ITEMS_MAX];
	CK_ULONG count;
};

STEP(generate)
{
	CK_MECHANISM m = about->mechanism;

	return ONLY_CODE(side->p11->C_GenerateKey(side->s, &m, about->template, about->count, &side->made));
}

/* room 0 asks for the size only. */
STEP(wrap)
{
	CK_MECHANISM m = about->mechanism;
	CK_BYTE out[OPS_MAX];
	CK_ULONG len = about->room;
	CK_RV rv = side->p11->C_WrapKey(side->s, &m, about->handle != 0 ? about->handle : public_of(side, about),
					about->flags != 0 ? about->flags : side->made, len == 0 ? NULL : out, &len);

	if (rv == CKR_OK && about->room != 0) {
		memcpy(side->output, out, len);
		side->output_len = len;
	}
	return (struct outcome){ rv, len };
}

/* What was wrapped last, or its first len bytes. */
STEP(unwrap)
{
	CK_MECHANISM m = about->mechanism;
	CK_OBJECT_HANDLE key = about->handle != 0 ? about->handle : private_of(side, about);

	return ONLY_CODE(side->p11->C_UnwrapKey(side->s, &m, key, side->output,
						about->len != 0 ? about->len : side->output_len, about->template,
						about->count, &side->made));
}

STEP(derive)
{
	CK_MECHANISM m = about->mechanism;
	CK_OBJECT_HANDLE key = about->handle != 0 ? about->handle : private_of(side, about);

	return ONLY_CODE(side->p11->C_DeriveKey(side->s, &m, key, about->template, about->count, &side->other));
}

static struct about
about_row(struct row *row)
{
	return (struct about){ .mechanism = PLAIN(row->mechanism), .template = row->items, .count = row->count };
}

/* Generating ----------------------------------------------------------------------------------------------------------- */

static struct row generations[] = {
	{ "AES", CKM_AES_KEY_GEN, { LEN(len16), OPEN }, 3 },
	{ "AES with class", CKM_AES_KEY_GEN, { CLASS, AES, LEN(len16), OPEN }, 5 },
	{ "AES without length", CKM_AES_KEY_GEN, { CLASS }, 1 },
	{ "AES of 15", CKM_AES_KEY_GEN, { LEN(len15) }, 1 },
	{ "AES of none", CKM_AES_KEY_GEN, { LEN(len0) }, 1 },
	{ "AES that is generic", CKM_AES_KEY_GEN, { GENERIC, LEN(len16) }, 2 },
	{ "AES that is data", CKM_AES_KEY_GEN, { { CKA_CLASS, &data, sizeof(data) }, LEN(len16) }, 2 },
	{ "AES with a value", CKM_AES_KEY_GEN, { LEN(len16), { CKA_VALUE, ops_message, 16 } }, 2 },
	{ "AES called local", CKM_AES_KEY_GEN, { LEN(len16), { CKA_LOCAL, &yes, 1 } }, 2 },
	{ "AES with a long boolean", CKM_AES_KEY_GEN, { LEN(len16), { CKA_SENSITIVE, ops_message, 2 } }, 2 },
	{ "AES with an unknown attribute", CKM_AES_KEY_GEN, { LEN(len16), { CKA_VENDOR_DEFINED + 5, &yes, 1 } }, 2 },
	{ "generic", CKM_GENERIC_SECRET_KEY_GEN, { LEN(len20), OPEN }, 3 },
	{ "generic without length", CKM_GENERIC_SECRET_KEY_GEN, { CLASS }, 1 },
	{ "generic sensitive", CKM_GENERIC_SECRET_KEY_GEN, { LEN(len20), { CKA_SENSITIVE, &yes, 1 } }, 2 },
	{ "generic kept",
	  CKM_GENERIC_SECRET_KEY_GEN,
	  { LEN(len20), { CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 } },
	  3 },
	{ "by signing", CKM_RSA_PKCS, { LEN(len16) }, 1 },
	{ "by nothing", CKM_VENDOR_DEFINED + 1, { LEN(len16) }, 1 },
};

void
test_generate(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = {
		CKA_CLASS,	CKA_KEY_TYPE,	      CKA_LOCAL,       CKA_KEY_GEN_MECHANISM, CKA_VALUE,
		CKA_VALUE_LEN,	CKA_ALWAYS_SENSITIVE, CKA_CHECK_VALUE, CKA_NEVER_EXTRACTABLE, CKA_SENSITIVE,
		CKA_EXTRACTABLE
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(generations); i++) {
		struct about a = about_row(&generations[i]);

		if (SAME(generate, &a, "generate %s", generations[i].name) != CKR_OK)
			continue;
		a.room = 64;
		for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
			a.attribute = types[k];
			(void)SAME(step_made_attribute, &a, "generated %s attribute %lX", generations[i].name,
				   types[k]);
		}
		(void)SAME(step_destroy, &a, "generated %s is destroyed", generations[i].name);
	}
}

/* Wrapping ------------------------------------------------------------------------------------------------------------- */

static void
generate_key(size_t row)
{
	struct about a = about_row(&generations[row]);

	assert_rv(SAME(generate, &a, "generate %s", generations[row].name), CKR_OK);
}

static const struct {
	const char *name;
	CK_MECHANISM mechanism;
} ways[] = { { "RSA_PKCS", PLAIN(CKM_RSA_PKCS) }, { "OAEP", WITH(CKM_RSA_PKCS_OAEP, oaep_sha1) } };

void
test_wrap(void **state)
{
	static const size_t keys[] = { 0, 11, 14 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		generate_key(keys[i]);
		for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
			struct about a = { .mechanism = ways[k].mechanism };
			const char *name = generations[keys[i]].name;

			(void)SAME(wrap, &a, "wrap-size %s %s", name, ways[k].name);
			a.room = 255;
			(void)SAME(wrap, &a, "wrap-small %s %s", name, ways[k].name);
			a.room = OPS_MAX;
			(void)SAME(wrap, &a, "wrap %s %s", name, ways[k].name);
			a.handle = 77777;
			(void)SAME(wrap, &a, "wrap %s with nothing", name);
			a.handle = 0;
			a.flags = 77777;
			(void)SAME(wrap, &a, "wrap nothing with %s", ways[k].name);
			a.flags = 0;
			a.ec = true;
			(void)SAME(wrap, &a, "wrap %s with an EC key", name);
			a.ec = false;
			a.mechanism.mechanism = CKM_SHA256_RSA_PKCS;
			(void)SAME(wrap, &a, "wrap %s by signing", name);
		}
	}
}

static struct row unwrapped[] = {
	{ "AES", 0, { CLASS, AES, OPEN }, 4 },
	{ "AES with length", 0, { CLASS, AES, LEN(len16), OPEN }, 5 },
	{ "generic", 0, { CLASS, GENERIC, OPEN }, 4 },
	{ "nothing", 0, { { 0 } }, 0 },
	{ "no class", 0, { AES, OPEN }, 3 },
	{ "no type", 0, { CLASS, OPEN }, 3 },
	{ "data", 0, { { CKA_CLASS, &data, sizeof(data) }, AES }, 2 },
	{ "a value", 0, { CLASS, AES, { CKA_VALUE, ops_message, 16 } }, 3 },
	{ "an unknown attribute", 0, { CLASS, AES, { CKA_VENDOR_DEFINED + 5, &yes, 1 } }, 3 },
};

static void
wrap_key(size_t way)
{
	struct about a = { .mechanism = ways[way].mechanism, .room = OPS_MAX };

	(void)SAME(wrap, &a, "wrap AES %s", ways[way].name);
}

void
test_unwrap(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_LOCAL, CKA_VALUE, CKA_VALUE_LEN, CKA_ALWAYS_SENSITIVE,
						   CKA_NEVER_EXTRACTABLE };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
		generate_key(0);
		wrap_key(k);
		for (size_t i = 0; i < ARRAY_SIZE(unwrapped); i++) {
			struct about a = about_row(&unwrapped[i]);

			a.mechanism = ways[k].mechanism;
			if (SAME(unwrap, &a, "unwrap %s %s", unwrapped[i].name, ways[k].name) == CKR_OK) {
				a.room = 64;
				for (size_t j = 0; j < ARRAY_SIZE(types); j++) {
					a.attribute = types[j];
					(void)SAME(step_made_attribute, &a, "unwrapped %s attribute %lX",
						   unwrapped[i].name, types[j]);
				}
			}
			a.len = 200;
			(void)SAME(unwrap, &a, "unwrap-short %s %s", unwrapped[i].name, ways[k].name);
			a.len = 0;
			a.handle = 77777;
			(void)SAME(unwrap, &a, "unwrap %s with nothing", unwrapped[i].name);
			a.handle = 0;
			a.ec = true;
			(void)SAME(unwrap, &a, "unwrap %s with an EC key", unwrapped[i].name);
		}
	}
}

/* Deriving ------------------------------------------------------------------------------------------------------------- */

void
test_derive(void **state)
{
	struct about a = about_row(&unwrapped[0]);

	(void)state;
	a.mechanism = (CK_MECHANISM)PLAIN(CKM_SHA256);
	(void)SAME(derive, &a, "derive by hashing");
	a.mechanism = (CK_MECHANISM)PLAIN(CKM_VENDOR_DEFINED + 1);
	(void)SAME(derive, &a, "derive by nothing");
	a.mechanism = (CK_MECHANISM)PLAIN(CKM_RSA_PKCS);
	(void)SAME(derive, &a, "derive by signing");
	a.mechanism = (CK_MECHANISM)PLAIN(CKM_ECDH1_DERIVE);
	a.ec = true;
	(void)SAME(derive, &a, "derive without a parameter");
}
