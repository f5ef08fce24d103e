/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects brought to the card (PKCS#11 3.1, 4.9 of the objects' rules, 5.7.1, 5.7.2, 5.7.6): certificates go to the key that
 * they are of, those of authorities to the card's roots, private keys into a container, data into a file. All want what
 * p11_change_card() wants.
 */
#ifndef P11_ONTOKEN_H
#define P11_ONTOKEN_H

#include "csp/manage.h"
#include "p11/create.h"
#include "p11/memory.h"

/* Whether a template asks for an object of the token. */
bool p11_template_wants_token(struct p11_template asked);

/*
 * Makes an object of the token. Codes as p11_memory_new() and p11_change_card(); CKR_TEMPLATE_INCONSISTENT also for
 * certificates and public keys that belong to no key of the card, CKR_ACTION_PROHIBITED for private keys that the
 * configuration keeps out, CKR_DEVICE_MEMORY when there is no room.
 */
CK_RV p11_token_create(struct p11_session *s, struct p11_template template, CK_OBJECT_HANDLE *ret_object);
/* The same of an object in memory, with changes; CKA_TOKEN is one of them. */
CK_RV p11_token_copy(struct p11_session *s, const struct p11_memory *from, struct p11_template template,
		     CK_OBJECT_HANDLE *ret_object);
/* import.c: a private key. */
CK_RV p11_token_import(struct p11_session *s, struct p11_template template, CK_OBJECT_HANDLE *ret_object);
/* The object of a class that a key has, after it was made. CKR_DEVICE_ERROR when there is none. */
CK_RV p11_token_handle(struct p11_session *s, struct csp_card *card, CK_OBJECT_CLASS class, uint32_t key_id,
		       CK_OBJECT_HANDLE *ret_object);

/* Roots (root.c) ------------------------------------------------------------------------------------------------------- */

bool p11_object_is_root(const struct p11_object *object);
/* Makes the slot's table agree with the card's roots; after p11_objects_refresh(). */
CK_RV p11_roots_refresh(struct p11_slot *slot, struct csp_card *card);
/* By p11_object.number. CKR_OBJECT_HANDLE_INVALID when it has gone. */
CK_RV p11_root_find(struct csp_card *card, CK_ULONG number, const struct csp_cert **ret_cert);
/* All attributes of a root, as p11_attribute(). */
CK_RV p11_attr_root(struct csp_card *card, const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value);
/* What stands for a certificate in p11_object.number; never 0. */
CK_RV p11_root_number(struct cursor der, CK_ULONG *ret_number);
/* object.c: makes an object for a root unless it is there; ends the roots that are not among these. */
CK_RV p11_object_add_root(struct p11_slot *slot, CK_ULONG number);
void p11_objects_keep_roots(struct p11_slot *slot, const CK_ULONG *numbers, size_t count);
/* object.c: makes an object for a private key unless it is there, whoever is logged in. */
CK_RV p11_object_add_private(struct p11_slot *slot, uint32_t key_id);

#endif
