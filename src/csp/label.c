/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What applications call the token, and whether anybody knows its PIN yet: a file of our own (p11\token), beside the one
 * of the keys' names. A card that was not made through PKCS#11 has none, and is called after its kind and number.
 *
 *	file = version 01, flags (1: nobody knows the user's PIN), label (length in one byte, UTF-8)
 *
 * To look for it costs an exchange, which every program that asks for a token would pay: only a card whose identifier
 * begins with a mark is asked. The mark is set with the file; the end of the identifier, which is the serial number, stays.
 */
#include <string.h>

#include "base/auto.h"
#include "base/utf16.h"
#include "csp/card.h"

#define VERSION 1u
#define FLAG_PIN_UNSET 1u

static const BYTE mark[] = { 'p', '1', '1', VERSION };

static bool
is_text(const char *label)
{
	uint16_t units[sizeof(((struct csp_token_info *)NULL)->label)];
	size_t count;

	for (const char *c = label; *c != '\0'; c++)
		if ((uint8_t)*c < 0x20 || *c == 0x7F)
			return false;
	return utf8_to_utf16(label, units, ARRAY_SIZE(units), &count);
}

static bool
decode(struct cursor c, char ret_label[33], bool *ret_pin_unset)
{
	char label[33] = { 0 };
	uint8_t version, flags, len;

	if (!cur_u8(&c, &version) || version != VERSION || !cur_u8(&c, &flags) || !cur_u8(&c, &len) ||
	    len >= sizeof(label) || !cur_copy(&c, label, len) || !is_text(label))
		return false;
	memcpy(ret_label, label, sizeof(label));
	*ret_pin_unset = (flags & FLAG_PIN_UNSET) != 0;
	return true;
}

static bool
is_marked(const BYTE id[CSP_CARD_ID_LEN])
{
	return memcmp(id, mark, sizeof(mark)) == 0;
}

DWORD
csp_label_load(struct csp_card *card, const BYTE id[CSP_CARD_ID_LEN], struct csp_token_info *token)
{
	AUTO_BUF struct buf content = BUF_INIT;
	char label[33];
	DWORD r;

	if (!is_marked(id))
		return SCARD_S_SUCCESS;
	if ((r = csp_cache_use(card)) == SCARD_S_SUCCESS)
		r = csp_file_read(card, CSP_ATTRS_DIRECTORY, CSP_LABEL_FILE, &content);
	if (r != SCARD_S_SUCCESS)
		return csp_code_is_trouble(r) ? r : SCARD_S_SUCCESS;
	if (decode(buf_cur(&content), label, &token->pin_unset) && label[0] != '\0')
		memcpy(token->label, label, sizeof(label));
	return SCARD_S_SUCCESS;
}

/* SCARD_E_UNSUPPORTED_FEATURE for a card without an identifier. */
static DWORD
read_id(struct csp_card *card, BYTE ret_id[CSP_CARD_ID_LEN])
{
	DWORD r = csp_card_property(card, CP_CARD_GUID, 0, ret_id, CSP_CARD_ID_LEN);

	return r == SCARD_S_SUCCESS || csp_code_is_trouble(r) ? r : SCARD_E_UNSUPPORTED_FEATURE;
}

struct naming {
	const char *label;
	bool pin_unset;
};

/* What is to be written, over what there is. */
static DWORD
encode(struct csp_card *card, const struct naming *n, struct buf *ret_content, bool *ret_same)
{
	AUTO_BUF struct buf old = BUF_INIT;
	char label[33] = { 0 };
	bool was_unset = false;
	DWORD r = csp_file_read(card, CSP_ATTRS_DIRECTORY, CSP_LABEL_FILE, &old);

	if (csp_code_is_trouble(r))
		return r;
	(void)decode(buf_cur(&old), label, &was_unset);
	*ret_same = n->label == NULL && was_unset == n->pin_unset;
	if (n->label != NULL)
		memcpy(label, n->label, strlen(n->label) + 1);
	buf_u8(ret_content, VERSION);
	buf_u8(ret_content, n->pin_unset ? FLAG_PIN_UNSET : 0);
	buf_u8(ret_content, (uint8_t)strlen(label));
	buf_put(ret_content, label, strlen(label));
	return buf_failed(ret_content) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

DWORD
csp_note_write(struct csp_card *card, const char *name, struct cursor content)
{
	DWORD r = csp_file_put(card, CSP_ATTRS_DIRECTORY, name, EveryoneReadUserWriteAc, content);

	if (r != SCARD_E_DIR_NOT_FOUND && r != SCARD_E_FILE_NOT_FOUND)
		return r;
	if ((r = csp_app_make(card, CSP_ATTRS_DIRECTORY)) != SCARD_S_SUCCESS)
		return r;
	return csp_file_put(card, CSP_ATTRS_DIRECTORY, name, EveryoneReadUserWriteAc, content);
}

/* The file first: a card that is pulled in between is called what it was called before. */
static DWORD
write_all(struct csp_card *card, struct cursor content, BYTE id[CSP_CARD_ID_LEN])
{
	DWORD r = csp_note_write(card, CSP_LABEL_FILE, content);

	if (r != SCARD_S_SUCCESS || is_marked(id))
		return r;
	memcpy(id, mark, sizeof(mark));
	card->id_known = false;
	return card->data.pfnCardSetProperty(&card->data, CP_CARD_GUID, id, CSP_CARD_ID_LEN, 0);
}

static DWORD
name_work(struct csp_card *card, void *arg)
{
	AUTO_BUF struct buf content = BUF_INIT;
	BYTE id[CSP_CARD_ID_LEN] = { 0 };
	struct csp_change change;
	bool same = false;
	DWORD r;

	if ((r = csp_cache_check(card)) != SCARD_S_SUCCESS || (r = read_id(card, id)) != SCARD_S_SUCCESS ||
	    (r = encode(card, arg, &content, &same)) != SCARD_S_SUCCESS || same)
		return r;
	r = csp_change_begin(card, is_marked(id) ? CSP_BY_EITHER : CSP_BY_ADMIN, CSP_FILES, &change);
	if (r != SCARD_S_SUCCESS)
		return r;
	r = csp_change_end(card, &change, write_all(card, buf_cur(&content), id));
	card->token_read = false;
	return r;
}

DWORD
csp_token_name(struct csp_card *card, const char *label, bool pin_unset)
{
	struct naming n = { label, pin_unset };

	if (label != NULL && (strlen(label) > 32 || !is_text(label)))
		return SCARD_E_INVALID_VALUE;
	return csp_change_run(card, name_work, &n);
}
