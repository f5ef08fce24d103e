/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the GIDS application: files, data objects, and both sections of the card file. */
#include "vcard/gids.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

#define KEY_BYTES_MAX 8192u

/* --- data objects ----------------------------------------------------------------------------------------------- */

struct gids_object *
gids_find_object(const struct gids_objects *objects, uint32_t tag)
{
	size_t i;

	for (i = 0; i < objects->count; i++) {
		if (objects->list[i].tag == tag)
			return &objects->list[i];
	}
	return NULL;
}

static struct gids_object *
add_object(struct gids_objects *objects, uint32_t tag)
{
	struct gids_object *list = realloc(objects->list, (objects->count + 1) * sizeof(*list));

	if (list == NULL)
		return NULL;
	objects->list = list;
	list[objects->count] = (struct gids_object){ .tag = tag };
	return &list[objects->count++];
}

bool
gids_set_object(struct gids_objects *objects, uint32_t tag, struct cursor value)
{
	AUTO_BUF struct buf copy = BUF_INIT_MAX(STATE_MAX);
	struct gids_object *object;

	buf_put_cur(&copy, value);
	if (buf_failed(&copy))
		return false;
	object = gids_find_object(objects, tag);
	if (object == NULL)
		object = add_object(objects, tag);
	if (object == NULL)
		return false;
	buf_move(&object->value, &copy);
	return true;
}

void
gids_remove_object(struct gids_objects *objects, struct gids_object *object)
{
	size_t at = (size_t)(object - objects->list);

	buf_free(&object->value);
	objects->count--;
	memmove(object, object + 1, (objects->count - at) * sizeof(*object));
}

void
gids_clear_objects(struct gids_objects *objects)
{
	size_t i;

	for (i = 0; i < objects->count; i++)
		buf_free(&objects->list[i].value);
	free(objects->list);
	*objects = (struct gids_objects){ NULL, 0 };
}

/* --- files ------------------------------------------------------------------------------------------------------ */

struct gids_file *
gids_find_file(const struct gids *g, uint16_t fid)
{
	size_t i;

	for (i = 0; i < g->file_count; i++) {
		if (g->files[i]->fid == fid)
			return g->files[i];
	}
	return NULL;
}

static void
free_file(struct gids_file *file)
{
	if (file == NULL)
		return;
	buf_free(&file->fcp);
	gids_clear_objects(&file->objects);
	gids_clear_objects(&file->ghosts);
	vcard_key_clear(&file->key);
	free(file);
}

struct gids_file *
gids_add_file(struct gids *g, uint16_t fid, uint8_t kind, struct cursor fcp)
{
	struct gids_file *file = calloc(1, sizeof(*file));
	struct gids_file **files = realloc(g->files, (g->file_count + 1) * sizeof(struct gids_file *));

	if (files != NULL)
		g->files = files;
	if (file != NULL)
		buf_put_cur(&file->fcp, fcp);
	if (file == NULL || files == NULL || buf_failed(&file->fcp)) {
		free_file(file);
		return NULL;
	}
	file->fid = fid;
	file->kind = kind;
	g->files[g->file_count++] = file;
	return file;
}

void
gids_remove_file(struct gids *g, struct gids_file *file)
{
	size_t i;

	for (i = 0; i < g->file_count && g->files[i] != file; i++)
		continue;
	if (i == g->file_count)
		return;
	gids_forget_key(g, file->fid);
	free_file(file);
	g->file_count--;
	memmove(&g->files[i], &g->files[i + 1], (g->file_count - i) * sizeof(struct gids_file *));
}

/* --- the application -------------------------------------------------------------------------------------------- */

struct gids *
gids_new(struct vcard_env *env)
{
	struct gids *g = calloc(1, sizeof(*g));
	unsigned role;

	if (g == NULL)
		return NULL;
	g->env = env;
	g->life = GIDS_INITIALISATION;
	g->pin.left = env->profile.pin_tries;
	g->puk.left = env->profile.pin_tries;
	for (role = 0; role < GIDS_ROLES; role++)
		g->role_pins[role].left = env->profile.pin_tries;
	return g;
}

void
gids_free(struct gids *g)
{
	while (g->file_count > 0)
		gids_remove_file(g, g->files[g->file_count - 1]);
	free(g->files);
	free(g);
}

void
gids_forget(struct gids *g)
{
	size_t i;

	g->current = 0;
	g->pin_verified = false;
	g->admin = false;
	g->roles_verified = 0;
	g->agreement = (struct gids_agreement){ .role = 0 };
	g->challenge = (struct gids_challenge){ .kind = GIDS_NO_CHALLENGE };
	g->authentication = (struct gids_environment){ 0, 0 };
	g->signature = (struct gids_environment){ 0, 0 };
	g->confidentiality = (struct gids_environment){ 0, 0 };
	for (i = 0; i < g->file_count; i++)
		g->files[i]->uses = 0;
}

/* --- card file, writing ----------------------------------------------------------------------------------------- */

static void
put_pin(const struct gids_pin *pin, struct buf *b)
{
	buf_u8(b, pin->set ? 1 : 0);
	buf_u8(b, (uint8_t)pin->left);
	vcard_put_block(b, cur_of(pin->value, pin->len));
}

static void
put_objects(const struct gids_objects *objects, struct buf *b)
{
	size_t i;

	buf_be32(b, (uint32_t)objects->count);
	for (i = 0; i < objects->count; i++) {
		buf_be32(b, objects->list[i].tag);
		vcard_put_block(b, buf_cur(&objects->list[i].value));
	}
}

static void
put_file(const struct gids_file *file, struct buf *b)
{
	buf_be16(b, file->fid);
	buf_u8(b, file->kind);
	buf_u8(b, file->active ? 1 : 0);
	vcard_put_block(b, buf_cur(&file->fcp));
	put_objects(&file->objects, b);
	put_objects(&file->ghosts, b);
	buf_u8(b, (uint8_t)file->key.type);
	buf_be16(b, (uint16_t)file->key.bits);
	vcard_put_block(b, buf_cur(&file->key.bytes));
}

static void
put_environment(const struct gids_environment *environment, struct buf *b)
{
	buf_be16(b, environment->fid);
	buf_u8(b, environment->mechanism);
}

/* Cards that are no more than GIDS have nothing of this in their files. */
static void
put_role_pins(const struct gids *g, struct buf *b)
{
	unsigned role;

	for (role = 0; role < GIDS_ROLES; role++) {
		if ((g->env->profile.roles & 1u << role) != 0)
			put_pin(&g->role_pins[role], b);
	}
}

static void
put_sessions(const struct gids *g, struct buf *b)
{
	unsigned role;

	buf_u8(b, (uint8_t)g->roles_verified);
	if (!g->env->profile.session_pins)
		return;
	buf_u8(b, (uint8_t)g->agreement.role);
	buf_put(b, g->agreement.d, GIDS_D_LEN);
	for (role = 0; role < GIDS_ROLES; role++) {
		buf_u8(b, g->sessions[role].set ? 1 : 0);
		buf_u8(b, (uint8_t)g->sessions[role].left);
		buf_put(b, g->sessions[role].value, GIDS_SESSION_LEN);
	}
}

void
gids_save(const struct gids *g, struct buf *persistent, struct buf *transient)
{
	size_t i;

	buf_u8(persistent, (uint8_t)g->life);
	put_pin(&g->pin, persistent);
	put_pin(&g->puk, persistent);
	put_role_pins(g, persistent);
	buf_be32(persistent, (uint32_t)g->file_count);
	for (i = 0; i < g->file_count; i++)
		put_file(g->files[i], persistent);
	buf_be16(transient, g->current);
	buf_u8(transient, (uint8_t)((g->pin_verified ? 1 : 0) | (g->admin ? 2 : 0)));
	buf_u8(transient, (uint8_t)g->challenge.kind);
	buf_put(transient, g->challenge.host, GIDS_R_LEN);
	buf_put(transient, g->challenge.card, GIDS_R_LEN);
	put_sessions(g, transient);
	put_environment(&g->authentication, transient);
	put_environment(&g->signature, transient);
	put_environment(&g->confidentiality, transient);
	for (i = 0; i < g->file_count; i++)
		buf_be32(transient, g->files[i]->uses);
}

/* --- card file, reading ----------------------------------------------------------------------------------------- */

static bool
take_pin(struct cursor *c, struct gids_pin *pin)
{
	struct cursor value;
	uint8_t set, left;

	if (!cur_u8(c, &set) || !cur_u8(c, &left) || !vcard_take_block(c, &value) || value.left > GIDS_PIN_MAX)
		return false;
	pin->set = set != 0;
	pin->left = left;
	pin->len = value.left;
	return cur_copy(&value, pin->value, pin->len) || pin->len == 0;
}

static bool
take_role_pins(struct cursor *c, struct gids *g)
{
	unsigned role;

	for (role = 0; role < GIDS_ROLES; role++) {
		if ((g->env->profile.roles & 1u << role) != 0 && !take_pin(c, &g->role_pins[role]))
			return false;
	}
	return true;
}

static bool
take_session(struct cursor *c, struct gids_session *session)
{
	uint8_t set, left;

	if (!cur_u8(c, &set) || !cur_u8(c, &left) || !cur_copy(c, session->value, GIDS_SESSION_LEN))
		return false;
	session->set = set != 0;
	session->left = left;
	return true;
}

static bool
take_sessions(struct cursor *c, struct gids *g)
{
	uint8_t verified, role;

	if (!cur_u8(c, &verified))
		return false;
	g->roles_verified = verified & g->env->profile.roles;
	if (!g->env->profile.session_pins)
		return true;
	if (!cur_u8(c, &role) || role >= GIDS_ROLES || !cur_copy(c, g->agreement.d, GIDS_D_LEN))
		return false;
	g->agreement.role = role;
	for (role = 0; role < GIDS_ROLES; role++) {
		if (!take_session(c, &g->sessions[role]))
			return false;
	}
	return true;
}

static bool
take_objects(struct cursor *c, struct gids_objects *objects)
{
	struct cursor value;
	uint32_t count, tag;

	if (!cur_be32(c, &count))
		return false;
	while (count-- > 0) {
		if (!cur_be32(c, &tag) || !vcard_take_block(c, &value) || !gids_set_object(objects, tag, value))
			return false;
	}
	return true;
}

static bool
take_key(struct cursor *c, struct vcard_key *key)
{
	struct cursor bytes;
	uint8_t type;
	uint16_t bits;

	if (!cur_u8(c, &type) || !cur_be16(c, &bits) || !vcard_take_block(c, &bytes) || type > VCARD_KEY_EC ||
	    bytes.left > KEY_BYTES_MAX || bits > VCARD_RSA_MAX * 8)
		return false;
	return type == VCARD_KEY_NONE || vcard_key_restore((enum vcard_key_type)type, bits, bytes, key);
}

static bool
take_file(struct cursor *c, struct gids *g)
{
	struct gids_file *file;
	struct cursor fcp;
	uint16_t fid;
	uint8_t kind, active;

	if (!cur_be16(c, &fid) || !cur_u8(c, &kind) || !cur_u8(c, &active) || !vcard_take_block(c, &fcp) ||
	    (kind != GIDS_KIND_DATA && kind != GIDS_KIND_KEY) || fid == 0 || gids_find_file(g, fid) != NULL)
		return false;
	file = gids_add_file(g, fid, kind, fcp);
	if (file == NULL)
		return false;
	file->active = active != 0;
	return take_objects(c, &file->objects) && take_objects(c, &file->ghosts) && take_key(c, &file->key) &&
	       (file->key.type == VCARD_KEY_NONE || gids_key_nibble(&file->key) != 0);
}

static bool
take_environment(struct cursor *c, struct gids_environment *environment)
{
	return cur_be16(c, &environment->fid) && cur_u8(c, &environment->mechanism);
}

static bool
take_transient(struct gids *g, struct cursor *c)
{
	uint8_t flags, kind;
	uint32_t uses;
	size_t i;

	if (!cur_be16(c, &g->current) || !cur_u8(c, &flags) || !cur_u8(c, &kind) || kind > GIDS_MUTUAL ||
	    !cur_copy(c, g->challenge.host, GIDS_R_LEN) || !cur_copy(c, g->challenge.card, GIDS_R_LEN) ||
	    !take_sessions(c, g) || !take_environment(c, &g->authentication) || !take_environment(c, &g->signature) ||
	    !take_environment(c, &g->confidentiality))
		return false;
	g->pin_verified = (flags & 1) != 0;
	g->admin = (flags & 2) != 0;
	g->challenge.kind = (enum gids_challenge_kind)kind;
	for (i = 0; i < g->file_count; i++) {
		if (!cur_be32(c, &uses))
			return false;
		g->files[i]->uses = uses;
	}
	return true;
}

bool
gids_load(struct gids *g, struct cursor *persistent, struct cursor *transient)
{
	uint8_t life;
	uint32_t count;

	if (!cur_u8(persistent, &life) || !take_pin(persistent, &g->pin) || !take_pin(persistent, &g->puk) ||
	    !take_role_pins(persistent, g) || !cur_be32(persistent, &count))
		return false;
	if (life != GIDS_INITIALISATION && life != GIDS_OPERATIONAL && life != GIDS_TERMINATED)
		return false;
	g->life = (enum gids_life)life;
	while (count-- > 0) {
		if (!take_file(persistent, g))
			return false;
	}
	return take_transient(g, transient);
}
