/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of objects of a slot: which there are, and their handles; and the functions that make and change them. */
#include <stdlib.h>

#include "base/limits.h"
#include "p11/ontoken.h"

static bool
object_is(const struct p11_object *object, CK_OBJECT_CLASS class, uint32_t key_id, CK_ULONG number)
{
	return object->class == class && object->key_id == key_id && object->number == number && object->memory == NULL;
}

static bool
object_present(const struct p11_slot *slot, CK_OBJECT_CLASS class, uint32_t key_id, CK_ULONG number)
{
	for (size_t i = 0; i < slot->object_count; i++)
		if (object_is(&slot->objects[i], class, key_id, number))
			return true;
	return false;
}

/* Adds an object unless it is there, so that it keeps its handle. */
static CK_RV
object_add(struct p11_slot *slot, CK_OBJECT_CLASS class, uint32_t key_id, CK_ULONG number)
{
	struct p11_object *objects;

	if (object_present(slot, class, key_id, number))
		return CKR_OK;
	objects = realloc(slot->objects, (slot->object_count + 1) * sizeof(*objects));
	if (objects == NULL)
		return CKR_HOST_MEMORY;
	slot->objects = objects;
	objects[slot->object_count++] = (struct p11_object){
		.handle = p11_new_object_handle(),
		.class = class,
		.key_id = key_id,
		.number = number,
	};
	return CKR_OK;
}

/* Keeps the objects for which wanted() is true, in their order. */
static void
objects_keep(struct p11_slot *slot, bool (*wanted)(const struct p11_object *object, const struct csp_card *card),
	     const struct csp_card *card)
{
	size_t kept = 0;

	for (size_t i = 0; i < slot->object_count; i++)
		if (wanted(&slot->objects[i], card))
			slot->objects[kept++] = slot->objects[i];
		else
			p11_memory_free(&slot->objects[i].memory);
	slot->object_count = kept;
}

static bool
still_on_card(const struct p11_object *object, const struct csp_card *card)
{
	const struct csp_key *key;

	if (object->class == CKO_PROFILE || object->memory != NULL || p11_object_is_root(object))
		return true; /* roots are p11_objects_keep_roots()'s affair */
	if (object->class == CKO_DATA)
		return csp_data_find(card, object->key_id) != NULL;
	key = csp_key_find(card, object->key_id);
	return key != NULL && (object->class != CKO_CERTIFICATE || key->has_cert);
}

static bool
is_public(const struct p11_object *object, const struct csp_card *card)
{
	(void)card;
	if (object->memory != NULL)
		return !p11_memory_is(object->memory, CKA_PRIVATE);
	return object->unguarded || (object->class != CKO_PRIVATE_KEY && !object->private_data);
}

/* A key that wants no PIN is there for everybody. */
static CK_RV
add_private_key(struct p11_slot *slot, const struct csp_key *key)
{
	const bool unguarded = key->role == CSP_ROLE_EVERYONE;
	const size_t before = slot->object_count;
	CK_RV rv = CKR_OK;

	if (unguarded || slot->login == P11_USER)
		rv = object_add(slot, CKO_PRIVATE_KEY, key->id, 0);
	if (rv == CKR_OK && slot->object_count > before)
		slot->objects[before].unguarded = unguarded;
	return rv;
}

static CK_RV
add_key(struct p11_slot *slot, const struct csp_key *key)
{
	CK_RV rv = add_private_key(slot, key);

	if (rv == CKR_OK)
		rv = object_add(slot, CKO_PUBLIC_KEY, key->id, 0);
	if (rv == CKR_OK && key->has_cert)
		rv = object_add(slot, CKO_CERTIFICATE, key->id, 0);
	return rv;
}

void
p11_objects_keep(struct p11_slot *slot, const struct csp_card *card)
{
	objects_keep(slot, still_on_card, card);
}

CK_RV
p11_object_add_private(struct p11_slot *slot, uint32_t key_id)
{
	return object_add(slot, CKO_PRIVATE_KEY, key_id, 0);
}

CK_RV
p11_object_add_root(struct p11_slot *slot, CK_ULONG number)
{
	return object_add(slot, CKO_CERTIFICATE, 0, number);
}

CK_RV
p11_object_add_data(struct p11_slot *slot, const struct csp_data *file)
{
	const size_t before = slot->object_count;
	CK_RV rv = object_add(slot, CKO_DATA, file->id, 0);

	if (rv == CKR_OK && slot->object_count > before)
		slot->objects[before].private_data = file->private;
	return rv;
}

CK_RV
p11_objects_refresh(struct p11_slot *slot, struct csp_card *card)
{
	return p11_objects_refresh_number(slot, card, 0, false);
}

CK_RV
p11_objects_refresh_number(struct p11_slot *slot, struct csp_card *card, uint8_t number, bool keys_only)
{
	uint32_t version;
	CK_RV rv;
	DWORD r;

	r = number != 0 ? csp_refresh_number(card, number, keys_only, &version) : csp_refresh(card, &version);
	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	if (slot->viewed && slot->view == version)
		return CKR_OK;
	p11_objects_keep(slot, card);
	rv = p11_objects_add_profiles(slot);
	for (size_t i = 0, n = csp_key_count(card); i < n && rv == CKR_OK; i++)
		rv = add_key(slot, csp_key_at(card, i));
	slot->viewed = rv == CKR_OK;
	slot->view = version;
	return rv;
}

/* What this token claims (PKCS#11 profiles 3.1): all certificates and public keys are readable without the PIN. */
CK_RV
p11_objects_add_profiles(struct p11_slot *slot)
{
	CK_RV rv = CKR_OK;

	for (CK_ULONG p = CKP_BASELINE_PROVIDER; p <= CKP_PUBLIC_CERTIFICATES_TOKEN && rv == CKR_OK; p++)
		rv = object_add(slot, CKO_PROFILE, 0, p);
	return rv;
}

void
p11_objects_drop_private(struct p11_slot *slot)
{
	objects_keep(slot, is_public, NULL);
	slot->viewed = false;
}

void
p11_objects_drop(struct p11_slot *slot)
{
	for (size_t i = 0; i < slot->object_count; i++)
		p11_memory_free(&slot->objects[i].memory);
	free(slot->objects);
	slot->objects = NULL;
	slot->object_count = 0;
	slot->viewed = false;
}

static void
remove_at(struct p11_slot *slot, size_t index)
{
	p11_memory_free(&slot->objects[index].memory);
	slot->object_count--;
	for (size_t i = index; i < slot->object_count; i++)
		slot->objects[i] = slot->objects[i + 1];
}

static bool
is_among(CK_ULONG number, const CK_ULONG *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

void
p11_objects_keep_roots(struct p11_slot *slot, const CK_ULONG *numbers, size_t count)
{
	for (size_t i = slot->object_count; i > 0; i--)
		if (p11_object_is_root(&slot->objects[i - 1]) && !is_among(slot->objects[i - 1].number, numbers, count))
			remove_at(slot, i - 1);
}

void
p11_objects_drop_session(struct p11_slot *slot, CK_SESSION_HANDLE session)
{
	for (size_t i = slot->object_count; i > 0; i--)
		if (slot->objects[i - 1].memory != NULL && slot->objects[i - 1].memory->owner == session)
			remove_at(slot, i - 1);
}

CK_RV
p11_memory_room(const struct p11_slot *slot, const struct p11_memory *memory, const struct p11_memory *instead_of)
{
	size_t count = 1, size = p11_memory_size(memory);

	for (size_t i = 0; i < slot->object_count; i++)
		if (slot->objects[i].memory != NULL && slot->objects[i].memory != instead_of) {
			count++;
			size += p11_memory_size(slot->objects[i].memory);
		}
	return count > LIMIT_SESSION_OBJECTS || size > LIMIT_SESSION_MEMORY ? CKR_DEVICE_MEMORY : CKR_OK;
}

CK_RV
p11_memory_add(struct p11_slot *slot, struct p11_memory **memory, CK_OBJECT_HANDLE *ret_handle)
{
	struct p11_object *objects;
	CK_RV rv = p11_memory_room(slot, *memory, NULL);

	if (rv != CKR_OK)
		return rv;
	objects = realloc(slot->objects, (slot->object_count + 1) * sizeof(*objects));
	if (objects == NULL)
		return CKR_HOST_MEMORY;
	slot->objects = objects;
	*ret_handle = p11_new_object_handle();
	objects[slot->object_count++] =
		(struct p11_object){ .handle = *ret_handle, .class = (*memory)->class, .memory = *memory };
	*memory = NULL;
	return CKR_OK;
}

const struct p11_object *
p11_object_find(const struct p11_slot *slot, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < slot->object_count; i++)
		if (slot->objects[i].handle == handle && !slot->objects[i].hidden)
			return &slot->objects[i];
	return NULL;
}

CK_RV
p11_template_check(const CK_ATTRIBUTE *template, CK_ULONG count)
{
	if ((template == NULL && count != 0) || count > LIMIT_TEMPLATE)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < count; i++)
		if (template[i].pValue == NULL && template[i].ulValueLen != 0)
			return CKR_ARGUMENTS_BAD;
	return CKR_OK;
}

/* Making, copying, changing, destroying ------------------------------------------------------------------------------- */

static CK_RV
create(struct p11_session *session, struct p11_template template, CK_OBJECT_HANDLE *ret_object)
{
	struct p11_memory *memory = NULL;
	CK_RV rv;

	if (ret_object == NULL || p11_template_check(template.items, template.count) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	if (p11_template_wants_token(template))
		return p11_token_create(session, template, ret_object);
	rv = p11_memory_new(session, template, P11_CREATED, CK_UNAVAILABLE_INFORMATION, &memory);
	if (rv == CKR_OK)
		rv = p11_memory_add(session->slot, &memory, ret_object);
	p11_memory_free(&memory);
	return rv;
}

CK_RV
C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret_object)
{
	const struct p11_template t = { template, count };
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, create(session, t, ret_object));
}

static CK_RV
copy(struct p11_session *session, CK_OBJECT_HANDLE handle, struct p11_template template, CK_OBJECT_HANDLE *ret_object)
{
	CK_RV rv = p11_template_check(template.items, template.count);
	struct p11_memory *memory = NULL;
	const struct p11_object *object;

	if (rv != CKR_OK || ret_object == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((object = p11_object_find(session->slot, handle)) == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	if (object->memory != NULL && p11_template_wants_token(template))
		return p11_token_copy(session, object->memory, template, ret_object);
	rv = object->memory != NULL ? p11_memory_copy(session, object->memory, template, &memory)
				    : p11_memory_copy_card(session, object, template, &memory);
	if (rv == CKR_OK)
		rv = p11_memory_add(session->slot, &memory, ret_object);
	p11_memory_free(&memory);
	return rv;
}

CK_RV
C_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count,
	     CK_OBJECT_HANDLE *ret_object)
{
	const struct p11_template t = { template, count };
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = copy(session, object, t, ret_object);
	return p11_leave(session, __func__, p11_read_rv(session->slot, rv));
}

static CK_RV
destroy(struct p11_session *session, const struct p11_object *object)
{
	const size_t index = (size_t)(object - session->slot->objects);
	struct csp_card *card;
	CK_RV rv;

	if (object->class == CKO_PUBLIC_KEY && object->memory == NULL) {
		if ((rv = p11_change_card(session, &card)) == CKR_OK)
			session->slot->objects[index].hidden = true;
		return rv;
	}
	if (object->memory == NULL)
		return p11_destroy(session, object);
	if (!p11_memory_is(object->memory, CKA_DESTROYABLE))
		return CKR_ACTION_PROHIBITED;
	remove_at(session->slot, index);
	return CKR_OK;
}

CK_RV
C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	const struct p11_object *found;
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	found = p11_object_find(session->slot, object);
	if (found == NULL)
		return p11_leave(session, __func__, p11_destroy_follower(session->slot, object));
	return p11_leave(session, __func__, destroy(session, found));
}

static CK_RV
set_attributes(struct p11_session *session, CK_OBJECT_HANDLE object, struct p11_template template)
{
	CK_RV rv = template.items == NULL ? CKR_ARGUMENTS_BAD : p11_template_check(template.items, template.count);
	const struct p11_object *found;

	if (rv != CKR_OK)
		return rv;
	if ((found = p11_object_find(session->slot, object)) == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	if (found->memory != NULL)
		return p11_memory_set(session->slot, found->memory, template);
	if (p11_template_find(template, CKA_UNIQUE_ID) != NULL)
		return CKR_ATTRIBUTE_READ_ONLY;
	return p11_rename(session, found, template.items, template.count);
}

CK_RV
C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	const struct p11_template t = { template, count };
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, set_attributes(session, object, t));
}
