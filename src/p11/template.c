/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of attributes of objects in memory, and templates checked against it. */
#include "p11/template.h"

#include <string.h>

/* Classes of objects that are made from templates. */
#define D 1u  /* data */
#define C 2u  /* certificate */
#define P 4u  /* public key */
#define S 8u  /* secret key */
#define V 16u /* private key, on a card only */
#define KEYS (P | S)
#define ALL (D | C | P | S | V)

/* Purposes. */
#define CR P11_FOR_CREATE
#define MK P11_FOR_MAKE
#define CP P11_FOR_COPY
#define ST P11_FOR_SET
#define NEW (CR | MK)
#define ANY (CR | MK | CP | ST)
#define NEVER 0u

#define LABEL_MAX 255u

/* clang-format off */
static const struct p11_rule rules[] = {
	/* storage (4.4) */
	{ CKA_CLASS,		P11_IS_ULONG,	ALL,	NEW,		0 },
	{ CKA_TOKEN,		P11_IS_BOOL,	ALL,	NEW | CP,	0 },
	{ CKA_PRIVATE,		P11_IS_BOOL,	ALL,	NEW | CP,	S },
	{ CKA_MODIFIABLE,	P11_IS_BOOL,	ALL,	NEW | CP,	ALL },
	{ CKA_COPYABLE,		P11_IS_BOOL,	ALL,	ANY,		ALL },
	{ CKA_DESTROYABLE,	P11_IS_BOOL,	ALL,	NEW | CP,	ALL },
	{ CKA_LABEL,		P11_IS_BYTES,	ALL,	ANY,		0 },
	{ CKA_UNIQUE_ID,	P11_IS_BYTES,	ALL,	NEVER,		0 },
	/* data (4.5) */
	{ CKA_APPLICATION,	P11_IS_BYTES,	D,	CR | CP | ST,	0 },
	{ CKA_OBJECT_ID,	P11_IS_BYTES,	D,	CR | CP | ST,	0 },
	{ CKA_VALUE,		P11_IS_BYTES,	D,	CR | CP | ST,	0 },
	/* certificates (4.6) */
	{ CKA_VALUE,		P11_IS_BYTES,	C,	CR,		0 },
	{ CKA_CERTIFICATE_TYPE,	P11_IS_ULONG,	C,	CR,		0 },
	{ CKA_CERTIFICATE_CATEGORY, P11_IS_ULONG, C,	CR,		0 },
	{ CKA_SUBJECT,		P11_IS_BYTES,	C,	CR,		0 },
	{ CKA_ISSUER,		P11_IS_BYTES,	C,	CR | CP | ST,	0 },
	{ CKA_SERIAL_NUMBER,	P11_IS_BYTES,	C,	CR | CP | ST,	0 },
	{ CKA_PUBLIC_KEY_INFO,	P11_IS_BYTES,	C,	CR,		0 },
	{ CKA_START_DATE,	P11_IS_DATE,	C,	CR,		0 },
	{ CKA_END_DATE,		P11_IS_DATE,	C,	CR,		0 },
	{ CKA_URL,		P11_IS_BYTES,	C,	CR,		0 },
	{ CKA_HASH_OF_SUBJECT_PUBLIC_KEY, P11_IS_BYTES, C, CR,		0 },
	{ CKA_HASH_OF_ISSUER_PUBLIC_KEY, P11_IS_BYTES, C, CR,		0 },
	{ CKA_NAME_HASH_ALGORITHM, P11_IS_ULONG, C,	CR,		0 },
	{ CKA_JAVA_MIDP_SECURITY_DOMAIN, P11_IS_ULONG, C, CR,		0 },
	{ CKA_CHECK_VALUE,	P11_IS_BYTES,	C | S,	CR,		0 },
	{ CKA_TRUSTED,		P11_IS_BOOL,	C | KEYS, ANY,		0 },
	/* keys (4.7) */
	{ CKA_ID,		P11_IS_BYTES,	C | KEYS, ANY,		0 },
	{ CKA_START_DATE,	P11_IS_DATE,	KEYS,	ANY,		0 },
	{ CKA_END_DATE,		P11_IS_DATE,	KEYS,	ANY,		0 },
	{ CKA_KEY_TYPE,		P11_IS_ULONG,	KEYS,	NEW,		0 },
	{ CKA_DERIVE,		P11_IS_BOOL,	KEYS,	ANY,		0 },
	{ CKA_ENCRYPT,		P11_IS_BOOL,	KEYS,	ANY,		0 },
	{ CKA_VERIFY,		P11_IS_BOOL,	KEYS,	ANY,		0 },
	{ CKA_WRAP,		P11_IS_BOOL,	KEYS,	ANY,		0 },
	{ CKA_ALLOWED_MECHANISMS, P11_IS_ULONGS, KEYS,	NEW,		0 },
	{ CKA_LOCAL,		P11_IS_BOOL,	KEYS,	NEVER,		0 },
	{ CKA_KEY_GEN_MECHANISM, P11_IS_ULONG,	KEYS,	NEVER,		0 },
	/* public keys (4.8, 6.1.2, 6.3.3) */
	{ CKA_SUBJECT,		P11_IS_BYTES,	P,	CR | CP | ST,	0 },
	{ CKA_VERIFY_RECOVER,	P11_IS_BOOL,	P,	CR | CP | ST,	0 },
	{ CKA_MODULUS,		P11_IS_BYTES,	P,	CR,		0 },
	{ CKA_MODULUS_BITS,	P11_IS_ULONG,	P,	NEVER,		0 },
	{ CKA_PUBLIC_EXPONENT,	P11_IS_BYTES,	P,	CR,		0 },
	{ CKA_EC_PARAMS,	P11_IS_BYTES,	P,	CR,		0 },
	{ CKA_EC_POINT,		P11_IS_BYTES,	P,	CR,		0 },
	{ CKA_PUBLIC_KEY_INFO,	P11_IS_BYTES,	P,	CR,		0 },
	/* secret keys (4.10) */
	{ CKA_VALUE,		P11_IS_BYTES,	S,	CR,		0 },
	{ CKA_VALUE_LEN,	P11_IS_ULONG,	S,	MK,		0 },
	{ CKA_SENSITIVE,	P11_IS_BOOL,	S,	ANY,		0 },
	{ CKA_EXTRACTABLE,	P11_IS_BOOL,	S,	ANY,		S },
	{ CKA_DECRYPT,		P11_IS_BOOL,	S,	ANY,		0 },
	{ CKA_SIGN,		P11_IS_BOOL,	S,	ANY,		0 },
	{ CKA_UNWRAP,		P11_IS_BOOL,	S,	ANY,		0 },
	{ CKA_WRAP_WITH_TRUSTED, P11_IS_BOOL,	S,	ANY,		0 },
	{ CKA_ALWAYS_SENSITIVE,	P11_IS_BOOL,	S,	NEVER,		0 },
	{ CKA_NEVER_EXTRACTABLE, P11_IS_BOOL,	S,	NEVER,		0 },
	/* private keys (4.9, 6.1.3, 6.3.4) */
	{ CKA_ID,		P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_SUBJECT,		P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_START_DATE,	P11_IS_DATE,	V,	CR,		0 },
	{ CKA_END_DATE,		P11_IS_DATE,	V,	CR,		0 },
	{ CKA_KEY_TYPE,		P11_IS_ULONG,	V,	CR,		0 },
	{ CKA_ALLOWED_MECHANISMS, P11_IS_ULONGS, V,	CR,		0 },
	{ CKA_LOCAL,		P11_IS_BOOL,	V,	NEVER,		0 },
	{ CKA_KEY_GEN_MECHANISM, P11_IS_ULONG,	V,	NEVER,		0 },
	{ CKA_SENSITIVE,	P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_EXTRACTABLE,	P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_ALWAYS_SENSITIVE,	P11_IS_BOOL,	V,	NEVER,		0 },
	{ CKA_NEVER_EXTRACTABLE, P11_IS_BOOL,	V,	NEVER,		0 },
	{ CKA_WRAP_WITH_TRUSTED, P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_ALWAYS_AUTHENTICATE, P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_DERIVE,		P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_DECRYPT,		P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_SIGN,		P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_SIGN_RECOVER,	P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_UNWRAP,		P11_IS_BOOL,	V,	CR,		0 },
	{ CKA_PUBLIC_KEY_INFO,	P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_MODULUS,		P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_PUBLIC_EXPONENT,	P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_PRIVATE_EXPONENT,	P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_PRIME_1,		P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_PRIME_2,		P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_EXPONENT_1,	P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_EXPONENT_2,	P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_COEFFICIENT,	P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_EC_PARAMS,	P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_EC_POINT,		P11_IS_BYTES,	V,	CR,		0 },
	{ CKA_VALUE,		P11_IS_BYTES,	V,	CR,		0 },
};
/* clang-format on */

unsigned
p11_of_class(CK_OBJECT_CLASS class)
{
	switch (class) {
	case CKO_DATA: return D;
	case CKO_CERTIFICATE: return C;
	case CKO_PUBLIC_KEY: return P;
	case CKO_SECRET_KEY: return S;
	case CKO_PRIVATE_KEY: return V;
	default: return 0;
	}
}

const struct p11_rule *
p11_rule_find(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS class)
{
	const unsigned set = p11_of_class(class);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].type == type && (rules[i].classes & set) != 0)
			return &rules[i];
	return NULL;
}

size_t
p11_rule_count(void)
{
	return ARRAY_SIZE(rules);
}

const struct p11_rule *
p11_rule_at(size_t index)
{
	return &rules[index];
}

CK_RV
p11_take_bool(const CK_ATTRIBUTE *item, bool *ret_yes)
{
	CK_BBOOL value;

	if (item->ulValueLen != sizeof(value))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memcpy(&value, item->pValue, sizeof(value));
	*ret_yes = value != CK_FALSE;
	return CKR_OK;
}

CK_RV
p11_take_ulong(const CK_ATTRIBUTE *item, CK_ULONG *ret_number)
{
	if (item->ulValueLen != sizeof(*ret_number))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memcpy(ret_number, item->pValue, sizeof(*ret_number));
	return CKR_OK;
}

/* Eight digits, or nothing. */
static bool
is_date(const CK_ATTRIBUTE *item)
{
	struct cursor text = cur_of(item->pValue, item->ulValueLen);
	uint8_t c;

	if (text.left != 0 && text.left != sizeof(CK_DATE))
		return false;
	while (cur_u8(&text, &c))
		if (c < '0' || c > '9')
			return false;
	return true;
}

/* Numbers that name one of four things each. */
static bool
is_known(CK_ATTRIBUTE_TYPE type, CK_ULONG number)
{
	_Static_assert(CK_CERTIFICATE_CATEGORY_OTHER_ENTITY == CK_SECURITY_DOMAIN_THIRD_PARTY, "the last of each");

	return (type != CKA_CERTIFICATE_CATEGORY && type != CKA_JAVA_MIDP_SECURITY_DOMAIN) ||
	       number <= CK_CERTIFICATE_CATEGORY_OTHER_ENTITY;
}

static bool
is_possible(const struct p11_rule *rule, const CK_ATTRIBUTE *item)
{
	CK_ULONG number;
	bool yes;

	switch (rule->kind) {
	case P11_IS_BOOL: return p11_take_bool(item, &yes) == CKR_OK;
	case P11_IS_ULONG: return p11_take_ulong(item, &number) == CKR_OK && is_known(item->type, number);
	case P11_IS_ULONGS: return item->ulValueLen % sizeof(number) == 0 && item->ulValueLen <= LIMIT_OBJECT_VALUE;
	case P11_IS_DATE: return is_date(item);
	case P11_IS_BYTES: break;
	}
	return item->ulValueLen <= (rule->type == CKA_LABEL || rule->type == CKA_ID ? LABEL_MAX : LIMIT_OBJECT_VALUE);
}

static CK_RV
check_item(const CK_ATTRIBUTE *item, CK_OBJECT_CLASS class, enum p11_purpose purpose)
{
	const struct p11_rule *rule = p11_rule_find(item->type, class);
	bool yes;

	if (rule == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (!is_possible(rule, item))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	/* nobody but the security officer calls anything trusted (4.6.3, footnote) */
	if (item->type == CKA_TRUSTED && p11_take_bool(item, &yes) == CKR_OK && yes)
		return CKR_ATTRIBUTE_READ_ONLY;
	return (rule->given & purpose) != 0 ? CKR_OK : CKR_ATTRIBUTE_READ_ONLY;
}

static bool
contradicts(struct p11_template template, CK_ULONG index)
{
	const CK_ATTRIBUTE *item = &template.items[index], *first = p11_template_find(template, item->type);
	struct cursor value = cur_of(item->pValue, item->ulValueLen);

	return first != item && !cur_equals(&value, first->pValue, first->ulValueLen);
}

CK_RV
p11_template_allowed(struct p11_template template, CK_OBJECT_CLASS class, enum p11_purpose purpose)
{
	static const CK_RV order[] = { CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
				       CKR_ATTRIBUTE_READ_ONLY };
	CK_RV rv = p11_template_check(template.items, template.count);

	for (size_t k = 0; k < ARRAY_SIZE(order) && rv == CKR_OK; k++)
		for (CK_ULONG i = 0; i < template.count && rv == CKR_OK; i++)
			if (check_item(&template.items[i], class, purpose) == order[k])
				rv = order[k];
	for (CK_ULONG i = 0; i < template.count && rv == CKR_OK; i++)
		if (contradicts(template, i))
			rv = CKR_TEMPLATE_INCONSISTENT;
	return rv;
}

const CK_ATTRIBUTE *
p11_template_find(struct p11_template template, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *items = template.items;

	for (CK_ULONG i = 0; i < template.count; i++)
		if (items[i].type == type)
			return &items[i];
	return NULL;
}
