/* SPDX-License-Identifier: BSD-2-Clause */
/* GET DATA and PUT DATA of the GIDS application (GIDS 2.0, 8.2 and 8.3). */
#include "vcard/gids.h"

#include <string.h>

#include "base/auto.h"
#include "vcard/tlv.h"

#define TAG_LIST 0x5C
#define TAG_PUBLIC_KEY 0x70
#define TAG_PUBLIC_KEY_SPEC 0xA3 /* what the specification's text says; hosts send 70 */
#define TAG_KEY 0x70
#define TAG_PIN_GLOBAL 0x7F71
#define TAG_PIN_APPLICATION 0x7F72
#define TAG_PUK 0x7F73

static uint16_t
p1p2(const struct vcard_command *command)
{
	return (uint16_t)(command->p1 << 8 | command->p2);
}

/* The file that P1 P2 names, which becomes the current one when the operation on it is allowed. */
static uint16_t
open_file(struct gids *g, uint16_t fid, enum gids_access operation, struct gids_file **ret_file)
{
	struct gids_file *file;
	uint16_t sw;

	if (fid == 0 && g->current == 0)
		return SW_NOT_ALLOWED;
	file = gids_find_file(g, fid == 0 ? g->current : fid);
	if (file == NULL)
		return SW_NO_FILE;
	if (file->kind != GIDS_KIND_DATA)
		return SW_FILE_KIND;
	sw = gids_check_file(g, file, operation);
	if (sw != SW_OK)
		return sw;
	g->current = file->fid;
	*ret_file = file;
	return SW_OK;
}

/* --- GET DATA --------------------------------------------------------------------------------------------------- */

/* EF.ATR: card service data, capabilities (chaining, extended length, no channels), a text. */
static uint16_t
get_ef_atr(const struct gids *g, bool all, uint32_t tag, struct buf *answer)
{
	static const char text[] = "virtual card";
	uint8_t capabilities[3] = { 0x08, 0x01, 0x80 };

	if (!gids_quirk(g, VCARD_NO_EXTENDED) && !gids_quirk(g, VCARD_T0))
		capabilities[2] |= 0x40;
	if (all || tag == 0x43)
		vcard_tlv_put_u8(answer, 0x43, 0xF4);
	if (all || tag == 0x47)
		vcard_tlv_put(answer, 0x47, cur_of(capabilities, sizeof(capabilities)));
	if (all || tag == 0x46)
		vcard_tlv_put(answer, 0x46, cur_of(text, sizeof(text) - 1));
	return answer->len > 0 ? SW_OK : SW_NO_DATA;
}

static uint16_t
get_pin_state(const struct gids *g, uint32_t tag, const struct gids_pin *pin, struct buf *answer)
{
	vcard_tlv_put_header(answer, tag, 6);
	vcard_tlv_put_u8(answer, 0x97, (uint8_t)pin->left);
	vcard_tlv_put_u8(answer, 0x93, (uint8_t)g->env->profile.pin_tries);
	return SW_OK;
}

/* On cards with more PINs 7F74 to 7F78 are those of the roles 3 to 7. */
static uint16_t
get_role_state(const struct gids *g, uint32_t tag, struct buf *answer)
{
	const unsigned role = tag - TAG_PIN_GLOBAL;

	return (g->env->profile.roles & 1u << role) != 0 ? get_pin_state(g, tag, &g->role_pins[role], answer)
							 : SW_NO_DATA;
}

static void
put_object(const struct gids_object *object, struct buf *answer)
{
	vcard_tlv_put(answer, object->tag, buf_cur(&object->value));
}

/* P1 P2 = 3FFF: state of the PINs, or an object wherever it lies. */
static uint16_t
get_anywhere(const struct gids *g, uint32_t tag, struct buf *answer)
{
	const struct gids_object *object;
	uint16_t sw = SW_NO_DATA;
	size_t i;

	if (tag == TAG_PIN_GLOBAL || tag == TAG_PIN_APPLICATION)
		return get_pin_state(g, tag, &g->pin, answer);
	if (tag > TAG_PIN_GLOBAL + 2 && tag < TAG_PIN_GLOBAL + GIDS_ROLES)
		return get_role_state(g, tag, answer);
	if (tag == TAG_PUK)
		return g->env->profile.puk ? get_pin_state(g, tag, &g->puk, answer) : SW_NO_DATA;
	for (i = 0; i < g->file_count; i++) {
		object = gids_find_object(&g->files[i]->objects, tag);
		if (object == NULL)
			continue;
		sw = gids_check_file(g, g->files[i], GIDS_GET);
		if (sw == SW_OK) {
			put_object(object, answer);
			return SW_OK;
		}
	}
	return sw;
}

static void
put_all(const struct gids_objects *objects, struct buf *answer)
{
	size_t i;

	for (i = 0; i < objects->count; i++)
		put_object(&objects->list[i], answer);
}

static uint16_t
get_bulk(const struct gids *g, const struct gids_file *file, struct buf *answer)
{
	size_t n = file->objects.count;

	if (gids_quirk(g, VCARD_NO_BULK))
		return SW_DATA;
	if (gids_quirk(g, VCARD_BULK_FAILS_AT_TENS) && (n == 10 || n == 20 || n == 30))
		return SW_FAULT;
	if (n == 0)
		return SW_NO_DATA;
	put_all(&file->objects, answer);
	put_all(&file->ghosts, answer);
	return SW_OK;
}

static uint16_t
get_tags(const struct gids_file *file, struct buf *answer)
{
	AUTO_BUF struct buf tags = BUF_INIT;
	size_t i;

	for (i = 0; i < file->objects.count; i++)
		vcard_tlv_put_tag(&tags, file->objects.list[i].tag);
	vcard_tlv_put(answer, TAG_LIST, buf_cur(&tags));
	return buf_failed(&tags) ? SW_MEMORY : SW_OK;
}

static uint16_t
get_from_file(struct gids *g, uint16_t fid, bool all, uint32_t tag, struct buf *answer)
{
	struct gids_object *object;
	struct gids_file *file;
	uint16_t sw = open_file(g, fid, GIDS_GET, &file);

	if (sw != SW_OK)
		return sw;
	if (all)
		return get_bulk(g, file, answer);
	if (tag == TAG_LIST)
		return get_tags(file, answer);
	object = gids_find_object(&file->objects, tag);
	if (object == NULL)
		return SW_NO_DATA;
	put_object(object, answer);
	return SW_OK;
}

uint16_t
gids_get_data(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct cursor data = command->data, request;
	uint32_t form, tag = 0;
	uint16_t fid = p1p2(command);
	bool all;

	if (!vcard_tlv_next(&data, &form, &request) || !cur_at_end(&data))
		return SW_DATA;
	if (form == TAG_PUBLIC_KEY || form == TAG_PUBLIC_KEY_SPEC)
		return fid == GIDS_FID_APPLICATION ? gids_get_public_key(g, request, answer) : SW_P1P2;
	all = cur_at_end(&request);
	if (form != TAG_LIST || (!all && (!vcard_tlv_tag(&request, &tag) || !cur_at_end(&request))))
		return SW_DATA;
	if (fid == GIDS_FID_EF_ATR)
		return get_ef_atr(g, all, tag, answer);
	if (fid == GIDS_FID_APPLICATION)
		return all ? SW_DATA : get_anywhere(g, tag, answer);
	return get_from_file(g, fid, all, tag, answer);
}

/* --- PUT DATA --------------------------------------------------------------------------------------------------- */

/* The one file that holds an object with this tag; with P1 P2 = 3FFF only such an object can be written. */
static uint16_t
find_holder(const struct gids *g, uint32_t tag)
{
	uint16_t fid = GIDS_FID_APPLICATION;
	size_t i;

	for (i = 0; i < g->file_count; i++) {
		if (gids_find_object(&g->files[i]->objects, tag) == NULL)
			continue;
		if (fid != GIDS_FID_APPLICATION)
			return GIDS_FID_APPLICATION;
		fid = g->files[i]->fid;
	}
	return fid;
}

/* All that can be said before the value is complete. */
static uint16_t
open_target(struct gids *g, uint16_t fid, uint32_t tag, size_t len, struct gids_file **ret_file)
{
	uint16_t sw;

	if (fid == GIDS_FID_APPLICATION) {
		fid = find_holder(g, tag);
		if (fid == GIDS_FID_APPLICATION)
			return SW_NO_DATA;
	}
	sw = open_file(g, fid, GIDS_PUT, ret_file);
	if (sw != SW_OK)
		return sw;
	if (len > g->env->profile.max_value)
		return SW_FULL;
	if (gids_find_object(&(*ret_file)->objects, tag) == NULL &&
	    (*ret_file)->objects.count >= g->env->profile.max_objects)
		return SW_FULL;
	return SW_OK;
}

static uint16_t
delete_object(const struct gids *g, struct gids_file *file, struct gids_object *object)
{
	struct gids_objects *objects = &file->objects;
	bool stored = true;

	if (gids_quirk(g, VCARD_BULK_REPEATS)) {
		stored = gids_set_object(&file->ghosts, object->tag, buf_cur(&object->value));
		if (stored && objects->count > 1) {
			object = gids_find_object(objects, object->tag);
			stored = gids_set_object(&file->ghosts, objects->list[0].tag, buf_cur(&objects->list[0].value));
		}
	}
	gids_remove_object(objects, object);
	return stored ? SW_OK : SW_MEMORY;
}

static uint16_t
store(struct gids *g, struct gids_file *file, uint32_t tag, struct cursor value)
{
	struct gids_object *object = gids_find_object(&file->objects, tag);

	if (object != NULL && value.left == 0 && (!gids_quirk(g, VCARD_TWO_STEP_DELETE) || object->value.len == 0))
		return delete_object(g, file, object);
	if (object == NULL)
		gids_clear_objects(&file->ghosts);
	return gids_set_object(&file->objects, tag, value) ? SW_OK : SW_MEMORY;
}

uint16_t
gids_put_data(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct cursor data = command->data, value;
	struct gids_file *file;
	uint32_t tag;
	uint16_t sw;

	(void)answer;
	if (!vcard_tlv_next(&data, &tag, &value) || !cur_at_end(&data))
		return SW_DATA;
	if (p1p2(command) == GIDS_FID_APPLICATION && tag == TAG_KEY)
		return value.left > g->env->profile.max_import ? SW_FULL : gids_put_key(g, value);
	sw = open_target(g, p1p2(command), tag, value.left, &file);
	return sw == SW_OK ? store(g, file, tag, value) : sw;
}

/*
 * A card that does not roll back: same length is overwritten in place, another length loses the old value with the
 * first part.
 */
static uint16_t
store_part(struct gids_file *file, uint32_t tag, size_t len, struct cursor part)
{
	struct gids_object *object = gids_find_object(&file->objects, tag);

	if (object == NULL || object->value.len != len)
		return gids_set_object(&file->objects, tag, part) ? SW_OK : SW_MEMORY;
	if (part.left > 0)
		memcpy(object->value.p, part.p, part.left);
	return SW_OK;
}

uint16_t
gids_put_data_part(struct gids *g, const struct vcard_command *command)
{
	struct cursor part = command->data;
	struct gids_file *file;
	uint32_t tag;
	size_t len;
	uint16_t sw;

	/* the first part holds tag and length whole */
	if (!vcard_tlv_header(&part, &tag, &len) || part.left > len)
		return SW_DATA;
	if (p1p2(command) == GIDS_FID_APPLICATION && tag == TAG_KEY)
		return len > g->env->profile.max_import ? SW_FULL : SW_OK;
	sw = open_target(g, p1p2(command), tag, len, &file);
	if (sw != SW_OK || !gids_quirk(g, VCARD_CHAIN_BLOCKS))
		return sw;
	return store_part(file, tag, len, part);
}
