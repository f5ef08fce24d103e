/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the PIV application: made, put into factory state, kept in the card file. */
#include "vcard/piv.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

/* --- factory state ---------------------------------------------------------------------------------------------- */

static void
factory_pin(struct piv_pin *pin, const char value[PIV_PIN_LEN + 1], unsigned tries)
{
	memcpy(pin->value, value, PIV_PIN_LEN);
	pin->tries = pin->left = (uint8_t)tries;
	pin->is_default = true;
}

void
piv_factory_pins(struct piv *p)
{
	const struct vcard_piv_profile *profile = &p->env->profile.piv;

	factory_pin(&p->pin, "123456\xFF\xFF", profile->pin_tries);
	factory_pin(&p->puk, "12345678", profile->puk_tries);
	factory_pin(&p->global, "654321\xFF\xFF", profile->pin_tries);
}

static void
clear(struct piv *p)
{
	size_t i;

	for (i = 0; i < p->object_count; i++)
		buf_free(&p->objects[i].value);
	free(p->objects);
	p->objects = NULL;
	p->object_count = 0;
	for (i = 0; i < PIV_KEYS; i++)
		piv_clear_key(&p->keys[i]);
	piv_forget(p);
}

bool
piv_factory(struct piv *p)
{
	AUTO_BUF struct buf discovery = BUF_INIT;

	clear(p);
	piv_factory_pins(p);
	piv_default_admin_key(&p->admin_key, p->env->profile.piv.admin_algorithm);
	if (piv_quirk(p, VCARD_PIV_NO_DISCOVERY))
		return true;
	piv_put_discovery(p, &discovery);
	return piv_set_object(p, PIV_TAG_DISCOVERY, buf_cur(&discovery));
}

/* Four bytes as a positive number. */
static bool
make_serial(struct piv *p)
{
	uint8_t bytes[4] = { 0 };
	struct cursor c = cur_of(bytes, sizeof(bytes));

	if (!vcard_random(bytes, sizeof(bytes)))
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x3F) | 0x40);
	return cur_be32(&c, &p->serial);
}

struct piv *
piv_new(struct vcard_env *env)
{
	struct piv *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->env = env;
	if ((env->profile.applications & VCARD_PIV) != 0 && (!make_serial(p) || !piv_factory(p))) {
		piv_free(p);
		return NULL;
	}
	return p;
}

void
piv_free(struct piv *p)
{
	clear(p);
	secret_wipe(p, sizeof(*p));
	free(p);
}

void
piv_forget(struct piv *p)
{
	p->pin_verified = false;
	p->pin_fresh = false;
	p->lies = false;
	p->admin = false;
	p->challenge = PIV_NO_CHALLENGE;
	secret_wipe(p->challenge_bytes, sizeof(p->challenge_bytes));
}

/* --- objects ---------------------------------------------------------------------------------------------------- */

struct piv_object *
piv_find_object(const struct piv *p, uint32_t tag)
{
	size_t i;

	for (i = 0; i < p->object_count; i++) {
		if (p->objects[i].tag == tag)
			return &p->objects[i];
	}
	return NULL;
}

bool
piv_set_object(struct piv *p, uint32_t tag, struct cursor value)
{
	struct piv_object *object = piv_find_object(p, tag), *grown;
	struct buf copy = BUF_INIT;

	buf_put_cur(&copy, value);
	if (buf_failed(&copy)) {
		buf_free(&copy);
		return false;
	}
	if (object == NULL) {
		grown = realloc(p->objects, (p->object_count + 1) * sizeof(*grown));
		if (grown == NULL) {
			buf_free(&copy);
			return false;
		}
		p->objects = grown;
		object = &grown[p->object_count++];
		*object = (struct piv_object){ .tag = tag };
	}
	buf_move(&object->value, &copy);
	return true;
}

void
piv_remove_object(struct piv *p, uint32_t tag)
{
	struct piv_object *object = piv_find_object(p, tag);

	if (object == NULL)
		return;
	buf_free(&object->value);
	*object = p->objects[--p->object_count];
	memset(&p->objects[p->object_count], 0, sizeof(p->objects[0]));
}

/* --- card file -------------------------------------------------------------------------------------------------- */

static void
save_pin(const struct piv_pin *pin, struct buf *b)
{
	buf_put(b, pin->value, PIV_PIN_LEN);
	buf_u8(b, pin->left);
	buf_u8(b, pin->tries);
	buf_u8(b, pin->is_default ? 1 : 0);
}

static bool
load_pin(struct cursor *c, struct piv_pin *pin)
{
	uint8_t is_default;

	if (!cur_copy(c, pin->value, PIV_PIN_LEN) || !cur_u8(c, &pin->left) || !cur_u8(c, &pin->tries) ||
	    !cur_u8(c, &is_default))
		return false;
	pin->is_default = is_default != 0;
	return pin->left <= pin->tries;
}

static void
save_key(const struct piv_key *key, struct buf *b)
{
	buf_u8(b, (uint8_t)key->key.type);
	buf_be16(b, (uint16_t)key->key.bits);
	buf_u8(b, key->algorithm);
	buf_u8(b, key->pin_policy);
	buf_u8(b, key->touch_policy);
	buf_u8(b, key->origin);
	vcard_put_block(b, buf_cur(&key->key.bytes));
}

static bool
load_key(struct cursor *c, struct piv_key *key)
{
	struct cursor bytes;
	uint16_t bits;
	uint8_t type;

	if (!cur_u8(c, &type) || !cur_be16(c, &bits) || !cur_u8(c, &key->algorithm) || !cur_u8(c, &key->pin_policy) ||
	    !cur_u8(c, &key->touch_policy) || !cur_u8(c, &key->origin) || !vcard_take_block(c, &bytes) ||
	    type > VCARD_KEY_X25519 || type == VCARD_KEY_SYMMETRIC)
		return false;
	if (type == VCARD_KEY_NONE)
		return bytes.left == 0;
	return vcard_key_restore((enum vcard_key_type)type, bits, bytes, &key->key);
}

static void
save_admin_key(const struct piv_admin_key *key, struct buf *b)
{
	buf_u8(b, key->algorithm);
	buf_u8(b, key->touch_policy);
	vcard_put_block(b, cur_of(key->value, key->len));
}

static bool
load_admin_key(struct cursor *c, struct piv_admin_key *key)
{
	struct cursor value;

	if (!cur_u8(c, &key->algorithm) || !cur_u8(c, &key->touch_policy) || !vcard_take_block(c, &value) ||
	    value.left > PIV_ADMIN_KEY_MAX || value.left != piv_admin_key_len(key->algorithm))
		return false;
	key->len = (uint8_t)value.left;
	return cur_copy(&value, key->value, key->len);
}

static void
save_volatile(const struct piv *p, struct buf *b)
{
	buf_u8(b,
	       (uint8_t)((p->pin_verified ? 1 : 0) | (p->pin_fresh ? 2 : 0) | (p->lies ? 4 : 0) | (p->admin ? 8 : 0)));
	buf_u8(b, (uint8_t)p->challenge);
	buf_put(b, p->challenge_bytes, sizeof(p->challenge_bytes));
}

static bool
load_volatile(struct piv *p, struct cursor *c)
{
	uint8_t flags, challenge;

	if (!cur_u8(c, &flags) || !cur_u8(c, &challenge) ||
	    !cur_copy(c, p->challenge_bytes, sizeof(p->challenge_bytes)) || flags > 15 || challenge > PIV_WITNESS)
		return false;
	p->pin_verified = (flags & 1) != 0;
	p->pin_fresh = (flags & 2) != 0;
	p->lies = (flags & 4) != 0;
	p->admin = (flags & 8) != 0;
	p->challenge = (enum piv_challenge_kind)challenge;
	return true;
}

/* An application that the card does not have keeps nothing. */
void
piv_save(const struct piv *p, struct buf *persistent, struct buf *transient)
{
	size_t i;

	if ((p->env->profile.applications & VCARD_PIV) == 0)
		return;
	buf_be32(persistent, p->serial);
	save_pin(&p->pin, persistent);
	save_pin(&p->puk, persistent);
	save_pin(&p->global, persistent);
	save_admin_key(&p->admin_key, persistent);
	for (i = 0; i < PIV_KEYS; i++)
		save_key(&p->keys[i], persistent);
	buf_be32(persistent, (uint32_t)p->object_count);
	for (i = 0; i < p->object_count; i++) {
		buf_be32(persistent, p->objects[i].tag);
		vcard_put_block(persistent, buf_cur(&p->objects[i].value));
	}
	save_volatile(p, transient);
}

static bool
load_objects(struct piv *p, struct cursor *c)
{
	struct cursor value;
	uint32_t count, tag;

	if (!cur_be32(c, &count))
		return false;
	for (; count > 0; count--) {
		if (!cur_be32(c, &tag) || !vcard_take_block(c, &value) || piv_find_object(p, tag) != NULL ||
		    !piv_set_object(p, tag, value))
			return false;
	}
	return true;
}

bool
piv_load(struct piv *p, struct cursor *persistent, struct cursor *transient)
{
	size_t i;

	clear(p);
	if ((p->env->profile.applications & VCARD_PIV) == 0)
		return true;
	if (!cur_be32(persistent, &p->serial) || !load_pin(persistent, &p->pin) || !load_pin(persistent, &p->puk) ||
	    !load_pin(persistent, &p->global) || !load_admin_key(persistent, &p->admin_key))
		return false;
	for (i = 0; i < PIV_KEYS; i++) {
		if (!load_key(persistent, &p->keys[i]))
			return false;
	}
	return load_objects(p, persistent) && load_volatile(p, transient);
}
