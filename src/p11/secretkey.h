/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret keys in memory (PKCS#11 3.1, 4.10): what C_GenerateKey, C_UnwrapKey and C_DeriveKey make. They belong to the session
 * that made them and vanish with it; all sessions of the token see them before. Their attributes are fixed when they
 * are made.
 */
#ifndef P11_SECRETKEY_H
#define P11_SECRETKEY_H

#include "p11/p11.h"

enum p11_origin { P11_GENERATED, P11_UNWRAPPED, P11_DERIVED };

struct p11_secret_key {
	enum p11_origin origin;
	CK_MECHANISM_TYPE mechanism; /* that generated it */
	CK_KEY_TYPE type;	     /* CKK_GENERIC_SECRET, CKK_AES */
	size_t len;		     /* bytes that the value must have; 0: whatever it turns out to have */
	uint32_t booleans;	     /* by their place in a table of secretkey.c */
	struct buf label, id, start, end;
	CK_SESSION_HANDLE owner;
	struct secret value;
};

/* A caller's template for a new key. */
struct p11_template {
	const CK_ATTRIBUTE *items;
	CK_ULONG count;
};

/*
 * Checks a whole template before any card is asked, and makes the key that it describes, without a value. type: of
 * the mechanism that generates; CK_UNAVAILABLE_INFORMATION: as the template says (a derived key is generic unless it does).
 * The caller frees it until it is added. CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT (also for token objects, which
 * cards have no place for), CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_READ_ONLY,
 * CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN (a private key), CKR_KEY_SIZE_RANGE, CKR_HOST_MEMORY.
 */
CK_RV p11_secret_key_new(const struct p11_session *s, struct p11_template template, enum p11_origin origin,
			 CK_KEY_TYPE type, struct p11_secret_key **ret_key);
/* Wipes and frees; leaves *key NULL. */
void p11_secret_key_free(struct p11_secret_key **key);
/* Whether a key of this type can have so many bytes. */
bool p11_secret_key_fits(CK_KEY_TYPE type, size_t len);
bool p11_secret_key_is(const struct p11_secret_key *key, CK_ATTRIBUTE_TYPE boolean);
/* Its attributes, as p11_attribute(). */
CK_RV p11_secret_key_attribute(const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *ret_value);

/* object.c: into the slot's table; *key is the slot's then, and NULL. CKR_DEVICE_MEMORY, CKR_HOST_MEMORY. */
CK_RV p11_secret_key_add(struct p11_slot *slot, struct p11_secret_key **key, CK_OBJECT_HANDLE *ret_handle);

#endif
