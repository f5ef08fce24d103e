/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of certificates (PKCS#11 3.1, 4.6). One that cannot be parsed still has its value; the parts are empty. */
#include <string.h>

#include "p11/attr.h"

/*
 * The user's when its key is the container's; a CA's certificate may lie beside a foreign key. The certificate may be gone
 * once the public key has been read.
 */
static CK_RV
category(struct csp_card *card, const struct csp_key *key, const struct csp_cert *cert, struct buf *value)
{
	const struct public_key certified = cert->key, *public;
	const bool is_ca = cert->is_ca;
	CK_RV rv = p11_attr_public_of(card, key, &public);

	if (rv != CKR_OK)
		return rv;
	if (certified.type == KEY_NONE || public == NULL)
		return p11_attr_ulong(value, CK_CERTIFICATE_CATEGORY_UNSPECIFIED);
	if (pubkey_equal(&certified, public))
		return p11_attr_ulong(value, CK_CERTIFICATE_CATEGORY_TOKEN_USER);
	return p11_attr_ulong(value, is_ca ? CK_CERTIFICATE_CATEGORY_AUTHORITY : CK_CERTIFICATE_CATEGORY_OTHER_ENTITY);
}

CK_RV
p11_attr_check_value(struct cursor bytes, struct buf *value)
{
	struct csp_digest *digest = NULL;
	uint8_t hash[20];
	DWORD r;

	if ((r = csp_digest_new(p11_csp(), CSP_SHA1, &digest)) != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	r = csp_digest_update(digest, bytes);
	if (r == SCARD_S_SUCCESS)
		r = csp_digest_final(digest, hash);
	csp_digest_free(&digest);
	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	return p11_attr_bytes(value, cur_of(hash, 3));
}

static CK_RV
content_attribute(struct csp_card *card, const struct csp_key *key, const struct csp_cert *cert, CK_ATTRIBUTE_TYPE type,
		  struct buf *value)
{
	switch (type) {
	case CKA_VALUE: return p11_attr_bytes(value, buf_cur(&cert->der));
	case CKA_CHECK_VALUE: return p11_attr_check_value(buf_cur(&cert->der), value);
	case CKA_CERTIFICATE_CATEGORY: return category(card, key, cert, value);
	default: break;
	}
	if (!cert->parsed)
		return CKR_OK;
	switch (type) {
	case CKA_SUBJECT: return p11_attr_bytes(value, cert->subject);
	case CKA_ISSUER: return p11_attr_bytes(value, cert->issuer);
	case CKA_SERIAL_NUMBER: return p11_attr_bytes(value, cert->serial);
	case CKA_PUBLIC_KEY_INFO: return p11_attr_bytes(value, cert->spki);
	case CKA_START_DATE: return p11_attr_text(value, cert->not_before);
	default: return p11_attr_text(value, cert->not_after);
	}
}

static bool
needs_content(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_VALUE:
	case CKA_CHECK_VALUE:
	case CKA_CERTIFICATE_CATEGORY:
	case CKA_SUBJECT:
	case CKA_ISSUER:
	case CKA_SERIAL_NUMBER:
	case CKA_PUBLIC_KEY_INFO:
	case CKA_START_DATE:
	case CKA_END_DATE: return true;
	default: return false;
	}
}

CK_RV
p11_attr_cert(struct csp_card *card, const struct csp_key *key, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct csp_cert *cert;
	CK_RV rv;

	if (needs_content(type)) {
		if ((rv = p11_attr_cert_of(card, key, &cert)) != CKR_OK)
			return rv;
		return cert == NULL ? CKR_ATTRIBUTE_TYPE_INVALID : content_attribute(card, key, cert, type, value);
	}
	switch (type) {
	case CKA_CERTIFICATE_TYPE: return p11_attr_ulong(value, CKC_X_509);
	case CKA_TRUSTED: return p11_attr_bool(value, false);
	case CKA_URL:
	case CKA_HASH_OF_SUBJECT_PUBLIC_KEY:
	case CKA_HASH_OF_ISSUER_PUBLIC_KEY: return CKR_OK; /* empty, as there is no URL */
	case CKA_JAVA_MIDP_SECURITY_DOMAIN: return p11_attr_ulong(value, CK_SECURITY_DOMAIN_UNSPECIFIED);
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}
