/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of attributes, by class of object. Each function appends to a buffer and answers CKR_ATTRIBUTE_TYPE_INVALID
 * for what the object does not have, CKR_ATTRIBUTE_SENSITIVE for what is never shown, or a card error.
 */
#ifndef P11_ATTR_H
#define P11_ATTR_H

#include "p11/p11.h"

CK_RV p11_attr_bool(struct buf *value, bool yes);
CK_RV p11_attr_ulong(struct buf *value, CK_ULONG number);
CK_RV p11_attr_text(struct buf *value, const char *text);
CK_RV p11_attr_bytes(struct buf *value, struct cursor bytes);

/*
 * The key's certificate, or NULL when there is none that can be read: damage to it must not stop anything else. A card
 * error when the card itself fails.
 */
CK_RV p11_attr_cert_of(struct csp_card *card, const struct csp_key *key, const struct csp_cert **ret_cert);
/* As above, for the public key. */
CK_RV p11_attr_public_of(struct csp_card *card, const struct csp_key *key, const struct public_key **ret_public);

/* What private and public keys have in common, and what each has for itself. */
CK_RV p11_attr_key(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value);
CK_RV p11_attr_private(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value);
CK_RV p11_attr_public(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value);
/* The bits of the curve that CKA_EC_PARAMS names, for a key of this type; 0 for another. */
unsigned p11_attr_curve_bits(enum key_type type, struct cursor params);
/* CKA_EC_POINT: DER OCTET STRING around the uncompressed point; the bare 32 bytes of Ed25519 and X25519 (P-093). */
CK_RV p11_attr_point(const struct public_key *public, struct buf *value);
/* A caller's point on a curve, as it is or in a DER OCTET STRING. False when it is none by its length and form. */
bool p11_attr_take_point(struct cursor bytes, enum key_type type, unsigned bits, struct public_key *ret_key);
/* CKA_KEY_TYPE, and the mechanism that makes such keys. */
CK_ULONG p11_attr_key_type(enum key_type type);
CK_MECHANISM_TYPE p11_attr_pair_gen(enum key_type type);
/* All attributes of a file's object (dataobj.c). */
CK_RV p11_attr_data(struct csp_card *card, const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value);
CK_RV p11_attr_cert(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value);
/* The first three bytes of the SHA-1, which is CKA_CHECK_VALUE of certificates and of keys of no kind. */
CK_RV p11_attr_check_value(struct cursor bytes, struct buf *value);

#endif
