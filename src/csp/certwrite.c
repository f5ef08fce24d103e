/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates brought to the card, each to the key that it is of; and which container is the default one. */
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "csp/card.h"
#include "csp/cert.h"

struct writing {
	const struct csp_cert *cert;
	uint32_t key_id;
	bool done;
};

/* By the key on the card if need be: an older certificate may be of another key. */
static DWORD
is_of(struct csp_card *card, struct csp_entry *e, const struct csp_cert *cert, bool *ret_is)
{
	DWORD r = csp_entry_public(card, e, false);

	if (csp_code_is_trouble(r))
		return r;
	*ret_is = r == SCARD_S_SUCCESS && pubkey_equal(&e->public, &cert->key);
	if (*ret_is || e->cert == NULL)
		return SCARD_S_SUCCESS;
	r = csp_entry_public(card, e, true);
	*ret_is = r == SCARD_S_SUCCESS && pubkey_equal(&e->public, &cert->key);
	return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
}

/* The key that a certificate is of; keys are asked for their public parts until one fits. */
static DWORD
find_key(struct csp_card *card, struct writing *w)
{
	bool is = false;
	DWORD r;

	for (size_t i = 0; i < card->view.count && !is; i++) {
		struct csp_entry *e = &card->view.entries[i];

		if (e->key.type != w->cert->key.type)
			continue;
		if ((r = is_of(card, e, w->cert, &is)) != SCARD_S_SUCCESS)
			return r;
		if (is)
			w->key_id = e->key.id;
	}
	return is ? SCARD_S_SUCCESS : SCARD_E_NO_KEY_CONTAINER;
}

static DWORD
check_key(struct csp_card *card, const struct writing *w)
{
	struct csp_entry *e = NULL;
	bool is = false;
	DWORD r = csp_entry_find(card, w->key_id, &e);

	if (r == SCARD_S_SUCCESS)
		r = is_of(card, e, w->cert, &is);
	return r == SCARD_S_SUCCESS && !is ? SCARD_E_INVALID_VALUE : r;
}

/* The place where the certificate is, or ought to be. */
static void
file_name(const struct csp_entry *e, char ret_name[9])
{
	if (e->cert_file[0] != '\0')
		memcpy(ret_name, e->cert_file, 9);
	else
		csp_certfile_name(e->key.exchange, e->key.container, false, ret_name);
}

static DWORD
encode(struct csp_card *card, struct cursor der, struct buf *ret_content)
{
	CARD_CAPABILITIES capabilities = { .dwVersion = 1 };
	DWORD r = card->data.pfnCardQueryCapabilities(&card->data, &capabilities);

	if (csp_code_is_trouble(r))
		return r;
	if (r == SCARD_S_SUCCESS && capabilities.fCertificateCompression)
		buf_put_cur(ret_content, der);
	else if (!csp_certfile_encode(der, ret_content))
		return SCARD_E_NO_MEMORY;
	return buf_failed(ret_content) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static DWORD
write_work(struct csp_card *card, void *arg)
{
	AUTO_BUF struct buf content = BUF_INIT;
	struct writing *w = arg;
	struct csp_entry *e = NULL;
	struct csp_change change;
	char name[9];
	DWORD r;

	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS || w->done)
		return r;
	if (w->key_id == 0 && (r = find_key(card, w)) != SCARD_S_SUCCESS)
		return r;
	if ((r = check_key(card, w)) != SCARD_S_SUCCESS ||
	    (r = csp_entry_find(card, w->key_id, &e)) != SCARD_S_SUCCESS ||
	    (r = encode(card, buf_cur(&w->cert->der), &content)) != SCARD_S_SUCCESS ||
	    (r = csp_change_begin(card, CSP_BY_EITHER, CSP_FILES, &change)) != SCARD_S_SUCCESS)
		return r;
	file_name(e, name);
	csp_cert_free(&e->cert);
	e->cert_hidden = false;
	r = csp_file_put(card, CSP_DIRECTORY, name, EveryoneReadUserWriteAc, buf_cur(&content));
	w->done = r == SCARD_S_SUCCESS;
	return csp_change_end(card, &change, r);
}

DWORD
csp_cert_write(struct csp_card *card, uint32_t key_id, struct cursor der, uint32_t *ret_key_id)
{
	AUTO_BUF struct buf copy = BUF_INIT_MAX(LIMIT_CERTIFICATE);
	struct writing w = { .key_id = key_id };
	struct csp_cert *cert = NULL;
	DWORD r;

	if (card->gone)
		return SCARD_W_REMOVED_CARD;
	buf_put_cur(&copy, der);
	if (buf_failed(&copy))
		return der.left > LIMIT_CERTIFICATE ? SCARD_E_INVALID_VALUE : SCARD_E_NO_MEMORY;
	if ((r = csp_cert_new(card->csp->crypto, &copy, &cert)) != SCARD_S_SUCCESS)
		return r;
	w.cert = cert;
	if (!cert->parsed || cert->key.type == KEY_NONE)
		r = SCARD_E_INVALID_VALUE;
	else
		r = csp_change_run(card, write_work, &w);
	csp_cert_free(&cert);
	if (r == SCARD_S_SUCCESS && ret_key_id != NULL)
		*ret_key_id = w.key_id;
	return r;
}

/* The default container ------------------------------------------------------------------------------------------------ */

static DWORD
default_work(struct csp_card *card, void *arg)
{
	const uint32_t *key_id = arg;
	struct csp_entry *e = NULL;
	struct csp_change change;
	DWORD r;

	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS ||
	    (r = csp_entry_find(card, *key_id, &e)) != SCARD_S_SUCCESS || e->key.is_default)
		return r;
	if ((r = csp_change_begin(card, CSP_BY_EITHER, CSP_CONTAINERS | CSP_FILES, &change)) != SCARD_S_SUCCESS)
		return r;
	return csp_change_end(card, &change, csp_cmap_default(card, e->key.container));
}

DWORD
csp_default_set(struct csp_card *card, uint32_t key_id)
{
	return csp_change_run(card, default_work, &key_id);
}
