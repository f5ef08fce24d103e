/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a card as csp.h shows them, with their certificates and public keys, which are read when somebody asks.
 * Damage hides what it damages, and is logged once for as long as the card stays.
 */

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/cert.h"
#include "csp/crypto.h"

bool
csp_card_says(struct csp_card *card, uint8_t container, uint8_t what)
{
	bool first = (card->said[container] & what) == 0;

	card->said[container] |= what;
	return first;
}

/* Certificates and public keys --------------------------------------------------------------------------------------- */

/* Whether a public key can be that of a key in the container map; a modulus may begin with a zero bit or two. */
static bool
fits(const struct csp_key *key, const struct public_key *public)
{
	if (public->type != key->type)
		return false;
	if (key->type != KEY_RSA)
		return public->bits == key->bits;
	return public->modulus_len == (key->bits + 7) / 8;
}

static DWORD
hide_cert(struct csp_card *card, struct csp_entry *e, const char *why)
{
	e->cert_hidden = true;
	if (csp_card_says(card, e->key.container, CSP_SAID_CERT))
		log_warn(LOG_CSP, "container %u: certificate file %s is %s", e->key.container, e->cert_file, why);
	return SCARD_E_FILE_NOT_FOUND;
}

/* The certificate of an entry, read once. Inside a transaction. SCARD_E_FILE_NOT_FOUND. */
static DWORD
read_cert(struct csp_card *card, struct csp_entry *e)
{
	AUTO_BUF struct buf content = BUF_INIT, der = BUF_INIT;
	DWORD r;

	if (e->cert != NULL)
		return SCARD_S_SUCCESS;
	if (e->cert_file[0] == '\0' || e->cert_hidden)
		return SCARD_E_FILE_NOT_FOUND;
	r = csp_file_read(card, CSP_DIRECTORY, e->cert_file, &content);
	if (csp_code_is_trouble(r))
		return r;
	if (r == SCARD_E_FILE_NOT_FOUND && card->keys_only) {
		/* nobody said that there is one */
		e->cert_hidden = true;
		e->key.has_cert = false;
		return r;
	}
	if (r != SCARD_S_SUCCESS)
		return hide_cert(card, e, r == SCARD_E_FILE_NOT_FOUND ? "not there" : "not readable");
	if (!csp_certfile_decode(buf_cur(&content), &der))
		return hide_cert(card, e, "damaged");
	return csp_cert_new(card->csp->crypto, &der, &e->cert);
}

static void
take_public(struct csp_card *card, uint8_t container, bool exchange, const struct public_key *public)
{
	struct csp_entry *e;

	for (size_t i = 0; i < card->view.count; i++) {
		e = &card->view.entries[i];
		if (e->key.container != container || e->key.exchange != exchange || e->public_read)
			continue;
		if (!fits(&e->key, public) || !csp_crypto_key_valid(card->csp->crypto, public))
			continue;
		e->public = *public;
		e->public_read = true;
	}
}

/* From the key itself; an answer brings both slots. SCARD_E_NO_KEY_CONTAINER. */
static DWORD
read_public(struct csp_card *card, struct csp_entry *e)
{
	CONTAINER_INFO info = { .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	DWORD r;

	if (e->public_hidden)
		return SCARD_E_NO_KEY_CONTAINER;
	csp_txn_touch(card);
	r = card->data.pfnCardGetContainerInfo(&card->data, e->key.container, 0, &info);
	if (csp_code_is_trouble(r))
		return r;
	if (r == SCARD_S_SUCCESS) {
		take_public(card, e->key.container, true, &info.KeyExPublicKey);
		take_public(card, e->key.container, false, &info.SigPublicKey);
	}
	if (e->public_read)
		return SCARD_S_SUCCESS;
	e->public_hidden = true;
	/* a card that does not tell when it changes may have got another key, and the view another look */
	if (card->cache_mode == CARD_CACHE_MODE_NONE)
		card->checked = false;
	if (csp_card_says(card, e->key.container, CSP_SAID_KEY))
		log_warn(LOG_CSP, "container %u: no public key that fits the container map (%s)", e->key.container,
			 log_code_name(r));
	return SCARD_E_NO_KEY_CONTAINER;
}

/* Codes that say that asking for something else makes no sense. */
static bool
is_final(DWORD code)
{
	return code == SCARD_W_RESET_CARD || csp_code_is_removal(code);
}

static DWORD
find_public(struct csp_card *card, struct csp_entry *e)
{
	DWORD r;

	if (e->public_read)
		return SCARD_S_SUCCESS;
	r = card->keys_only ? read_public(card, e) : SCARD_E_NO_KEY_CONTAINER;
	if (r == SCARD_S_SUCCESS || is_final(r))
		return r;
	r = read_cert(card, e);
	if (is_final(r))
		return r;
	if (r == SCARD_S_SUCCESS && fits(&e->key, &e->cert->key)) {
		e->public = e->cert->key;
		e->public_read = true;
		return SCARD_S_SUCCESS;
	}
	if (r == SCARD_S_SUCCESS && csp_card_says(card, e->key.container, CSP_SAID_CERT))
		log_warn(LOG_CSP, "container %u: the certificate is not one of its key", e->key.container);
	return read_public(card, e);
}

DWORD
csp_entry_public(struct csp_card *card, struct csp_entry *e, bool from_card)
{
	if (!from_card)
		return find_public(card, e);
	e->public_read = e->public_hidden = false;
	return read_public(card, e);
}

bool
csp_container_known(struct csp_card *card, uint8_t index, CONTAINER_INFO *ret_info)
{
	CONTAINER_INFO info = { .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	DWORD len = 0;

	if (card->data.pfnCardGetContainerProperty(&card->data, index, CCP_KNOWN_INFO, (BYTE *)&info, sizeof(info),
						   &len, 0) != SCARD_S_SUCCESS ||
	    len != sizeof(info))
		return false;
	*ret_info = info;
	return true;
}

bool
csp_entry_known(struct csp_card *card, const struct csp_entry *e, struct public_key *ret_key)
{
	const struct public_key *public;
	CONTAINER_INFO info;

	if (!csp_container_known(card, e->key.container, &info))
		return false;
	public = e->key.exchange ? &info.KeyExPublicKey : &info.SigPublicKey;
	if (!fits(&e->key, public) || !csp_crypto_key_valid(card->csp->crypto, public))
		return false;
	*ret_key = *public;
	return true;
}

/* Takes a file for the certificate if it has the container's public key. */
static DWORD
try_cert(struct csp_card *card, struct csp_entry *e, bool decimal, bool *ret_taken)
{
	DWORD r;

	csp_cert_free(&e->cert);
	csp_certfile_name(e->key.exchange, e->key.container, decimal, e->cert_file);
	r = read_cert(card, e);
	*ret_taken = r == SCARD_S_SUCCESS && pubkey_equal(&e->cert->key, &e->public);
	if (!*ret_taken) {
		csp_cert_free(&e->cert);
		e->cert_hidden = false;
	}
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

DWORD
csp_entry_settle_cert(struct csp_card *card, struct csp_entry *e, struct cursor names)
{
	bool taken = false;
	char hex[9];
	DWORD r = read_public(card, e);

	if (csp_code_is_trouble(r))
		return r;
	csp_certfile_name(e->key.exchange, e->key.container, false, hex);
	if (r == SCARD_S_SUCCESS && csp_file_listed(names, hex) &&
	    (r = try_cert(card, e, false, &taken)) != SCARD_S_SUCCESS)
		return r;
	if (r == SCARD_S_SUCCESS && !taken && (r = try_cert(card, e, true, &taken)) != SCARD_S_SUCCESS)
		return r;
	e->key.has_cert = taken;
	if (!taken)
		e->cert_file[0] = '\0';
	return SCARD_S_SUCCESS;
}

/* What csp.h offers -------------------------------------------------------------------------------------------------- */

size_t
csp_key_count(const struct csp_card *card)
{
	return card->gone ? 0 : card->view.count;
}

const struct csp_key *
csp_key_at(const struct csp_card *card, size_t index)
{
	return index < csp_key_count(card) ? &card->view.entries[index].key : NULL;
}

DWORD
csp_entry_find(const struct csp_card *card, uint32_t key_id, struct csp_entry **ret_entry)
{
	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	for (size_t i = 0; i < card->view.count; i++) {
		if (card->view.entries[i].key.id == key_id) {
			*ret_entry = &card->view.entries[i];
			return SCARD_S_SUCCESS;
		}
	}
	return SCARD_E_NO_KEY_CONTAINER;
}

const struct csp_key *
csp_key_find(const struct csp_card *card, uint32_t key_id)
{
	struct csp_entry *e = NULL;

	return csp_entry_find(card, key_id, &e) == SCARD_S_SUCCESS ? &e->key : NULL;
}

DWORD
csp_key_spec(const struct csp_key *key)
{
	DWORD first = key->exchange ? AT_ECDHE_P256 : AT_ECDSA_P256;

	if (key->type == KEY_RSA)
		return key->exchange ? AT_KEYEXCHANGE : AT_SIGNATURE;
	if (pubkey_is_25519(key->type))
		return key->exchange ? AT_ECDHE_25519 : AT_EDDSA_25519;
	return first + (key->bits == 256 ? 0 : key->bits == 384 ? 1 : 2);
}

struct lookup {
	uint32_t key_id;
	struct csp_entry *entry;
};

static DWORD
lookup_entry(struct csp_card *card, struct lookup *l)
{
	DWORD r = csp_cache_check(card);

	return r == SCARD_S_SUCCESS ? csp_entry_find(card, l->key_id, &l->entry) : r;
}

static DWORD
public_work(struct csp_card *card, void *arg)
{
	struct lookup *l = arg;
	DWORD r = lookup_entry(card, l);

	return r == SCARD_S_SUCCESS ? find_public(card, l->entry) : r;
}

DWORD
csp_key_public(struct csp_card *card, uint32_t key_id, const struct public_key **ret_key)
{
	struct lookup l = { key_id, NULL };
	DWORD r = csp_entry_find(card, key_id, &l.entry);

	if (r == SCARD_S_SUCCESS && !l.entry->public_read)
		r = csp_txn_run(card, public_work, &l);
	if (r == SCARD_S_SUCCESS)
		*ret_key = &l.entry->public;
	return r;
}

static DWORD
cert_work(struct csp_card *card, void *arg)
{
	struct lookup *l = arg;
	DWORD r = lookup_entry(card, l);

	return r == SCARD_S_SUCCESS ? read_cert(card, l->entry) : r;
}

DWORD
csp_key_cert(struct csp_card *card, uint32_t key_id, const struct csp_cert **ret_cert)
{
	struct lookup l = { key_id, NULL };
	DWORD r = csp_entry_find(card, key_id, &l.entry);

	if (r == SCARD_S_SUCCESS && (l.entry->cert_file[0] == '\0' || l.entry->cert_hidden))
		r = SCARD_E_FILE_NOT_FOUND;
	if (r == SCARD_S_SUCCESS && l.entry->cert == NULL)
		r = csp_txn_run(card, cert_work, &l);
	if (r == SCARD_S_SUCCESS)
		*ret_cert = l.entry->cert;
	return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_E_FILE_NOT_FOUND : r;
}
