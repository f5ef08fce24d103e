/* SPDX-License-Identifier: BSD-2-Clause */
/* The program of bytes and the arguments made from it. */
#include "base/auto.h"
#include "fuzz/calls/calls.h"

static struct cursor program;

void
program_start(const uint8_t *data, size_t size)
{
	program = cur_of(data, size);
}

bool
program_ended(void)
{
	return cur_at_end(&program);
}

uint8_t
next(void)
{
	uint8_t byte;

	return cur_u8(&program, &byte) ? byte : 0;
}

/* Blocks ----------------------------------------------------------------------------------------------------------- */

#define BLOCKS_MAX 256

static struct {
	uint8_t *given, *copy;
	size_t len;
} blocks[BLOCKS_MAX];
static size_t block_count;

/* A block of exactly this size; the caller fills it, and seal() makes it an input that must stay as it is. */
void *
block(size_t len)
{
	require(block_count < BLOCKS_MAX);
	blocks[block_count].len = 0;
	blocks[block_count].copy = NULL;
	require((blocks[block_count].given = malloc(len)) != NULL);
	return blocks[block_count++].given;
}

void *
input(const void *bytes, size_t len)
{
	void *given = block(len);

	require((blocks[block_count - 1].copy = malloc(len)) != NULL);
	blocks[block_count - 1].len = len;
	if (len > 0) {
		memcpy(given, bytes, len);
		memcpy(blocks[block_count - 1].copy, bytes, len);
	}
	return given;
}

void
release_blocks(void)
{
	for (size_t i = 0; i < block_count; i++) {
		require(blocks[i].len == 0 || memcmp(blocks[i].given, blocks[i].copy, blocks[i].len) == 0);
		free(blocks[i].given);
		free(blocks[i].copy);
	}
	block_count = 0;
}

CK_SESSION_HANDLE sessions[SESSIONS_MAX];
CK_OBJECT_HANDLE objects[OBJECTS_MAX];
size_t opened;
static size_t kept;		  /* objects that calls have made */
static uint8_t last_output[4096]; /* so that a signature can be verified and a cipher decrypted */
static size_t last_output_len;

void
arguments_reset(void)
{
	memset(sessions, 0, sizeof(sessions));
	memset(objects, 0, sizeof(objects));
	opened = kept = 0;
	last_output_len = 0;
}

CK_ULONG
forged(uint8_t byte)
{
	static const CK_ULONG values[] = { 0, 1, HUGE_COUNT, 0x80000000u, 99999, 0x100000001u };

	return values[byte % ARRAY_SIZE(values)];
}

CK_SESSION_HANDLE
session_arg(void)
{
	uint8_t b = next();

	return b < 0xE0 ? sessions[b % ARRAY_SIZE(sessions)] : forged(b);
}

CK_SLOT_ID
slot_arg(void)
{
	uint8_t b = next();

	return b < 0xC0 ? 1 : forged(b);
}

CK_OBJECT_HANDLE
object_arg(void)
{
	uint8_t b = next();

	return b < 0xE0 ? objects[b % ARRAY_SIZE(objects)] : forged(b);
}

CK_OBJECT_HANDLE *
new_object_arg(void)
{
	return next() == 1 ? NULL : block(sizeof(CK_OBJECT_HANDLE));
}

CK_RV
keep_object(const CK_OBJECT_HANDLE *made, CK_RV rv)
{
	require(rv != CKR_OK || (made != NULL && *made != CK_INVALID_HANDLE));
	if (rv == CKR_OK)
		objects[kept++ % ARRAY_SIZE(objects)] = *made;
	return rv;
}

static struct bytes
null_bytes(uint8_t how)
{
	static const CK_ULONG lengths[] = { 0, 1, 6, 128, 0xFFFFFFFFu, HUGE_COUNT };

	return (struct bytes){ NULL, lengths[how % ARRAY_SIZE(lengths)] };
}

/* A length (below D0), the last output (D0), the PIN (D1), or no pointer. */
struct bytes
bytes_arg(void)
{
	static const uint16_t lengths[] = { 0,	1,  2,	 6,   16,  20,	28,  32,  35,  48,  51,	 63,  64,   65,
					    96, 97, 116, 117, 118, 126, 127, 128, 129, 255, 256, 257, 1000, 5000 };
	static uint8_t filled[5000];
	uint8_t b = next();

	if (b >= 0xE0)
		return null_bytes(b);
	if (b == 0xD0)
		return (struct bytes){ input(last_output, last_output_len), last_output_len };
	if (b == 0xD1)
		return (struct bytes){ input(PIN, 6), 6 };
	memset(filled, next(), sizeof(filled));
	return (struct bytes){ input(filled, lengths[b % ARRAY_SIZE(lengths)]), lengths[b % ARRAY_SIZE(lengths)] };
}

/* Room for a result (below F0), or without one pointer or both. */
struct output
output_arg(void)
{
	static const uint16_t rooms[] = { 4096, 256, 128, 127, 117, 64, 63, 48, 32, 20, 16, 1, 0 };
	uint8_t b = next();
	struct output o = { .room = b == 0xF3 ? HUGE_COUNT : rooms[b % ARRAY_SIZE(rooms)] };

	if (b < 0xF0 || b == 0xF1)
		o.p = block(o.room);
	if (b != 0xF1 && b != 0xF2) {
		o.len = block(sizeof(*o.len));
		*o.len = o.room;
	}
	return o;
}

CK_RV
check_output(const struct output *o, CK_RV rv)
{
	if (o->len == NULL)
		return rv;
	if (rv == CKR_OK && o->p != NULL) {
		require(*o->len <= o->room);
		last_output_len = *o->len;
		memcpy(last_output, o->p, last_output_len);
	} else if (rv == CKR_OK) {
		require(*o->len <= 65536);
	} else if (rv == CKR_BUFFER_TOO_SMALL) {
		require(o->p != NULL && *o->len > o->room && *o->len <= 65536);
	}
	return rv;
}

CK_ULONG
mechanism_type(uint8_t b)
{
	static const CK_ULONG types[] = { CKM_RSA_PKCS,
					  CKM_RSA_X_509,
					  CKM_RSA_PKCS_OAEP,
					  CKM_RSA_PKCS_PSS,
					  CKM_SHA256_RSA_PKCS,
					  CKM_SHA1_RSA_PKCS_PSS,
					  CKM_SHA512_RSA_PKCS,
					  CKM_SHA512_RSA_PKCS_PSS,
					  CKM_ECDSA,
					  CKM_ECDSA_SHA256,
					  CKM_ECDSA_SHA512,
					  CKM_SHA_1,
					  CKM_SHA256,
					  CKM_SHA512,
					  CKM_RSA_PKCS_KEY_PAIR_GEN,
					  CKM_EC_KEY_PAIR_GEN,
					  CKM_ECDH1_DERIVE,
					  CKM_ECDH1_COFACTOR_DERIVE,
					  CKM_GENERIC_SECRET_KEY_GEN,
					  CKM_AES_KEY_GEN,
					  CKM_AES_CBC };

	return b < 0xF0 ? types[b % ARRAY_SIZE(types)] : forged(b);
}

static struct bytes
pss_parameter(void)
{
	static const CK_RSA_PKCS_PSS_PARAMS good[] = { { CKM_SHA256, CKG_MGF1_SHA256, 32 },
						       { CKM_SHA_1, CKG_MGF1_SHA1, 20 },
						       { CKM_SHA512, CKG_MGF1_SHA512, 0 } };
	uint8_t b = next();
	CK_RSA_PKCS_PSS_PARAMS p = good[b % 3];

	if (b >= 0x80)
		p.sLen = b == 0xFF ? HUGE_COUNT : b;
	return (struct bytes){ input(&p, sizeof(p)), sizeof(p) };
}

static struct bytes
ecdh_parameter(void)
{
	struct bytes shared = bytes_arg(), point = bytes_arg();
	CK_ECDH1_DERIVE_PARAMS p;

	memset(&p, 0, sizeof(p));
	p.kdf = next() % 12u;
	p.ulSharedDataLen = shared.len;
	p.pSharedData = shared.p;
	p.ulPublicDataLen = point.len;
	p.pPublicData = point.p;
	return (struct bytes){ input(&p, sizeof(p)), sizeof(p) };
}

static struct bytes
oaep_parameter(void)
{
	struct bytes label = bytes_arg();
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label.p, label.len };
	uint8_t b = next();

	if ((b & 1) != 0)
		p.hashAlg = CKM_SHA256;
	if ((b & 2) != 0)
		p.mgf = CKG_MGF1_SHA256;
	if ((b & 4) != 0)
		p.source = 0;
	return (struct bytes){ input(&p, sizeof(p)), sizeof(p) };
}

CK_MECHANISM *
mechanism_arg(void)
{
	uint8_t b = next();
	struct bytes parameter = { NULL, 0 };
	CK_MECHANISM m;

	if (b == 0xFF)
		return NULL;
	switch (next() % 5) {
	case 1: parameter = pss_parameter(); break;
	case 2: parameter = oaep_parameter(); break;
	case 3: parameter = bytes_arg(); break;
	case 4: parameter = ecdh_parameter(); break;
	default: break;
	}
	memset(&m, 0, sizeof(m));
	m.mechanism = mechanism_type(b);
	m.pParameter = parameter.p;
	m.ulParameterLen = parameter.len;
	return input(&m, sizeof(m));
}

CK_ATTRIBUTE_TYPE
attribute_type(uint8_t b)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS,
						   CKA_ID,
						   CKA_LABEL,
						   CKA_TOKEN,
						   CKA_PRIVATE,
						   CKA_KEY_TYPE,
						   CKA_VALUE,
						   CKA_MODULUS,
						   CKA_MODULUS_BITS,
						   CKA_EC_POINT,
						   CKA_EC_PARAMS,
						   CKA_SUBJECT,
						   CKA_SIGN,
						   CKA_DECRYPT,
						   CKA_PUBLIC_KEY_INFO,
						   CKA_UNIQUE_ID,
						   CKA_SENSITIVE,
						   CKA_PUBLIC_EXPONENT,
						   CKA_WRAP_TEMPLATE,
						   CKA_ALLOWED_MECHANISMS,
						   CKA_VENDOR_DEFINED,
						   HUGE_COUNT,
						   CKA_VALUE_LEN,
						   CKA_EXTRACTABLE,
						   CKA_MODIFIABLE,
						   CKA_COPYABLE,
						   CKA_DESTROYABLE,
						   CKA_CERTIFICATE_TYPE,
						   CKA_APPLICATION,
						   CKA_OBJECT_ID,
						   CKA_START_DATE,
						   CKA_VERIFY,
						   CKA_ENCRYPT,
						   CKA_WRAP,
						   CKA_UNWRAP,
						   CKA_DERIVE,
						   CKA_LOCAL,
						   CKA_CHECK_VALUE,
						   CKA_TRUSTED,
						   CKA_WRAP_WITH_TRUSTED,
						   CKA_URL,
						   CKA_CERTIFICATE_CATEGORY,
						   CKA_ALWAYS_SENSITIVE };

	return types[b % ARRAY_SIZE(types)];
}

/* C3: an array of attributes whose value is an array of attributes, and so on, for so many levels. */
static struct bytes
nested_value(unsigned depth)
{
	CK_ATTRIBUTE inner = { CKA_WRAP_TEMPLATE, NULL, 0 };

	while (depth-- > 0) {
		inner.pValue = input(&inner, sizeof(inner));
		inner.ulValueLen = sizeof(inner);
	}
	return (struct bytes){ inner.pValue, inner.ulValueLen };
}

/* A number (below 20), one byte (below 40), arrays in arrays (40), or any other value. */
static struct bytes
attribute_value(void)
{
	CK_ULONG number = next();
	CK_BYTE byte = (CK_BYTE)(number & 0x1F);

	if (number < 0x20)
		return (struct bytes){ input(&number, sizeof(number)), sizeof(number) };
	if (number == 0x40)
		return nested_value(20);
	return number < 0x40 ? (struct bytes){ input(&byte, 1), 1 } : bytes_arg();
}

static void
put_ulong(CK_ATTRIBUTE *attribute, CK_ATTRIBUTE_TYPE type, CK_ULONG number)
{
	*attribute = (CK_ATTRIBUTE){ type, input(&number, sizeof(number)), sizeof(number) };
}

/* What a template of this class needs, as far as numbers go; returns how many attributes that are. */
static size_t
usual_attributes(CK_ATTRIBUTE *attributes, uint8_t which)
{
	static const struct {
		CK_OBJECT_CLASS class;
		CK_ATTRIBUTE_TYPE type;
		CK_ULONG value;
	} kinds[] = {
		{ CKO_SECRET_KEY, CKA_KEY_TYPE, CKK_GENERIC_SECRET },
		{ CKO_SECRET_KEY, CKA_KEY_TYPE, CKK_AES },
		{ CKO_PUBLIC_KEY, CKA_KEY_TYPE, CKK_RSA },
		{ CKO_PUBLIC_KEY, CKA_KEY_TYPE, CKK_EC },
		{ CKO_CERTIFICATE, CKA_CERTIFICATE_TYPE, CKC_X_509 },
		{ CKO_DATA, CKA_MODULUS_BITS, 1024 },
		{ CKO_PRIVATE_KEY, CKA_KEY_TYPE, CKK_RSA },
	};

	put_ulong(&attributes[0], CKA_CLASS, kinds[which % ARRAY_SIZE(kinds)].class);
	if (which % ARRAY_SIZE(kinds) == 5)
		return 1;
	put_ulong(&attributes[1], kinds[which % ARRAY_SIZE(kinds)].type, kinds[which % ARRAY_SIZE(kinds)].value);
	return 2;
}

static void
put_bytes(CK_ATTRIBUTE *attribute, CK_ATTRIBUTE_TYPE type, const void *bytes, size_t len)
{
	*attribute = (CK_ATTRIBUTE){ type, input(bytes, len), len };
}

/* Objects for the card: 6 a private key on P-256, 7 a file, 8 a root; returns how many attributes. */
static size_t
token_attributes(CK_ATTRIBUTE *attributes, uint8_t which)
{
	static const CK_BYTE p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 },
			     one[32] = { [31] = 1 };
	const CK_BBOOL yes = CK_TRUE;

	put_bytes(&attributes[0], CKA_TOKEN, &yes, 1);
	if (which == 6) {
		put_ulong(&attributes[1], CKA_CLASS, CKO_PRIVATE_KEY);
		put_ulong(&attributes[2], CKA_KEY_TYPE, CKK_EC);
		put_bytes(&attributes[3], CKA_EC_PARAMS, p256, sizeof(p256));
		put_bytes(&attributes[4], CKA_VALUE, one, sizeof(one));
		return 5;
	}
	put_ulong(&attributes[1], CKA_CLASS, which == 7 ? CKO_DATA : CKO_CERTIFICATE);
	if (which == 7) {
		put_bytes(&attributes[2], CKA_VALUE, p256, sizeof(p256));
		put_bytes(&attributes[3], CKA_APPLICATION, "app", 3);
		put_bytes(&attributes[4], CKA_LABEL, "note", 4);
		return 5;
	}
	put_bytes(&attributes[2], CKA_VALUE, root_certificate.p, root_certificate.left);
	put_ulong(&attributes[3], CKA_CERTIFICATE_TYPE, CKC_X_509);
	put_bytes(&attributes[4], CKA_SUBJECT, p256, 4);
	return 5;
}

/* The numbers of keys that are good, so that objects can be made of them; returns how many attributes that are. */
static size_t
whole_attributes(CK_ATTRIBUTE *attributes, uint8_t which)
{
	static const CK_BYTE exponent[] = { 1, 0, 1 },
			     p256[] = { 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
	static const CK_BYTE base_point[] = {
		0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
		0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F,
		0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE,
		0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
	};
	CK_BYTE filled[128];

	memset(filled, 0xC5, sizeof(filled));
	if (which % 9 >= 6)
		return token_attributes(attributes, which % 9);
	(void)usual_attributes(attributes, which % 9);
	switch (which % 9) {
	case 0:
	case 1: attributes[2] = (CK_ATTRIBUTE){ CKA_VALUE, input(filled, 16), 16 }; return 3;
	case 2:
		attributes[2] = (CK_ATTRIBUTE){ CKA_MODULUS, input(filled, sizeof(filled)), sizeof(filled) };
		attributes[3] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, input(exponent, 3), 3 };
		return 4;
	case 3:
		attributes[2] = (CK_ATTRIBUTE){ CKA_EC_PARAMS, input(p256, sizeof(p256)), sizeof(p256) };
		attributes[3] =
			(CK_ATTRIBUTE){ CKA_EC_POINT, input(base_point, sizeof(base_point)), sizeof(base_point) };
		return 4;
	case 4:
		attributes[2] = (CK_ATTRIBUTE){ CKA_SUBJECT, input(filled, 5), 5 };
		attributes[3] = (CK_ATTRIBUTE){ CKA_VALUE, input(filled, 100), 100 };
		return 4;
	default: attributes[1] = (CK_ATTRIBUTE){ CKA_VALUE, input(filled, 100), 100 }; return 2;
	}
}

/* What makes a copy of an object of the token one of the session. */
static size_t
session_attribute(CK_ATTRIBUTE *attributes)
{
	const CK_BBOOL no = CK_FALSE;

	attributes[0] = (CK_ATTRIBUTE){ CKA_TOKEN, input(&no, 1), 1 };
	return 1;
}

#define TEMPLATE_MAX (5 + 6)

/*
 * 80 to 9F begin with what a class needs in numbers, A0 to AF with all that it needs, B0 to BF with what a copy of the card's
 * needs. FD: no pointer; FE: far fewer attributes than are claimed.
 */
struct template template_arg(void)
{
	static const CK_ULONG claims[] = { HUGE_COUNT, 0xFFFFFFFFu, 1025, 1u << 20 };
	CK_ATTRIBUTE attributes[TEMPLATE_MAX] = { { 0 } };
	uint8_t b = next();
	size_t count = b >= 0xFD ? 1 : b % 7u, have = 0;

	if (b == 0xFD)
		return (struct template){ NULL, null_bytes(next()).len };
	if (b >= 0x80 && b < 0xA0)
		have = usual_attributes(attributes, next());
	else if (b >= 0xA0 && b < 0xB0)
		have = whole_attributes(attributes, next());
	else if (b >= 0xB0 && b < 0xC0)
		have = session_attribute(attributes);
	for (count += have; have < count; have++) {
		struct bytes value;

		attributes[have].type = attribute_type(next());
		value = attribute_value();
		attributes[have].pValue = value.p;
		attributes[have].ulValueLen = value.len;
	}
	return (struct template){ input(attributes, count * sizeof(attributes[0])),
				  b == 0xFE ? claims[next() % 4] : count };
}
