/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the GIDS application: control parameters, access rules, life cycle. */
#include "vcard/gids.h"

#include "vcard/tlv.h"

enum { P2_FORM = 0x0C, P2_FCI = 0x00, P2_FCP = 0x04, P2_FMD = 0x08, P2_NOTHING = 0x0C };

/* Key references 80 to 9E. */
enum { FID_ADMIN_KEY = 0xB080, FID_LAST_KEY = 0xB09E };

/* The application's security attributes: CREATE and DELETE by PIN or admin; TERMINATE by nobody, or by admin. */
static const uint8_t df_rule[] = { 0x03, 0x30, 0x30 };
static const uint8_t df_rule_terminable[] = { 0x23, 0x20, 0x30, 0x30 };

static struct cursor
application_rule(const struct gids *g)
{
	return g->env->profile.terminable ? cur_of(df_rule_terminable, sizeof(df_rule_terminable))
					  : cur_of(df_rule, sizeof(df_rule));
}

void
gids_application_fcp(const struct gids *g, struct buf *answer)
{
	struct cursor rule = application_rule(g);

	vcard_tlv_put_header(answer, 0x62, 3 + 2 + rule.left);
	vcard_tlv_put_u8(answer, 0x82, 0x38);
	vcard_tlv_put(answer, 0x8C, rule);
}

struct cursor
gids_fcp(const struct gids_file *file)
{
	struct cursor fcp = buf_cur(&file->fcp), content = { NULL, 0 };

	(void)vcard_tlv_expect(&fcp, 0x62, &content);
	return content;
}

/* --- access rules (ISO 7816-4, 5.4.3.1, compact form) ----------------------------------------------------------- */

/* A security condition byte; user: the PIN that it may name is verified. The virtual card is a card with contacts. */
static bool
condition_holds(const struct gids *g, uint8_t scb, bool user)
{
	bool all = (scb & 0x80) != 0;
	uint8_t named = scb & 0x70, met;

	if (scb == 0x00)
		return true;
	if (scb == 0xFF || (scb & 0x0F) == 0x02)
		return false;
	if (g->life == GIDS_TERMINATED)
		return false;
	if (named == 0)
		return true;
	met = (uint8_t)((g->admin ? 0x20 : 0) | (user ? 0x10 : 0));
	return all ? (named & met) == named : (named & met) != 0;
}

/* Groups of access mode byte and conditions are alternatives; an operation in none of them is forbidden. */
static bool
rule_allows(const struct gids *g, struct cursor rule, uint8_t operation, bool user)
{
	uint8_t modes, scb, bit;

	while (cur_u8(&rule, &modes)) {
		for (bit = 0x40; bit != 0; bit >>= 1) {
			if ((modes & bit) == 0)
				continue;
			if (!cur_u8(&rule, &scb))
				return false;
			if (bit == operation && condition_holds(g, scb, user))
				return true;
		}
	}
	return false;
}

static bool
application_allows(const struct gids *g, enum gids_access operation)
{
	return g->life == GIDS_INITIALISATION ||
	       rule_allows(g, application_rule(g), (uint8_t)operation, g->pin_verified);
}

uint16_t
gids_check_file(const struct gids *g, const struct gids_file *file, enum gids_access operation)
{
	struct cursor rule;
	bool user;

	if (!file->active)
		return SW_CONDITIONS;
	if (g->life == GIDS_INITIALISATION)
		return SW_OK;
	user = gids_role_verified(g, gids_guard(g, file));
	if (!vcard_tlv_find(gids_fcp(file), 0x8C, &rule) || !rule_allows(g, rule, (uint8_t)operation, user))
		return SW_SECURITY;
	return SW_OK;
}

bool
gids_find_crt(const struct gids_file *file, uint8_t crt, uint8_t mechanism, uint8_t usage, struct cursor *ret_crt)
{
	struct cursor list, entry;
	uint8_t has_mechanism, has_usage;
	uint32_t tag;

	if (!vcard_tlv_find(gids_fcp(file), 0xA5, &list))
		return false;
	while (vcard_tlv_next(&list, &tag, &entry)) {
		if (tag != crt || !vcard_tlv_find_u8(entry, 0x80, &has_mechanism) ||
		    !vcard_tlv_find_u8(entry, 0x95, &has_usage))
			continue;
		if ((mechanism == 0 || mechanism == has_mechanism) && (has_usage & usage) == usage) {
			*ret_crt = entry;
			return true;
		}
	}
	return false;
}

/* --- selection -------------------------------------------------------------------------------------------------- */

static uint16_t
select_application(struct gids *g, uint8_t form, struct buf *answer)
{
	static const struct vcard_command no_name = { 0 };
	struct vcard_command command = no_name;

	command.p2 = form;
	g->current = 0;
	return vcard_gids_applet.select(g, &command, true, answer);
}

static struct gids_file *
current_file(const struct gids *g)
{
	return g->current != 0 ? gids_find_file(g, g->current) : NULL;
}

uint16_t
gids_select_file(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct cursor data = command->data;
	uint8_t form = command->p2 & P2_FORM;
	struct gids_file *file;
	uint16_t fid;

	if (command->p1 != 0x00 || (command->p2 & ~P2_FORM) != 0)
		return SW_P1P2;
	if (!cur_be16(&data, &fid) || !cur_at_end(&data))
		return SW_LENGTH;
	if (fid == GIDS_FID_APPLICATION)
		return select_application(g, form, answer);
	file = fid == 0 ? current_file(g) : gids_find_file(g, fid);
	if (file == NULL)
		return SW_NO_FILE;
	if (form == P2_FMD)
		return SW_P1P2;
	g->current = file->fid;
	if (form != P2_NOTHING)
		buf_put_cur(answer, buf_cur(&file->fcp));
	return SW_OK;
}

/* --- creation --------------------------------------------------------------------------------------------------- */

/* 80 mechanism, 83 or 84 key reference, 95 usage; A3 may count uses. */
static bool
good_crt(struct cursor crt)
{
	uint8_t byte;

	return vcard_tlv_find_u8(crt, 0x80, &byte) && vcard_tlv_find_u8(crt, 0x95, &byte) &&
	       (vcard_tlv_find_u8(crt, 0x83, &byte) || vcard_tlv_find_u8(crt, 0x84, &byte));
}

static bool
good_crts(struct cursor list)
{
	struct cursor crt;
	uint32_t tag;

	while (list.left > 0) {
		if (!vcard_tlv_next(&list, &tag, &crt) ||
		    (tag != CRT_AUTHENTICATION && tag != CRT_SIGNATURE && tag != CRT_CONFIDENTIALITY) || !good_crt(crt))
			return false;
	}
	return true;
}

static bool
reserved_fid(uint16_t fid)
{
	return fid == 0x0000 || fid == GIDS_FID_APPLICATION || fid == 0x3F00 || fid == 0xFFFF ||
	       fid == GIDS_FID_EF_ATR || fid == GIDS_FID_EF_DIR;
}

static bool
parse_fcp(struct cursor fcp, uint8_t *ret_kind, uint16_t *ret_fid)
{
	struct cursor content, value, crts;
	uint8_t kind;
	uint16_t fid;

	if (!vcard_tlv_expect(&fcp, 0x62, &content) || !cur_at_end(&fcp) || !vcard_tlv_find_u8(content, 0x82, &kind) ||
	    !vcard_tlv_find(content, 0x83, &value) || !cur_be16(&value, &fid) || !cur_at_end(&value) ||
	    reserved_fid(fid))
		return false;
	if (kind == GIDS_KIND_KEY) {
		if (fid < FID_ADMIN_KEY || fid > FID_LAST_KEY || !vcard_tlv_find(content, 0xA5, &crts) ||
		    !good_crts(crts))
			return false;
	} else if (kind != GIDS_KIND_DATA) {
		return false;
	}
	*ret_kind = kind;
	*ret_fid = fid;
	return true;
}

/* A key that can authenticate the admin must not come from somebody who is not the admin (GIDS 2.0). */
static bool
is_admin_key(const struct gids_file *file)
{
	struct cursor crt;

	return file->kind == GIDS_KIND_KEY && gids_find_crt(file, CRT_AUTHENTICATION, 0, 0x80, &crt);
}

uint16_t
gids_create_file(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_file *file;
	uint8_t kind;
	uint16_t fid;

	(void)answer;
	if (command->p1 != 0 || command->p2 != 0)
		return SW_P1P2;
	if (!parse_fcp(command->data, &kind, &fid))
		return SW_DATA;
	if (!application_allows(g, GIDS_CREATE_EF))
		return SW_SECURITY;
	if (gids_find_file(g, fid) != NULL)
		return SW_EXISTS;
	if (g->file_count >= g->env->profile.max_files)
		return SW_FULL;
	file = gids_add_file(g, fid, kind, command->data);
	if (file == NULL)
		return SW_MEMORY;
	if (gids_guard(g, file) == 0) {
		gids_remove_file(g, file);
		return SW_DATA;
	}
	if (g->life == GIDS_OPERATIONAL && !g->admin && is_admin_key(file)) {
		gids_remove_file(g, file);
		return SW_SECURITY;
	}
	g->current = fid;
	return SW_OK;
}

/* --- life cycle ------------------------------------------------------------------------------------------------- */

static uint16_t
check_bare(const struct vcard_command *command)
{
	if (command->p1 != 0 || command->p2 != 0)
		return SW_P1P2;
	return command->data.left != 0 ? SW_LENGTH : SW_OK;
}

uint16_t
gids_activate_file(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_file *file = current_file(g);
	uint16_t sw = check_bare(command);

	(void)answer;
	if (sw != SW_OK)
		return sw;
	if (file != NULL)
		file->active = true;
	else if (g->life == GIDS_INITIALISATION)
		g->life = GIDS_OPERATIONAL;
	return SW_OK;
}

uint16_t
gids_delete_file(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_file *file = current_file(g);
	uint16_t sw = check_bare(command);

	(void)answer;
	if (sw != SW_OK)
		return sw;
	if (file == NULL)
		return SW_NOT_ALLOWED;
	if (!application_allows(g, GIDS_DELETE_CHILD) ||
	    (g->life == GIDS_OPERATIONAL && !g->admin && is_admin_key(file)))
		return SW_SECURITY;
	gids_remove_file(g, file);
	g->current = 0;
	return SW_OK;
}

uint16_t
gids_terminate(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	uint16_t sw = check_bare(command);

	(void)answer;
	if (sw != SW_OK)
		return sw;
	if (!application_allows(g, GIDS_TERMINATE_DF))
		return SW_SECURITY;
	gids_forget(g);
	g->life = GIDS_TERMINATED;
	return SW_OK;
}
