/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations with a private key: on the card, in one transaction with the authentication that they need. */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/crypto.h"
#include "csp/padding.h"

/* PKCS#1 v1.5 puts at least 11 bytes before the data (RFC 8017, 9.2). */
#define PKCS1_OVERHEAD 11u

/* A scheme in the words of cardmod.h. */
struct padding {
	DWORD type, flags;
	union {
		BCRYPT_PKCS1_PADDING_INFO pkcs1;
		BCRYPT_PSS_PADDING_INFO pss;
		BCRYPT_OAEP_PADDING_INFO oaep;
	} info;
};

struct operation {
	uint32_t key_id;
	const struct csp_scheme *scheme;
	struct cursor data;
	bool decrypt;
	const struct public_key *peer; /* agreement; the two above are nothing then */
	DWORD (*work)(struct csp_card *card, const struct csp_key *key, struct operation *op);
	uint32_t role;
	/* results */
	uint8_t *signature;
	size_t len;
	struct secret plain;
};

static size_t
width_of(const struct csp_key *key)
{
	if (key->type == KEY_ED25519)
		return (size_t)2 * PUBKEY_25519_BYTES;
	return key->type == KEY_EC ? 2 * pubkey_ec_bytes(key->bits) : (key->bits + 7) / 8;
}

static DWORD
describe(const struct csp_scheme *scheme, struct padding *ret_padding)
{
	*ret_padding = (struct padding){ .flags = CARD_PADDING_INFO_PRESENT };
	switch (scheme->padding) {
	case CSP_PAD_RAW: ret_padding->type = CARD_PADDING_NONE; return SCARD_S_SUCCESS;
	case CSP_PAD_PKCS1:
		ret_padding->type = CARD_PADDING_PKCS1;
		ret_padding->info.pkcs1.pszAlgId = csp_hash_name(scheme->hash);
		return SCARD_S_SUCCESS;
	case CSP_PAD_PSS:
		ret_padding->type = CARD_PADDING_PSS;
		ret_padding->info.pss = (BCRYPT_PSS_PADDING_INFO){ csp_hash_name(scheme->hash), (DWORD)scheme->salt_len,
								   csp_hash_name(scheme->mgf) };
		return SCARD_S_SUCCESS;
	case CSP_PAD_OAEP:
		ret_padding->type = CARD_PADDING_OAEP;
		ret_padding->info.oaep =
			(BCRYPT_OAEP_PADDING_INFO){ csp_hash_name(scheme->hash), scheme->label.p,
						    (DWORD)scheme->label.left, csp_hash_name(scheme->mgf) };
		return SCARD_S_SUCCESS;
	case CSP_PAD_ECDSA:
	case CSP_PAD_EDDSA: *ret_padding = (struct padding){ .type = CARD_PADDING_NONE }; return SCARD_S_SUCCESS;
	}
	return SCARD_E_INVALID_PARAMETER;
}

/* What can be known to fail before a PIN is presented for it. */
static DWORD
check_sign(const struct csp_key *key, const struct csp_scheme *scheme, size_t len)
{
	size_t width = width_of(key), hash = csp_hash_len(scheme->hash);
	bool ok = false;

	if (!key->can_sign || (key->type == KEY_EC) != (scheme->padding == CSP_PAD_ECDSA) ||
	    (key->type == KEY_ED25519) != (scheme->padding == CSP_PAD_EDDSA))
		return SCARD_E_UNSUPPORTED_FEATURE;
	switch (scheme->padding) {
	case CSP_PAD_RAW: ok = len == width; break;
	case CSP_PAD_PKCS1: ok = len <= width - PKCS1_OVERHEAD && (hash == 0 || len == hash); break;
	case CSP_PAD_PSS:
		ok = hash > 0 && len == hash && scheme->salt_len <= width && hash + scheme->salt_len + 2 <= width;
		break;
	case CSP_PAD_ECDSA: ok = len > 0 && len <= LIMIT_SINGLE_PART; break;
	/* cards take a message of no bytes for a question */
	case CSP_PAD_EDDSA: ok = len > 0 && len <= LIMIT_EDDSA_INPUT; break;
	case CSP_PAD_OAEP: return SCARD_E_UNSUPPORTED_FEATURE;
	}
	return ok ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

static DWORD
check_decrypt(const struct csp_key *key, const struct csp_scheme *scheme, size_t len)
{
	const bool decrypts =
		scheme->padding == CSP_PAD_RAW || scheme->padding == CSP_PAD_PKCS1 || scheme->padding == CSP_PAD_OAEP;

	if (!key->can_decrypt || !decrypts)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return len == width_of(key) ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

static DWORD
check_agree(const struct csp_key *key, const struct public_key *peer)
{
	if (!key->can_derive)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return peer->type == key->type && peer->bits == key->bits ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

static DWORD
check(const struct csp_key *key, const struct operation *op)
{
	if (op->peer != NULL)
		return check_agree(key, op->peer);
	return op->decrypt ? check_decrypt(key, op->scheme, op->data.left) : check_sign(key, op->scheme, op->data.left);
}

static DWORD
sign_once(struct csp_card *card, const struct csp_key *key, struct operation *op)
{
	struct cursor data = op->data, cut;
	struct padding padding;
	CARD_SIGNING_INFO info = { .dwVersion = CARD_SIGNING_INFO_CURRENT_VERSION };
	DWORD r;

	if ((r = describe(op->scheme, &padding)) != SCARD_S_SUCCESS)
		return r;
	/* ECDSA uses the leftmost bits (FIPS 186-4, 6.4); cards differ in what they do with more */
	if (key->type == KEY_EC && cur_take(&data, pubkey_ec_bytes(key->bits), &cut))
		data = cut;
	info.bContainerIndex = key->container;
	info.dwKeySpec = csp_key_spec(key);
	info.dwSigningFlags = padding.flags;
	info.pbData = data.p;
	info.cbData = (DWORD)data.left;
	info.dwPaddingType = padding.type;
	info.pPaddingInfo = padding.type == CARD_PADDING_NONE ? NULL : (const void *)&padding.info;
	r = card->data.pfnCardSignData(&card->data, &info);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (info.pbSignedData == NULL || info.cbSignedData != op->len) {
		log_warn(LOG_CSP, "container %u: a signature of %u bytes", key->container, info.cbSignedData);
		r = SCARD_E_UNEXPECTED;
	} else {
		memcpy(op->signature, info.pbSignedData, op->len);
	}
	csp_block_free(info.pbSignedData);
	return r;
}

static DWORD
decrypt_once(struct csp_card *card, const struct csp_key *key, struct operation *op)
{
	CARD_RSA_DECRYPT_INFO info = { .dwVersion = CARD_RSA_DECRYPT_INFO_CURRENT_VERSION };
	struct padding padding;
	DWORD r;

	if ((r = describe(op->scheme, &padding)) != SCARD_S_SUCCESS)
		return r;
	if (!secret_set(&op->plain, op->data.p, op->data.left))
		return SCARD_E_NO_MEMORY;
	info.bContainerIndex = key->container;
	info.dwKeySpec = csp_key_spec(key);
	info.pbData = op->plain.p;
	info.cbData = (DWORD)op->plain.len;
	info.dwPaddingType = padding.type;
	info.pPaddingInfo = padding.type == CARD_PADDING_NONE ? NULL : (const void *)&padding.info;
	r = card->data.pfnCardRSADecrypt(&card->data, &info);
	if (r == SCARD_E_INVALID_PARAMETER)
		return SCARD_E_INVALID_VALUE;
	if (r == SCARD_S_SUCCESS && info.cbData > op->plain.len)
		return SCARD_E_UNEXPECTED;
	if (r == SCARD_S_SUCCESS)
		secret_truncate(&op->plain, info.cbData);
	return r;
}

/* Not all zeros, which a peer of small order makes of every X25519 key (RFC 7748, 6.1); in constant time. */
static bool
is_something(const struct secret *z)
{
	uint8_t any = 0;

	for (size_t i = 0; i < z->len; i++)
		any |= z->p[i];
	return any != 0;
}

/* A field element, whose leading zero bytes a card may leave out. */
static DWORD
take_secret(const struct csp_key *key, const CARD_DERIVE_KEY *derived, struct secret *ret_z)
{
	const size_t width = pubkey_secret_len(key->type, key->bits), len = derived->cbDerivedKey;
	const bool whole = key->type == KEY_EC || len == width;

	if (derived->pbDerivedKey == NULL || len == 0 || len > width || !whole) {
		log_warn(LOG_CSP, "container %u: a shared secret of %zu bytes", key->container, len);
		return SCARD_E_UNEXPECTED;
	}
	if (!secret_alloc(ret_z, width))
		return SCARD_E_NO_MEMORY;
	memcpy(ret_z->p + (width - len), derived->pbDerivedKey, len);
	if (key->type != KEY_X25519 || is_something(ret_z))
		return SCARD_S_SUCCESS;
	secret_free(ret_z);
	return SCARD_E_INVALID_VALUE;
}

static DWORD
agree_once(struct csp_card *card, const struct csp_key *key, struct operation *op)
{
	CARD_DH_AGREEMENT_INFO agreement = { .dwVersion = CARD_DH_AGREEMENT_INFO_VERSION,
					     .bContainerIndex = key->container,
					     .pPublicKey = op->peer };
	CARD_DERIVE_KEY derive = { .dwVersion = CARD_DERIVE_KEY_CURRENT_VERSION, .pszKDF = BCRYPT_KDF_RAW_SECRET };
	DWORD r = card->data.pfnCardConstructDHAgreement(&card->data, &agreement);

	if (r != SCARD_S_SUCCESS)
		return r;
	derive.bSecretAgreementIndex = agreement.bSecretAgreementIndex;
	if ((r = card->data.pfnCardDeriveKey(&card->data, &derive)) == SCARD_S_SUCCESS)
		r = take_secret(key, &derive, &op->plain);
	csp_block_free(derive.pbDerivedKey);
	/* one that stays behind is the card's affair, and gone with its next reset */
	(void)card->data.pfnCardDestroyDHAgreement(&card->data, agreement.bSecretAgreementIndex, 0);
	return r;
}

/* What cannot be checked, as a scheme that libcrypto does not know, is taken for good if otherwise is. */
static bool
is_by(const struct csp_card *card, const struct public_key *key, const struct operation *op, bool otherwise)
{
	bool good = otherwise;

	(void)csp_verify(card->csp, key, op->scheme, op->data, cur_of(op->signature, op->len), &good);
	return good;
}

/*
 * A card that does not tell when it changes may have another key in the container than its certificate says; and what an
 * earlier process kept may be of another card with the same identifier and counters, as copies have. The signature shows
 * it, with such a copy the first one by a public key that was shown to anybody. Whoever looks next reads the card anew.
 *
 * As long as nobody was shown the public key, one that the minidriver knows is as good for that as one that the card was asked
 * for. If the signature is not one by it, the card is asked, which may have another key now.
 */
static DWORD
check_signature(struct csp_card *card, const struct csp_key *key, const struct operation *op)
{
	const bool silent = card->cache_mode == CARD_CACHE_MODE_NONE;
	struct public_key public;
	struct csp_entry *e = NULL;
	bool known, good;
	DWORD r;

	if (csp_entry_find(card, key->id, &e) != SCARD_S_SUCCESS)
		return SCARD_S_SUCCESS;
	if (!silent && (!card->store.from_disk || !e->public_read || e->proven))
		return SCARD_S_SUCCESS;
	known = !e->public_read && csp_entry_known(card, e, &public);
	if (known && is_by(card, &public, op, silent))
		return SCARD_S_SUCCESS;
	r = csp_entry_public(card, e, known);
	if (csp_code_is_trouble(r))
		return r;
	good = r == SCARD_S_SUCCESS ? is_by(card, &e->public, op, silent) : silent;
	e->proven = good;
	if (good)
		return SCARD_S_SUCCESS;
	log_fail(LOG_CSP, SCARD_E_NO_KEY_CONTAINER, "container %u: a signature of another key", e->key.container);
	card->checked = card->loaded = false;
	return SCARD_E_NO_KEY_CONTAINER;
}

static DWORD
sign_and_check(struct csp_card *card, const struct csp_key *key, struct operation *op)
{
	DWORD r = sign_once(card, key, op);

	return r == SCARD_S_SUCCESS ? check_signature(card, key, op) : r;
}

/* The card may have forgotten what we believe: another program logged it out, or selected something else. */
static DWORD
authenticated_once(struct csp_card *card, const struct csp_key *key, struct operation *op)
{
	bool believed = IS_PIN_SET(card->authenticated, key->role);
	DWORD r = csp_role_authenticate(card, key->role);

	if (r != SCARD_S_SUCCESS)
		return r;
	csp_txn_touch(card);
	r = op->work(card, key, op);
	csp_txn_touch(card);
	if (r != SCARD_W_SECURITY_VIOLATION || !believed)
		return r;
	card->authenticated &= ~CREATE_PIN_SET(key->role);
	if ((r = csp_role_authenticate(card, key->role)) != SCARD_S_SUCCESS)
		return r;
	return op->work(card, key, op);
}

static DWORD
operate(struct csp_card *card, void *arg)
{
	struct operation *op = arg;
	struct csp_entry *e = NULL;
	DWORD r;

	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS ||
	    (r = csp_entry_find(card, op->key_id, &e)) != SCARD_S_SUCCESS ||
	    (r = check(&e->key, op)) != SCARD_S_SUCCESS)
		return r;
	op->role = e->key.role;
	return authenticated_once(card, &e->key, op);
}

/* Codes by which a card may say that a key is not what was kept of it. */
static bool
is_doubtful(DWORD code)
{
	switch (code) {
	case SCARD_S_SUCCESS:
	case SCARD_W_CARD_NOT_AUTHENTICATED:
	case SCARD_W_SECURITY_VIOLATION:
	case SCARD_W_WRONG_CHV:
	case SCARD_W_CHV_BLOCKED:
	case SCARD_E_INVALID_PARAMETER:
	case SCARD_E_CANCELLED:
	case SCARD_W_CANCELLED_BY_USER: return false;
	default: return !csp_code_is_trouble(code);
	}
}

static DWORD
run(struct csp_card *card, struct operation *op)
{
	DWORD r = csp_txn_run(card, operate, op);

	/* whatever became of it: a PIN for one operation has had its operation */
	csp_role_used(card, op->role);
	if (card->store.from_disk && !card->gone && is_doubtful(r))
		csp_cache_distrust(card);
	return r;
}

/* A minidriver does not take data of no bytes: what is under its padding is a whole block all the same. */
static bool
pads_nothing(const struct csp_scheme *scheme, struct cursor data)
{
	return scheme->padding == CSP_PAD_PKCS1 && scheme->hash == CSP_HASH_NONE && data.left == 0;
}

DWORD
csp_sign(struct csp_card *card, uint32_t key_id, const struct csp_scheme *scheme, struct cursor data,
	 uint8_t *ret_signature, size_t room, size_t *ret_len)
{
	static const struct csp_scheme raw = { .padding = CSP_PAD_RAW };
	uint8_t signature[LIMIT_RSA_BYTES], block[LIMIT_RSA_BYTES];
	struct operation op = { .key_id = key_id, .scheme = scheme, .data = data, .work = sign_and_check };
	struct csp_entry *e = NULL;
	DWORD r;

	op.signature = signature;
	if ((r = csp_entry_find(card, key_id, &e)) != SCARD_S_SUCCESS || (r = check(&e->key, &op)) != SCARD_S_SUCCESS)
		return r;
	op.role = e->key.role;
	op.len = width_of(&e->key);
	if (op.len > sizeof(signature) || room < op.len)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if (pads_nothing(scheme, data)) {
		if ((r = csp_pad_pkcs1(CSP_HASH_NONE, data, block, op.len)) != SCARD_S_SUCCESS)
			return r;
		op.scheme = &raw;
		op.data = cur_of(block, op.len);
	}
	if ((r = run(card, &op)) != SCARD_S_SUCCESS)
		return r;
	memcpy(ret_signature, signature, op.len);
	*ret_len = op.len;
	return SCARD_S_SUCCESS;
}

/* The result of an operation that has a secret one. */
static DWORD
run_for_secret(struct csp_card *card, struct operation *op, struct secret *ret_plain)
{
	struct csp_entry *e = NULL;
	DWORD r;

	if ((r = csp_entry_find(card, op->key_id, &e)) != SCARD_S_SUCCESS ||
	    (r = check(&e->key, op)) != SCARD_S_SUCCESS)
		return r;
	op->role = e->key.role;
	if ((r = run(card, op)) != SCARD_S_SUCCESS) {
		secret_free(&op->plain);
		return r;
	}
	secret_free(ret_plain);
	*ret_plain = op->plain;
	return SCARD_S_SUCCESS;
}

DWORD
csp_decrypt(struct csp_card *card, uint32_t key_id, const struct csp_scheme *scheme, struct cursor ciphertext,
	    struct secret *ret_plain)
{
	struct operation op = {
		.key_id = key_id, .scheme = scheme, .data = ciphertext, .decrypt = true, .work = decrypt_once
	};

	return run_for_secret(card, &op, ret_plain);
}

/* The plain text lies in room of the ciphertext's length at least, with zeros behind it. */
static DWORD
fit(struct csp *csp, struct cursor ciphertext, const struct secret *plain, size_t len, struct secret *ret_plain)
{
	AUTO_SECRET struct secret chosen = SECRET_INIT;
	uint8_t other[LIMIT_RSA_BYTES];
	DWORD r;

	if (!secret_alloc(&chosen, len))
		return SCARD_E_NO_MEMORY;
	r = csp_crypto_prf(csp->crypto, "wrapped key", ciphertext, other, len);
	if (r == SCARD_S_SUCCESS)
		csp_choose_message(plain->p, plain->len, other, len, chosen.p);
	secret_wipe(other, sizeof other);
	if (r != SCARD_S_SUCCESS)
		return r;
	secret_free(ret_plain);
	*ret_plain = chosen;
	chosen = (struct secret)SECRET_INIT;
	return SCARD_S_SUCCESS;
}

DWORD
csp_decrypt_exactly(struct csp_card *card, uint32_t key_id, struct cursor ciphertext, size_t len,
		    struct secret *ret_plain)
{
	static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1 };
	AUTO_SECRET struct secret plain = SECRET_INIT;
	DWORD r;

	if (len == 0 || ciphertext.left > LIMIT_RSA_BYTES || len > ciphertext.left)
		return SCARD_E_INVALID_PARAMETER;
	r = csp_decrypt(card, key_id, &pkcs1, ciphertext, &plain);
	/* the card's own verdict on the padding: no message at all */
	if (r == SCARD_E_INVALID_VALUE) {
		if (!secret_alloc(&plain, ciphertext.left))
			return SCARD_E_NO_MEMORY;
		secret_truncate(&plain, 0);
	} else if (r != SCARD_S_SUCCESS) {
		return r;
	}
	return fit(card->csp, ciphertext, &plain, len, ret_plain);
}

DWORD
csp_agree(struct csp_card *card, uint32_t key_id, const struct public_key *peer, struct secret *ret_z)
{
	struct operation op = { .key_id = key_id, .peer = peer, .work = agree_once };

	if ((peer->type == KEY_EC || peer->type == KEY_X25519) && !csp_crypto_key_valid(card->csp->crypto, peer))
		return SCARD_E_INVALID_VALUE;
	return run_for_secret(card, &op, ret_z);
}
