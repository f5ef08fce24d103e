/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes that every object has, profile objects, and the way to the attributes of keys and certificates. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "p11/attr.h"
#include "p11/ontoken.h"

CK_RV
p11_attr_bool(struct buf *value, bool yes)
{
	buf_u8(value, yes ? CK_TRUE : CK_FALSE);
	return CKR_OK;
}

CK_RV
p11_attr_ulong(struct buf *value, CK_ULONG number)
{
	buf_put(value, &number, sizeof(number));
	return CKR_OK;
}

CK_RV
p11_attr_text(struct buf *value, const char *text)
{
	buf_put(value, text, strlen(text));
	return CKR_OK;
}

CK_RV
p11_attr_bytes(struct buf *value, struct cursor bytes)
{
	buf_put_cur(value, bytes);
	return CKR_OK;
}

CK_RV
p11_attr_cert_of(struct csp_card *card, const struct csp_key *key, const struct csp_cert **ret_cert)
{
	const struct csp_cert *cert = NULL;
	DWORD r = key->has_cert ? csp_key_cert(card, key->id, &cert) : SCARD_E_FILE_NOT_FOUND;

	if (r != SCARD_S_SUCCESS && !p11_rv_is_missing(r))
		return p11_rv(r, P11_CTX_TOKEN);
	*ret_cert = r == SCARD_S_SUCCESS ? cert : NULL;
	return CKR_OK;
}

CK_RV
p11_attr_public_of(struct csp_card *card, const struct csp_key *key, const struct public_key **ret_public)
{
	const struct public_key *public = NULL;
	DWORD r = csp_key_public(card, key->id, &public);

	if (r != SCARD_S_SUCCESS && !p11_rv_is_missing(r))
		return p11_rv(r, P11_CTX_TOKEN);
	*ret_public = r == SCARD_S_SUCCESS ? public : NULL;
	return CKR_OK;
}

bool
p11_attribute_is_cheap(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_VALUE:
	case CKA_SUBJECT:
	case CKA_ISSUER:
	case CKA_SERIAL_NUMBER:
	case CKA_START_DATE:
	case CKA_END_DATE:
	case CKA_CHECK_VALUE:
	case CKA_CERTIFICATE_CATEGORY:
	case CKA_PUBLIC_KEY_INFO:
	case CKA_MODULUS:
	case CKA_MODULUS_BITS:
	case CKA_PUBLIC_EXPONENT:
	case CKA_EC_POINT: return false;
	default: return true;
	}
}

CK_RV
p11_object_is_listed(struct csp_card *card, const struct p11_object *object, bool *ret_listed)
{
	const struct csp_cert *cert = NULL;
	const struct csp_key *key;
	CK_RV rv;

	if (object->class == CKO_CERTIFICATE && object->memory == NULL && !p11_object_is_root(object)) {
		if ((key = csp_key_find(card, object->key_id)) != NULL &&
		    (rv = p11_attr_cert_of(card, key, &cert)) != CKR_OK)
			return rv;
	}
	*ret_listed = object->memory != NULL || object->class != CKO_CERTIFICATE || p11_object_is_root(object) ||
		      cert != NULL;
	return CKR_OK;
}

/* Names an object for good: place and name of its container, so that a key that replaces another is another object. */
static CK_RV
unique_id(const struct p11_object *object, const struct csp_key *key, struct buf *value)
{
	char text[64];

	if (object->class == CKO_PROFILE) {
		(void)snprintf(text, sizeof(text), "profile-%lu", object->number);
		return p11_attr_text(value, text);
	}
	(void)snprintf(text, sizeof(text), "%s-%" PRIu8 "-%s-",
		       object->class == CKO_CERTIFICATE	 ? "certificate"
		       : object->class == CKO_PUBLIC_KEY ? "public"
							 : "private",
		       key->container, key->exchange ? "exchange" : "signature");
	(void)p11_attr_text(value, text);
	return p11_attr_text(value, key->number != 0 ? key->usual_name : key->name);
}

/* The same for each object of a key; the exchange key, or the only one, has the container's index for itself. */
static CK_RV
key_id(const struct csp_key *key, struct buf *value)
{
	if (key->ckaid_len > 0)
		return p11_attr_bytes(value, cur_of(key->ckaid, key->ckaid_len));
	if (key->number != 0) {
		buf_u8(value, key->number);
		return CKR_OK;
	}
	buf_u8(value, key->container);
	if (!key->exchange && key->other_slot_used)
		buf_u8(value, 2);
	return CKR_OK;
}

/* Into a session's memory. */
static bool
is_copyable(const struct p11_object *object)
{
	return object->class == CKO_CERTIFICATE || object->class == CKO_PUBLIC_KEY;
}

/* The application's, else what everybody calls such a key, else the container's name. */
static CK_RV
label(const struct p11_object *object, const struct csp_key *key, struct buf *value)
{
	if (key->label[0] != '\0' || key->usual_name[0] == '\0')
		return p11_attr_text(value, key->label[0] != '\0' ? key->label : key->name);
	(void)p11_attr_text(value, object->class == CKO_CERTIFICATE  ? "X.509 Certificate for "
				   : object->class == CKO_PUBLIC_KEY ? "Public key for "
								     : "Private key for ");
	return p11_attr_text(value, key->usual_name);
}

static CK_RV
common_attribute(const struct csp_card *card, const struct p11_object *object, const struct csp_key *key,
		 CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	switch (type) {
	case CKA_CLASS: return p11_attr_ulong(value, object->class);
	case CKA_TOKEN: return p11_attr_bool(value, true);
	case CKA_PRIVATE: return p11_attr_bool(value, object->class == CKO_PRIVATE_KEY && !object->unguarded);
	case CKA_COPYABLE: return p11_attr_bool(value, is_copyable(object));
	case CKA_MODIFIABLE:
	case CKA_DESTROYABLE: return p11_attr_bool(value, key != NULL && !csp_card_read_only(card));
	case CKA_UNIQUE_ID: return unique_id(object, key, value);
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

static CK_RV
profile_attribute(const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	static const char *const labels[] = {
		[CKP_BASELINE_PROVIDER] = "Baseline Provider",
		[CKP_EXTENDED_PROVIDER] = "Extended Provider",
		[CKP_AUTHENTICATION_TOKEN] = "Authentication Token",
		[CKP_PUBLIC_CERTIFICATES_TOKEN] = "Public Certificates Token",
	};

	switch (type) {
	case CKA_PROFILE_ID: return p11_attr_ulong(value, object->number);
	case CKA_LABEL: return p11_attr_text(value, labels[object->number]);
	default: return common_attribute(NULL, object, NULL, type, value);
	}
}

static CK_RV
key_object_attribute(struct csp_card *card, const struct p11_object *object, const struct csp_key *key,
		     CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	CK_RV rv;

	if (type == CKA_ID)
		return key_id(key, value);
	if (type == CKA_LABEL)
		return label(object, key, value);
	if ((rv = common_attribute(card, object, key, type, value)) != CKR_ATTRIBUTE_TYPE_INVALID)
		return rv;
	if (object->class == CKO_CERTIFICATE)
		return p11_attr_cert(card, key, type, value);
	if ((rv = p11_attr_key(card, key, type, value)) != CKR_ATTRIBUTE_TYPE_INVALID)
		return rv;
	if (object->class == CKO_PRIVATE_KEY)
		return p11_attr_private(card, key, type, value);
	return p11_attr_public(card, key, type, value);
}

CK_RV
p11_attribute(struct csp_card *card, const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *ret_value)
{
	const struct csp_key *found;
	struct csp_key key;
	CK_RV rv;

	if (object->memory != NULL)
		rv = p11_memory_attribute(object, type, ret_value);
	else if (object->class == CKO_PROFILE)
		rv = profile_attribute(object, type, ret_value);
	else if (object->class == CKO_DATA)
		rv = p11_attr_data(card, object, type, ret_value);
	else if (p11_object_is_root(object))
		rv = p11_attr_root(card, object, type, ret_value);
	else if ((found = csp_key_find(card, object->key_id)) == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	else {
		key = *found; /* reading from the card may bring another view of it */
		rv = key_object_attribute(card, object, &key, type, ret_value);
	}
	return rv == CKR_OK && buf_failed(ret_value) ? CKR_HOST_MEMORY : rv;
}
