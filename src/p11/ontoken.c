/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates, public keys and data brought to the card by C_CreateObject and C_CopyObject. */
#include "p11/ontoken.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

/* A value as text. CKR_ATTRIBUTE_VALUE_INVALID for what is none, or has no room. */
static CK_RV
text_of(const struct p11_memory *memory, CK_ATTRIBUTE_TYPE type, char *ret_text, size_t room)
{
	struct cursor bytes = p11_memory_bytes(memory, type);

	if (bytes.left >= room || (bytes.left > 0 && memchr(bytes.p, '\0', bytes.left) != NULL))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memset(ret_text, 0, room);
	(void)cur_copy(&bytes, ret_text, bytes.left);
	return CKR_OK;
}

CK_RV
p11_token_handle(struct p11_session *s, struct csp_card *card, CK_OBJECT_CLASS class, uint32_t key_id,
		 CK_OBJECT_HANDLE *ret_object)
{
	CK_RV rv = p11_objects_refresh(s->slot, card);

	if (rv == CKR_OK && class == CKO_DATA)
		rv = p11_data_refresh(s->slot, card);
	/* the officer sees no private keys but those that he has just made */
	if (rv == CKR_OK && class == CKO_PRIVATE_KEY)
		rv = p11_object_add_private(s->slot, key_id);
	if (rv != CKR_OK)
		return rv;
	for (size_t i = 0; i < s->slot->object_count; i++) {
		struct p11_object *object = &s->slot->objects[i];

		if (object->class != class || object->key_id != key_id || object->memory != NULL)
			continue;
		object->hidden = false;
		*ret_object = object->handle;
		return CKR_OK;
	}
	return CKR_DEVICE_ERROR;
}

/* Certificates -------------------------------------------------------------------------------------------------------- */

/* The key that has this CKA_ID, 0 for none. */
static uint32_t
key_called(struct csp_card *card, struct cursor id)
{
	for (size_t i = 0; i < csp_key_count(card) && id.left > 0; i++) {
		AUTO_BUF struct buf value = BUF_INIT;
		const struct csp_key *key = csp_key_at(card, i);
		const struct p11_object object = { .class = CKO_PUBLIC_KEY, .key_id = key->id };

		if (p11_attribute(card, &object, CKA_ID, &value) == CKR_OK && cur_equals(&id, value.p, value.len))
			return key->id;
	}
	return 0;
}

/*
 * To the key that the identifier names if it is that one's, otherwise to the one that it is of; programs have their own
 * ideas of identifiers, and the public key is what counts.
 */
static DWORD
write_cert(struct csp_card *card, struct cursor id, struct cursor der, uint32_t *ret_key_id)
{
	const uint32_t named = key_called(card, id);
	DWORD r = SCARD_E_INVALID_VALUE;

	if (named != 0)
		r = csp_cert_write(card, named, der, ret_key_id);
	return r == SCARD_E_INVALID_VALUE ? csp_cert_write(card, 0, der, ret_key_id) : r;
}

/*
 * The names that came with a certificate become those of its key, if that has none by an application. They are not worth
 * failing for: the certificate is there.
 */
static CK_RV
name_key(struct p11_session *s, struct csp_card *card, uint32_t key_id, const struct p11_memory *memory,
	 struct cursor id)
{
	const struct csp_key *key = csp_key_find(card, key_id);
	char label[CSP_LABEL_MAX];
	bool has_id, has_label;
	DWORD r;

	if (key == NULL || text_of(memory, CKA_LABEL, label, sizeof(label)) != CKR_OK)
		return CKR_OK;
	has_id = key->ckaid_len == 0 && id.left > 0 && id.left <= CSP_CKAID_MAX && key_called(card, id) == 0;
	has_label = key->label[0] == '\0' && label[0] != '\0' && strcmp(label, key->name) != 0;
	if (!has_id && !has_label)
		return CKR_OK;
	r = csp_key_name(card, key_id, has_id ? &id : NULL, has_label ? label : NULL);
	return r == SCARD_W_REMOVED_CARD || r == SCARD_E_NO_SMARTCARD ? p11_change_rv(s->slot, r) : CKR_OK;
}

static CK_RV
cert_rv(struct p11_slot *slot, DWORD r)
{
	switch (r) {
	case SCARD_E_INVALID_VALUE: return CKR_ATTRIBUTE_VALUE_INVALID;
	/* of no key here, and no authority's: a card has no place for it */
	case SCARD_E_NO_KEY_CONTAINER:
	case SCARD_E_UNSUPPORTED_FEATURE: return CKR_TEMPLATE_INCONSISTENT;
	default: return p11_change_rv(slot, r);
	}
}

static CK_RV
find_root(struct p11_session *s, struct csp_card *card, struct cursor der, CK_OBJECT_HANDLE *ret_object)
{
	CK_ULONG number;
	CK_RV rv = p11_root_number(der, &number);

	if (rv == CKR_OK)
		rv = p11_roots_refresh(s->slot, card);
	for (size_t i = 0; i < s->slot->object_count && rv == CKR_OK; i++)
		if (p11_object_is_root(&s->slot->objects[i]) && s->slot->objects[i].number == number) {
			*ret_object = s->slot->objects[i].handle;
			return CKR_OK;
		}
	return rv != CKR_OK ? rv : CKR_DEVICE_ERROR;
}

/* A certificate of no key here: an authority's belongs to the roots. One that is there already is a success. */
static CK_RV
add_root(struct p11_session *s, struct csp_card *card, struct cursor der, CK_OBJECT_HANDLE *ret_object)
{
	bool is_ca = false;
	DWORD r = csp_cert_is_ca(p11_csp(), der, &is_ca);

	if (r == SCARD_S_SUCCESS && !is_ca)
		r = SCARD_E_NO_KEY_CONTAINER;
	if (r == SCARD_S_SUCCESS)
		r = csp_roots_add(card, der);
	if (r != SCARD_S_SUCCESS && r != ERROR_FILE_EXISTS)
		return cert_rv(s->slot, r);
	return find_root(s, card, der, ret_object);
}

static CK_RV
create_cert(struct p11_session *s, struct csp_card *card, const struct p11_memory *memory, CK_OBJECT_HANDLE *ret_object)
{
	const struct cursor der = p11_memory_bytes(memory, CKA_VALUE), id = p11_memory_bytes(memory, CKA_ID);
	uint32_t key_id = 0;
	CK_RV rv;
	DWORD r;

	if (p11_memory_is(memory, CKA_PRIVATE))
		return CKR_TEMPLATE_INCONSISTENT;
	r = write_cert(card, id, der, &key_id);
	if (r == SCARD_E_NO_KEY_CONTAINER)
		return add_root(s, card, der, ret_object);
	if (r != SCARD_S_SUCCESS)
		return cert_rv(s->slot, r);
	if ((rv = name_key(s, card, key_id, memory, id)) != CKR_OK)
		return rv;
	return p11_token_handle(s, card, CKO_CERTIFICATE, key_id, ret_object);
}

/* Public keys and data ------------------------------------------------------------------------------------------------ */

/* A card's public keys come with the private ones: what is asked for is there, or has no place. */
static CK_RV
create_public(struct p11_session *s, struct csp_card *card, const struct p11_memory *memory,
	      CK_OBJECT_HANDLE *ret_object)
{
	const struct public_key *public;
	DWORD r;

	/* reading a public key may bring another view, with fewer keys */
	for (size_t i = 0; i < csp_key_count(card); i++) {
		const uint32_t key_id = csp_key_at(card, i)->id;

		r = csp_key_public(card, key_id, &public);
		if (r == SCARD_S_SUCCESS && pubkey_equal(public, &memory->public))
			return p11_token_handle(s, card, CKO_PUBLIC_KEY, key_id, ret_object);
		if (r != SCARD_S_SUCCESS && !p11_rv_is_missing(r))
			return p11_rv(r, P11_CTX_TOKEN);
	}
	return CKR_TEMPLATE_INCONSISTENT;
}

static CK_RV
create_data(struct p11_session *s, struct csp_card *card, const struct p11_memory *memory, CK_OBJECT_HANDLE *ret_object)
{
	char application[CSP_LABEL_MAX], label[CSP_LABEL_MAX];
	struct csp_data_new what = { .application = application, .label = label };
	uint32_t id = 0;
	CK_RV rv;
	DWORD r;

	if ((rv = text_of(memory, CKA_APPLICATION, application, sizeof(application))) != CKR_OK ||
	    (rv = text_of(memory, CKA_LABEL, label, sizeof(label))) != CKR_OK)
		return rv;
	what.object_id = p11_memory_bytes(memory, CKA_OBJECT_ID);
	what.content = p11_memory_bytes(memory, CKA_VALUE);
	what.private = p11_memory_is(memory, CKA_PRIVATE);
	r = csp_data_create(card, &what, &id);
	if (r == SCARD_E_INVALID_VALUE || r == SCARD_E_INVALID_PARAMETER)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	rv = r == SCARD_E_UNSUPPORTED_FEATURE ? CKR_TEMPLATE_INCONSISTENT : p11_change_rv(s->slot, r);
	return rv == CKR_OK ? p11_token_handle(s, card, CKO_DATA, id, ret_object) : rv;
}

static CK_RV
bring(struct p11_session *s, const struct p11_memory *memory, CK_OBJECT_HANDLE *ret_object)
{
	struct csp_card *card;
	CK_RV rv = p11_change_card(s, &card);

	if (rv == CKR_OK)
		rv = p11_objects_refresh(s->slot, card);
	if (rv != CKR_OK)
		return rv;
	switch (memory->class) {
	case CKO_CERTIFICATE: return create_cert(s, card, memory, ret_object);
	case CKO_PUBLIC_KEY: return create_public(s, card, memory, ret_object);
	case CKO_DATA: return create_data(s, card, memory, ret_object);
	default: return CKR_TEMPLATE_INCONSISTENT;
	}
}

/* Templates ----------------------------------------------------------------------------------------------------------- */

static CK_BBOOL no = CK_FALSE; /* what an item points to is not const in PKCS#11 */

/* The template as if for an object in memory, which has the same rules; its items are the caller's to free. */
static CK_RV
without_token(struct p11_template template, struct p11_template *ret_template)
{
	CK_ATTRIBUTE *items = calloc(template.count + 1, sizeof(*items));

	if (items == NULL)
		return CKR_HOST_MEMORY;
	for (CK_ULONG i = 0; i < template.count; i++) {
		items[i] = template.items[i];
		if (items[i].type == CKA_TOKEN)
			items[i] = (CK_ATTRIBUTE){ CKA_TOKEN, &no, sizeof(no) };
	}
	*ret_template = (struct p11_template){ items, template.count };
	return CKR_OK;
}

bool
p11_template_wants_token(struct p11_template asked)
{
	const CK_ATTRIBUTE *item = p11_template_find(asked, CKA_TOKEN);
	bool yes = false;

	return item != NULL && p11_take_bool(item, &yes) == CKR_OK && yes;
}

static bool
is_private_key(struct p11_template asked)
{
	const CK_ATTRIBUTE *item = p11_template_find(asked, CKA_CLASS);
	CK_ULONG class;

	return item != NULL && p11_take_ulong(item, &class) == CKR_OK && class == CKO_PRIVATE_KEY;
}

CK_RV
p11_token_create(struct p11_session *s, struct p11_template template, CK_OBJECT_HANDLE *ret_object)
{
	struct p11_template asked = { NULL, 0 };
	struct p11_memory *memory = NULL;
	CK_RV rv;

	if (is_private_key(template))
		return p11_token_import(s, template, ret_object);
	if ((rv = without_token(template, &asked)) != CKR_OK)
		return rv;
	rv = p11_memory_new(s, asked, P11_CREATED, CK_UNAVAILABLE_INFORMATION, &memory);
	if (rv == CKR_OK)
		rv = bring(s, memory, ret_object);
	p11_memory_free(&memory);
	free((void *)(uintptr_t)asked.items);
	return rv;
}

CK_RV
p11_token_copy(struct p11_session *s, const struct p11_memory *from, struct p11_template template,
	       CK_OBJECT_HANDLE *ret_object)
{
	struct p11_template asked = { NULL, 0 };
	struct p11_memory *memory = NULL;
	CK_RV rv = without_token(template, &asked);

	if (rv == CKR_OK)
		rv = p11_memory_copy(s, from, asked, &memory);
	if (rv == CKR_OK)
		rv = bring(s, memory, ret_object);
	p11_memory_free(&memory);
	free((void *)(uintptr_t)asked.items);
	return rv;
}
