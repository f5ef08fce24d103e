/* SPDX-License-Identifier: BSD-2-Clause */
/* Key pairs made and destroyed, and what their templates may say. Elliptic-curve keys, which cost no time. */
#include "module/ops.h"

static CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
static CK_BYTE p384[] = { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22 };
static CK_BYTE p521[] = { 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23 };
static CK_BYTE brainpool[] = { 0x06, 0x09, 0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07 };
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_UTF8CHAR name[] = "Schl\xC3\xBCssel";

/* What may be given beside the curve. */
struct template
{
	CK_ATTRIBUTE items[8];
	CK_ULONG count;
};

static struct template template_of(CK_ATTRIBUTE a, CK_ATTRIBUTE b)
{
	return (struct template){ { a, b }, 2 };
}

static struct template public_template(void *curve, CK_ULONG len)
{
	return template_of((CK_ATTRIBUTE){ CKA_TOKEN, &yes, 1 }, (CK_ATTRIBUTE){ CKA_EC_PARAMS, curve, len });
}

static struct template private_template(void)
{
	return template_of((CK_ATTRIBUTE){ CKA_TOKEN, &yes, 1 }, (CK_ATTRIBUTE){ CKA_LABEL, name, sizeof(name) - 1 });
}

struct pair {
	CK_OBJECT_HANDLE public, private;
};

static CK_RV
generate(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, struct template public, struct template private,
	 struct pair *ret_pair)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };

	*ret_pair = (struct pair){ 0, 0 };
	return mt->C_GenerateKeyPair(session, &mechanism, public.items, public.count, private.items, private.count,
				     &ret_pair->public, &ret_pair->private);
}

static CK_RV
generate_ec(CK_SESSION_HANDLE session, struct pair *ret_pair)
{
	return generate(session, CKM_EC_KEY_PAIR_GEN, public_template(p256, sizeof(p256)), private_template(),
			ret_pair);
}

static CK_SESSION_HANDLE
start(enum mt_card card)
{
	CK_SESSION_HANDLE session;

	mt_remove(MT_READER);
	mt_insert(MT_READER, card);
	mt_initialize();
	session = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	return session;
}

static void
assert_signs(CK_SESSION_HANDLE session, const struct pair *pair)
{
	CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_BYTE signature[OPS_MAX];
	CK_RV rv;
	CK_ULONG len = ops_sign(session, ecdsa, pair->private, 20, signature, &rv);

	assert_rv(rv, CKR_OK);
	assert_rv(ops_verify(session, ecdsa, pair->public, 20, signature, len), CKR_OK);
}

static void
assert_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	CK_BYTE got[256];

	assert_int_equal(mt_get(session, object, type, got, sizeof(got)), len);
	assert_memory_equal(got, value, len);
}

/* P-143: on each curve; another session sees the objects at once, and so does the next program */
static void
test_pairs(void **state)
{
	static const struct {
		CK_BYTE *curve;
		CK_ULONG len, point;
	} rows[] = { { p256, sizeof(p256), 67 }, { p384, sizeof(p384), 99 }, { p521, sizeof(p521), 136 } };
	CK_SESSION_HANDLE session = start(MT_EMPTY), other = mt_open(0);
	CK_BYTE value[256];
	struct pair pair;

	(void)state;
	for (CK_ULONG i = 0; i < 3; i++) {
		assert_rv(generate(session, CKM_EC_KEY_PAIR_GEN, public_template(rows[i].curve, rows[i].len),
				   private_template(), &pair),
			  CKR_OK);
		assert_int_equal(mt_count(other, CKO_PRIVATE_KEY), i + 1);
		assert_int_equal(mt_count(other, CKO_PUBLIC_KEY), i + 1);
		assert_true(mt_get_bool(other, pair.private, CKA_LOCAL));
		assert_true(mt_get_bool(other, pair.public, CKA_LOCAL));
		assert_true(mt_get_bool(other, pair.private, CKA_ALWAYS_SENSITIVE));
		assert_true(mt_get_bool(other, pair.private, CKA_NEVER_EXTRACTABLE));
		assert_true(mt_get_bool(other, pair.private, CKA_DESTROYABLE));
		assert_int_equal(mt_get_ulong(other, pair.public, CKA_KEY_GEN_MECHANISM), CKM_EC_KEY_PAIR_GEN);
		assert_int_equal(mt_get_ulong(other, pair.private, CKA_KEY_GEN_MECHANISM), CKM_EC_KEY_PAIR_GEN);
		assert_int_equal(mt_get(other, pair.private, CKA_LABEL, value, sizeof(value)), sizeof(name) - 1);
		assert_memory_equal(value, name, sizeof(name) - 1);
		assert_int_equal(mt_get(other, pair.public, CKA_EC_POINT, value, sizeof(value)), rows[i].point);
		assert_int_equal(mt_get(other, pair.public, CKA_ID, value, sizeof(value)), 1);
		assert_int_equal(value[0], i);
		assert_signs(session, &pair);
	}
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	session = mt_start_user();
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 3);
	assert_false(mt_get_bool(session, mt_object(session, CKO_PRIVATE_KEY, 0), CKA_LOCAL));
}

/* P-143: what was asked for is what both keys say, in the session that was there before */
static void
test_rsa_pair(void **state)
{
	CK_BYTE id[] = { 0xAA, 0xBB }, exponent[] = { 1, 0, 1 };
	CK_ULONG bits = 1024;
	CK_SESSION_HANDLE session = start(MT_EMPTY), other = mt_open(0);
	CK_ATTRIBUTE by_id = { CKA_ID, id, sizeof(id) };
	struct template public = template_of((CK_ATTRIBUTE){ CKA_MODULUS_BITS, &bits, sizeof(bits) }, by_id),
			private = private_template();
	CK_OBJECT_HANDLE found[4];
	struct pair pair;

	(void)state;
	public.items[public.count++] = (CK_ATTRIBUTE){ CKA_TOKEN, &yes, 1 };
	public.items[public.count++] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) };
	private.items[private.count++] = by_id;
	assert_int_equal(mt_find(other, &by_id, 1, found, 4), 0);
	assert_rv(generate(session, CKM_RSA_PKCS_KEY_PAIR_GEN, public, private, &pair), CKR_OK);
	assert_int_not_equal(pair.public, pair.private);
	assert_int_equal(mt_find(other, &by_id, 1, found, 4), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(found[i] == pair.public || found[i] == pair.private);
		assert_true(mt_get_bool(other, found[i], CKA_LOCAL));
		assert_int_equal(mt_get_ulong(other, found[i], CKA_KEY_GEN_MECHANISM), CKM_RSA_PKCS_KEY_PAIR_GEN);
		assert_int_equal(mt_get_ulong(other, found[i], CKA_KEY_TYPE), CKK_RSA);
		assert_value(other, found[i], CKA_LABEL, name, sizeof(name) - 1);
		assert_value(other, found[i], CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
	}
	assert_int_equal(mt_get_ulong(other, pair.public, CKA_MODULUS_BITS), 1024);
	assert_int_equal(mt_get_ulong(other, pair.public, CKA_CLASS), CKO_PUBLIC_KEY);
	assert_int_equal(mt_get_ulong(other, pair.private, CKA_CLASS), CKO_PRIVATE_KEY);
}

/* P-142 */
static void
test_who_may(void **state)
{
	struct pair pair;
	CK_SESSION_HANDLE reader, writer;

	(void)state;
	mt_initialize();
	reader = mt_open(0);
	writer = mt_open(CKF_RW_SESSION);
	assert_rv(generate_ec(reader, &pair), CKR_SESSION_READ_ONLY);
	assert_rv(generate_ec(writer, &pair), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_login(reader, MT_PIN), CKR_OK);
	assert_rv(generate_ec(reader, &pair), CKR_SESSION_READ_ONLY);
	assert_int_equal(mt_count(reader, CKO_PUBLIC_KEY), 6);
}

/* P-142: what is missing, and what no card has; nothing is made */
static void
test_templates(void **state)
{
	const struct template nothing = { .count = 0 };
	CK_ULONG rsa = CKK_RSA, ec = CKK_EC, certificate = CKO_CERTIFICATE, bits = 1536, huge = 8192, small = 512;
	CK_BYTE three[] = { 3 }, rubbish[] = { 1, 2, 3 }, text[] = { 0x13, 0x02, 'x', 'y' };
	CK_UTF8CHAR zero[] = { 'a', 0, 'b' }, slash[] = "a\\b", latin[] = { 0xE4 }, control[] = { 'a', 1 };
	CK_UTF8CHAR longest[] = "1234567890123456789012345678901234567890";
	const struct {
		CK_MECHANISM_TYPE type;
		int side; /* 0 public, 1 private */
		CK_ATTRIBUTE item;
		CK_RV expected;
	} rows[] = {
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_TOKEN, &yes, 1 }, CKR_TEMPLATE_INCOMPLETE },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 0, { CKA_TOKEN, &yes, 1 }, CKR_TEMPLATE_INCOMPLETE },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_EC_PARAMS, brainpool, sizeof(brainpool) }, CKR_CURVE_NOT_SUPPORTED },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_EC_PARAMS, text, sizeof(text) }, CKR_CURVE_NOT_SUPPORTED },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_EC_PARAMS, rubbish, sizeof(rubbish) }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_EC_PARAMS, NULL, 0 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_MODULUS_BITS, &bits, sizeof(bits) }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 0, { CKA_EC_PARAMS, p256, sizeof(p256) }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 0, { CKA_MODULUS_BITS, &bits, sizeof(bits) }, CKR_KEY_SIZE_RANGE },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 0, { CKA_MODULUS_BITS, &huge, sizeof(huge) }, CKR_KEY_SIZE_RANGE },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 0, { CKA_MODULUS_BITS, &small, sizeof(small) }, CKR_KEY_SIZE_RANGE },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 0, { CKA_MODULUS_BITS, &bits, 4 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 0, { CKA_PUBLIC_EXPONENT, three, 1 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_KEY_TYPE, &rsa, sizeof(rsa) }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_RSA_PKCS_KEY_PAIR_GEN, 1, { CKA_KEY_TYPE, &ec, sizeof(ec) }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_CLASS, &certificate, sizeof(ec) }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_CLASS, &certificate, sizeof(ec) }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_TOKEN, &no, 1 }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_TOKEN, &no, 1 }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_SENSITIVE, &no, 1 }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_EXTRACTABLE, &yes, 1 }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_PRIVATE, &no, 1 }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 0, { CKA_PRIVATE, &yes, 1 }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_SIGN, &yes, 2 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_SIGN, three, 0 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_LOCAL, &yes, 1 }, CKR_ATTRIBUTE_READ_ONLY },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_VALUE, three, 1 }, CKR_TEMPLATE_INCONSISTENT },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_VENDOR_DEFINED, three, 1 }, CKR_ATTRIBUTE_TYPE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_LABEL, zero, sizeof(zero) }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_LABEL, slash, 3 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_LABEL, latin, 1 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_LABEL, control, 2 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_EC_KEY_PAIR_GEN, 1, { CKA_LABEL, longest, 40 }, CKR_ATTRIBUTE_VALUE_INVALID },
		{ CKM_ECDSA, 1, { CKA_TOKEN, &yes, 1 }, CKR_MECHANISM_INVALID },
		{ CKM_DH_PKCS_KEY_PAIR_GEN, 1, { CKA_TOKEN, &yes, 1 }, CKR_MECHANISM_INVALID },
	};
	CK_SESSION_HANDLE session = start(MT_EMPTY);
	struct pair pair;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct template public = public_template(p256, sizeof(p256)), private = private_template();
		bool own_params = rows[i].item.type == CKA_EC_PARAMS || rows[i].item.type == CKA_MODULUS_BITS ||
				  rows[i].type != CKM_EC_KEY_PAIR_GEN || rows[i].expected == CKR_TEMPLATE_INCOMPLETE;
		struct template *side = rows[i].side == 0 ? &public : &private;

		if (own_params)
		public.count = 1;
		side->items[side->count++] = rows[i].item;
		assert_rv(generate(session, rows[i].type, public, private, &pair), rows[i].expected);
	}
	/* neither template wants a token object */
	assert_rv(generate(session, CKM_EC_KEY_PAIR_GEN, nothing, nothing, &pair), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(mt_count(session, CKO_PUBLIC_KEY), 0);
}

/* C1, C2 */
static void
test_arguments(void **state)
{
	CK_SESSION_HANDLE session = start(MT_EMPTY);
	struct template public = public_template(p256, sizeof(p256)), private = private_template();
	CK_MECHANISM ec = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, with = { CKM_EC_KEY_PAIR_GEN, p256, 1 };
	CK_OBJECT_HANDLE a, b;

	(void)state;
	assert_rv(mt->C_GenerateKeyPair(session, NULL, public.items, 2, private.items, 2, &a, &b), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKeyPair(session, &ec, NULL, 2, private.items, 2, &a, &b), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKeyPair(session, &ec, public.items, 2, NULL, 2, &a, &b), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKeyPair(session, &ec, public.items, 2, private.items, (CK_ULONG)-1, &a, &b),
		  CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKeyPair(session, &ec, public.items, 2, private.items, 2, NULL, &b), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKeyPair(session, &ec, public.items, 2, private.items, 2, &a, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateKeyPair(session, &with, public.items, 2, private.items, 2, &a, &b),
		  CKR_MECHANISM_PARAM_INVALID);
	assert_rv(mt->C_GenerateKeyPair(0, &ec, public.items, 2, private.items, 2, &a, &b), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(mt_count(session, CKO_PUBLIC_KEY), 0);
}

/* P-144: whichever command the card refuses; and afterwards everything works in the first place */
static void
test_failures(void **state)
{
	static const struct {
		const char *fault;
		CK_RV expected;
	} rows[] = {
		{ "ins=E0:sw=6A84", CKR_DEVICE_MEMORY },
		{ "ins=44:sw=6F00", CKR_DEVICE_ERROR },
		{ "ins=47:sw=6A81", CKR_CURVE_NOT_SUPPORTED },
		{ "ins=47:sw=6F00", CKR_DEVICE_ERROR },
		{ "ins=47:empty", CKR_DEVICE_ERROR },
		{ "ins=47:data=7F4907860504010203049000", CKR_DEVICE_ERROR },
		{ "ins=DB@1:sw=6A84", CKR_DEVICE_MEMORY },
		{ "ins=DB@2:sw=6A84", CKR_DEVICE_MEMORY },
		{ "ins=DB@3:sw=6A84", CKR_DEVICE_MEMORY },
	};
	CK_SESSION_HANDLE session = start(MT_EMPTY);
	struct pair pair;
	CK_BYTE id;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		mt_arm(MT_READER, rows[i].fault);
		assert_rv(generate_ec(session, &pair), rows[i].expected);
		assert_int_equal(pair.public, 0);
		mt_arm(MT_READER, "");
		assert_int_equal(mt_count(session, CKO_PUBLIC_KEY), 0);
		assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 0);
	}
	assert_rv(generate_ec(session, &pair), CKR_OK);
	assert_int_equal(mt_get(session, pair.private, CKA_ID, &id, 1), 1);
	assert_int_equal(id, 0);
	assert_signs(session, &pair);
}

/* Keys go with their pair and their certificate, certificates alone. */
static void
test_destroy(void **state)
{
	CK_OBJECT_HANDLE private, public, certificate, ec;
	CK_SESSION_HANDLE session, reader;

	(void)state;
	mt_initialize();
	reader = mt_open(0);
	session = mt_open(CKF_RW_SESSION);
	certificate = mt_object(session, CKO_CERTIFICATE, 0);
	assert_rv(mt->C_DestroyObject(session, certificate), CKR_USER_NOT_LOGGED_IN);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	private = mt_object(session, CKO_PRIVATE_KEY, 0);
	public = mt_object(session, CKO_PUBLIC_KEY, 0);
	ec = mt_object(session, CKO_PUBLIC_KEY, 2);
	assert_rv(mt->C_DestroyObject(reader, private), CKR_SESSION_READ_ONLY);

	assert_rv(mt->C_DestroyObject(session, certificate), CKR_OK);
	assert_rv(mt->C_DestroyObject(session, certificate), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 1);
	assert_rv(mt_sign(session), CKR_OK);
	assert_rv(mt->C_DestroyObject(session, private), CKR_OK);
	assert_int_equal(mt_count(reader, CKO_PUBLIC_KEY), 5);
	/* it went along; programs destroy both */
	assert_rv(mt_ask(session, public, CKA_ID), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(mt->C_DestroyObject(session, public), CKR_OK);
	assert_rv(mt->C_DestroyObject(session, public), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mt_count(reader, CKO_PUBLIC_KEY), 5);
	/* nobody loses a key pair by its public key, which is only seen no more; nor is it in the way of the private one */
	assert_rv(mt->C_DestroyObject(reader, ec), CKR_SESSION_READ_ONLY);
	assert_rv(mt->C_DestroyObject(session, ec), CKR_OK);
	assert_rv(mt->C_DestroyObject(session, ec), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(mt_count(reader, CKO_PUBLIC_KEY), 4);
	assert_int_equal(mt_count(reader, CKO_PRIVATE_KEY), 5);
	assert_int_equal(mt_count(reader, CKO_CERTIFICATE), 1);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	session = mt_start_user();
	assert_int_equal(mt_count(session, CKO_PUBLIC_KEY), 5);
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	mt_initialize();
	session = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_rv(mt->C_DestroyObject(session, mt_object(session, CKO_PUBLIC_KEY, 2)), CKR_OK);
	assert_rv(mt->C_DestroyObject(session, mt_object(session, CKO_PRIVATE_KEY, 2)), CKR_OK);
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 4);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 0);

	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	session = mt_start_user();
	assert_int_equal(mt_count(session, CKO_PRIVATE_KEY), 4);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 0);
}

/* The place of a key that was destroyed is the next one's, which has no certificate. */
static void
test_again(void **state)
{
	CK_SESSION_HANDLE session = start(MT_ALICE);
	struct pair pair;
	CK_BYTE id;

	(void)state;
	assert_rv(mt->C_DestroyObject(session, mt_object(session, CKO_PRIVATE_KEY, 2)), CKR_OK);
	assert_rv(generate_ec(session, &pair), CKR_OK);
	assert_int_equal(mt_get(session, pair.private, CKA_ID, &id, 1), 1);
	assert_int_equal(id, 2);
	assert_int_equal(mt_count(session, CKO_CERTIFICATE), 1);
	assert_signs(session, &pair);
}

/* P-143, P-094: the ID that was asked for, on both objects, in the next program as well, as is the origin */
static void
test_ids(void **state)
{
	CK_SESSION_HANDLE session = start(MT_ALICE);
	struct template public = public_template(p256, sizeof(p256)), private = private_template();
	CK_BYTE id[] = { 0xAA, 0xBB, 0xCC }, other[] = { 1 };
	CK_ATTRIBUTE query = { CKA_ID, id, sizeof(id) };
	CK_OBJECT_HANDLE found[4];
	struct pair pair;

	(void)state;
	public.items[public.count++] = query;
	private.items[private.count++] = (CK_ATTRIBUTE){ CKA_ID, other, sizeof(other) };
	assert_rv(generate(session, CKM_EC_KEY_PAIR_GEN, public, private, &pair), CKR_TEMPLATE_INCONSISTENT);
	private.items[private.count - 1] = query;
	assert_rv(generate(session, CKM_EC_KEY_PAIR_GEN, public, private, &pair), CKR_OK);
	assert_value(session, pair.public, CKA_ID, id, sizeof(id));
	assert_value(session, pair.private, CKA_ID, id, sizeof(id));
	assert_rv(mt->C_Finalize(NULL), CKR_OK);

	mt_initialize();
	session = mt_open(CKF_RW_SESSION);
	assert_rv(mt_login(session, MT_PIN), CKR_OK);
	assert_int_equal(mt_find(session, &query, 1, found, 4), 2);
	assert_true(mt_get_bool(session, found[0], CKA_LOCAL));
	assert_int_equal(mt_get_ulong(session, found[0], CKA_KEY_GEN_MECHANISM), CKM_EC_KEY_PAIR_GEN);
	assert_value(session, found[0], CKA_LABEL, name, sizeof(name) - 1);
	/* what goes takes its names along */
	assert_rv(mt->C_DestroyObject(session, found[0]), CKR_OK);
	assert_rv(generate_ec(session, &pair), CKR_OK);
	assert_value(session, pair.private, CKA_ID, "\x06", 1);
}

/* The three objects of a container have one ID and one label; others keep theirs. */
static void
test_rename(void **state)
{
	CK_SESSION_HANDLE session = start(MT_ALICE), reader = mt_open(0);
	CK_OBJECT_HANDLE private = mt_object(session, CKO_PRIVATE_KEY, 0), public, certificate, ec;
	CK_BYTE id[20] = { 1, 2, 3 }, unique[256], same[256], latin[] = { 0xE4 };
	CK_ATTRIBUTE changes[] = { { CKA_ID, id, sizeof(id) }, { CKA_LABEL, name, sizeof(name) - 1 } },
		     subject = { CKA_SUBJECT, id, 3 }, empty = { CKA_ID, NULL, 0 }, bad = { CKA_LABEL, latin, 1 },
		     none = { CKA_LABEL, NULL, 0 }, token = { CKA_TOKEN, &no, 1 };
	size_t len;

	(void)state;
	public = mt_object(session, CKO_PUBLIC_KEY, 0);
	certificate = mt_object(session, CKO_CERTIFICATE, 0);
	ec = mt_object(session, CKO_PUBLIC_KEY, 2);
	len = mt_get(session, private, CKA_UNIQUE_ID, unique, sizeof(unique));
	assert_true(mt_get_bool(session, private, CKA_MODIFIABLE));
	assert_rv(mt->C_SetAttributeValue(reader, private, changes, 2), CKR_SESSION_READ_ONLY);
	assert_rv(mt->C_SetAttributeValue(session, private, &subject, 1), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_SetAttributeValue(session, private, &token, 1), CKR_ATTRIBUTE_READ_ONLY);
	assert_rv(mt->C_SetAttributeValue(session, private, &empty, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_rv(mt->C_SetAttributeValue(session, private, &bad, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_rv(mt->C_SetAttributeValue(session, private, changes, 1), CKR_OK);
	assert_rv(mt->C_SetAttributeValue(session, certificate, &changes[1], 1), CKR_OK);
	assert_value(reader, private, CKA_ID, id, sizeof(id));
	assert_value(reader, public, CKA_ID, id, sizeof(id));
	assert_value(reader, certificate, CKA_ID, id, sizeof(id));
	assert_value(reader, public, CKA_LABEL, name, sizeof(name) - 1);
	assert_value(reader, ec, CKA_ID, "\x02", 1);
	assert_int_equal(mt_get(session, private, CKA_UNIQUE_ID, same, sizeof(same)), len);
	assert_memory_equal(unique, same, len);
	assert_rv(mt->C_SetAttributeValue(session, public, &none, 1), CKR_OK);
	assert_value(reader, public, CKA_LABEL, "Alice RSA", 9);
	assert_false(mt_get_bool(session, private, CKA_LOCAL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pairs, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_rsa_pair, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_who_may, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_templates, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_arguments, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_failures, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_destroy, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_again, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_ids, mt_set_up, mt_tear_down),
		cmocka_unit_test_setup_teardown(test_rename, mt_set_up, mt_tear_down),
	};

	return cmocka_run_group_tests(tests, mt_load, mt_unload);
}
