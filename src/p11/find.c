/* SPDX-License-Identifier: BSD-2-Clause */
/* Search (PKCS#11 3.1, 5.7.6 to 5.7.9): what matches is collected at C_FindObjectsInit. */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "p11/ontoken.h"

void
p11_search_clear(struct p11_search *search)
{
	free(search->found);
	*search = (struct p11_search){ 0 };
}

struct query {
	const CK_ATTRIBUTE *template;
	CK_ULONG count;
};

/*
 * Where the objects come from that a query could match: nowhere, memory, the profiles that every card has, the keys
 * of the card, its certificates with the roots, or all of the card.
 */
enum source { FROM_NOWHERE, FROM_MEMORY, FROM_PROFILES, FROM_KEYS, FROM_CERTIFICATES, FROM_CARD };

/* What is asked for is none of the token's. */
static bool
wants_memory(const CK_ATTRIBUTE *item)
{
	const CK_BBOOL no = CK_FALSE;

	return item->type == CKA_TOKEN && item->ulValueLen == sizeof(no) && memcmp(item->pValue, &no, sizeof(no)) == 0;
}

/* Programs ask for classes that no card has by the hundred; these must not cost an exchange. */
static enum source
query_source(const struct query *query)
{
	enum source source = FROM_CARD;

	for (CK_ULONG i = 0; i < query->count; i++) {
		const CK_ATTRIBUTE *item = &query->template[i];
		CK_OBJECT_CLASS class;

		if (wants_memory(item))
			return FROM_MEMORY;
		if (item->type != CKA_CLASS)
			continue;
		if (item->ulValueLen != sizeof(class))
			return FROM_NOWHERE;
		memcpy(&class, item->pValue, sizeof(class));
		if (class == CKO_PROFILE)
			return FROM_PROFILES;
		if (class == CKO_SECRET_KEY)
			return FROM_MEMORY;
		if (class == CKO_DATA)
			continue;
		if (class != CKO_CERTIFICATE && class != CKO_PUBLIC_KEY && class != CKO_PRIVATE_KEY)
			return FROM_NOWHERE;
		source = class == CKO_CERTIFICATE ? FROM_CERTIFICATES : FROM_KEYS;
	}
	return source;
}

static CK_RV
item_matches(struct csp_card *card, const struct p11_object *object, const CK_ATTRIBUTE *item, bool *ret_match)
{
	AUTO_BUF struct buf value = BUF_INIT_MAX(LIMIT_CERTIFICATE + 1);
	CK_RV rv = p11_attribute(card, object, item->type, &value);
	struct cursor bytes = buf_cur(&value);

	if (rv == CKR_OK) {
		*ret_match = cur_equals(&bytes, item->pValue, item->ulValueLen);
		return CKR_OK;
	}
	*ret_match = false; /* what an object lacks or hides never matches, and nor does one that has just gone */
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_OBJECT_HANDLE_INVALID
		       ? CKR_OK
		       : rv;
}

/* Of the query's items, those that are cheap to know or those that are not. */
static CK_RV
items_match(struct csp_card *card, const struct p11_object *object, const struct query *query, bool cheap,
	    bool *ret_match)
{
	bool match = true;
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < query->count && match && rv == CKR_OK; i++)
		if (p11_attribute_is_cheap(query->template[i].type) == cheap)
			rv = item_matches(card, object, &query->template[i], &match);
	*ret_match = match;
	return rv;
}

/* What is cheap comes first, so that a search by class and ID reads nothing of the objects it is not about. */
static CK_RV
object_matches(struct csp_card *card, const struct p11_object *object, const struct query *query, bool *ret_match)
{
	CK_RV rv = items_match(card, object, query, true, ret_match);

	if (rv == CKR_OK && *ret_match)
		rv = items_match(card, object, query, false, ret_match);
	if (rv == CKR_OK && *ret_match)
		rv = p11_object_is_listed(card, object, ret_match);
	return rv;
}

static CK_RV
collect(struct p11_slot *slot, struct csp_card *card, const struct query *query, bool memory_only,
	struct p11_search *search)
{
	/* one more than needed: the empty table must not look like a failure */
	if ((search->found = calloc(slot->object_count + 1, sizeof(*search->found))) == NULL)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < slot->object_count; i++) {
		bool match;
		CK_RV rv;

		if (slot->objects[i].hidden || (memory_only && slot->objects[i].memory == NULL))
			continue;
		if ((rv = object_matches(card, &slot->objects[i], query, &match)) != CKR_OK)
			return rv;
		if (match)
			search->found[search->count++] = slot->objects[i].handle;
	}
	return CKR_OK;
}

/* The identifier that is looked for, if it can be a number that keys have; 0 otherwise. */
static uint8_t
query_number(const struct query *query)
{
	for (CK_ULONG i = 0; i < query->count; i++)
		if (query->template[i].type == CKA_ID && query->template[i].ulValueLen == 1)
			return *(const CK_BYTE *)query->template[i].pValue;
	return 0;
}

/* What has another kind of identifier, or none, is not looked for by a number. */
static CK_RV
refresh_unnumbered(struct p11_slot *slot, struct csp_card *card, enum source source)
{
	CK_RV rv = CKR_OK;

	if (source == FROM_CERTIFICATES || source == FROM_CARD)
		rv = p11_roots_refresh(slot, card);
	if (rv == CKR_OK && source == FROM_CARD)
		rv = p11_data_refresh(slot, card);
	return rv;
}

static CK_RV
search_card(struct p11_slot *slot, const struct query *query, struct p11_search *search)
{
	enum source source = query_source(query);
	struct csp_card *card;
	CK_RV rv;

	if (source == FROM_NOWHERE)
		return CKR_OK;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	if (source == FROM_PROFILES)
		rv = p11_objects_add_profiles(slot);
	else if (source != FROM_MEMORY)
		rv = p11_objects_refresh_number(slot, card, query_number(query), source == FROM_KEYS);
	if (rv == CKR_OK && query_number(query) == 0)
		rv = refresh_unnumbered(slot, card, source);
	return rv != CKR_OK ? rv : collect(slot, card, query, source == FROM_MEMORY, search);
}

static CK_RV
search_init(struct p11_session *session, const struct query *query)
{
	struct p11_search search = { .active = true };
	CK_RV rv = p11_template_check(query->template, query->count);

	if (rv != CKR_OK)
		return rv;
	if (session->search.active)
		return CKR_OPERATION_ACTIVE;
	if ((rv = search_card(session->slot, query, &search)) != CKR_OK) {
		p11_search_clear(&search);
		return rv;
	}
	session->search = search;
	return CKR_OK;
}

CK_RV
C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count)
{
	const struct query query = { template, count };
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = search_init(session, &query);
	return p11_leave(session, __func__, p11_read_rv(session->slot, rv));
}

static CK_RV
search_next(struct p11_search *search, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *count)
{
	size_t n = search->count - search->next;

	if (count == NULL || (objects == NULL && max != 0))
		return CKR_ARGUMENTS_BAD;
	if (!search->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++)
		objects[i] = search->found[search->next++];
	*count = n;
	return CKR_OK;
}

CK_RV
C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *count)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, search_next(&session->search, objects, max, count));
}

CK_RV
C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = session->search.active ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
	p11_search_clear(&session->search);
	return p11_leave(session, __func__, rv);
}
