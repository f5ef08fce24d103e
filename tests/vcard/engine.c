/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card's dispatcher: ISO 7816-4 command forms, classes, chaining, GET RESPONSE and SELECT by name. What a
 * command means is the selected applet's affair.
 */
#include "vcard/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

const struct vcard_applet *const vcard_applets[VCARD_APPLETS] = { &vcard_gids_applet, &vcard_piv_applet };

/* --- the card as an object -------------------------------------------------------------------------------------- */

struct vcard *
vcard_new(const char *path, const struct vcard_profile *profile)
{
	struct vcard *card = calloc(1, sizeof(*card));
	unsigned i;

	if (card == NULL)
		return NULL;
	card->env.profile = *profile;
	vcard_profile_fill(&card->env.profile);
	card->selected = VCARD_NOT_SELECTED;
	card->chain.max = CHAIN_MAX;
	card->pending.max = ANSWER_MAX;
	card->saved.max = STATE_MAX;
	card->path = strdup(path);
	for (i = 0; i < VCARD_APPLETS; i++)
		card->applets[i] = vcard_applets[i]->create(&card->env);
	for (i = 0; i < VCARD_APPLETS; i++) {
		if (card->applets[i] == NULL || card->path == NULL) {
			vcard_close(card);
			errno = ENOMEM;
			return NULL;
		}
	}
	return card;
}

void
vcard_close(struct vcard *card)
{
	unsigned i;

	if (card == NULL)
		return;
	for (i = 0; i < VCARD_APPLETS; i++) {
		if (card->applets[i] != NULL)
			vcard_applets[i]->destroy(card->applets[i]);
	}
	vcard_crypto_free(&card->env.crypto);
	buf_free(&card->saved);
	buf_free(&card->chain);
	buf_free(&card->pending);
	free(card->path);
	free(card);
}

size_t
vcard_atr(const struct vcard *card, uint8_t ret_atr[VCARD_ATR_MAX])
{
	memcpy(ret_atr, card->env.profile.atr, card->env.profile.atr_len);
	return card->env.profile.atr_len;
}

bool
vcard_is_t0(const struct vcard *card)
{
	return (card->env.profile.quirks & VCARD_T0) != 0;
}

static bool
has_quirk(const struct vcard *card, enum vcard_quirk quirk)
{
	return (card->env.profile.quirks & (uint32_t)quirk) != 0;
}

static bool
has_piv_quirk(const struct vcard *card, uint64_t quirk)
{
	return (card->env.profile.piv.quirks & quirk) != 0;
}

static void
close_chain(struct vcard *card)
{
	card->chain_open = false;
	buf_reset(&card->chain);
}

static void
drop_pending(struct vcard *card)
{
	card->pending_at = 0;
	buf_reset(&card->pending);
}

/* The application that needs no SELECT. */
static unsigned
selected_first(const struct vcard *card)
{
	unsigned i;

	if (!has_piv_quirk(card, VCARD_PIV_SELECTED_FIRST))
		return VCARD_NOT_SELECTED;
	for (i = 0; i < VCARD_APPLETS; i++) {
		if (vcard_applets[i]->application == VCARD_PIV)
			return i;
	}
	return VCARD_NOT_SELECTED;
}

void
vcard_reset(struct vcard *card)
{
	unsigned i;

	for (i = 0; i < VCARD_APPLETS; i++)
		vcard_applets[i]->reset(card->applets[i]);
	card->selected = selected_first(card);
	card->env.global_verified = false;
	close_chain(card);
	drop_pending(card);
}

/* --- command forms (ISO 7816-3, 12.1) --------------------------------------------------------------------------- */

static bool
parse_short(struct cursor *body, struct vcard_command *command)
{
	uint8_t byte;

	if (cur_at_end(body))
		return true;  /* case 1 */
	if (body->left > 1) { /* case 3 or 4 */
		if (!cur_u8(body, &byte) || byte == 0 || !cur_take(body, byte, &command->data))
			return false;
		if (cur_at_end(body))
			return true;
	}
	command->has_le = true;
	if (!cur_u8(body, &byte))
		return false;
	command->ne = byte == 0 ? 256 : byte;
	return cur_at_end(body);
}

static bool
parse_extended(struct cursor *body, struct vcard_command *command)
{
	uint16_t number;

	command->extended = true;
	if (!cur_skip(body, 1))
		return false;
	if (body->left > 2) {
		if (!cur_be16(body, &number) || number == 0 || !cur_take(body, number, &command->data))
			return false;
		if (cur_at_end(body))
			return true;
	}
	command->has_le = true;
	if (!cur_be16(body, &number))
		return false;
	command->ne = number == 0 ? 65536 : number;
	return cur_at_end(body);
}

static uint16_t
parse(const struct vcard *card, struct cursor bytes, struct vcard_command *ret_command)
{
	struct vcard_command command = { 0 };
	bool extended;
	uint8_t first;

	if (!cur_u8(&bytes, &command.cla) || !cur_u8(&bytes, &command.ins) || !cur_u8(&bytes, &command.p1) ||
	    !cur_u8(&bytes, &command.p2))
		return SW_LENGTH;
	if ((command.cla & 0xE0) != 0)
		return SW_CLA;
	if ((command.cla & 0x0C) != 0)
		return SW_SECURE_MESSAGING;
	if ((command.cla & 0x03) != 0)
		return SW_CHANNEL;
	extended = bytes.left > 1 && cur_peek(&bytes, &first) && first == 0;
	if (extended && (has_quirk(card, VCARD_NO_EXTENDED) || vcard_is_t0(card)))
		return SW_LENGTH;
	if (!(extended ? parse_extended(&bytes, &command) : parse_short(&bytes, &command)))
		return SW_LENGTH;
	/* T=0 knows no Le behind data */
	if (vcard_is_t0(card) && command.has_le && command.data.left != 0)
		return SW_LENGTH;
	*ret_command = command;
	return SW_OK;
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

static uint16_t
more_status(size_t left)
{
	return (uint16_t)(SW_MORE | (left > 255 ? 0 : left));
}

/* Moves up to limit bytes of what is pending to the answer. */
static uint16_t
give(struct vcard *card, size_t limit, struct buf *answer)
{
	struct cursor left = buf_cur(&card->pending), part;

	if (!cur_skip(&left, card->pending_at))
		return SW_FAULT;
	if (limit > 255 && has_piv_quirk(card, VCARD_PIV_CHUNKS_255))
		limit = 255;
	if (limit > left.left)
		limit = left.left;
	if (!cur_take(&left, limit, &part))
		return SW_FAULT;
	buf_put_cur(answer, part);
	card->pending_at += limit;
	if (left.left > 0)
		return more_status(left.left);
	drop_pending(card);
	return SW_OK;
}

static uint16_t
get_response(struct vcard *card, const struct vcard_command *command, struct buf *answer)
{
	size_t left = card->pending.len - card->pending_at;
	bool all = command->extended || (command->ne == 256 && !vcard_is_t0(card));

	if (command->cla != 0)
		return SW_CLA;
	if (command->p1 != 0 || command->p2 != 0)
		return SW_P1P2;
	if (!command->has_le || command->data.left != 0)
		return SW_LENGTH;
	if (left == 0)
		return SW_CONDITIONS;
	if (command->ne > left && !all)
		return (uint16_t)(SW_EXACT | left);
	return give(card, command->ne, answer);
}

/* T=0, case 2: the host names the length that it takes. */
static uint16_t
give_exact(struct vcard *card, const struct vcard_command *command, struct buf *answer)
{
	size_t len = card->pending.len;

	if (command->ne != len && len <= 256) {
		drop_pending(card);
		return (uint16_t)(SW_EXACT | (len & 0xFF));
	}
	return give(card, command->ne, answer);
}

/* What the first answer may hold. Over T=0 a command with data gets its answer by GET RESPONSE. */
static size_t
first_limit(const struct vcard *card, const struct vcard_command *command)
{
	if (vcard_is_t0(card))
		return 0;
	if (!command->has_le && card->selected < VCARD_APPLETS && vcard_applets[card->selected]->answers_unasked)
		return 256;
	return command->ne;
}

/* Sends what an applet left in pending, as the protocol and Le allow. */
static uint16_t
give_first(struct vcard *card, const struct vcard_command *command, uint16_t sw, struct buf *answer)
{
	uint16_t more;

	if (buf_failed(&card->pending))
		sw = SW_MEMORY;
	if ((sw != SW_OK && sw != SW_TERMINATED) || card->pending.len == 0) {
		drop_pending(card);
		return sw;
	}
	if (vcard_is_t0(card) && command->has_le)
		more = give_exact(card, command, answer);
	else
		more = give(card, first_limit(card, command), answer);
	return more == SW_OK ? sw : more;
}

/* --- selection and dispatch ------------------------------------------------------------------------------------- */

static const struct vcard_applet *
current(const struct vcard *card, void **ret_applet)
{
	if (card->selected >= VCARD_APPLETS)
		return NULL;
	*ret_applet = card->applets[card->selected];
	return vcard_applets[card->selected];
}

static void
interrupt(struct vcard *card)
{
	void *state;
	const struct vcard_applet *applet = current(card, &state);

	if (applet != NULL)
		applet->interrupted(state);
}

/* The name, whole or cut at its right (GIDS 2.0, ISO 7816-4 8.2.1.2). Five bytes are a registered provider at least. */
static bool
name_matches(const struct vcard *card, const struct vcard_applet *applet, struct cursor name)
{
	return (card->env.profile.applications & (unsigned)applet->application) != 0 && name.left >= 5 &&
	       name.left <= applet->aid_len && cur_equals(&name, applet->aid, name.left);
}

static void
deselect(struct vcard *card)
{
	if (card->selected < VCARD_APPLETS)
		vcard_applets[card->selected]->reset(card->applets[card->selected]);
	card->selected = VCARD_NOT_SELECTED;
}

static uint16_t
select_by_name(struct vcard *card, const struct vcard_command *command, struct buf *answer)
{
	bool next = (command->p2 & 0x03) == 0x02;
	unsigned i = next && card->selected < VCARD_APPLETS ? card->selected + 1 : 0;
	bool again;

	if ((command->p2 & 0xF1) != 0) {
		interrupt(card);
		return SW_P1P2;
	}
	while (i < VCARD_APPLETS && !name_matches(card, vcard_applets[i], command->data))
		i++;
	if (i == VCARD_APPLETS) {
		interrupt(card);
		if (has_piv_quirk(card, VCARD_PIV_FOREIGN_DROPS))
			deselect(card);
		return SW_NO_FILE;
	}
	again = card->selected == i;
	if (!again)
		deselect(card);
	card->selected = i;
	return vcard_applets[i]->select(card->applets[i], command, again, answer);
}

/* Windows looks for a minidriver by an object that belongs to no application. */
static uint16_t
refuse_unselected(const struct vcard_command *command)
{
	if (command->ins == INS_GET_DATA_EVEN && command->p1 == 0x7F && command->p2 == 0x68)
		return SW_NO_DATA;
	return command->ins == INS_SELECT ? SW_NO_FILE : SW_NOT_ALLOWED;
}

static uint16_t
dispatch(struct vcard *card, const struct vcard_command *command, struct buf *answer)
{
	const struct vcard_applet *applet;
	void *state;

	if (command->ins == INS_SELECT && command->p1 == 0x04)
		return select_by_name(card, command, answer);
	applet = current(card, &state);
	if (applet == NULL)
		return refuse_unselected(command);
	return applet->process(state, command, answer);
}

/* --- chaining (ISO 7816-4, 5.3.3) ------------------------------------------------------------------------------- */

static bool
chain_blocks(const struct vcard *card)
{
	return card->chain_open && has_quirk(card, VCARD_CHAIN_BLOCKS);
}

static bool
continues_chain(const struct vcard *card, const struct vcard_command *command)
{
	return card->chain_open && card->chain_head[0] == command->ins && card->chain_head[1] == command->p1 &&
	       card->chain_head[2] == command->p2;
}

static bool
append_part(struct vcard *card, struct vcard_command *command)
{
	buf_put_cur(&card->chain, command->data);
	command->data = buf_cur(&card->chain);
	return !buf_failed(&card->chain);
}

static uint16_t
chain_part(struct vcard *card, struct vcard_command *command)
{
	bool first = !card->chain_open || !continues_chain(card, command);
	const struct vcard_applet *applet;
	void *state;
	uint16_t sw;

	applet = current(card, &state);
	if (applet == NULL)
		return SW_NOT_ALLOWED;
	if (first)
		buf_reset(&card->chain);
	card->chain_open = true;
	card->chain_head[0] = command->ins;
	card->chain_head[1] = command->p1;
	card->chain_head[2] = command->p2;
	sw = append_part(card, command) ? applet->chain(state, command, first) : SW_LENGTH;
	if (sw != SW_OK)
		close_chain(card);
	return sw;
}

static uint16_t
execute(struct vcard *card, struct vcard_command *command, struct buf *answer)
{
	bool continues = continues_chain(card, command);
	bool by_name = command->ins == INS_SELECT && command->p1 == 0x04;
	bool survives = card->chain_open && !continues && has_piv_quirk(card, VCARD_PIV_CHAIN_SURVIVES);
	uint16_t sw;

	if (card->chain_open && !continues) {
		if (chain_blocks(card) && !by_name)
			return SW_CHAINING;
		if (!survives)
			close_chain(card);
	}
	if ((command->cla & 0x10) != 0)
		return chain_part(card, command);
	if (continues && !append_part(card, command)) {
		close_chain(card);
		return SW_LENGTH;
	}
	sw = dispatch(card, command, answer);
	if (!survives)
		close_chain(card);
	return sw;
}

/* Executes, and puts what was pending before back where it was unless there is a new answer. */
static uint16_t
execute_beside(struct vcard *card, struct vcard_command *command, struct buf *answer)
{
	AUTO_BUF struct buf before = BUF_INIT;
	size_t before_at = card->pending_at;
	uint16_t sw;

	buf_move(&before, &card->pending);
	card->pending_at = 0;
	sw = give_first(card, command, execute(card, command, &card->pending), answer);
	if (card->pending.len == 0 && before.len > 0) {
		buf_move(&card->pending, &before);
		card->pending_at = before_at;
	}
	return sw;
}

static uint16_t
exchange(struct vcard *card, struct cursor bytes, struct buf *answer)
{
	struct vcard_command command = { 0 };
	uint16_t sw = parse(card, bytes, &command);

	if (sw == SW_OK && command.ins == INS_GET_RESPONSE && !chain_blocks(card)) {
		close_chain(card);
		return get_response(card, &command, answer);
	}
	if (sw == SW_OK && has_piv_quirk(card, VCARD_PIV_ANSWER_SURVIVES))
		return execute_beside(card, &command, answer);
	drop_pending(card);
	if (sw != SW_OK) {
		interrupt(card);
		return sw;
	}
	sw = execute(card, &command, &card->pending);
	return give_first(card, &command, sw, answer);
}

size_t
vcard_transmit(struct vcard *card, const uint8_t *command, size_t command_len, uint8_t *ret_response)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(ANSWER_MAX);
	uint16_t sw = exchange(card, cur_of(command, command_len), &answer);

	vcard_crypto_leave(&card->env.crypto);
	if (buf_failed(&answer)) {
		buf_reset(&answer);
		sw = SW_MEMORY;
	}
	if (answer.len > 0)
		memcpy(ret_response, answer.p, answer.len);
	ret_response[answer.len] = (uint8_t)(sw >> 8);
	ret_response[answer.len + 1] = (uint8_t)sw;
	return answer.len + 2;
}
