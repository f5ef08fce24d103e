/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects in memory: created, looked at, copied, changed and destroyed. */
#include "differential/sides.h"
#include "module/words.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY,
		       secret_key = CKO_SECRET_KEY, profile = CKO_PROFILE, none = CKO_VENDOR_DEFINED + 7;
static CK_KEY_TYPE rsa = CKK_RSA, ec = CKK_EC, aes = CKK_AES, generic = CKK_GENERIC_SECRET, no_type = 0x7777;
static CK_CERTIFICATE_TYPE x509 = CKC_X_509;
static CK_ULONG number = 16;
static CK_BYTE bytes[64] = { 0x30, 1 }, modulus[256], exponent[] = { 1, 0, 1 };
static CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 }, point[67];

#define VALUE(len)                                                                                                     \
	{                                                                                                              \
		CKA_VALUE, bytes, (len)                                                                                \
	}
#define RSA_PARTS                                                                                                      \
	{ CKA_MODULUS, modulus, sizeof(modulus) },                                                                     \
	{                                                                                                              \
		CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)                                                        \
	}
#define EC_PARTS                                                                                                       \
	{ CKA_EC_PARAMS, p256, sizeof(p256) },                                                                         \
	{                                                                                                              \
		CKA_EC_POINT, point, sizeof(point)                                                                     \
	}
#define CERTIFICATE_PARTS                                                                                              \
	ULONG(CKA_CLASS, certificate), ULONG(CKA_CERTIFICATE_TYPE, x509), TEXT(CKA_SUBJECT, "s"), VALUE(20)

#define ITEMS_MAX 8

struct row {
	const char *name;
	CK_ATTRIBUTE items[ITEMS_MAX];
};

/* The end of a row's items is one of type 0 without a value. */
static struct about
about_row(struct row *row)
{
	struct about a = { .template = row->items };

	while (a.count < ITEMS_MAX && row->items[a.count].ulValueLen + row->items[a.count].type != 0)
		a.count++;
	return a;
}

/* A modulus that is none and a point that is one: the base point of P-256. */
static void
fill_numbers(void)
{
	static const CK_BYTE base_point[] = {
		0x04, 0x41, 0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4,
		0x40, 0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2,
		0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16,
		0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
	};

	memset(modulus, 0xC5, sizeof(modulus));
	memcpy(point, base_point, sizeof(point));
}

/* Steps -------------------------------------------------------------------------------------------------------------- */

struct outcome
step_create(struct side *side, const struct about *about)
{
	return ONLY_CODE(side->p11->C_CreateObject(side->s, about->template, about->count, &side->made));
}

/* Of the object made last. */
struct outcome
step_made_attribute(struct side *side, const struct about *about)
{
	CK_BYTE value[512];
	CK_ATTRIBUTE item = { about->attribute, about->room == 0 ? NULL : value, about->room };
	CK_RV rv = side->p11->C_GetAttributeValue(side->s, side->made, &item, 1);

	return (struct outcome){ rv, rv == CKR_BUFFER_TOO_SMALL ? 0 : item.ulValueLen };
}

/* What a boolean or a number is, in place of a length. */
STEP(made_number)
{
	CK_ULONG value = 0;
	CK_ATTRIBUTE item = { about->attribute, &value, sizeof(value) };
	CK_RV rv = side->p11->C_GetAttributeValue(side->s, side->made, &item, 1);

	return (struct outcome){ rv, item.ulValueLen > sizeof(value) ? item.ulValueLen : value };
}

struct outcome
step_destroy(struct side *side, const struct about *about)
{
	(void)about;
	return ONLY_CODE(side->p11->C_DestroyObject(side->s, side->made));
}

STEP(copy)
{
	return ONLY_CODE(side->p11->C_CopyObject(side->s, side->made, about->template, about->count, &side->other));
}

STEP(copy_of_copy)
{
	CK_OBJECT_HANDLE made;

	return ONLY_CODE(side->p11->C_CopyObject(side->s, side->other, about->template, about->count, &made));
}

STEP(set)
{
	return ONLY_CODE(side->p11->C_SetAttributeValue(side->s, side->made, about->template, about->count));
}

STEP(destroy_other)
{
	(void)about;
	return ONLY_CODE(side->p11->C_DestroyObject(side->s, side->other));
}

/* How many objects match. */
STEP(count_matching)
{
	CK_OBJECT_HANDLE found[64];
	CK_ULONG n = 0;
	CK_RV rv = side->p11->C_FindObjectsInit(side->s, about->template, about->count);

	if (rv == CKR_OK)
		rv = side->p11->C_FindObjects(side->s, found, 64, &n);
	(void)side->p11->C_FindObjectsFinal(side->s);
	return (struct outcome){ rv, n };
}

/* Creating ------------------------------------------------------------------------------------------------------------- */

static struct row templates[] = {
	{ "nothing", { { 0 } } },
	{ "no class", { TEXT(CKA_LABEL, "x") } },
	{ "class of another size", { { CKA_CLASS, &data, 4 } } },
	{ "unknown class", { ULONG(CKA_CLASS, none) } },
	{ "profile", { ULONG(CKA_CLASS, profile) } },
	{ "data", { ULONG(CKA_CLASS, data) } },
	{ "data with parts", { ULONG(CKA_CLASS, data), TEXT(CKA_LABEL, "x"), TEXT(CKA_APPLICATION, "y"), VALUE(20) } },
	{ "data with everything",
	  { ULONG(CKA_CLASS, data),
	    BOOL(CKA_TOKEN, no),
	    BOOL(CKA_PRIVATE, no),
	    BOOL(CKA_MODIFIABLE, yes),
	    BOOL(CKA_COPYABLE, yes),
	    BOOL(CKA_DESTROYABLE, yes),
	    VALUE(64),
	    { CKA_OBJECT_ID, bytes, 2 } } },
	{ "private data", { ULONG(CKA_CLASS, data), BOOL(CKA_PRIVATE, yes) } },
	{ "data with an unknown attribute", { ULONG(CKA_CLASS, data), { CKA_VENDOR_DEFINED + 5, &yes, 1 } } },
	{ "data with a key's attribute", { ULONG(CKA_CLASS, data), BOOL(CKA_ENCRYPT, yes) } },
	{ "data with a long boolean", { ULONG(CKA_CLASS, data), { CKA_PRIVATE, bytes, 2 } } },
	{ "data with an empty label", { ULONG(CKA_CLASS, data), { CKA_LABEL, bytes, 0 } } },
	{ "data with an empty value", { ULONG(CKA_CLASS, data), VALUE(0) } },
	{ "certificate", { CERTIFICATE_PARTS } },
	{ "certificate with parts",
	  { CERTIFICATE_PARTS, TEXT(CKA_ID, "id"), TEXT(CKA_ISSUER, "i"), TEXT(CKA_SERIAL_NUMBER, "n") } },
	{ "certificate without value",
	  { ULONG(CKA_CLASS, certificate), ULONG(CKA_CERTIFICATE_TYPE, x509), TEXT(CKA_SUBJECT, "s") } },
	{ "certificate without subject",
	  { ULONG(CKA_CLASS, certificate), ULONG(CKA_CERTIFICATE_TYPE, x509), VALUE(20) } },
	{ "certificate without type", { ULONG(CKA_CLASS, certificate), TEXT(CKA_SUBJECT, "s"), VALUE(20) } },
	{ "certificate with a short type",
	  { ULONG(CKA_CLASS, certificate), { CKA_CERTIFICATE_TYPE, &x509, 1 }, TEXT(CKA_SUBJECT, "s"), VALUE(20) } },
	{ "certificate with an untrue check value", { CERTIFICATE_PARTS, { CKA_CHECK_VALUE, bytes, 3 } } },
	{ "certificate trusted", { CERTIFICATE_PARTS, BOOL(CKA_TRUSTED, yes) } },
	{ "certificate not trusted", { CERTIFICATE_PARTS, BOOL(CKA_TRUSTED, no) } },
	{ "certificate with dates",
	  { CERTIFICATE_PARTS, TEXT(CKA_START_DATE, "20260101"), TEXT(CKA_END_DATE, "20270101") } },
	{ "certificate with an empty date", { CERTIFICATE_PARTS, { CKA_START_DATE, bytes, 0 } } },
	{ "certificate with a short date", { CERTIFICATE_PARTS, TEXT(CKA_START_DATE, "2026") } },
	{ "RSA key", { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, rsa), RSA_PARTS } },
	{ "RSA key with parts",
	  { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, rsa), RSA_PARTS, TEXT(CKA_ID, "id"),
	    TEXT(CKA_SUBJECT, "s"), BOOL(CKA_VERIFY, no) } },
	{ "RSA key without modulus",
	  { ULONG(CKA_CLASS, public_key),
	    ULONG(CKA_KEY_TYPE, rsa),
	    { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } } },
	{ "RSA key without exponent",
	  { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, rsa), { CKA_MODULUS, modulus, sizeof(modulus) } } },
	{ "RSA key with its size",
	  { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, rsa), RSA_PARTS, ULONG(CKA_MODULUS_BITS, number) } },
	{ "RSA key called local",
	  { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, rsa), RSA_PARTS, BOOL(CKA_LOCAL, yes) } },
	{ "RSA key with a point",
	  { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, rsa), RSA_PARTS, { CKA_EC_POINT, point, 67 } } },
	{ "public key without type", { ULONG(CKA_CLASS, public_key), RSA_PARTS } },
	{ "public key of no type", { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, no_type), RSA_PARTS } },
	{ "EC key", { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, ec), EC_PARTS } },
	{ "EC key without curve",
	  { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, ec), { CKA_EC_POINT, point, sizeof(point) } } },
	{ "EC key without point",
	  { ULONG(CKA_CLASS, public_key), ULONG(CKA_KEY_TYPE, ec), { CKA_EC_PARAMS, p256, sizeof(p256) } } },
	{ "secret key", { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic), VALUE(20) } },
	{ "secret key without value", { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic) } },
	{ "secret key without type", { ULONG(CKA_CLASS, secret_key), VALUE(20) } },
	{ "secret key with a length",
	  { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic), VALUE(16), ULONG(CKA_VALUE_LEN, number) } },
	{ "secret key always sensitive",
	  { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic), VALUE(16), BOOL(CKA_ALWAYS_SENSITIVE, yes) } },
	{ "secret key with an untrue check value",
	  { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic), VALUE(16), { CKA_CHECK_VALUE, bytes, 3 } } },
	{ "AES key", { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, aes), VALUE(16) } },
	{ "AES key of 24", { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, aes), VALUE(24) } },
	{ "AES key of 15", { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, aes), VALUE(15) } },
	{ "sensitive AES key",
	  { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, aes), VALUE(32), BOOL(CKA_SENSITIVE, yes) } },
	{ "kept AES key",
	  { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, aes), VALUE(32), BOOL(CKA_EXTRACTABLE, no) } },
	{ "secret key twice",
	  { ULONG(CKA_CLASS, secret_key), ULONG(CKA_KEY_TYPE, generic), VALUE(16), TEXT(CKA_LABEL, "x"),
	    TEXT(CKA_LABEL, "x") } },
};

void
test_create(void **state)
{
	(void)state;
	fill_numbers();
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		struct about a = about_row(&templates[i]);

		if (SAME(step_create, &a, "create %s", templates[i].name) != CKR_OK)
			continue;
		a.attribute = CKA_CLASS;
		(void)SAME(made_number, &a, "created %s: class", templates[i].name);
		(void)SAME(count_matching, &a, "created %s: found", templates[i].name);
		(void)SAME(step_destroy, &a, "created %s: destroyed", templates[i].name);
		(void)SAME(step_destroy, &a, "created %s: gone", templates[i].name);
		(void)SAME(made_number, &a, "created %s: gone", templates[i].name);
		(void)SAME(count_matching, &a, "created %s: found no more", templates[i].name);
	}
}

/* Attributes ----------------------------------------------------------------------------------------------------------- */

static struct row *
row_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
		if (strcmp(templates[i].name, name) == 0)
			return &templates[i];
	fail_msg("no template \"%s\"", name);
	return NULL;
}

static void
make(const char *name)
{
	struct about a = about_row(row_named(name));

	assert_rv(SAME(step_create, &a, "make %s", name), CKR_OK);
}

static void
compare_attribute(const char *name, CK_ATTRIBUTE_TYPE type)
{
	struct about a = { .attribute = type };

	(void)SAME(step_made_attribute, &a, "size of attribute %lX of %s", type, name);
	(void)SAME(made_number, &a, "number in attribute %lX of %s", type, name);
	a.room = 512;
	(void)SAME(step_made_attribute, &a, "attribute %lX of %s", type, name);
}

void
test_made_attributes(void **state)
{
	static const char *const names[] = { "data with parts",	   "certificate with parts",
					     "RSA key with parts", "EC key",
					     "secret key",	   "sensitive AES key",
					     "kept AES key" };
	static const CK_ATTRIBUTE_TYPE types[] = {
		CKA_CLASS,
		CKA_TOKEN,
		CKA_PRIVATE,
		CKA_MODIFIABLE,
		CKA_COPYABLE,
		CKA_DESTROYABLE,
		CKA_LABEL,
		CKA_APPLICATION,
		CKA_OBJECT_ID,
		CKA_VALUE,
		CKA_VALUE_LEN,
		CKA_ID,
		CKA_SUBJECT,
		CKA_ISSUER,
		CKA_SERIAL_NUMBER,
		CKA_START_DATE,
		CKA_END_DATE,
		CKA_TRUSTED,
		CKA_URL,
		CKA_CERTIFICATE_TYPE,
		CKA_KEY_TYPE,
		CKA_MODULUS,
		CKA_MODULUS_BITS,
		CKA_PUBLIC_EXPONENT,
		CKA_EC_PARAMS,
		CKA_EC_POINT,
		CKA_LOCAL,
		CKA_SENSITIVE,
		CKA_EXTRACTABLE,
		CKA_ALWAYS_SENSITIVE,
		CKA_ENCRYPT,
		CKA_VERIFY,
		CKA_WRAP,
		CKA_VERIFY_RECOVER,
		CKA_NEVER_EXTRACTABLE,
		CKA_DERIVE,
		CKA_DECRYPT,
		CKA_SIGN,
		CKA_UNWRAP,
		CKA_WRAP_WITH_TRUSTED,
		CKA_CHECK_VALUE,
		CKA_KEY_GEN_MECHANISM,
		CKA_NAME_HASH_ALGORITHM,
		CKA_CERTIFICATE_CATEGORY,
		CKA_JAVA_MIDP_SECURITY_DOMAIN,
		CKA_VENDOR_DEFINED + 5,
	};

	(void)state;
	fill_numbers();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		make(names[i]);
		for (size_t k = 0; k < ARRAY_SIZE(types); k++)
			compare_attribute(names[i], types[k]);
	}
}

/* Copying and changing ----------------------------------------------------------------------------------------------------- */

static struct row changes[] = {
	{ "nothing", { { 0 } } },
	{ "label", { TEXT(CKA_LABEL, "new") } },
	{ "two labels", { TEXT(CKA_LABEL, "new"), TEXT(CKA_LABEL, "new") } },
	{ "class", { ULONG(CKA_CLASS, certificate) } },
	{ "token no", { BOOL(CKA_TOKEN, no) } },
	{ "private yes", { BOOL(CKA_PRIVATE, yes) } },
	{ "private no", { BOOL(CKA_PRIVATE, no) } },
	{ "modifiable no", { BOOL(CKA_MODIFIABLE, no) } },
	{ "copyable no", { BOOL(CKA_COPYABLE, no) } },
	{ "copyable yes", { BOOL(CKA_COPYABLE, yes) } },
	{ "destroyable no", { BOOL(CKA_DESTROYABLE, no) } },
	{ "id", { TEXT(CKA_ID, "new") } },
	{ "value", { VALUE(16) } },
	{ "value length", { ULONG(CKA_VALUE_LEN, number) } },
	{ "application", { TEXT(CKA_APPLICATION, "new") } },
	{ "subject", { TEXT(CKA_SUBJECT, "new") } },
	{ "issuer", { TEXT(CKA_ISSUER, "new") } },
	{ "start date", { TEXT(CKA_START_DATE, "20260101") } },
	{ "bad date", { TEXT(CKA_START_DATE, "2026") } },
	{ "sensitive yes", { BOOL(CKA_SENSITIVE, yes) } },
	{ "sensitive no", { BOOL(CKA_SENSITIVE, no) } },
	{ "extractable yes", { BOOL(CKA_EXTRACTABLE, yes) } },
	{ "extractable no", { BOOL(CKA_EXTRACTABLE, no) } },
	{ "wrap with trusted", { BOOL(CKA_WRAP_WITH_TRUSTED, yes) } },
	{ "local", { BOOL(CKA_LOCAL, yes) } },
	{ "trusted", { BOOL(CKA_TRUSTED, yes) } },
	{ "derive", { BOOL(CKA_DERIVE, yes) } },
	{ "encrypt no", { BOOL(CKA_ENCRYPT, no) } },
	{ "modulus", { { CKA_MODULUS, modulus, sizeof(modulus) } } },
	{ "key type", { ULONG(CKA_KEY_TYPE, aes) } },
	{ "unknown", { { CKA_VENDOR_DEFINED + 5, &yes, 1 } } },
	{ "long boolean", { { CKA_SENSITIVE, bytes, 2 } } },
	{ "label and class", { TEXT(CKA_LABEL, "lost"), ULONG(CKA_CLASS, certificate) } },
};

static const char *const changed[] = { "data with parts", "private data", "certificate",       "RSA key",     "EC key",
				       "secret key",	  "AES key",	  "sensitive AES key", "kept AES key" };

void
test_copy(void **state)
{
	(void)state;
	fill_numbers();
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		make(changed[i]);
		for (size_t k = 0; k < ARRAY_SIZE(changes); k++) {
			struct about a = about_row(&changes[k]);

			if (SAME(copy, &a, "copy with %s of %s", changes[k].name, changed[i]) != CKR_OK)
				continue;
			(void)SAME(copy_of_copy, &a, "copy with %s of %s, again", changes[k].name, changed[i]);
			(void)SAME(destroy_other, &a, "destroy copy of %s with %s", changed[i], changes[k].name);
		}
	}
}

void
test_set(void **state)
{
	struct about label = { .attribute = CKA_LABEL, .room = 64 };

	(void)state;
	fill_numbers();
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		for (size_t k = 0; k < ARRAY_SIZE(changes); k++) {
			struct about a = about_row(&changes[k]);

			make(changed[i]);
			(void)SAME(set, &a, "set %s of %s", changes[k].name, changed[i]);
			(void)SAME(set, &a, "set %s of %s, again", changes[k].name, changed[i]);
			(void)SAME(step_made_attribute, &label, "label after %s of %s", changes[k].name, changed[i]);
			(void)SAME(step_destroy, &a, "destroy after %s of %s", changes[k].name, changed[i]);
		}
}

/* Sessions ----------------------------------------------------------------------------------------------------------------- */

STEP(swap_session)
{
	CK_SESSION_HANDLE s = CK_INVALID_HANDLE;
	CK_RV rv = side->p11->C_OpenSession(side->slot, CKF_SERIAL_SESSION | about->flags, NULL, NULL, &s);

	if (rv == CKR_OK && about->room != 0)
		rv = side->p11->C_CloseSession(side->s);
	side->s = s;
	return ONLY_CODE(rv);
}

STEP(log_out)
{
	(void)about;
	return ONLY_CODE(side->p11->C_Logout(side->s));
}

/* Objects of another session, of one that is closed, and after the login. */
void
test_made_by_others(void **state)
{
	struct about a = { .attribute = CKA_CLASS }, label = about_row(&changes[1]),
		     private = about_row(row_named("private data"));

	(void)state;
	fill_numbers();
	make("data with everything");
	(void)SAME(swap_session, &a, "another session");
	(void)SAME(made_number, &a, "object of another session");
	(void)SAME(set, &label, "object of another session");
	(void)SAME(copy, &label, "object of another session");
	make("private data");
	(void)SAME(log_out, &a, "log out");
	(void)SAME(made_number, &a, "private object after the login");
	(void)SAME(step_destroy, &a, "private object after the login");
	(void)SAME(step_create, &private, "private object without login");
	make("data with everything");
	private.template ++;
	private.count--;
	(void)SAME(copy, &private, "private copy without login");
	a.room = 1;
	(void)SAME(swap_session, &a, "another session");
	(void)SAME(made_number, &a, "object of a closed session");
	(void)SAME(step_destroy, &a, "object of a closed session");
	a.template = row_named("data with everything")->items;
	a.count = 1;
	(void)SAME(count_matching, &a, "objects of closed sessions");
}
