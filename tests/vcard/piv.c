/* SPDX-License-Identifier: BSD-2-Clause */
/* The PIV application: its name, selection, the table of its commands, its place in the engine. */
#include "vcard/piv.h"

#include <errno.h>

#include "base/auto.h"
#include "vcard/tlv.h"

/* NIST's RID, PIX, version 1.0. */
const uint8_t piv_aid[11] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00 };

#define RID_LEN 5

bool
piv_quirk(const struct piv *p, uint64_t quirk)
{
	return (p->env->profile.piv.quirks & quirk) != 0;
}

bool
piv_version_at_least(const struct piv *p, uint32_t version)
{
	return p->env->profile.piv.version >= version;
}

/* --- SELECT (part 2, 3.1.1) ------------------------------------------------------------------------------------- */

/* One AC for each algorithm: officially they announce secure messaging, some cards list all that they can. */
static void
put_algorithms(struct buf *b)
{
	static const uint8_t ids[] = { PIV_ALG_DES3,	PIV_ALG_AES128, PIV_ALG_AES256, PIV_ALG_RSA1024,
				       PIV_ALG_RSA2048, PIV_ALG_P256,	PIV_ALG_P384 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		vcard_tlv_put_header(b, 0xAC, 6);
		vcard_tlv_put_u8(b, 0x80, ids[i]);
		vcard_tlv_put_u8(b, 0x06, 0x00);
	}
}

static void
put_property_template(const struct piv *p, struct buf *answer)
{
	static const char label[] = "Virtual PIV", url[] = "example.org/piv";
	static const uint8_t odd_aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x10, 0x00, 0x01 };
	size_t skipped = piv_quirk(p, VCARD_PIV_SHORT_AID) ? RID_LEN : 0;
	AUTO_BUF struct buf content = BUF_INIT;

	if (piv_quirk(p, VCARD_PIV_ODD_PIX))
		vcard_tlv_put(&content, 0x4F, cur_of(odd_aid, sizeof(odd_aid)));
	else
		vcard_tlv_put(&content, 0x4F, cur_of(piv_aid + skipped, sizeof(piv_aid) - skipped));
	vcard_tlv_put_header(&content, 0x79, 2 + RID_LEN);
	vcard_tlv_put(&content, 0x4F, cur_of(piv_aid, RID_LEN));
	if (piv_quirk(p, VCARD_PIV_LISTS_ALGORITHMS)) {
		vcard_tlv_put(&content, 0x50, cur_of(label, sizeof(label) - 1));
		vcard_tlv_put(&content, 0x5F50, cur_of(url, sizeof(url) - 1));
		put_algorithms(&content);
	}
	vcard_tlv_put(answer, 0x61, buf_cur(&content));
}

/* Selected again, the card keeps its security status (part 2, 3.1.1); some do not, and of these some say they do. */
static void
select_again(struct piv *p)
{
	if (piv_quirk(p, VCARD_PIV_RESELECT_DROPS))
		piv_forget(p);
	if (piv_quirk(p, VCARD_PIV_RESELECT_LIES)) {
		p->lies = p->pin_verified;
		p->admin = false;
	}
}

static uint16_t
select_applet(void *applet, const struct vcard_command *command, bool again, struct buf *answer)
{
	struct piv *p = applet;

	p->pin_fresh = false;
	p->challenge = PIV_NO_CHALLENGE;
	if (again)
		select_again(p);
	else
		piv_forget(p);
	if ((command->p2 & 0x0C) != 0x0C)
		put_property_template(p, answer);
	return SW_OK;
}

/* --- dispatch --------------------------------------------------------------------------------------------------- */

static const struct piv_instruction {
	uint8_t ins;
	bool chains;
	uint64_t unless; /* unknown to cards with one of these quirks */
	uint32_t since;	 /* and to versions before this one */
	piv_handler *handler;
} instructions[] = {
	{ INS_GET_DATA, false, 0, 0, piv_get_data },
	{ INS_PUT_DATA, true, 0, 0, piv_put_data },
	{ INS_VERIFY, false, 0, 0, piv_verify },
	{ INS_CHANGE, false, 0, 0, piv_change_reference_data },
	{ INS_RESET_RETRY, false, 0, 0, piv_reset_retry_counter },
	{ INS_GENERAL_AUTH, true, 0, 0, piv_general_authenticate },
	{ INS_GENERATE, true, 0, 0, piv_generate },
	{ PIV_INS_VERSION, false, VCARD_PIV_NO_VERSION, 0, piv_version },
	{ PIV_INS_SERIAL, false, VCARD_PIV_NO_SERIAL, 0x050000, piv_serial },
	{ PIV_INS_METADATA, false, VCARD_PIV_NO_METADATA, 0x050300, piv_metadata },
	{ PIV_INS_ATTEST, false, VCARD_PIV_NO_ATTEST, 0x040300, piv_attest },
	{ PIV_INS_IMPORT, true, VCARD_PIV_NO_EXTENSIONS, 0, piv_import },
	{ PIV_INS_SET_ADMIN, false, VCARD_PIV_NO_EXTENSIONS, 0, piv_set_admin_key },
	{ PIV_INS_SET_TRIES, false, VCARD_PIV_NO_EXTENSIONS, 0, piv_set_tries },
	{ PIV_INS_RESET, false, VCARD_PIV_NO_EXTENSIONS, 0, piv_reset },
	{ PIV_INS_MOVE, false, VCARD_PIV_NO_EXTENSIONS, 0x050700, piv_move },
};

static const struct piv_instruction *
find_instruction(const struct piv *p, uint8_t ins)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(instructions); i++) {
		if (instructions[i].ins == ins)
			return piv_quirk(p, instructions[i].unless) || !piv_version_at_least(p, instructions[i].since)
				       ? NULL
				       : &instructions[i];
	}
	return NULL;
}

/* A VERIFY counts for the next command alone where the rule is PIN-always; a challenge is answered at once. */
static void
interrupted(void *applet)
{
	struct piv *p = applet;

	if (!piv_quirk(p, VCARD_PIV_TOLERANT))
		p->pin_fresh = false;
	if ((p->env->profile.quirks & VCARD_CHALLENGE_LIVES) == 0)
		p->challenge = PIV_NO_CHALLENGE;
}

static uint16_t
process(void *applet, const struct vcard_command *command, struct buf *answer)
{
	struct piv *p = applet;
	const struct piv_instruction *instruction = find_instruction(p, command->ins);

	if (command->ins != INS_GENERAL_AUTH)
		interrupted(p);
	if (instruction == NULL)
		return SW_INS;
	return instruction->handler(p, command, answer);
}

static uint16_t
chain(void *applet, const struct vcard_command *command, bool first)
{
	struct piv *p = applet;
	const struct piv_instruction *instruction = find_instruction(p, command->ins);

	if (first && command->ins != INS_GENERAL_AUTH)
		interrupted(p);
	if (instruction == NULL)
		return SW_INS;
	if (!instruction->chains)
		return SW_CHAINING;
	return command->ins == INS_PUT_DATA ? piv_put_data_part(p, command) : SW_OK;
}

/* --- applet ----------------------------------------------------------------------------------------------------- */

static void *
create(struct vcard_env *env)
{
	return piv_new(env);
}

static void
destroy(void *applet)
{
	piv_free(applet);
}

static void
reset(void *applet)
{
	piv_forget(applet);
}

static void
save(const void *applet, struct buf *persistent, struct buf *transient)
{
	piv_save(applet, persistent, transient);
}

static bool
load(void *applet, struct cursor *persistent, struct cursor *transient)
{
	return piv_load(applet, persistent, transient);
}

const struct vcard_applet vcard_piv_applet = {
	.application = VCARD_PIV,
	.id = 'P',
	.aid = piv_aid,
	.aid_len = sizeof(piv_aid),
	.answers_unasked = true,
	.create = create,
	.destroy = destroy,
	.select = select_applet,
	.process = process,
	.chain = chain,
	.interrupted = interrupted,
	.reset = reset,
	.save = save,
	.load = load,
};

/* --- doors for tests -------------------------------------------------------------------------------------------- */

struct piv *
vcard_piv(struct vcard *card)
{
	unsigned i;

	if ((card->env.profile.applications & VCARD_PIV) == 0)
		return NULL;
	for (i = 0; i < VCARD_APPLETS; i++) {
		if (vcard_applets[i] == &vcard_piv_applet)
			return card->applets[i];
	}
	return NULL;
}

static const struct piv *
piv_of(const struct vcard *card)
{
	unsigned i;

	for (i = 0; i < VCARD_APPLETS; i++) {
		if (vcard_applets[i] == &vcard_piv_applet && (card->env.profile.applications & VCARD_PIV) != 0)
			return card->applets[i];
	}
	return NULL;
}

static unsigned
count_keys(const struct piv *p)
{
	unsigned i, n = 0;

	for (i = 0; i < PIV_KEY_ATTESTATION; i++)
		n += p->keys[i].key.type != VCARD_KEY_NONE ? 1 : 0;
	return n;
}

void
vcard_piv_info(const struct vcard *card, struct vcard_piv_info *ret_info)
{
	const struct piv *p = piv_of(card);

	*ret_info = (struct vcard_piv_info){ .selected = false };
	if (p == NULL)
		return;
	ret_info->selected = card->selected < VCARD_APPLETS && card->applets[card->selected] == p;
	ret_info->pin_verified = p->pin_verified && !p->lies;
	ret_info->global_verified = card->env.global_verified;
	ret_info->admin_authenticated = p->admin;
	ret_info->challenge_pending = p->challenge != PIV_NO_CHALLENGE;
	ret_info->pin_tries_left = p->pin.left;
	ret_info->puk_tries_left = p->puk.left;
	ret_info->global_tries_left = p->global.left;
	ret_info->objects = (unsigned)p->object_count;
	ret_info->keys = count_keys(p);
	ret_info->serial = p->serial;
	ret_info->version = card->env.profile.piv.version;
}

int
vcard_piv_raw_put(struct vcard *card, uint32_t tag, struct cursor value)
{
	struct piv *p = vcard_piv(card);

	errno = p == NULL ? ENOENT : ENOMEM;
	return p != NULL && piv_set_object(p, tag, value) ? 0 : -1;
}

int
vcard_piv_raw_delete(struct vcard *card, uint32_t tag)
{
	struct piv *p = vcard_piv(card);

	if (p == NULL || piv_find_object(p, tag) == NULL) {
		errno = ENOENT;
		return -1;
	}
	piv_remove_object(p, tag);
	return 0;
}

int
vcard_piv_raw_delete_key(struct vcard *card, uint8_t reference)
{
	struct piv *p = vcard_piv(card);
	struct piv_key *key = p != NULL ? piv_find_key(p, reference) : NULL;

	if (key == NULL || key->key.type == VCARD_KEY_NONE) {
		errno = ENOENT;
		return -1;
	}
	piv_clear_key(key);
	return 0;
}
