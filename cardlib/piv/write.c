/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files written, for who has shown the management key: certificates and roots are data objects of the card; what a PIV card has no
 * place for, the counters and the names in the container map, is remembered until the card leaves (minidriver
 * specification, "Virtual files"). For everybody else the card is read-only, but that roots which its holder writes are remembered
 * likewise.
 */
#include "piv/piv.h"

#include <string.h>

#include "iso7816/tlv.h"

#define ROOTS_MORE 0x83u
#define ROOTS_LAST 0x82u
/* Fits the objects of all tokens. */
#define ROOTS_PART 2500u

#define CMAP_RECORD_BYTES 86u
#define CMAP_VALID 1u
#define CMAP_DEFAULT 2u

static bool
may_write(const struct piv *p)
{
	return IS_PIN_SET(p->authenticated, ROLE_ADMIN);
}

static const char *
directory_of(const char *directory)
{
	return directory != NULL ? directory : "";
}

/* Certificates --------------------------------------------------------------------------------------------------------- */

/* The key whose certificate a file is; SCARD_E_FILE_NOT_FOUND for a name that is none's. */
static DWORD
key_of_file(struct piv *p, const char *directory, const char *name, BYTE *ret_index, struct piv_key **ret_key)
{
	bool exchange;
	DWORD r;

	if (strcmp(directory, "mscp") != 0 || !piv_certificate_index(name, &exchange, ret_index))
		return SCARD_E_FILE_NOT_FOUND;
	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS)
		return r;
	r = piv_key_find(p, *ret_index, ret_key);
	if (r == SCARD_E_NO_KEY_CONTAINER || (r == SCARD_S_SUCCESS && (*ret_key)->exchange != exchange))
		return SCARD_E_FILE_NOT_FOUND;
	return r;
}

static bool
has_certificate(const struct piv_key *key)
{
	return key->object.len > 0 || key->made_file;
}

/* The object is read again when somebody asks for it. */
static DWORD
write_certificate(struct piv *p, BYTE index, struct piv_key *key, struct cursor der)
{
	AUTO_BUF struct buf content = BUF_INIT;
	DWORD r;

	if (der.left > 0)
		piv_cert_object(der, &content);
	if (buf_failed(&content))
		return SCARD_E_NO_MEMORY;
	r = piv_object_write(p, piv_slot_certificate(index), buf_cur(&content));
	if (key->exchange)
		p->kept_exchange |= UINT32_C(1) << index;
	if (r == SCARD_S_SUCCESS || r == SCARD_E_COMM_DATA_LOST)
		piv_key_forget(key);
	return r;
}

/* Roots ---------------------------------------------------------------------------------------------------------------- */

static DWORD
write_roots_part(struct piv *p, unsigned part, struct cursor bytes, bool last)
{
	AUTO_BUF struct buf content = BUF_INIT;

	tlv_put(&content, last ? ROOTS_LAST : ROOTS_MORE, bytes);
	if (buf_failed(&content))
		return SCARD_E_NO_MEMORY;
	return piv_object_write(p, PIV_MSROOTS_FIRST + part, buf_cur(&content));
}

/* The first part last: whoever reads in between finds the old roots or none. */
static DWORD
write_roots(struct piv *p, struct cursor bytes)
{
	const size_t parts = (bytes.left + ROOTS_PART - 1) / ROOTS_PART;
	struct cursor part;
	DWORD r = SCARD_S_SUCCESS;

	if (parts > PIV_MSROOTS_COUNT)
		return SCARD_E_WRITE_TOO_MANY;
	p->roots_read = p->holder_roots = PIV_NOT_ASKED;
	for (size_t i = parts; i-- > 0 && r == SCARD_S_SUCCESS;) {
		part = bytes;
		(void)cur_skip(&part, i * ROOTS_PART);
		if (part.left > ROOTS_PART)
			(void)cur_take(&part, ROOTS_PART, &part);
		r = write_roots_part(p, (unsigned)i, part, i + 1 == parts);
	}
	return r;
}

static DWORD
delete_roots(struct piv *p)
{
	DWORD r = SCARD_S_SUCCESS;

	p->roots_read = p->holder_roots = PIV_NOT_ASKED;
	p->made_roots = false;
	for (unsigned i = 0; i < PIV_MSROOTS_COUNT && r == SCARD_S_SUCCESS; i++)
		r = piv_object_write(p, PIV_MSROOTS_FIRST + i, cur_of(NULL, 0));
	return r;
}

/* What is done with the roots. */
enum change { CREATED, WRITTEN, DELETED };

/* For the holder: this context has them as he left them, the card as they were. */
static DWORD
simulate_roots(struct piv *p, enum change change, struct cursor bytes)
{
	DWORD r;

	if (!IS_PIN_SET(p->authenticated, ROLE_USER))
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = piv_roots_load(p)) != SCARD_S_SUCCESS)
		return r;
	if (piv_roots_exist(p) != (change != CREATED))
		return change == CREATED ? ERROR_FILE_EXISTS : SCARD_E_FILE_NOT_FOUND;
	if (bytes.left > ROOTS_PART * PIV_MSROOTS_COUNT)
		return SCARD_E_WRITE_TOO_MANY;
	p->holder_roots = change == DELETED ? PIV_NO : PIV_YES;
	buf_reset(&p->simulated_roots);
	buf_put_cur(&p->simulated_roots, bytes);
	return buf_failed(&p->simulated_roots) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static bool
is_roots(const char *directory, const char *name)
{
	return strcmp(directory, "mscp") == 0 && strcmp(name, "msroots") == 0;
}

/* What is remembered --------------------------------------------------------------------------------------------------- */

/* Names of containers that have a key; sizes and validity are the card's to tell. */
static void
remember_map(struct piv *p, struct cursor map)
{
	struct cursor record;
	uint8_t flags = 0;

	p->default_named = false;
	for (BYTE i = 0; i < PIV_SLOTS; i++) {
		p->named[i] = cur_take(&map, CMAP_RECORD_BYTES, &record) &&
			      cur_copy(&record, p->names[i], PIV_NAME_BYTES) && cur_u8(&record, &flags) &&
			      (flags & CMAP_VALID) != 0;
		if (p->named[i] && (flags & CMAP_DEFAULT) != 0) {
			p->default_named = true;
			p->default_index = i;
		}
	}
}

static DWORD
remember_counters(struct piv *p, struct cursor counters)
{
	buf_reset(&p->cardcf);
	buf_put_cur(&p->cardcf, counters);
	return buf_failed(&p->cardcf) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

/* ------------------------------------------------------------------------------------------------------------------------ */

/* Any data object, by its tag; for who knows what he does. */
static DWORD
write_object(struct piv *p, const char *name, struct cursor content)
{
	uint32_t tag;
	DWORD r;

	if (!piv_object_of_name(name, &tag) || tag == PIV_DISCOVERY)
		return SCARD_E_FILE_NOT_FOUND;
	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS)
		return r;
	r = piv_object_write(p, tag, content);
	/* it may be what the card is known by */
	if (r == SCARD_S_SUCCESS)
		piv_forget_objects(p);
	return r;
}

DWORD
piv_file_write(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, const BYTE *pbData,
	       DWORD cbData)
{
	const char *directory = directory_of(pszDirectory);
	const struct cursor content = cur_of(pbData, cbData);
	struct piv *p = piv_context(card);
	struct piv_key *key;
	BYTE index;
	DWORD r;

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (!may_write(p))
		return is_roots(directory, pszFile) ? simulate_roots(p, WRITTEN, content) : SCARD_E_UNSUPPORTED_FEATURE;
	if (strcmp(directory, PIV_DIRECTORY) == 0)
		return write_object(p, pszFile, content);
	if (directory[0] == '\0')
		return strcmp(pszFile, "cardcf") == 0 ? remember_counters(p, content) : SCARD_E_UNSUPPORTED_FEATURE;
	if (strcmp(directory, "mscp") == 0 && strcmp(pszFile, "cmapfile") == 0) {
		remember_map(p, content);
		return SCARD_S_SUCCESS;
	}
	if (is_roots(directory, pszFile)) {
		if ((r = piv_roots_load(p)) != SCARD_S_SUCCESS)
			return r;
		return p->roots_read == PIV_YES || p->made_roots ? write_roots(p, content) : SCARD_E_FILE_NOT_FOUND;
	}
	if ((r = key_of_file(p, directory, pszFile, &index, &key)) != SCARD_S_SUCCESS)
		return r;
	return has_certificate(key) ? write_certificate(p, index, key, content) : SCARD_E_FILE_NOT_FOUND;
}

/* A file that is not there yet exists from now on, empty; the card hears of it with its content. */
DWORD
piv_file_create(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD cbInitial,
		CARD_FILE_ACCESS_CONDITION ac)
{
	const char *directory = directory_of(pszDirectory);
	struct piv *p = piv_context(card);
	struct piv_key *key;
	BYTE index;
	DWORD r;

	(void)cbInitial, (void)ac;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (!may_write(p))
		return is_roots(directory, pszFile) ? simulate_roots(p, CREATED, cur_of(NULL, 0))
						    : SCARD_E_UNSUPPORTED_FEATURE;
	if (is_roots(directory, pszFile)) {
		if ((r = piv_roots_load(p)) != SCARD_S_SUCCESS)
			return r;
		if (p->roots_read == PIV_YES || p->made_roots)
			return ERROR_FILE_EXISTS;
		p->made_roots = true;
		return SCARD_S_SUCCESS;
	}
	r = key_of_file(p, directory, pszFile, &index, &key);
	if (r == SCARD_E_FILE_NOT_FOUND)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (r == SCARD_S_SUCCESS && has_certificate(key))
		return ERROR_FILE_EXISTS;
	if (r == SCARD_S_SUCCESS)
		key->made_file = true;
	return r;
}

DWORD
piv_file_delete(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags)
{
	const char *directory = directory_of(pszDirectory);
	struct piv *p = piv_context(card);
	bool exchange;
	BYTE index;
	DWORD r;

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (!may_write(p))
		return is_roots(directory, pszFile) ? simulate_roots(p, DELETED, cur_of(NULL, 0))
						    : SCARD_E_UNSUPPORTED_FEATURE;
	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS)
		return r;
	if (strcmp(directory, PIV_DIRECTORY) == 0)
		return write_object(p, pszFile, cur_of(NULL, 0));
	if (is_roots(directory, pszFile))
		return delete_roots(p);
	if (strcmp(directory, "mscp") != 0 || !piv_certificate_index(pszFile, &exchange, &index))
		return SCARD_E_UNSUPPORTED_FEATURE;
	return write_certificate(p, index, &p->keys[index], cur_of(NULL, 0));
}
