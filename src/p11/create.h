/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes to what is on the card: what they need, what their failures mean, and the end of an object. */
#ifndef P11_CREATE_H
#define P11_CREATE_H

#include "p11/attr.h"

/*
 * The card, for a session that may change it. CKR_TOKEN_WRITE_PROTECTED, CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN,
 * card errors.
 */
CK_RV p11_change_card(struct p11_session *session, struct csp_card **ret_card);
/* What the code of a change means; a login that has turned out to be lost ends. */
CK_RV p11_change_rv(struct p11_slot *slot, DWORD code);
/*
 * Removes a private key, a certificate or data from the card: a key takes its public key and its certificate along.
 * CKR_ACTION_PROHIBITED for what is not on the card, and as p11_change_card().
 */
CK_RV p11_destroy(struct p11_session *session, const struct p11_object *object);
/*
 * Changes CKA_ID and CKA_LABEL, which the objects of a container have in common, or names and value of data.
 * CKR_ATTRIBUTE_READ_ONLY for other attributes, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ACTION_PROHIBITED for what is not on the
 * card or has no names there, and as p11_change_card().
 */
CK_RV p11_rename(struct p11_session *session, const struct p11_object *object, const CK_ATTRIBUTE *template,
		 CK_ULONG count);
/*
 * Programs destroy the private key and then the public one: the second, which went with the first, is destroyed then as it
 * should be, once. CKR_OBJECT_HANDLE_INVALID for any other handle.
 */
CK_RV p11_destroy_follower(struct p11_slot *slot, CK_OBJECT_HANDLE handle);

#endif
