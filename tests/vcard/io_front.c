/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual card as a connection in the same process. */
#include "vcard/io_front.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "carderr.h"
#include "vcard/keypad.h"

struct vcard_io {
	struct io io; /* first: ops get a pointer to it */
	struct link link;
	struct vcard *card;
	bool owned;
	bool was_reset; /* and nobody has been told */
	bool removed;
	unsigned begun, ended;
	bool has_keypad;
	struct buf keypad; /* its text */
	unsigned controls;
	const char *refusal;
};

static struct vcard_io *
vcard_io_of(struct io *io)
{
	return (struct vcard_io *)(void *)io;
}

static const struct vcard_io *
const_io_of(const struct io *io)
{
	return (const struct vcard_io *)(const void *)io;
}

static DWORD
error_of(struct vcard_io *v, enum link_outcome outcome)
{
	switch (outcome) {
	case LINK_ANSWERED: return SCARD_S_SUCCESS;
	case LINK_WAS_UNSET:
	case LINK_WAS_RESET: v->was_reset = true; return SCARD_W_RESET_CARD;
	case LINK_WAS_REMOVED: v->removed = true; return SCARD_W_REMOVED_CARD;
	case LINK_WAS_PULLED: v->removed = true; return SCARD_E_COMM_DATA_LOST;
	case LINK_SILENT: break;
	}
	return SCARD_E_COMM_DATA_LOST;
}

static DWORD
transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(VCARD_RESPONSE_MAX);
	struct vcard_io *v = vcard_io_of(io);
	uint8_t *room = buf_extend(&answer, VCARD_RESPONSE_MAX);
	size_t len;
	DWORD r;

	(void)secret; /* a test's trace hides nothing */
	if (room == NULL)
		return SCARD_E_NO_MEMORY;
	if (v->removed)
		return SCARD_W_REMOVED_CARD;
	if (v->was_reset)
		return SCARD_W_RESET_CARD;
	r = error_of(v, link_exchange(&v->link, v->card, command.p, command.left, room, &len));
	if (r == SCARD_S_SUCCESS && len < 2)
		r = SCARD_E_COMM_DATA_LOST;
	if (v->owned && vcard_save(v->card) != 0 && r == SCARD_S_SUCCESS)
		r = SCARD_F_INTERNAL_ERROR;
	if (r != SCARD_S_SUCCESS)
		return r;
	buf_put(response, room, len);
	return buf_failed(response) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static DWORD
begin(struct io *io, bool *ret_reset)
{
	struct vcard_io *v = vcard_io_of(io);

	if (v->removed)
		return SCARD_W_REMOVED_CARD;
	*ret_reset = v->was_reset;
	v->was_reset = false;
	v->begun++;
	return SCARD_S_SUCCESS;
}

static void
end(struct io *io, bool reset_card)
{
	struct vcard_io *v = vcard_io_of(io);

	v->ended++;
	if (reset_card && !v->removed)
		vcard_io_reset(io);
}

/* --- the reader's keys ------------------------------------------------------------------------------------------- */

static DWORD
control(struct io *io, uint32_t code, struct cursor in, struct buf *response)
{
	AUTO_BUF struct buf command = BUF_INIT, rest = BUF_INIT;
	struct vcard_io *v = vcard_io_of(io);
	enum keypad_result result;
	struct keypad k;

	v->controls++;
	if (v->removed)
		return SCARD_W_REMOVED_CARD;
	if (!v->has_keypad || !keypad_parse(buf_cur(&v->keypad), &k))
		return SCARD_E_UNSUPPORTED_FEATURE;
	result = keypad_control(&k, code, in, response, &command, &v->refusal);
	keypad_put_text(&k, &rest);
	buf_move(&v->keypad, &rest);
	switch (result) {
	case KEYPAD_ANSWER: return SCARD_S_SUCCESS;
	case KEYPAD_COMMAND: return transmit(io, buf_cur(&command), true, response);
	case KEYPAD_BROKEN: return SCARD_E_COMM_DATA_LOST;
	case KEYPAD_UNKNOWN: break;
	}
	return SCARD_E_UNSUPPORTED_FEATURE;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void
free_io(struct vcard_io *v)
{
	link_faults_free(&v->link.faults);
	buf_free(&v->keypad);
	free(v);
}

static void
close_io(struct io *io)
{
	struct vcard_io *v = vcard_io_of(io);

	if (v->owned) {
		vcard_reset(v->card);
		(void)vcard_save(v->card);
		vcard_close(v->card);
	}
	free_io(v);
}

/* As close, for a forked child: the card's file is the parent's affair. */
static void
forget(struct io *io)
{
	struct vcard_io *v = vcard_io_of(io);

	if (v->owned)
		vcard_close(v->card);
	free_io(v);
}

static const struct io_ops vcard_io_ops = {
	.transmit = transmit,
	.begin = begin,
	.end = end,
	.close = close_io,
	.forget = forget,
	.control = control,
};

static struct vcard_io *
new_io(struct vcard *card, bool owned)
{
	struct vcard_io *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->io.ops = &vcard_io_ops;
	v->io.atr_len = vcard_atr(card, v->io.atr);
	v->io.t0 = vcard_is_t0(card);
	v->link = (struct link)LINK_INIT;
	v->card = card;
	v->owned = owned;
	return v;
}

DWORD
vcard_io_wrap(struct vcard *card, struct io **ret_io)
{
	struct vcard_io *v = new_io(card, false);

	if (v == NULL)
		return SCARD_E_NO_MEMORY;
	vcard_reset(card);
	*ret_io = &v->io;
	return SCARD_S_SUCCESS;
}

DWORD
vcard_io_open(const char *path, struct io **ret_io)
{
	struct vcard *card = vcard_open(path);
	struct vcard_io *v;

	if (card == NULL)
		return SCARD_E_NO_SMARTCARD;
	v = new_io(card, true);
	if (v == NULL) {
		vcard_close(card);
		return SCARD_E_NO_MEMORY;
	}
	vcard_reset(card);
	*ret_io = &v->io;
	return SCARD_S_SUCCESS;
}

struct link *
vcard_io_link(struct io *io)
{
	return &vcard_io_of(io)->link;
}

struct vcard *
vcard_io_card(struct io *io)
{
	return vcard_io_of(io)->card;
}

void
vcard_io_reset(struct io *io)
{
	struct vcard_io *v = vcard_io_of(io);

	vcard_reset(v->card);
	v->was_reset = true;
}

void
vcard_io_remove(struct io *io)
{
	struct vcard_io *v = vcard_io_of(io);

	vcard_reset(v->card);
	v->removed = true;
}

unsigned
vcard_io_begun(const struct io *io)
{
	return const_io_of(io)->begun;
}

unsigned
vcard_io_ended(const struct io *io)
{
	return const_io_of(io)->ended;
}

void
vcard_io_keypad(struct io *io, const char *text)
{
	struct vcard_io *v = vcard_io_of(io);

	v->has_keypad = text != NULL;
	buf_reset(&v->keypad);
	if (text != NULL)
		buf_put(&v->keypad, text, strlen(text));
}

unsigned
vcard_io_controls(const struct io *io)
{
	return const_io_of(io)->controls;
}

const char *
vcard_io_refusal(const struct io *io)
{
	return const_io_of(io)->refusal;
}
