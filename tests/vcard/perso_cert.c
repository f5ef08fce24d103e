/* SPDX-License-Identifier: BSD-2-Clause */
/* Personalisation: public keys as they are read from the card, and certificates. */
#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <zlib.h>

#include "base/auto.h"
#include "vcard/perso_internal.h"
#include "vcard/tlv.h"

/* --- public key ------------------------------------------------------------------------------------------------- */

static bool
push_public(struct cursor key, OSSL_PARAM_BLD *build, BIGNUM **n, BIGNUM **e, const char **ret_type)
{
	struct cursor value, exponent;
	const char *group;

	if (vcard_tlv_find(key, 0x81, &value) && vcard_tlv_find(key, 0x82, &exponent)) {
		*n = BN_bin2bn(value.p, (int)value.left, NULL);
		*e = BN_bin2bn(exponent.p, (int)exponent.left, NULL);
		*ret_type = "RSA";
		return OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, *n) == 1 &&
		       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, *e) == 1;
	}
	if (!vcard_tlv_find(key, 0x86, &value))
		return false;
	group = value.left == 65 ? "P-256" : value.left == 97 ? "P-384" : "P-521";
	*ret_type = "EC";
	return OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
	       OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, value.p, value.left) == 1;
}

static EVP_PKEY *
public_from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static bool
encode_public(struct cursor key, struct buf *ret_spki)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	BIGNUM *n = NULL, *e = NULL;
	EVP_PKEY *pkey = NULL;
	const char *type = NULL;
	unsigned char *der = NULL;
	int len = -1;

	if (build != NULL && push_public(key, build, &n, &e, &type))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params != NULL)
		pkey = public_from_params(type, params);
	if (pkey != NULL)
		len = i2d_PUBKEY(pkey, &der);
	if (len > 0)
		buf_put(ret_spki, der, (size_t)len);
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	ERR_clear_error();
	return len > 0 || perso_fail("the card's public key is none");
}

static bool
read_public(struct vcard *card, uint8_t index, struct buf *ret_spki)
{
	static const uint8_t header[4] = { 0x00, INS_GET_DATA, 0x3F, 0xFF };
	const uint8_t request[] = { 0x70, 0x08, 0x84, 0x01, (uint8_t)(0x81 + index), 0xA5, 0x03, 0x7F, 0x49, 0x80 };
	AUTO_BUF struct buf answer = BUF_INIT;
	struct cursor c, key;

	if (!perso_command(card, "get public key", header, cur_of(request, sizeof(request)), true, &answer))
		return false;
	c = buf_cur(&answer);
	return (vcard_tlv_expect(&c, 0x7F49, &key) || perso_fail("no public key template")) &&
	       encode_public(key, ret_spki);
}

int
vcard_perso_pubkey(struct vcard *card, uint8_t index, struct buf *ret_spki)
{
	return perso_end(card, perso_select(card) && read_public(card, index, ret_spki));
}

/* --- certificates ----------------------------------------------------------------------------------------------- */

bool
perso_compress(struct cursor der, struct buf *ret_content)
{
	uLongf len = compressBound((uLong)der.left);
	uint8_t *room;

	if (der.left > 0xFFFF)
		return perso_fail("the certificate is longer than 65535 bytes");
	buf_be16(ret_content, 0x0100);
	buf_le16(ret_content, (uint16_t)der.left);
	room = buf_extend(ret_content, len);
	if (room == NULL || compress2(room, &len, der.p, (uLong)der.left, 9) != Z_OK)
		return perso_fail("the certificate cannot be compressed");
	buf_truncate(ret_content, 4 + (size_t)len);
	return true;
}

static bool
find_kind(struct vcard *card, uint8_t index, uint8_t *ret_kind)
{
	AUTO_BUF struct buf map = BUF_INIT;
	struct cursor c;

	if (!perso_read(card, PERSO_EF_TABLE, PERSO_KEY_MAP, &map))
		return false;
	c = buf_cur(&map);
	if (!cur_skip(&c, 1 + (size_t)index * PERSO_MAP_RECORD + 5) || !cur_u8(&c, ret_kind) || *ret_kind == 0)
		return perso_fail("there is no container %u", (unsigned)index);
	return true;
}

static bool
put_certificate(struct vcard *card, uint8_t index, struct cursor content)
{
	char name[9];
	uint8_t kind = 0;

	if (!find_kind(card, index, &kind))
		return false;
	(void)snprintf(name, sizeof(name), "%s%02x", kind == PERSO_KIND_SIGNATURE ? "ksc" : "kxc", (unsigned)index);
	return perso_put_file(card, "mscp", name, content);
}

int
vcard_perso_cert(struct vcard *card, const char *pin, uint8_t index, struct cursor der, bool plain)
{
	AUTO_BUF struct buf packed = BUF_INIT;

	if (!plain && !perso_compress(der, &packed))
		return -1;
	return perso_end(card, perso_login(card, pin) && put_certificate(card, index, plain ? der : buf_cur(&packed)));
}
