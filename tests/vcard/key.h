/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of the virtual card, without any card edge: made, taken in, used and kept as bytes. All of it runs in a
 * library context of the card's own, so that a host program whose default context leads to PKCS#11 is not called back.
 */
#ifndef VCARD_KEY_H
#define VCARD_KEY_H

#include <openssl/types.h>

#include "base/buf.h"

enum vcard_key_type {
	VCARD_KEY_NONE,
	VCARD_KEY_SYMMETRIC,
	VCARD_KEY_RSA,
	VCARD_KEY_EC,
	VCARD_KEY_ED25519,
	VCARD_KEY_X25519,
};

#define VCARD_RSA_MAX 512 /* bytes of a modulus */
#define VCARD_DES3_LEN 24
#define VCARD_25519_LEN 32

/* Made at the first use, so that a card that computes nothing costs nothing. Zero it to begin with. */
struct vcard_crypto {
	OSSL_LIB_CTX *libctx;
};

struct vcard_key {
	enum vcard_key_type type;
	unsigned bits; /* of the modulus, the curve or the symmetric key */
	/* as imported: RSAPrivateKey, GIDS's form for EC, the bare number of 25519, the symmetric key */
	struct buf bytes;
	EVP_PKEY *pkey; /* made from the bytes at the first use that needs it */
};

void vcard_crypto_free(struct vcard_crypto *crypto);
/*
 * This thread may never come back: libcrypto's state of it goes. It would be freed when the thread ends, and by then
 * another thread may have freed what it belongs to.
 */
void vcard_crypto_leave(const struct vcard_crypto *crypto);
/* Bytes nobody can foretell. */
bool vcard_random(uint8_t *ret_bytes, size_t n);

void vcard_key_clear(struct vcard_key *key);
/* Takes over the content of from, which is empty afterwards. */
void vcard_key_move(struct vcard_key *to, struct vcard_key *from);
/* Length of a raw RSA block, or of one of the two numbers of an ECDSA signature. */
size_t vcard_key_block(const struct vcard_key *key);

/* RSA with exponent 65537, EC by size of the curve (256, 384, 521), or one of the 25519 kinds (256). */
bool vcard_key_generate(struct vcard_crypto *crypto, enum vcard_key_type type, unsigned bits,
			struct vcard_key *ret_key);
/*
 * From PKCS #1 RSAPrivateKey with version 0 and all eight integers, which are read as unsigned whether they have a
 * sign byte or not (GIDS hosts differ). False when the numbers do not belong together or the size is not one of 1024,
 * 2048, 3072, 4096.
 */
bool vcard_key_import_rsa(struct cursor der, struct vcard_key *ret_key);
/*
 * From 30 { 02 01 01, 04 d, 04 04||X||Y }; the point's length names the curve. False when the point is not d times the
 * base point.
 */
bool vcard_key_import_ec(struct vcard_crypto *crypto, struct cursor value, struct vcard_key *ret_key);
bool vcard_key_import_symmetric(struct cursor bytes, struct vcard_key *ret_key);
/* From p, q, dP, dQ, qInv (RFC 8017, 3.2) with the exponent 65537. False as for vcard_key_import_rsa. */
bool vcard_key_import_rsa_primes(const struct cursor numbers[5], struct vcard_key *ret_key);
/* From the private number alone; the point is computed. False when it is zero or not below the order. */
bool vcard_key_import_ec_number(struct vcard_crypto *crypto, unsigned bits, struct cursor d, struct vcard_key *ret_key);
/* Ed25519 or X25519 from its 32 bytes. */
bool vcard_key_import_25519(enum vcard_key_type type, struct cursor bytes, struct vcard_key *ret_key);
/* From bytes as kept in struct vcard_key, which are not looked into before the first use. */
bool vcard_key_restore(enum vcard_key_type type, unsigned bits, struct cursor bytes, struct vcard_key *ret_key);

/* Modulus and exponent without leading zeros. */
bool vcard_key_rsa_public(const struct vcard_key *key, struct buf *ret_n, struct buf *ret_e);
/* 04 || X || Y. */
bool vcard_key_ec_public(const struct vcard_key *key, struct buf *ret_point);

/* The 32 bytes of an Ed25519 or X25519 key. */
bool vcard_key_25519_public(struct vcard_crypto *crypto, struct vcard_key *key, struct buf *ret_public);

/* m^d mod n: in and out have the length of the modulus. False also when the number is not below the modulus. */
bool vcard_key_rsa_raw(const struct vcard_key *key, struct cursor in, struct buf *ret_out);
/* RSAES-OAEP decryption with SHA-1, MGF1 with SHA-1 and an empty label. */
bool vcard_key_rsa_oaep(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor in, struct buf *ret_out);
/* ECDSA over a hash value as it stands: r || s in the curve's length, or the DER form. */
bool vcard_key_ecdsa(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor hash, bool der,
		     struct buf *ret_signature);

/* Ed25519 over a whole message. */
bool vcard_key_eddsa(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor message,
		     struct buf *ret_signature);
/*
 * Key agreement: the X coordinate with the point 04 || X || Y, or X25519's 32 bytes. False when the point is not on the
 * curve.
 */
bool vcard_key_agree(struct vcard_crypto *crypto, struct vcard_key *key, struct cursor peer, struct buf *ret_secret);

/* One block of AES; the key has 16, 24 or 32 bytes. */
#define VCARD_AES_BLOCK 16
bool vcard_aes_block(struct vcard_crypto *crypto, struct cursor key, bool encrypt, const uint8_t in[VCARD_AES_BLOCK],
		     uint8_t ret_out[VCARD_AES_BLOCK]);

/* SHA-256 over parts that follow each other. */
#define VCARD_SHA256_LEN 32
bool vcard_sha256(struct vcard_crypto *crypto, const struct cursor *parts, size_t count,
		  uint8_t ret_hash[VCARD_SHA256_LEN]);

/* 3DES in CBC mode with a zero IV and no padding; len is a multiple of 8. A key of 16 bytes is used as K1 K2 K1. */
bool vcard_des3_cbc(struct vcard_crypto *crypto, struct cursor key, bool encrypt, const uint8_t *in, size_t len,
		    uint8_t *ret_out);

#endif
