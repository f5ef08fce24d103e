/* SPDX-License-Identifier: BSD-2-Clause */
/* What a new object in memory must have been given, by its class, and what goes without saying (PKCS#11 3.1, 4.5 to 4.10). */
#include <string.h>

#include "base/auto.h"
#include "p11/attr.h"
#include "p11/memory.h"

#define NO_TYPE CK_UNAVAILABLE_INFORMATION

static bool
given(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	return p11_memory_bytes(memory, type).left > 0;
}

static CK_ULONG
number_of(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type)
{
	struct cursor bytes = p11_memory_bytes(memory, type);
	CK_ULONG number = NO_TYPE;

	(void)cur_copy(&bytes, &number, sizeof(number));
	return number;
}

/* A check value that was given is the right one, or empty: there is none then. */
static CK_RV
check_check_value(const struct p11_memory *memory)
{
	const struct p11_value *said = p11_memory_value(memory, CKA_CHECK_VALUE);
	AUTO_BUF struct buf right = BUF_INIT;
	CK_RV rv;

	if (said == NULL || said->bytes.len == 0)
		return CKR_OK;
	if ((rv = p11_memory_check_value(memory, &right)) != CKR_OK)
		return rv;
	return right.len == said->bytes.len && memcmp(right.p, said->bytes.p, right.len) == 0
		       ? CKR_OK
		       : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* Where a certificate lies elsewhere, the hashes tell whose it is. */
static CK_RV
complete_certificate(const struct p11_memory *memory)
{
	const bool hashes =
		given(memory, CKA_HASH_OF_SUBJECT_PUBLIC_KEY) && given(memory, CKA_HASH_OF_ISSUER_PUBLIC_KEY);

	if (!given(memory, CKA_CERTIFICATE_TYPE) || !given(memory, CKA_SUBJECT))
		return CKR_TEMPLATE_INCOMPLETE;
	if (given(memory, CKA_URL) ? !hashes : !given(memory, CKA_VALUE))
		return CKR_TEMPLATE_INCOMPLETE;
	if (number_of(memory, CKA_CERTIFICATE_TYPE) != CKC_X_509)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return check_check_value(memory);
}

static CK_RV
complete_rsa(struct p11_memory *memory)
{
	struct cursor modulus = p11_memory_bytes(memory, CKA_MODULUS),
		      exponent = p11_memory_bytes(memory, CKA_PUBLIC_EXPONENT);

	if (modulus.left == 0 || exponent.left == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (given(memory, CKA_EC_PARAMS) || given(memory, CKA_EC_POINT))
		return CKR_TEMPLATE_INCONSISTENT;
	return pubkey_set_rsa(&memory->public, modulus.p, modulus.left, exponent.p, exponent.left)
		       ? CKR_OK
		       : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV
complete_ec(struct p11_memory *memory, enum key_type type)
{
	struct cursor params = p11_memory_bytes(memory, CKA_EC_PARAMS), point = p11_memory_bytes(memory, CKA_EC_POINT);
	unsigned bits;

	if (params.left == 0 || point.left == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (given(memory, CKA_MODULUS) || given(memory, CKA_PUBLIC_EXPONENT))
		return CKR_TEMPLATE_INCONSISTENT;
	if ((bits = p11_attr_curve_bits(type, params)) == 0)
		return CKR_CURVE_NOT_SUPPORTED;
	return p11_attr_take_point(point, type, bits, &memory->public) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* What this kind of key can be used for, unless the template says. */
static CK_RV
complete_uses(struct p11_memory *memory)
{
	static const CK_ATTRIBUTE_TYPE uses[] = { CKA_VERIFY, CKA_ENCRYPT, CKA_WRAP, CKA_VERIFY_RECOVER };
	const enum key_type type = memory->public.type;
	const size_t count = type == KEY_RSA ? ARRAY_SIZE(uses) : type == KEY_X25519 ? 0 : 1;
	const CK_BBOOL yes = CK_TRUE;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < count && rv == CKR_OK; i++)
		if (p11_memory_value(memory, uses[i]) == NULL)
			rv = p11_memory_put(memory, p11_rule_find(uses[i], CKO_PUBLIC_KEY), cur_of(&yes, 1));
	return rv;
}

/* The same key in another form, which must not be another key. */
static CK_RV
check_spki(const struct p11_memory *memory)
{
	struct cursor said = p11_memory_bytes(memory, CKA_PUBLIC_KEY_INFO);
	AUTO_BUF struct buf right = BUF_INIT;
	CK_RV rv;

	if (said.left == 0)
		return CKR_OK;
	if ((rv = p11_rv(csp_public_key_spki(p11_csp(), &memory->public, &right), P11_CTX_TOKEN)) != CKR_OK)
		return rv;
	return cur_equals(&said, right.p, right.len) ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

static CK_RV
complete_public_key(struct p11_memory *memory)
{
	CK_RV rv;

	if (!given(memory, CKA_KEY_TYPE))
		return CKR_TEMPLATE_INCOMPLETE;
	switch (number_of(memory, CKA_KEY_TYPE)) {
	case CKK_RSA: rv = complete_rsa(memory); break;
	case CKK_EC: rv = complete_ec(memory, KEY_EC); break;
	case CKK_EC_EDWARDS: rv = complete_ec(memory, KEY_ED25519); break;
	case CKK_EC_MONTGOMERY: rv = complete_ec(memory, KEY_X25519); break;
	default: return CKR_TEMPLATE_INCONSISTENT;
	}
	if (rv == CKR_OK && !csp_public_key_valid(p11_csp(), &memory->public))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	if (rv == CKR_OK)
		rv = check_spki(memory);
	return rv == CKR_OK ? complete_uses(memory) : rv;
}

bool
p11_memory_fits(CK_KEY_TYPE type, size_t len)
{
	return type == CKK_AES ? len == 16 || len == 24 || len == 32 : len > 0 && len <= LIMIT_SECRET_KEY;
}

/* The type of a secret key: that of the mechanism, of the template, or generic where it may go without saying. */
static CK_RV
settle_type(struct p11_memory *memory)
{
	const CK_ULONG wanted = number_of(memory, CKA_KEY_TYPE);

	if (wanted == NO_TYPE && memory->origin != P11_DERIVED && memory->type == NO_TYPE)
		return CKR_TEMPLATE_INCOMPLETE;
	if (wanted != NO_TYPE && wanted != CKK_GENERIC_SECRET && wanted != CKK_AES)
		return CKR_TEMPLATE_INCONSISTENT;
	if (wanted != NO_TYPE && memory->type != NO_TYPE && memory->type != wanted)
		return CKR_TEMPLATE_INCONSISTENT;
	if (memory->type == NO_TYPE)
		memory->type = wanted != NO_TYPE ? wanted : CKK_GENERIC_SECRET;
	return p11_memory_put(memory, p11_rule_find(CKA_KEY_TYPE, CKO_SECRET_KEY),
			      cur_of(&memory->type, sizeof(memory->type)));
}

static CK_RV
complete_secret_key(struct p11_memory *memory)
{
	const struct p11_value *len = p11_memory_value(memory, CKA_VALUE_LEN);
	CK_RV rv = settle_type(memory);

	if (rv != CKR_OK)
		return rv;
	if (memory->origin == P11_CREATED) {
		if (memory->secret.len == 0)
			return CKR_TEMPLATE_INCOMPLETE;
		return p11_memory_fits(memory->type, memory->secret.len) ? check_check_value(memory)
									 : CKR_ATTRIBUTE_VALUE_INVALID;
	}
	if (len == NULL)
		return memory->origin == P11_GENERATED ? CKR_TEMPLATE_INCOMPLETE : CKR_OK;
	memory->len = number_of(memory, CKA_VALUE_LEN);
	if (memory->len == 0)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return p11_memory_fits(memory->type, memory->len) ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

CK_RV
p11_memory_complete(struct p11_memory *memory)
{
	switch (memory->class) {
	case CKO_CERTIFICATE: return complete_certificate(memory);
	case CKO_PUBLIC_KEY: return complete_public_key(memory);
	case CKO_SECRET_KEY: return complete_secret_key(memory);
	default: return CKR_OK;
	}
}
