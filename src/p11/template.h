/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates that callers give: what an attribute of an object may be, for which objects, and when it may be given
 * (PKCS#11 3.1, 4.1.1, 4.4 to 4.10). One table says it all.
 */
#ifndef P11_TEMPLATE_H
#define P11_TEMPLATE_H

#include "p11/p11.h"

/* A caller's template. */
struct p11_template {
	const CK_ATTRIBUTE *items;
	CK_ULONG count;
};

/* What a template is for; MAKE is C_GenerateKey, C_UnwrapKey and C_DeriveKey. */
enum p11_purpose { P11_FOR_CREATE = 1, P11_FOR_MAKE = 2, P11_FOR_COPY = 4, P11_FOR_SET = 8 };

enum p11_kind { P11_IS_BOOL, P11_IS_ULONG, P11_IS_ULONGS, P11_IS_BYTES, P11_IS_DATE };

struct p11_rule {
	CK_ATTRIBUTE_TYPE type;
	enum p11_kind kind;
	unsigned classes;   /* set of P11_OF_() */
	unsigned given;	    /* set of purposes; for the others it is read-only */
	unsigned initially; /* classes for which a boolean that nobody gave is true */
};

/* A set of one class of objects that are made from templates; empty for other classes. */
unsigned p11_of_class(CK_OBJECT_CLASS class);

/* The rule of an attribute for a class of object; NULL when such an object has no such attribute. */
const struct p11_rule *p11_rule_find(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS class);
size_t p11_rule_count(void);
const struct p11_rule *p11_rule_at(size_t index);

/* An item's value; any boolean but 0 is true. CKR_ATTRIBUTE_VALUE_INVALID for another length. */
CK_RV p11_take_bool(const CK_ATTRIBUTE *item, bool *ret_yes);
CK_RV p11_take_ulong(const CK_ATTRIBUTE *item, CK_ULONG *ret_number);

/*
 * Whether each item may be given for the purpose, and has a possible value; the same attribute twice must say the same.
 * CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT, in this order
 * over all of the template; CKR_ARGUMENTS_BAD.
 */
CK_RV p11_template_allowed(struct p11_template template, CK_OBJECT_CLASS class, enum p11_purpose purpose);
/* NULL when the template does not say. */
const CK_ATTRIBUTE *p11_template_find(struct p11_template template, CK_ATTRIBUTE_TYPE type);

#endif
