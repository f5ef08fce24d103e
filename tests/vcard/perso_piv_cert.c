/* SPDX-License-Identifier: BSD-2-Clause */
/* Personalisation of PIV cards: certificates, issued and packed as cards have them. */
#include "vcard/perso_piv.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <zlib.h>

#include "base/auto.h"
#include "vcard/key_internal.h"
#include "vcard/perso_internal.h"
#include "vcard/perso_piv_internal.h"
#include "vcard/tlv.h"

/* zlib's window size, plus what asks for the gzip form */
#define GZIP_WINDOW (15 + 16)

uint32_t
vcard_piv_certificate_tag(uint8_t reference)
{
	switch (reference) {
	case PIV_REF_AUTHENTICATION: return PIV_TAG_AUTH_CERT;
	case PIV_REF_SIGNATURE: return PIV_TAG_SIGN_CERT;
	case PIV_REF_KEY_MANAGEMENT: return PIV_TAG_KM_CERT;
	case PIV_REF_CARD: return PIV_TAG_CARD_CERT;
	case PIV_REF_ATTESTATION: return PIV_TAG_ATTESTATION;
	default: break;
	}
	if (reference < PIV_REF_RETIRED || reference > PIV_REF_RETIRED_LAST)
		return 0;
	return (uint32_t)(PIV_TAG_RETIRED + reference - PIV_REF_RETIRED);
}

static bool
gzip(struct cursor der, struct buf *ret_packed)
{
	AUTO_BUF struct buf copy = BUF_INIT; /* zlib wants no const */
	z_stream z = { .zalloc = NULL };
	uint8_t room[8192];
	int result;

	buf_put_cur(&copy, der);
	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return perso_fail("zlib fails");
	z.next_in = copy.p;
	z.avail_in = (uInt)copy.len;
	z.next_out = room;
	z.avail_out = sizeof(room);
	result = deflate(&z, Z_FINISH);
	buf_put(ret_packed, room, sizeof(room) - z.avail_out);
	(void)deflateEnd(&z);
	return result == Z_STREAM_END || perso_fail("the certificate is too long");
}

bool
perso_piv_put_certificate(struct vcard *card, uint8_t reference, struct cursor der, enum vcard_piv_packing packing)
{
	static const uint8_t info[] = { 0x00, 0x01, 0x80, 0x00, 0x01, 0x00 };
	bool packs = packing == VCARD_PIV_GZIP || packing == VCARD_PIV_GZIP_OLD || packing == VCARD_PIV_GZIP_LYING;
	uint32_t tag = vcard_piv_certificate_tag(reference);
	AUTO_BUF struct buf packed = BUF_INIT, object = BUF_INIT;

	if (tag == 0)
		return perso_fail("no certificate belongs to %02X", (unsigned)reference);
	if (packs && !gzip(der, &packed))
		return false;
	vcard_tlv_put(&object, 0x70, packs ? buf_cur(&packed) : der);
	if (packing != VCARD_PIV_BARE) {
		vcard_tlv_put_u8(&object, 0x71, info[packing]);
		vcard_tlv_put_header(&object, 0xFE, 0);
	}
	return perso_piv_put(card, tag, buf_cur(&object));
}

int
vcard_piv_cert(struct vcard *card, uint8_t reference, struct cursor der, enum vcard_piv_packing packing)
{
	struct perso_piv_session session = { .card = card };

	return perso_piv_end(&session, perso_piv_begin(card, &session) &&
					       perso_piv_put_certificate(card, reference, der, packing));
}

/* --- issuing ---------------------------------------------------------------------------------------------------- */

static bool
set_cn(X509_NAME *name, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

/* Bits of the BIT STRING as they stand in its first byte. */
static bool
add_usage(X509 *x, uint8_t usage)
{
	ASN1_BIT_STRING *bits;
	bool done;
	int i;

	if (usage == 0)
		return true;
	bits = ASN1_BIT_STRING_new();
	done = bits != NULL;
	for (i = 0; done && i < 8; i++) {
		if ((usage & 0x80 >> i) != 0)
			done = ASN1_BIT_STRING_set_bit(bits, i, 1) == 1;
	}
	done = done && X509_add1_ext_i2d(x, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT) == 1;
	ASN1_BIT_STRING_free(bits);
	return done;
}

static bool
sign(X509 *x, struct vcard_crypto *crypto, struct buf *ret_der)
{
	struct vcard_key issuer = { .type = VCARD_KEY_NONE };
	EVP_PKEY *signer =
		vcard_key_generate(crypto, VCARD_KEY_EC, 256, &issuer) ? vcard_key_open(crypto, &issuer) : NULL;
	EVP_MD *hash = EVP_MD_fetch(crypto->libctx, "SHA256", NULL);
	unsigned char *der = NULL;
	int len = -1;

	if (signer != NULL && hash != NULL && X509_sign(x, signer, hash) > 0)
		len = i2d_X509(x, &der);
	if (len > 0)
		buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	EVP_MD_free(hash);
	vcard_key_clear(&issuer);
	return len > 0 && !buf_failed(ret_der);
}

static bool
issue(struct vcard_crypto *crypto, struct piv_key *key, const char *subject, uint8_t usage, struct buf *ret_der)
{
	EVP_PKEY *pkey = vcard_key_open(crypto, &key->key);
	X509 *x = pkey != NULL ? X509_new_ex(crypto->libctx, NULL) : NULL;
	uint8_t number = 0;
	bool done = x != NULL && vcard_random(&number, 1) && X509_set_version(x, X509_VERSION_3) == 1 &&
		    ASN1_INTEGER_set(X509_get_serialNumber(x), number + 1) == 1 &&
		    ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20240101000000Z") == 1 &&
		    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20491231235959Z") == 1 &&
		    set_cn(X509_get_subject_name(x), subject) && set_cn(X509_get_issuer_name(x), "Test Card CA") &&
		    X509_set_pubkey(x, pkey) == 1 && add_usage(x, usage) && sign(x, crypto, ret_der);

	X509_free(x);
	ERR_clear_error();
	return done || perso_fail("no certificate can be issued");
}

int
vcard_piv_issue(struct vcard *card, uint8_t reference, const char *subject, uint8_t key_usage,
		enum vcard_piv_packing packing, struct buf *ret_der)
{
	AUTO_BUF struct buf der = BUF_INIT;
	struct piv *p = vcard_piv(card);
	struct piv_key *key = p != NULL ? piv_find_key(p, reference) : NULL;

	if (key == NULL || key->key.type == VCARD_KEY_NONE) {
		(void)perso_fail("there is no key %02X", (unsigned)reference);
		return -1;
	}
	if (!issue(&p->env->crypto, key, subject, key_usage, &der) ||
	    vcard_piv_cert(card, reference, buf_cur(&der), packing) != 0)
		return -1;
	if (ret_der != NULL)
		buf_put_cur(ret_der, buf_cur(&der));
	return 0;
}
