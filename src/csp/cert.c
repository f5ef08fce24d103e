/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading of X.509 certificates (RFC 5280 4.1). libcrypto decides whether something is a certificate, and reads dates,
 * key and CA flag. Names, serial number and key info are cut out of the DER here, because they must be the very bytes.
 */
#include "csp/cert.h"
#include "csp/card.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define TAG_INTEGER 0x02
#define TAG_SEQUENCE 0x30
#define TAG_VERSION 0xA0

/* DER ------------------------------------------------------------------------------------------------------------ */

static bool
der_length(struct cursor *c, size_t *ret_len)
{
	uint8_t first, next;
	size_t len = 0;

	if (!cur_u8(c, &first))
		return false;
	if (first < 0x80) {
		*ret_len = first;
		return true;
	}
	if (first == 0x80 || first > 0x83) /* LIMIT_CERTIFICATE needs two bytes */
		return false;
	for (; first > 0x80; first--) {
		if (!cur_u8(c, &next))
			return false;
		len = len << 8 | next;
	}
	*ret_len = len;
	return true;
}

/* The next element, if it has this tag: all of it, and its value (either may be NULL). */
static bool
der_take(struct cursor *c, uint8_t tag, struct cursor *ret_whole, struct cursor *ret_value)
{
	struct cursor rest = *c, whole, value;
	uint8_t found;
	size_t len;

	if (!cur_u8(&rest, &found) || found != tag || !der_length(&rest, &len) || !cur_take(&rest, len, &value) ||
	    !cur_take(c, c->left - rest.left, &whole))
		return false;
	if (ret_whole != NULL)
		*ret_whole = whole;
	if (ret_value != NULL)
		*ret_value = value;
	return true;
}

/* TBSCertificate up to the key info. */
static bool
cut_out(struct csp_cert *cert)
{
	struct cursor der = buf_cur(&cert->der), outer, tbs;

	if (!der_take(&der, TAG_SEQUENCE, NULL, &outer) || !der_take(&outer, TAG_SEQUENCE, NULL, &tbs))
		return false;
	(void)der_take(&tbs, TAG_VERSION, NULL, NULL);
	return der_take(&tbs, TAG_INTEGER, &cert->serial, NULL) &&
	       der_take(&tbs, TAG_SEQUENCE, NULL, NULL) && /* signature algorithm */
	       der_take(&tbs, TAG_SEQUENCE, &cert->issuer, NULL) &&
	       der_take(&tbs, TAG_SEQUENCE, NULL, NULL) && /* validity */
	       der_take(&tbs, TAG_SEQUENCE, &cert->subject, NULL) && der_take(&tbs, TAG_SEQUENCE, &cert->spki, NULL);
}

/* What libcrypto reads --------------------------------------------------------------------------------------------- */

static void
put_digits(char *ret_text, size_t count, int number)
{
	for (size_t i = count; i > 0; i--, number /= 10)
		ret_text[i - 1] = (char)('0' + number % 10);
}

static void
read_date(const ASN1_TIME *time, char ret_date[9])
{
	struct tm tm;

	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1 || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
		return;
	put_digits(ret_date, 4, tm.tm_year + 1900);
	put_digits(ret_date + 4, 2, tm.tm_mon + 1);
	put_digits(ret_date + 6, 2, tm.tm_mday);
	ret_date[8] = '\0';
}

static bool
read_is_ca(const X509 *x)
{
	BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(x, NID_basic_constraints, NULL, NULL);
	bool is_ca = constraints != NULL && constraints->ca != 0;

	BASIC_CONSTRAINTS_free(constraints);
	return is_ca;
}

/* A number of the key, big-endian; len 0 asks for as many bytes as it has. Returns the bytes written, 0 when it does not fit. */
static size_t
read_number(const EVP_PKEY *pkey, const char *name, uint8_t *ret_bytes, size_t room, size_t len)
{
	BIGNUM *bn = NULL;
	size_t have = 0;

	if (EVP_PKEY_get_bn_param(pkey, name, &bn) == 1) {
		have = len > 0 ? len : (size_t)BN_num_bytes(bn);
		if (have > room || BN_bn2binpad(bn, ret_bytes, (int)have) < 0)
			have = 0;
	}
	BN_free(bn);
	return have;
}

static bool
read_rsa_key(const EVP_PKEY *pkey, struct public_key *ret_key)
{
	uint8_t n[LIMIT_RSA_BYTES], e[LIMIT_RSA_EXPONENT_BYTES];
	size_t n_len = read_number(pkey, OSSL_PKEY_PARAM_RSA_N, n, sizeof n, 0);
	size_t e_len = read_number(pkey, OSSL_PKEY_PARAM_RSA_E, e, sizeof e, 0);

	return n_len > 0 && e_len > 0 && pubkey_set_rsa(ret_key, n, n_len, e, e_len);
}

/* Field bytes of the curve that the algorithm's parameters name; 0 for none that the project knows. */
static size_t
curve_bytes(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *type;
	const void *curve = NULL;
	int kind = V_ASN1_UNDEF;

	X509_ALGOR_get0(&type, &kind, &curve, algorithm);
	if (kind != V_ASN1_OBJECT || OBJ_obj2nid(type) != NID_X9_62_id_ecPublicKey)
		return 0;
	switch (OBJ_obj2nid(curve)) {
	case NID_X9_62_prime256v1: return pubkey_ec_bytes(256);
	case NID_secp384r1: return pubkey_ec_bytes(384);
	case NID_secp521r1: return pubkey_ec_bytes(521);
	default: return 0;
	}
}

/* A point that came compressed. */
static bool
read_coordinates(const EVP_PKEY *pkey, size_t width, struct public_key *ret_key)
{
	uint8_t point[LIMIT_EC_POINT] = { 0x04 };

	return read_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, point + 1, width, width) == width &&
	       read_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, point + 1 + width, width, width) == width &&
	       pubkey_set_ec(ret_key, point, 1 + 2 * width);
}

/*
 * libcrypto has decoded the key, so the point is on the curve. It is taken from the certificate as it stands: where an
 * engine is the process's default for elliptic curves, libcrypto does not tell coordinates.
 */
static bool
read_ec_key(const X509 *x, const EVP_PKEY *pkey, struct public_key *ret_key)
{
	const unsigned char *point = NULL;
	X509_ALGOR *algorithm = NULL;
	size_t width;
	int len = 0;

	if (X509_PUBKEY_get0_param(NULL, &point, &len, &algorithm, X509_get_X509_PUBKEY(x)) != 1 ||
	    (width = curve_bytes(algorithm)) == 0)
		return false;
	if ((size_t)len == 1 + 2 * width && point[0] == 0x04)
		return pubkey_set_ec(ret_key, point, (size_t)len);
	return read_coordinates(pkey, width, ret_key);
}

/* As it stands in the certificate, likewise. */
static bool
read_25519_key(const X509 *x, enum key_type type, struct public_key *ret_key)
{
	const unsigned char *bytes = NULL;
	int len = 0;

	return X509_PUBKEY_get0_param(NULL, &bytes, &len, NULL, X509_get_X509_PUBKEY(x)) == 1 && len > 0 &&
	       pubkey_set_25519(ret_key, type, bytes, (size_t)len);
}

static void
read_key(const X509 *x, struct public_key *ret_key)
{
	const EVP_PKEY *pkey = X509_get0_pubkey(x);
	bool known = false;

	if (pkey != NULL && (EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS")))
		known = read_rsa_key(pkey, ret_key);
	else if (pkey != NULL && EVP_PKEY_is_a(pkey, "EC"))
		known = read_ec_key(x, pkey, ret_key);
	else if (pkey != NULL && EVP_PKEY_is_a(pkey, "ED25519"))
		known = read_25519_key(x, KEY_ED25519, ret_key);
	else if (pkey != NULL && EVP_PKEY_is_a(pkey, "X25519"))
		known = read_25519_key(x, KEY_X25519, ret_key);
	if (!known)
		*ret_key = (struct public_key){ .type = KEY_NONE };
}

/* False unless the DER is one certificate and nothing more. */
static bool
read_fields(struct ossl_lib_ctx_st *library, struct csp_cert *cert)
{
	const unsigned char *p = cert->der.p;
	X509 *x = X509_new_ex(library, NULL);
	bool whole;

	whole = x != NULL && d2i_X509(&x, &p, (long)cert->der.len) != NULL && p == cert->der.p + cert->der.len;
	if (whole) {
		read_date(X509_get0_notBefore(x), cert->not_before);
		read_date(X509_get0_notAfter(x), cert->not_after);
		cert->is_ca = read_is_ca(x);
		read_key(x, &cert->key);
	}
	X509_free(x);
	return whole;
}

/* ---------------------------------------------------------------------------------------------------------------- */

DWORD
csp_cert_new(struct csp_crypto *crypto, struct buf *der, struct csp_cert **ret_cert)
{
	struct ossl_lib_ctx_st *library = csp_crypto_library(crypto);
	struct csp_cert *cert = calloc(1, sizeof *cert);

	if (cert == NULL) {
		buf_free(der);
		return SCARD_E_NO_MEMORY;
	}
	buf_move(&cert->der, der);
	if (library != NULL && cert->der.len <= LIMIT_CERTIFICATE && cut_out(cert)) {
		ERR_set_mark();
		cert->parsed = read_fields(library, cert);
		ERR_pop_to_mark();
	}
	*ret_cert = cert;
	return SCARD_S_SUCCESS;
}

void
csp_cert_free(struct csp_cert **cert)
{
	if (cert == NULL || *cert == NULL)
		return;
	buf_free(&(*cert)->der);
	free(*cert);
	*cert = NULL;
}

DWORD
csp_cert_is_ca(struct csp *csp, struct cursor der, bool *ret_is_ca)
{
	struct buf copy = BUF_INIT_MAX(LIMIT_CERTIFICATE);
	struct csp_cert *cert = NULL;
	DWORD r;

	buf_put_cur(&copy, der);
	if (buf_failed(&copy)) {
		buf_free(&copy);
		return SCARD_E_INVALID_VALUE;
	}
	if ((r = csp_cert_new(csp->crypto, &copy, &cert)) != SCARD_S_SUCCESS)
		return r;
	r = cert->parsed ? SCARD_S_SUCCESS : SCARD_E_INVALID_VALUE;
	*ret_is_ca = cert->parsed && cert->is_ca;
	csp_cert_free(&cert);
	return r;
}
