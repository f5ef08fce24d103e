/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the card tells of a slot, which may have a key and a certificate: by the certificate, and without one, as far as the card
 * can tell, by the key itself.
 */
#include "piv/piv.h"

#include "base/log.h"
#include "iso7816/tlv.h"

#define POLICY_NEVER 1u
#define POLICY_ONCE 2u
#define POLICY_ALWAYS 3u

void
piv_key_forget(struct piv_key *key)
{
	buf_free(&key->object);
	*key = (struct piv_key){ .used = PIV_NOT_ASKED };
}

/* A retired key that its certificate does not let agree was one for signatures. */
static bool
is_exchange(BYTE index, enum key_type type, const struct piv_cert *cert)
{
	if (index >= PIV_SLOT_RETIRED && type == KEY_EC && cert != NULL && cert->has_usage)
		return cert->agrees;
	return piv_slot_exchange(index, type);
}

static void
take_public(BYTE index, struct piv_key *key, const struct public_key *public, const struct piv_cert *cert)
{
	key->used = PIV_YES;
	key->public = *public;
	key->algorithm = piv_algorithm_of(public->type, public->bits);
	key->exchange = is_exchange(index, public->type, cert);
}

static void
take_policy(struct piv_key *key, uint8_t policy)
{
	switch (policy) {
	case POLICY_NEVER: key->role = ROLE_EVERYONE; break;
	case POLICY_ONCE: key->role = ROLE_USER; break;
	case POLICY_ALWAYS: key->role = PIV_ROLE_ALWAYS; break;
	default: break;
	}
}

static DWORD
take_metadata(BYTE index, struct piv_key *key, const struct piv_metadata *m)
{
	take_policy(key, m->pin_policy);
	if (m->has_public) {
		take_public(index, key, &m->public, NULL);
		return SCARD_S_SUCCESS;
	}
	if (piv_algorithm_bits(m->algorithm) == 0)
		return SCARD_E_NO_KEY_CONTAINER;
	key->used = PIV_YES;
	key->algorithm = m->algorithm;
	key->exchange = is_exchange(index, piv_algorithm_type(m->algorithm), NULL);
	return SCARD_S_SUCCESS;
}

static DWORD
ask_metadata(struct piv *p, BYTE index, struct piv_key *key)
{
	struct piv_metadata m;
	DWORD r = piv_metadata_read(p, piv_slot_reference(index), &m);

	return r == SCARD_S_SUCCESS ? take_metadata(index, key, &m) : r;
}

static DWORD
ask_attestation(struct piv *p, BYTE index, struct piv_key *key)
{
	struct public_key public;
	DWORD r = piv_attestation_read(p, piv_slot_reference(index), &public);

	if (r == SCARD_S_SUCCESS)
		take_public(index, key, &public, NULL);
	return r;
}

/*
 * The card authentication key needs no PIN: a request without data is refused as such when key and algorithm go together, and
 * for its key reference when they do not. With any other key the card would speak of the PIN first.
 */
static DWORD
try_algorithms(struct piv *p, BYTE index, struct piv_key *key)
{
	static const uint8_t likely[] = { PIV_RSA2048, PIV_P256, PIV_P384, PIV_RSA3072, PIV_RSA4096, PIV_RSA1024 };
	const uint8_t reference = piv_slot_reference(index);
	uint16_t sw;
	DWORD r;

	for (size_t i = 0; index == PIV_SLOT_CARD && i < ARRAY_SIZE(likely); i++) {
		AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_AUTHENTICATE, likely[i], reference, APDU_LE_MAX);

		sw = 0;
		tlv_put(&a.data, 0x7C, cur_of(NULL, 0));
		r = apdu_exchange(&p->ch, &a, NULL, &sw);
		if (r != SCARD_S_SUCCESS && !piv_refused(sw))
			return r;
		if (sw != 0x6A80)
			continue;
		key->used = PIV_YES;
		key->algorithm = likely[i];
		key->exchange = is_exchange(index, piv_algorithm_type(likely[i]), NULL);
		return SCARD_S_SUCCESS;
	}
	return SCARD_E_NO_KEY_CONTAINER;
}

/* A slot without a certificate that can be read. */
static DWORD
ask_key(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = ask_metadata(p, index, key);

	if (r != SCARD_E_UNSUPPORTED_FEATURE)
		return r;
	r = ask_attestation(p, index, key);
	/* a card does not attest what was brought to it */
	if (r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_NO_KEY_CONTAINER)
		r = try_algorithms(p, index, key);
	return r;
}

/* True when the certificate is one of a key that the project knows. */
static bool
take_certificate(const struct piv *p, BYTE index, struct piv_key *key)
{
	AUTO_BUF struct buf der = BUF_INIT;
	struct piv_cert cert;

	if (!piv_cert_der(buf_cur(&key->object), &der) || !piv_cert_parse(buf_cur(&der), &cert)) {
		log_warn(LOG_CARD, "key %02X: its certificate is damaged", piv_slot_reference(index));
		buf_free(&key->object);
		return false;
	}
	if (piv_algorithm_of(cert.key.type, cert.key.bits) == 0) {
		log_info(LOG_CARD, "key %02X: its certificate has a key of another kind", piv_slot_reference(index));
		buf_free(&key->object);
		return false;
	}
	take_public(index, key, &cert.key, &cert);
	if ((p->kept_exchange & UINT32_C(1) << index) != 0)
		key->exchange = piv_slot_exchange(index, cert.key.type);
	return true;
}

/* Which retired keys there may be: as the history says; without one, all. */
static DWORD
expect_retired(struct piv *p, BYTE index, bool *ret_certificate, bool *ret_key)
{
	const unsigned n = index - PIV_SLOT_RETIRED;
	DWORD r = piv_history_read(p);

	*ret_certificate = *ret_key = true;
	if (r != SCARD_S_SUCCESS || p->history.read != PIV_YES)
		return r;
	*ret_certificate = n < p->history.on_card;
	*ret_key = *ret_certificate || n >= PIV_RETIRED - p->history.off_card;
	return SCARD_S_SUCCESS;
}

/* The object as it was kept, if its first piece is the card's; otherwise what the card has. */
static DWORD
read_object(struct piv *p, uint32_t tag, struct buf *ret_object)
{
	const bool kept = piv_cache_object(p, tag, ret_object);
	bool same = false;
	DWORD r = SCARD_S_SUCCESS;

	if (kept)
		r = piv_object_compare(p, tag, buf_cur(ret_object), &same);
	if (!piv_is_answer(r) || (r == SCARD_S_SUCCESS && same))
		return r;
	if (kept)
		piv_cache_forget_recent(p);
	if (r == SCARD_S_SUCCESS)
		r = piv_object_read(p, tag, ret_object);
	if (piv_is_answer(r))
		piv_cache_keep_object(p, tag, r == SCARD_S_SUCCESS ? buf_cur(ret_object) : cur_of(NULL, 0));
	return r;
}

DWORD
piv_slot_certificate_read(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = read_object(p, piv_slot_certificate(index), &key->object);

	if (r != SCARD_S_SUCCESS) {
		buf_free(&key->object);
		return r;
	}
	key->compared = p->transaction;
	return take_certificate(p, index, key) ? SCARD_S_SUCCESS : SCARD_E_FILE_NOT_FOUND;
}

/* A code that says that the card answered, as against trouble on the way. */
bool
piv_is_answer(DWORD code)
{
	return code == SCARD_S_SUCCESS || code == SCARD_E_FILE_NOT_FOUND || code == SCARD_W_SECURITY_VIOLATION ||
	       code == SCARD_E_UNEXPECTED || code == SCARD_E_NO_KEY_CONTAINER || code == SCARD_E_UNSUPPORTED_FEATURE;
}

static bool
has_kept_certificate(const struct piv *p, BYTE index)
{
	AUTO_BUF struct buf object = BUF_INIT;

	return piv_cache_object(p, piv_slot_certificate(index), &object);
}

/*
 * A retired slot of a card that tells of keys is asked for the key first: most are empty, and one answer is enough then. So it
 * is for one that had a certificate once, and still has.
 */
DWORD
piv_slot_ask(struct piv *p, BYTE index, struct piv_key *key)
{
	bool certificate = true, expected = true, asked = false;
	DWORD r = SCARD_E_FILE_NOT_FOUND;

	if (index >= PIV_SLOT_RETIRED && has_kept_certificate(p, index))
		r = piv_slot_certificate_read(p, index, key);
	if (r == SCARD_S_SUCCESS || !piv_is_answer(r))
		return r;
	if (index >= PIV_SLOT_RETIRED && (r = expect_retired(p, index, &certificate, &expected)) != SCARD_S_SUCCESS)
		return r;
	if (!expected)
		return SCARD_E_NO_KEY_CONTAINER;
	if (index >= PIV_SLOT_RETIRED && p->history.read != PIV_YES && p->metadata != PIV_NO) {
		r = ask_metadata(p, index, key);
		asked = r != SCARD_E_UNSUPPORTED_FEATURE;
		if (asked && r != SCARD_S_SUCCESS)
			return r;
	}
	r = certificate ? piv_slot_certificate_read(p, index, key) : SCARD_E_FILE_NOT_FOUND;
	if (r == SCARD_S_SUCCESS || !piv_is_answer(r))
		return r;
	return asked ? SCARD_S_SUCCESS : ask_key(p, index, key);
}

/*
 * The key without its certificate, which takes more exchanges. Not of retired keys, whose certificates tell what they are for,
 * and which are few of many places.
 */
DWORD
piv_slot_ask_key(struct piv *p, BYTE index, struct piv_key *key)
{
	DWORD r = SCARD_E_UNSUPPORTED_FEATURE;

	if (index < PIV_SLOT_RETIRED && p->metadata != PIV_NO && (p->kept_exchange & UINT32_C(1) << index) == 0)
		r = ask_metadata(p, index, key);
	if (r != SCARD_S_SUCCESS || key->public.type == KEY_NONE)
		return r != SCARD_S_SUCCESS ? r : SCARD_E_UNSUPPORTED_FEATURE;
	key->unread = true;
	key->compared = p->transaction;
	return r;
}

static bool
recall_metadata(const struct piv *p, BYTE index, struct piv_key *key)
{
	struct piv_metadata m;

	return piv_cache_metadata(p, piv_slot_reference(index), &m) && m.has_public &&
	       take_metadata(index, key, &m) == SCARD_S_SUCCESS;
}

static bool
recall_certificate(const struct piv *p, BYTE index, struct piv_key *key)
{
	bool good;

	good = piv_cache_object(p, piv_slot_certificate(index), &key->object) && take_certificate(p, index, key);
	buf_free(&key->object);
	return good;
}

/* Metadata have the rule for the PIN as well; what a retired key is for its certificate tells better. */
bool
piv_slot_recall(struct piv *p, BYTE index, struct piv_key *key)
{
	const bool certificate_first = index >= PIV_SLOT_RETIRED;
	bool good;

	if ((p->kept_exchange & UINT32_C(1) << index) != 0)
		return false;
	key->role = piv_slot_role(index);
	good = (certificate_first && recall_certificate(p, index, key)) || recall_metadata(p, index, key) ||
	       (!certificate_first && recall_certificate(p, index, key));
	if (!good) {
		piv_key_forget(key);
		return false;
	}
	key->unread = key->recalled = true;
	key->compared = p->transaction - 1;
	return true;
}

DWORD
piv_slot_ask_role(struct piv *p, BYTE index, struct piv_key *key)
{
	struct piv_metadata m;
	DWORD r = piv_metadata_read(p, piv_slot_reference(index), &m);

	if (!piv_is_answer(r))
		return r;
	if (r == SCARD_S_SUCCESS)
		take_policy(key, m.pin_policy);
	key->doubted = false;
	return SCARD_S_SUCCESS;
}
