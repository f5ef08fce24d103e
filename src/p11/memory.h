/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects in memory: data, certificates, public and secret keys that a session has made (PKCS#11 3.1, 5.7.1 to 5.7.6, 5.18).
 * They belong to that session and vanish with it; all sessions of the token see them before. Private ones also vanish
 * when the user logs out. Nothing here asks the card, but for whether it can be written, when a token object is wanted.
 */
#ifndef P11_MEMORY_H
#define P11_MEMORY_H

#include "p11/template.h"

enum p11_origin { P11_CREATED, P11_GENERATED, P11_UNWRAPPED, P11_DERIVED };

/* One attribute that was given, or has its default. */
struct p11_value {
	const struct p11_rule *rule;
	struct buf bytes;
};

struct p11_memory {
	CK_OBJECT_CLASS class;
	enum p11_origin origin;
	CK_MECHANISM_TYPE mechanism; /* that generated it */
	CK_SESSION_HANDLE owner;
	struct p11_value *values;
	size_t count;
	struct public_key public; /* of a public key */
	CK_KEY_TYPE type;	  /* of a secret key: CKK_GENERIC_SECRET, CKK_AES */
	size_t len;		  /* bytes that a secret key must have; 0: whatever it turns out to have */
	struct secret secret;	  /* its value */
	bool always_sensitive, never_extractable;
};

/*
 * Checks a whole template before any card is asked, and makes the object that it describes; a secret key that is not created
 * from its value has none yet. type: of the mechanism that generates; CK_UNAVAILABLE_INFORMATION: as the template says (a
 * derived key is generic unless it does). The caller frees it until it is added. CKR_TEMPLATE_INCOMPLETE,
 * CKR_TEMPLATE_INCONSISTENT (also for token objects, which cannot be made so), CKR_ATTRIBUTE_TYPE_INVALID,
 * CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_READ_ONLY, CKR_TOKEN_WRITE_PROTECTED, CKR_SESSION_READ_ONLY,
 * CKR_USER_NOT_LOGGED_IN (a private object), CKR_KEY_SIZE_RANGE, CKR_CURVE_NOT_SUPPORTED, CKR_HOST_MEMORY, card errors.
 */
CK_RV p11_memory_new(struct p11_session *s, struct p11_template template, enum p11_origin origin, CK_KEY_TYPE type,
		     struct p11_memory **ret_memory);
/*
 * A copy with changes, the session's own. CKR_ACTION_PROHIBITED when it must not be copied, CKR_TEMPLATE_INCONSISTENT when a
 * private object would not be private any more, else as above.
 */
CK_RV p11_memory_copy(struct p11_session *s, const struct p11_memory *from, struct p11_template template,
		      struct p11_memory **ret_memory);
/*
 * Likewise of an object of the card: data, a certificate or a public key; the template must say that the copy is none of the
 * token (copy.c). It can be changed and destroyed unless the template says otherwise, whatever can be done with the card.
 */
CK_RV p11_memory_copy_card(struct p11_session *s, const struct p11_object *from, struct p11_template template,
			   struct p11_memory **ret_memory);
/*
 * Changes all that the template says, or nothing. CKR_ACTION_PROHIBITED when it must not be changed, CKR_DEVICE_MEMORY, else
 * as above.
 */
CK_RV p11_memory_set(struct p11_slot *slot, struct p11_memory *memory, struct p11_template template);
/* Wipes and frees; leaves *memory NULL. */
void p11_memory_free(struct p11_memory **memory);

/* Whether a secret key of this type can have so many bytes. */
bool p11_memory_fits(CK_KEY_TYPE type, size_t len);
/* A boolean; false for what it has not. */
bool p11_memory_is(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE boolean);
/* Bytes that it takes up, about. */
size_t p11_memory_size(const struct p11_memory *memory);
/* Its attributes, as p11_attribute(). */
CK_RV p11_memory_attribute(const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *ret_value);
/* CKA_CHECK_VALUE as it must be; empty when there is nothing to check. */
CK_RV p11_memory_check_value(const struct p11_memory *memory, struct buf *ret_value);

/* For those who make objects: values ------------------------------------------------------------------------------------ */

/* What was given, or put; NULL and no bytes when nothing was. */
const struct p11_value *p11_memory_value(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type);
struct cursor p11_memory_bytes(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type);
/* CKR_HOST_MEMORY. */
CK_RV p11_memory_put(struct p11_memory *memory, const struct p11_rule *rule, struct cursor bytes);
CK_RV p11_memory_put_defaults(struct p11_memory *memory);
/* Puts what a copy's template says; refuses what would take something back. CKR_ATTRIBUTE_READ_ONLY and as p11_memory_copy(). */
CK_RV p11_memory_change(struct p11_session *s, struct p11_memory *copy, struct p11_template template);
/* What is said to somebody who would have an object of the token made so. */
CK_RV p11_token_refused(struct p11_session *s);
/* Sees that a new object has been given all that it needs (complete.c). Codes of p11_memory_new(). */
CK_RV p11_memory_complete(struct p11_memory *memory);

/* object.c: whether there is room for it, in the place of another (or NULL). CKR_DEVICE_MEMORY. */
CK_RV p11_memory_room(const struct p11_slot *slot, const struct p11_memory *memory,
		      const struct p11_memory *instead_of);
/* Into the slot's table; *memory is the slot's then, and NULL. CKR_DEVICE_MEMORY, CKR_HOST_MEMORY. */
CK_RV p11_memory_add(struct p11_slot *slot, struct p11_memory **memory, CK_OBJECT_HANDLE *ret_handle);

#endif
