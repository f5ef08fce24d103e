/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of objects in memory. */
#include <stdio.h>

#include "base/auto.h"
#include "p11/attr.h"
#include "p11/memory.h"

static CK_RV
unique_id(const struct p11_object *object, struct buf *value)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "session-%lu", object->handle);
	return p11_attr_text(value, text);
}

static CK_RV
secret_value(const struct p11_memory *memory, struct buf *value)
{
	if (p11_memory_is(memory, CKA_SENSITIVE) || !p11_memory_is(memory, CKA_EXTRACTABLE))
		return CKR_ATTRIBUTE_SENSITIVE;
	return p11_attr_bytes(value, cur_of(memory->secret.p, memory->secret.len));
}

/* Of a key whose value is not there yet, or of a certificate that lies elsewhere: none. */
CK_RV
p11_memory_check_value(const struct p11_memory *memory, struct buf *ret_value)
{
	uint8_t check[CSP_CHECK_VALUE_LEN];
	struct cursor bytes = p11_memory_bytes(memory, CKA_VALUE);
	CK_RV rv;

	if (memory->class == CKO_SECRET_KEY)
		bytes = cur_of(memory->secret.p, memory->secret.len);
	if (bytes.left == 0)
		return CKR_OK;
	if (memory->class != CKO_SECRET_KEY || memory->type != CKK_AES)
		return p11_attr_check_value(bytes, ret_value);
	rv = p11_rv(csp_aes_check_value(p11_csp(), &memory->secret, check), P11_CTX_TOKEN);
	return rv == CKR_OK ? p11_attr_bytes(ret_value, cur_of(check, sizeof(check))) : rv;
}

/* Empty when it was made so. */
static CK_RV
check_value(const struct p11_memory *memory, struct buf *value)
{
	const struct p11_value *said = p11_memory_value(memory, CKA_CHECK_VALUE);

	return said != NULL && said->bytes.len == 0 ? CKR_OK : p11_memory_check_value(memory, value);
}

static CK_RV
spki(const struct p11_memory *memory, struct buf *value)
{
	AUTO_BUF struct buf der = BUF_INIT;

	if (csp_public_key_spki(p11_csp(), &memory->public, &der) != SCARD_S_SUCCESS)
		return CKR_HOST_MEMORY;
	return p11_attr_bytes(value, buf_cur(&der));
}

/* What was given, or what stands for nothing given. */
static CK_RV
plain_attribute(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct p11_rule *rule = p11_rule_find(type, memory->class);
	const struct p11_value *known = p11_memory_value(memory, type);

	if (rule == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (known != NULL)
		return p11_attr_bytes(value, buf_cur(&known->bytes));
	switch (rule->kind) {
	case P11_IS_BOOL: return p11_attr_bool(value, false);
	case P11_IS_ULONG: return p11_attr_ulong(value, type == CKA_NAME_HASH_ALGORITHM ? CKM_SHA_1 : 0);
	case P11_IS_ULONGS: return CKR_ATTRIBUTE_TYPE_INVALID; /* an empty list would allow nothing */
	default: return CKR_OK;
	}
}

/* Without the leading zeros that it may have been given with. */
static CK_RV
number(bool rsa, const uint8_t *bytes, size_t len, struct buf *value)
{
	return rsa ? p11_attr_bytes(value, cur_of(bytes, len)) : CKR_ATTRIBUTE_TYPE_INVALID;
}

static CK_RV
public_attribute(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const bool rsa = memory->public.type == KEY_RSA;

	switch (type) {
	case CKA_PUBLIC_KEY_INFO: return spki(memory, value);
	case CKA_MODULUS_BITS: return rsa ? p11_attr_ulong(value, memory->public.bits) : CKR_ATTRIBUTE_TYPE_INVALID;
	case CKA_MODULUS: return number(rsa, memory->public.modulus, memory->public.modulus_len, value);
	case CKA_PUBLIC_EXPONENT: return number(rsa, memory->public.exponent, memory->public.exponent_len, value);
	case CKA_EC_PARAMS: return rsa ? CKR_ATTRIBUTE_TYPE_INVALID : plain_attribute(memory, type, value);
	case CKA_EC_POINT: return rsa ? CKR_ATTRIBUTE_TYPE_INVALID : p11_attr_point(&memory->public, value);
	default: return plain_attribute(memory, type, value);
	}
}

static CK_RV
secret_attribute(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	switch (type) {
	case CKA_VALUE: return secret_value(memory, value);
	case CKA_VALUE_LEN: return p11_attr_ulong(value, memory->secret.len);
	case CKA_ALWAYS_SENSITIVE: return p11_attr_bool(value, memory->always_sensitive);
	case CKA_NEVER_EXTRACTABLE: return p11_attr_bool(value, memory->never_extractable);
	default: return plain_attribute(memory, type, value);
	}
}

CK_RV
p11_memory_attribute(const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct p11_memory *memory = object->memory;
	const bool made = memory->origin == P11_GENERATED;

	if (p11_rule_find(type, memory->class) == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	switch (type) {
	case CKA_CLASS: return p11_attr_ulong(value, memory->class);
	case CKA_UNIQUE_ID: return unique_id(object, value);
	case CKA_CHECK_VALUE: return check_value(memory, value);
	case CKA_LOCAL: return p11_attr_bool(value, made);
	case CKA_KEY_GEN_MECHANISM: return p11_attr_ulong(value, made ? memory->mechanism : CK_UNAVAILABLE_INFORMATION);
	default: break;
	}
	if (memory->class == CKO_PUBLIC_KEY)
		return public_attribute(memory, type, value);
	return memory->class == CKO_SECRET_KEY ? secret_attribute(memory, type, value)
					       : plain_attribute(memory, type, value);
}
