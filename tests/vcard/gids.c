/* SPDX-License-Identifier: BSD-2-Clause */
/* The GIDS application: its name, selection, the table of its commands, its place in the engine. */
#include "vcard/gids.h"

#include <errno.h>

#include "base/auto.h"
#include "base/secret.h"
#include "vcard/tlv.h"

/* Revision 02, first application. */
static const uint8_t gids_aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59, 0x02, 0x01 };

#define PROTOCOLS 0xC0	/* mutual and external authentication with a symmetric key */
#define PIN_POLICY 0x60 /* application and global PIN are card holder verification */

bool
gids_quirk(const struct gids *g, enum vcard_quirk quirk)
{
	return (g->env->profile.quirks & (uint32_t)quirk) != 0;
}

/* --- SELECT by name --------------------------------------------------------------------------------------------- */

static void
put_fci(const struct gids *g, struct buf *answer)
{
	AUTO_BUF struct buf discretionary = BUF_INIT;

	vcard_tlv_put_u8(&discretionary, 0x40, PROTOCOLS);
	gids_put_extensions(g, &discretionary);
	vcard_tlv_put_header(answer, 0x61, 2 + sizeof(gids_aid) + 2 + discretionary.len);
	vcard_tlv_put(answer, 0x4F, cur_of(gids_aid, sizeof(gids_aid)));
	vcard_tlv_put(answer, 0x73, buf_cur(&discretionary));
}

static void
put_fmd(struct buf *answer)
{
	static const uint8_t memory[] = { 0x80, 0x00 };

	vcard_tlv_put_header(answer, 0x64, 4 + 3 + sizeof(memory));
	vcard_tlv_put_u8(answer, 0x5F2F, PIN_POLICY);
	vcard_tlv_put(answer, 0x7F65, cur_of(memory, sizeof(memory)));
}

static uint16_t
select_applet(void *applet, const struct vcard_command *command, bool again, struct buf *answer)
{
	struct gids *g = applet;
	bool by_name = command->p1 == 0x04;

	if (by_name && (!again || gids_quirk(g, VCARD_SELECT_LOGS_OUT)))
		gids_forget(g);
	g->current = 0;
	g->agreement.role = 0;
	if (!gids_quirk(g, VCARD_CHALLENGE_LIVES))
		g->challenge.kind = GIDS_NO_CHALLENGE;
	switch (command->p2 & 0x0C) {
	case 0x00: put_fci(g, answer); break;
	case 0x04: gids_application_fcp(g, answer); break;
	case 0x08: put_fmd(answer); break;
	default: break;
	}
	return g->life == GIDS_TERMINATED ? SW_TERMINATED : SW_OK;
}

/* --- commands --------------------------------------------------------------------------------------------------- */

enum { IN_INITIALISATION = 1, IN_OPERATION = 2, IN_TERMINATION = 4 };
enum { WHILE_ALIVE = IN_INITIALISATION | IN_OPERATION, ALWAYS = WHILE_ALIVE | IN_TERMINATION };

static const struct gids_instruction {
	uint8_t ins;
	uint8_t lives;
	bool chains;
	gids_handler *handler;
} instructions[] = {
	{ INS_SELECT, ALWAYS, false, gids_select_file },
	{ INS_GET_DATA, ALWAYS, false, gids_get_data },
	{ INS_PUT_DATA, WHILE_ALIVE, true, gids_put_data },
	{ INS_VERIFY, WHILE_ALIVE, true, gids_verify },
	{ INS_CHANGE, WHILE_ALIVE, false, gids_change_reference_data },
	{ INS_RESET_RETRY, IN_OPERATION, false, gids_reset_retry_counter },
	{ INS_CREATE, WHILE_ALIVE, false, gids_create_file },
	{ INS_DELETE, WHILE_ALIVE, false, gids_delete_file },
	{ INS_ACTIVATE, WHILE_ALIVE, false, gids_activate_file },
	{ INS_TERMINATE, WHILE_ALIVE, false, gids_terminate },
	{ INS_GENERATE, WHILE_ALIVE, false, gids_generate },
	{ INS_MSE, IN_OPERATION, false, gids_manage_environment },
	{ INS_PSO, IN_OPERATION, true, gids_security_operation },
	{ INS_GENERAL_AUTH, IN_OPERATION, true, gids_general_authenticate },
};

static const struct gids_instruction *
find_instruction(uint8_t ins)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(instructions); i++) {
		if (instructions[i].ins == ins)
			return &instructions[i];
	}
	return NULL;
}

static uint16_t
check_life(const struct gids *g, uint8_t lives)
{
	switch (g->life) {
	case GIDS_INITIALISATION: return (lives & IN_INITIALISATION) != 0 ? SW_OK : SW_NOT_ALLOWED;
	case GIDS_OPERATIONAL: return (lives & IN_OPERATION) != 0 ? SW_OK : SW_CONDITIONS;
	case GIDS_TERMINATED:
	default: return (lives & IN_TERMINATION) != 0 ? SW_OK : SW_TERMINATED;
	}
}

static void
interrupted(void *applet)
{
	struct gids *g = applet;

	g->agreement.role = 0;
	if (!gids_quirk(g, VCARD_CHALLENGE_LIVES))
		g->challenge.kind = GIDS_NO_CHALLENGE;
}

static uint16_t
process(void *applet, const struct vcard_command *command, struct buf *answer)
{
	const struct gids_instruction *instruction = find_instruction(command->ins);
	struct gids *g = applet;
	uint16_t sw;

	if (command->ins != INS_GENERAL_AUTH)
		interrupted(g);
	if (instruction == NULL)
		return SW_INS;
	sw = check_life(g, instruction->lives);
	return sw == SW_OK ? instruction->handler(g, command, answer) : sw;
}

static uint16_t
chain(void *applet, const struct vcard_command *command, bool first)
{
	const struct gids_instruction *instruction = find_instruction(command->ins);
	struct gids *g = applet;
	uint16_t sw;

	if (first && command->ins != INS_GENERAL_AUTH)
		interrupted(g);
	if (instruction == NULL)
		return SW_INS;
	if (!instruction->chains)
		return SW_CHAINING;
	sw = check_life(g, instruction->lives);
	if (sw == SW_OK && command->ins == INS_PUT_DATA)
		return gids_put_data_part(g, command);
	return sw;
}

/* --- applet ----------------------------------------------------------------------------------------------------- */

static void *
create(struct vcard_env *env)
{
	return gids_new(env);
}

static void
destroy(void *applet)
{
	struct gids *g = applet;

	secret_wipe(&g->pin, sizeof(g->pin));
	secret_wipe(&g->puk, sizeof(g->puk));
	secret_wipe(g->role_pins, sizeof(g->role_pins));
	gids_end_sessions(g);
	gids_free(g);
}

static void
reset(void *applet)
{
	gids_forget(applet);
	gids_end_sessions(applet);
}

static void
save(const void *applet, struct buf *persistent, struct buf *transient)
{
	gids_save(applet, persistent, transient);
}

static bool
load(void *applet, struct cursor *persistent, struct cursor *transient)
{
	return gids_load(applet, persistent, transient);
}

const struct vcard_applet vcard_gids_applet = {
	.application = VCARD_GIDS,
	.id = 'G',
	.aid = gids_aid,
	.aid_len = sizeof(gids_aid),
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

static struct gids *
gids_of(const struct vcard *card)
{
	unsigned i;

	for (i = 0; i < VCARD_APPLETS; i++) {
		if (vcard_applets[i] == &vcard_gids_applet)
			return card->applets[i];
	}
	return NULL;
}

static unsigned
count_keys(const struct gids *g)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < g->file_count; i++) {
		if (g->files[i]->key.type == VCARD_KEY_RSA || g->files[i]->key.type == VCARD_KEY_EC)
			n++;
	}
	return n;
}

void
vcard_info(const struct vcard *card, struct vcard_info *ret_info)
{
	const struct gids *g = gids_of(card);
	unsigned role;

	*ret_info = (struct vcard_info){
		.gids_selected = card->selected < VCARD_APPLETS && card->applets[card->selected] == g,
		.chain_open = card->chain_open,
		.answer_pending = card->pending.len - card->pending_at,
	};
	if (g == NULL)
		return;
	ret_info->life = (unsigned)g->life;
	ret_info->pin_verified = g->pin_verified;
	ret_info->admin_authenticated = g->admin;
	ret_info->pin_set = g->pin.set;
	ret_info->pin_tries_left = g->pin.left;
	ret_info->puk_set = g->puk.set;
	ret_info->puk_tries_left = g->puk.left;
	ret_info->roles_verified = g->roles_verified;
	for (role = 0; role < GIDS_ROLES; role++)
		ret_info->sessions |= g->sessions[role].set ? 1u << role : 0;
	ret_info->challenge_pending = g->challenge.kind != GIDS_NO_CHALLENGE;
	ret_info->files = (unsigned)g->file_count;
	ret_info->keys = count_keys(g);
}

static struct gids_file *
raw_file(const struct vcard *card, uint16_t fid)
{
	const struct gids *g = gids_of(card);
	struct gids_file *file = g != NULL ? gids_find_file(g, fid) : NULL;

	if (file == NULL || file->kind != GIDS_KIND_DATA) {
		errno = ENOENT;
		return NULL;
	}
	return file;
}

int
vcard_raw_put(struct vcard *card, uint16_t file, uint32_t tag, struct cursor value)
{
	struct gids_file *f = raw_file(card, file);

	if (f == NULL)
		return -1;
	if (gids_set_object(&f->objects, tag, value))
		return 0;
	errno = ENOMEM;
	return -1;
}

int
vcard_raw_delete(struct vcard *card, uint16_t file, uint32_t tag)
{
	struct gids_file *f = raw_file(card, file);
	struct gids_object *object = f != NULL ? gids_find_object(&f->objects, tag) : NULL;

	if (object == NULL) {
		errno = ENOENT;
		return -1;
	}
	gids_remove_object(&f->objects, object);
	return 0;
}
