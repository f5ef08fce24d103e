/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys and certificates in files as people have them: PEM (RFC 7468), DER, PKCS#12 (RFC 7292). libcrypto reads them in a
 * context made for this alone, with the old ciphers that others still write PKCS#12 with, and gone afterwards.
 */
#define _GNU_SOURCE /* memmem */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/privkey.h"
#include "csp/card.h"
#include "csp/cert.h"
#include "csp/crypto.h"

#define CERTS_MAX LIMIT_ROOTS
#define NAME_MAX_BYTES 255u

struct reader {
	struct ossl_lib_ctx_st *library;
	struct cursor password;
	bool asked;  /* something wanted the password */
	bool failed; /* no memory */
	struct csp_keyfile file;
	size_t room;
};

/* Private keys ---------------------------------------------------------------------------------------------------------- */

static bool
take_number(const EVP_PKEY *pkey, const char *name, size_t len, struct secret *ret_number)
{
	BIGNUM *bn = NULL;
	bool ok;

	ok = EVP_PKEY_get_bn_param(pkey, name, &bn) == 1 && (size_t)BN_num_bytes(bn) <= len &&
	     secret_alloc(ret_number, len) && BN_bn2binpad(bn, ret_number->p, (int)len) == (int)len;
	BN_clear_free(bn);
	return ok;
}

static bool
public_number(const EVP_PKEY *pkey, const char *name, uint8_t *ret_number, size_t room, size_t *ret_len)
{
	BIGNUM *bn = NULL;
	int len = -1;

	if (EVP_PKEY_get_bn_param(pkey, name, &bn) == 1 && (size_t)BN_num_bytes(bn) <= room)
		len = BN_bn2bin(bn, ret_number);
	BN_free(bn);
	*ret_len = len > 0 ? (size_t)len : 0;
	return len > 0;
}

static bool
take_rsa(const EVP_PKEY *pkey, struct private_key *key)
{
	uint8_t n[LIMIT_RSA_BYTES], e[LIMIT_RSA_EXPONENT_BYTES];
	size_t n_len, e_len, half;

	if (!public_number(pkey, OSSL_PKEY_PARAM_RSA_N, n, sizeof(n), &n_len) ||
	    !public_number(pkey, OSSL_PKEY_PARAM_RSA_E, e, sizeof(e), &e_len) ||
	    !pubkey_set_rsa(&key->public, n, n_len, e, e_len))
		return false;
	half = (n_len + 1) / 2;
	return take_number(pkey, OSSL_PKEY_PARAM_RSA_D, n_len, &key->d) &&
	       take_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, half, &key->p) &&
	       take_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, half, &key->q) &&
	       take_number(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, half, &key->dp) &&
	       take_number(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, half, &key->dq) &&
	       take_number(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, half, &key->qinv);
}

/* Field bytes of the curves that cards have; 0 for others, some of which are as long. */
static size_t
curve_bytes(const EVP_PKEY *pkey)
{
	static const struct {
		int nid;
		unsigned bits;
	} curves[] = { { NID_X9_62_prime256v1, 256 }, { NID_secp384r1, 384 }, { NID_secp521r1, 521 } };
	char name[64] = "";
	size_t len = 0;

	if (EVP_PKEY_get_group_name(pkey, name, sizeof(name), &len) != 1)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		if (OBJ_sn2nid(name) == curves[i].nid)
			return pubkey_ec_bytes(curves[i].bits);
	return 0;
}

static bool
take_ec(const EVP_PKEY *pkey, struct private_key *key)
{
	const size_t width = curve_bytes(pkey);
	uint8_t point[LIMIT_EC_POINT] = { 0x04 }, x[66], y[66];
	size_t x_len, y_len;

	if (width == 0 || !public_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x, width, &x_len) ||
	    !public_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y, width, &y_len))
		return false;
	memcpy(point + 1 + width - x_len, x, x_len);
	memcpy(point + 1 + 2 * width - y_len, y, y_len);
	return pubkey_set_ec(&key->public, point, 1 + 2 * width) &&
	       take_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, width, &key->d);
}

/* The first key counts; of a file with several, only one can be meant. */
static void
take_key(struct reader *r, const EVP_PKEY *pkey)
{
	struct private_key *key;
	bool ok = false;

	if (pkey == NULL || r->file.key != NULL)
		return;
	if ((key = calloc(1, sizeof(*key))) == NULL) {
		r->failed = true;
		return;
	}
	if (EVP_PKEY_is_a(pkey, "RSA"))
		ok = take_rsa(pkey, key);
	else if (EVP_PKEY_is_a(pkey, "EC"))
		ok = take_ec(pkey, key);
	if (ok && privkey_is_whole(key)) {
		r->file.key = key;
		return;
	}
	privkey_free(key);
	free(key);
}

/* Certificates ---------------------------------------------------------------------------------------------------------- */

static bool
make_room(struct reader *r)
{
	struct buf *certs;

	if (r->file.cert_count < r->room)
		return true;
	if (r->file.cert_count >= CERTS_MAX || (certs = realloc(r->file.certs, (r->room + 8) * sizeof(*certs))) == NULL)
		return false;
	r->file.certs = certs;
	r->room += 8;
	return true;
}

static void
take_cert(struct reader *r, const X509 *x)
{
	unsigned char *der = NULL;
	struct buf *cert;
	int len = x == NULL ? 0 : i2d_X509(x, &der);

	if (len > 0 && make_room(r)) {
		cert = &r->file.certs[r->file.cert_count];
		*cert = (struct buf)BUF_INIT_MAX(LIMIT_CERTIFICATE);
		buf_put(cert, der, (size_t)len);
		if (buf_failed(cert))
			buf_free(cert);
		else
			r->file.cert_count++;
	} else if (len > 0) {
		r->failed = true;
	}
	OPENSSL_free(der);
}

/* The forms ------------------------------------------------------------------------------------------------------------- */

static int
give_password(char *buf, int size, int writing, void *arg)
{
	struct reader *r = arg;

	(void)writing;
	r->asked = true;
	if (r->password.left == 0 || r->password.left > (size_t)size)
		return -1;
	memcpy(buf, r->password.p, r->password.left);
	return (int)r->password.left;
}

/* Certificates are not encrypted; without this libcrypto would ask at the terminal. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

/* Every block of the file; what is neither key nor certificate is passed over. */
static bool
read_pem(struct reader *r, struct cursor content)
{
	BIO *bio = BIO_new_mem_buf(content.p, (int)content.left);
	STACK_OF(X509_INFO) *infos = NULL;
	X509_INFO *info;

	if (bio != NULL)
		infos = PEM_X509_INFO_read_bio_ex(bio, NULL, no_password, NULL, r->library, NULL);
	for (int i = 0; infos != NULL && i < sk_X509_INFO_num(infos); i++) {
		info = sk_X509_INFO_value(infos, i);
		take_cert(r, info->x509);
	}
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	BIO_free(bio);
	return r->file.cert_count > 0;
}

static bool
read_pem_key(struct reader *r, struct cursor content)
{
	BIO *bio = BIO_new_mem_buf(content.p, (int)content.left);
	EVP_PKEY *pkey = NULL;

	if (bio != NULL)
		pkey = PEM_read_bio_PrivateKey_ex(bio, NULL, give_password, r, r->library, NULL);
	take_key(r, pkey);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return r->file.key != NULL;
}

static bool
read_der_cert(struct reader *r, struct cursor content)
{
	const unsigned char *p = content.p;
	X509 *x = X509_new_ex(r->library, NULL);
	bool ok = x != NULL && d2i_X509(&x, &p, (long)content.left) != NULL;

	if (ok)
		take_cert(r, x);
	X509_free(x);
	return ok;
}

static bool
read_der_key(struct reader *r, struct cursor content)
{
	const unsigned char *p = content.p;
	EVP_PKEY *pkey = d2i_AutoPrivateKey_ex(NULL, &p, (long)content.left, r->library, NULL);

	take_key(r, pkey);
	EVP_PKEY_free(pkey);
	return r->file.key != NULL;
}

/* PKCS#8 that is encrypted, without PEM around it. */
static bool
read_der_sealed(struct reader *r, struct cursor content)
{
	const unsigned char *p = content.p;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &p, (long)content.left);
	PKCS8_PRIV_KEY_INFO *info = NULL;
	EVP_PKEY *pkey = NULL;

	if (sealed != NULL) {
		r->asked = true;
		info = PKCS8_decrypt_ex(sealed, (const char *)r->password.p, (int)r->password.left, r->library, NULL);
	}
	if (info != NULL)
		pkey = EVP_PKCS82PKEY_ex(info, r->library, NULL);
	take_key(r, pkey);
	EVP_PKEY_free(pkey);
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_SIG_free(sealed);
	return r->file.key != NULL;
}

static void
take_name(struct reader *r, X509 *x)
{
	int len = 0;
	const unsigned char *name = x == NULL ? NULL : X509_alias_get0(x, &len);

	if (name == NULL || len <= 0 || len > (int)NAME_MAX_BYTES ||
	    (r->file.name = calloc(1, (size_t)len + 1)) == NULL)
		return;
	memcpy(r->file.name, name, (size_t)len);
}

/* No password and an empty one are two things in PKCS#12. */
static bool
opens(PKCS12 *p12, const char *password)
{
	return password[0] == '\0' ? PKCS12_verify_mac(p12, NULL, 0) == 1 || PKCS12_verify_mac(p12, "", 0) == 1
				   : PKCS12_verify_mac(p12, password, -1) == 1;
}

static void
take_p12(struct reader *r, PKCS12 *p12, const char *password)
{
	const char *given = password[0] == '\0' && PKCS12_verify_mac(p12, NULL, 0) == 1 ? NULL : password;
	STACK_OF(X509) *others = NULL;
	EVP_PKEY *pkey = NULL;
	X509 *own = NULL;

	if (PKCS12_parse(p12, given, &pkey, &own, &others) == 1) {
		take_key(r, pkey);
		take_cert(r, own);
		take_name(r, own);
		for (int i = 0; others != NULL && i < sk_X509_num(others); i++)
			take_cert(r, sk_X509_value(others, i));
	}
	sk_X509_pop_free(others, X509_free);
	X509_free(own);
	EVP_PKEY_free(pkey);
}

static bool
read_p12(struct reader *r, struct cursor content)
{
	const unsigned char *p = content.p;
	AUTO_SECRET struct secret password = SECRET_INIT;
	PKCS12 *p12 = PKCS12_init_ex(NID_pkcs7_data, r->library, NULL);
	bool is = p12 != NULL && d2i_PKCS12(&p12, &p, (long)content.left) != NULL;

	if (is && !secret_alloc(&password, r->password.left + 1)) {
		r->failed = true;
	} else if (is) {
		if (r->password.left > 0)
			memcpy(password.p, r->password.p, r->password.left);
		if (opens(p12, (const char *)password.p))
			take_p12(r, p12, (const char *)password.p);
		else
			r->asked = true;
	}
	PKCS12_free(p12);
	return is;
}

static bool
is_pem(struct cursor content)
{
	return content.left > 10 && memmem(content.p, content.left, "-----BEGIN", 10) != NULL;
}

static void
read_any(struct reader *r, struct cursor content)
{
	if (is_pem(content)) {
		(void)read_pem_key(r, content);
		(void)read_pem(r, content);
		return;
	}
	if (read_p12(r, content) || read_der_cert(r, content) || read_der_key(r, content))
		return;
	(void)read_der_sealed(r, content);
}

/* The key's own certificate first. */
static void
sort_certs(struct csp *csp, struct csp_keyfile *file)
{
	struct csp_cert *cert = NULL;
	struct buf copy = BUF_INIT_MAX(LIMIT_CERTIFICATE), first;
	bool own;

	for (size_t i = 0; file->key != NULL && i < file->cert_count; i++) {
		buf_put_cur(&copy, buf_cur(&file->certs[i]));
		if (csp_cert_new(csp->crypto, &copy, &cert) != SCARD_S_SUCCESS)
			return;
		own = pubkey_equal(&cert->key, &file->key->public);
		csp_cert_free(&cert);
		if (!own)
			continue;
		first = file->certs[i];
		memmove(file->certs + 1, file->certs, i * sizeof(*file->certs));
		file->certs[0] = first;
		return;
	}
}

void
csp_keyfile_free(struct csp_keyfile *file)
{
	if (file->key != NULL)
		privkey_free(file->key);
	free(file->key);
	for (size_t i = 0; i < file->cert_count; i++)
		buf_free(&file->certs[i]);
	free(file->certs);
	free(file->name);
	*file = (struct csp_keyfile){ 0 };
}

DWORD
csp_keyfile_read(struct csp *csp, struct cursor content, struct cursor password, struct csp_keyfile *ret_file)
{
	struct reader r = { .password = password };
	struct csp_scratch *scratch = NULL;
	DWORD code = SCARD_S_SUCCESS;

	if (content.left == 0 || content.left > LIMIT_COMMAND)
		return SCARD_E_INVALID_VALUE;
	if (password.left > 0 && memchr(password.p, '\0', password.left) != NULL)
		return SCARD_W_WRONG_CHV;
	if ((code = csp_scratch_open(&scratch, &r.library)) != SCARD_S_SUCCESS)
		return code;
	ERR_set_mark();
	read_any(&r, content);
	ERR_pop_to_mark();
	csp_scratch_close(&scratch);
	if (r.failed)
		code = SCARD_E_NO_MEMORY;
	else if (r.file.key == NULL && r.asked)
		code = SCARD_W_WRONG_CHV;
	else if (r.file.key == NULL && r.file.cert_count == 0)
		code = SCARD_E_INVALID_VALUE;
	if (code != SCARD_S_SUCCESS) {
		csp_keyfile_free(&r.file);
		return code;
	}
	sort_certs(csp, &r.file);
	*ret_file = r.file;
	return SCARD_S_SUCCESS;
}
