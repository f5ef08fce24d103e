/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates that the card carries as roots (mscp\msroots), as certificate objects: of category authority, and not
 * trusted, since anybody can put a card into a reader. They have no names on the card; what stands for one is made of the
 * hash of its bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p11/attr.h"
#include "p11/ontoken.h"

#define HASH_LEN 20u
/* Bytes of a name that are shown. */
#define LABEL_MAX 64u

static CK_RV
sha1_of(struct cursor bytes, uint8_t ret_hash[HASH_LEN])
{
	struct csp_digest *digest = NULL;
	DWORD r;

	if ((r = csp_digest_new(p11_csp(), CSP_SHA1, &digest)) != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	r = csp_digest_update(digest, bytes);
	if (r == SCARD_S_SUCCESS)
		r = csp_digest_final(digest, ret_hash);
	csp_digest_free(&digest);
	return p11_rv(r, P11_CTX_TOKEN);
}

CK_RV
p11_root_number(struct cursor der, CK_ULONG *ret_number)
{
	uint8_t hash[HASH_LEN] = { 0 };
	CK_ULONG number = 0;
	CK_RV rv = sha1_of(der, hash);

	if (rv != CKR_OK)
		return rv;
	memcpy(&number, hash, sizeof(number));
	*ret_number = number != 0 ? number : 1;
	return CKR_OK;
}

/* The roots; none when they cannot be read. */
static CK_RV
list(struct csp_card *card, const struct csp_cert **ret_certs, size_t *ret_count)
{
	DWORD r;

	*ret_count = 0;
	r = csp_roots_list(card, ret_certs, ret_count);
	if (r == SCARD_S_SUCCESS)
		return CKR_OK;
	*ret_count = 0;
	return p11_rv_is_missing(r) ? CKR_OK : p11_rv(r, P11_CTX_TOKEN);
}

bool
p11_object_is_root(const struct p11_object *object)
{
	return object->class == CKO_CERTIFICATE && object->memory == NULL && object->key_id == 0;
}

CK_RV
p11_root_find(struct csp_card *card, CK_ULONG number, const struct csp_cert **ret_cert)
{
	const struct csp_cert *certs = NULL;
	size_t count;
	CK_ULONG other;
	CK_RV rv = list(card, &certs, &count);

	for (size_t i = 0; i < count && rv == CKR_OK; i++) {
		if ((rv = p11_root_number(buf_cur(&certs[i].der), &other)) != CKR_OK || other != number)
			continue;
		*ret_cert = &certs[i];
		return CKR_OK;
	}
	return rv != CKR_OK ? rv : CKR_OBJECT_HANDLE_INVALID;
}

CK_RV
p11_roots_refresh(struct p11_slot *slot, struct csp_card *card)
{
	const struct csp_cert *certs = NULL;
	CK_ULONG *numbers;
	size_t count;
	CK_RV rv = list(card, &certs, &count);

	if (rv != CKR_OK)
		return rv;
	if ((numbers = calloc(count + 1, sizeof(*numbers))) == NULL)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < count && rv == CKR_OK; i++)
		if ((rv = p11_root_number(buf_cur(&certs[i].der), &numbers[i])) == CKR_OK)
			rv = p11_object_add_root(slot, numbers[i]);
	if (rv == CKR_OK)
		p11_objects_keep_roots(slot, numbers, count);
	free(numbers);
	return rv;
}

/* Attributes ---------------------------------------------------------------------------------------------------------- */

static bool
is_text(struct cursor bytes)
{
	uint8_t c;

	while (cur_u8(&bytes, &c))
		if (c < 0x20 || c > 0x7E)
			return false;
	return true;
}

/* The last common name in a subject that is plain text: 06 03 55 04 03, then a string. False when there is none. */
static bool
common_name(struct cursor subject, struct cursor *ret_name)
{
	static const uint8_t oid[] = { 0x06, 0x03, 0x55, 0x04, 0x03 };
	bool found = false;

	while (subject.left > sizeof(oid)) {
		struct cursor ahead = subject, part, name;
		uint8_t tag, len;

		if (cur_take(&ahead, sizeof(oid), &part) && cur_equals(&part, oid, sizeof(oid)) &&
		    cur_u8(&ahead, &tag) && (tag == 0x0C || tag == 0x13) && cur_u8(&ahead, &len) && len > 0 &&
		    len <= LABEL_MAX && cur_take(&ahead, len, &name) && is_text(name)) {
			*ret_name = name;
			found = true;
		}
		(void)cur_skip(&subject, 1);
	}
	return found;
}

static CK_RV
hash_attribute(struct cursor bytes, size_t len, struct buf *value)
{
	uint8_t hash[HASH_LEN] = { 0 };
	CK_RV rv = sha1_of(bytes, hash);

	return rv == CKR_OK ? p11_attr_bytes(value, cur_of(hash, len)) : rv;
}

/* "root-" and the hash in hexadecimal, or so many digits of it. */
static CK_RV
hash_text(const struct csp_cert *cert, size_t len, struct buf *value)
{
	uint8_t hash[HASH_LEN] = { 0 };
	char digits[3];
	CK_RV rv = sha1_of(buf_cur(&cert->der), hash);

	if (rv == CKR_OK)
		rv = p11_attr_text(value, "root-");
	for (size_t i = 0; i < len && rv == CKR_OK; i++) {
		(void)snprintf(digits, sizeof(digits), "%02x", hash[i]);
		rv = p11_attr_text(value, digits);
	}
	return rv;
}

static CK_RV
label(const struct csp_cert *cert, struct buf *value)
{
	struct cursor name = cur_of(NULL, 0);

	if (cert->parsed && common_name(cert->subject, &name))
		return p11_attr_bytes(value, name);
	return hash_text(cert, 4, value);
}

static CK_RV
parsed_attribute(const struct csp_cert *cert, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	switch (type) {
	case CKA_SUBJECT: return cert->parsed ? p11_attr_bytes(value, cert->subject) : CKR_OK;
	case CKA_ISSUER: return cert->parsed ? p11_attr_bytes(value, cert->issuer) : CKR_OK;
	case CKA_SERIAL_NUMBER: return cert->parsed ? p11_attr_bytes(value, cert->serial) : CKR_OK;
	case CKA_PUBLIC_KEY_INFO: return cert->parsed ? p11_attr_bytes(value, cert->spki) : CKR_OK;
	case CKA_START_DATE: return p11_attr_text(value, cert->parsed ? cert->not_before : "");
	case CKA_END_DATE: return p11_attr_text(value, cert->parsed ? cert->not_after : "");
	case CKA_URL:
	case CKA_HASH_OF_SUBJECT_PUBLIC_KEY:
	case CKA_HASH_OF_ISSUER_PUBLIC_KEY: return CKR_OK;
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

CK_RV
p11_attr_root(struct csp_card *card, const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct csp_cert *cert;
	CK_RV rv = p11_root_find(card, object->number, &cert);

	if (rv != CKR_OK)
		return rv;
	switch (type) {
	case CKA_CLASS: return p11_attr_ulong(value, CKO_CERTIFICATE);
	case CKA_CERTIFICATE_TYPE: return p11_attr_ulong(value, CKC_X_509);
	case CKA_CERTIFICATE_CATEGORY: return p11_attr_ulong(value, CK_CERTIFICATE_CATEGORY_AUTHORITY);
	case CKA_JAVA_MIDP_SECURITY_DOMAIN: return p11_attr_ulong(value, CK_SECURITY_DOMAIN_UNSPECIFIED);
	case CKA_TOKEN: return p11_attr_bool(value, true);
	case CKA_PRIVATE:
	case CKA_TRUSTED:
	case CKA_MODIFIABLE:
	case CKA_COPYABLE: return p11_attr_bool(value, false);
	case CKA_DESTROYABLE: return p11_attr_bool(value, !csp_card_read_only(card));
	case CKA_UNIQUE_ID: return hash_text(cert, HASH_LEN, value);
	case CKA_LABEL: return label(cert, value);
	/* like no key's: the hash of the public key */
	case CKA_ID: return hash_attribute(cert->parsed ? cert->spki : buf_cur(&cert->der), HASH_LEN, value);
	case CKA_CHECK_VALUE: return hash_attribute(buf_cur(&cert->der), 3, value);
	case CKA_VALUE: return p11_attr_bytes(value, buf_cur(&cert->der));
	default: return parsed_attribute(cert, type, value);
	}
}
