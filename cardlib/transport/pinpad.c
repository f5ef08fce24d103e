/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PC/SC part 10: what a reader says of itself, and PIN entry at its keys with the structures that tell it which command to
 * complete with what is typed. Numbers in them are little-endian but for the control codes in the list of features.
 */
#include "transport/transport.h"

#include "base/auto.h"
#include "base/log.h"
#include "carderr.h"

/* SCARD_CTL_CODE(3400), the same on all systems that have pcsc-lite. */
#define GET_FEATURE_REQUEST 0x42000D48u

enum {
	FEATURE_VERIFY_DIRECT = 0x06,
	FEATURE_MODIFY_DIRECT = 0x07,
	FEATURE_PIN_PROPERTIES = 0x0A,
	FEATURE_TLV_PROPERTIES = 0x12,
};
enum { PROPERTY_LAYOUT = 1, PROPERTY_MIN = 6, PROPERTY_MAX = 7, PROPERTY_DATA_MAX = 10 };

#define CODE_BYTES 4u
/* Units are bytes, no offset behind Lc, left, ASCII. */
#define FORMAT_ASCII_LEFT 0x82u
#define BLOCK_MAX 15u
#define CONFIRM_NEW 0x01u
#define ASK_FOR_OLD 0x02u
#define UNTIL_KEY 0x02u
#define UNTIL_MAX 0x01u
#define LANGUAGE 0x0409u /* English; a reader without the text uses its own */
enum { MESSAGE_ENTER = 0, MESSAGE_NEW = 1, MESSAGE_CONFIRM = 2 };

/* Status words that are the reader's own (part 10, 2.5.3); no card was asked. */
enum {
	READER_TIMEOUT = 0x6400,
	READER_CANCELLED = 0x6401,
	READER_NOT_CONFIRMED = 0x6402,
	READER_LENGTH = 0x6403,
	READER_BAD_STRUCTURE = 0x6B80,
};

/* --- what the reader can ------------------------------------------------------------------------------------------ */

struct features {
	uint32_t verify, modify, pin_properties, tlv_properties;
};

/* Each is a tag, a length and the control code; those that are not of interest, or not understood, are left out. */
static void
read_features(struct cursor list, struct features *f)
{
	struct cursor value;
	uint8_t tag, len;
	uint32_t code;

	while (cur_u8(&list, &tag) && cur_u8(&list, &len) && cur_take(&list, len, &value)) {
		if (len != CODE_BYTES || !cur_be32(&value, &code))
			continue;
		switch (tag) {
		case FEATURE_VERIFY_DIRECT: f->verify = code; break;
		case FEATURE_MODIFY_DIRECT: f->modify = code; break;
		case FEATURE_PIN_PROPERTIES: f->pin_properties = code; break;
		case FEATURE_TLV_PROPERTIES: f->tlv_properties = code; break;
		default: break;
		}
	}
}

/* Numbers of one or two bytes. */
static bool
property_number(struct cursor value, uint16_t *ret_number)
{
	uint8_t byte;

	if (value.left == 2)
		return cur_le16(&value, ret_number);
	if (value.left != 1 || !cur_u8(&value, &byte))
		return false;
	*ret_number = byte;
	return true;
}

static void
note_property(struct io_keypad *k, uint8_t tag, uint16_t number)
{
	if (tag == PROPERTY_LAYOUT)
		k->blind = number == 0;
	else if (tag == PROPERTY_MIN && number <= UINT8_MAX)
		k->min = (uint8_t)number;
	else if (tag == PROPERTY_MAX && number <= UINT8_MAX)
		k->max = (uint8_t)number;
}

static void
read_tlv_properties(struct cursor list, struct io_keypad *k)
{
	struct cursor value;
	uint8_t tag, len;
	uint16_t number;

	while (cur_u8(&list, &tag) && cur_u8(&list, &len) && cur_take(&list, len, &value)) {
		if (property_number(value, &number))
			note_property(k, tag, number);
	}
}

/* What is not told is nothing to worry about. */
static void
ask_properties(struct io *io, const struct features *f, struct io_keypad *k)
{
	static const struct cursor nothing = { NULL, 0 };
	AUTO_BUF struct buf answer = BUF_INIT_MAX(IO_CONTROL_ROOM);
	struct cursor c;
	uint16_t layout;

	if (f->pin_properties != 0 && io_control(io, f->pin_properties, nothing, &answer) == SCARD_S_SUCCESS) {
		c = buf_cur(&answer);
		if (cur_le16(&c, &layout))
			k->blind = layout == 0;
	}
	buf_reset(&answer);
	if (f->tlv_properties != 0 && io_control(io, f->tlv_properties, nothing, &answer) == SCARD_S_SUCCESS)
		read_tlv_properties(buf_cur(&answer), k);
}

uint32_t
io_data_max(struct io *io)
{
	static const struct cursor nothing = { NULL, 0 };
	AUTO_BUF struct buf answer = BUF_INIT_MAX(IO_CONTROL_ROOM);
	struct features f = { 0 };
	struct cursor list, value;
	uint32_t number = 0;
	uint8_t tag, len;

	if (io_control(io, GET_FEATURE_REQUEST, nothing, &answer) == SCARD_S_SUCCESS)
		read_features(buf_cur(&answer), &f);
	buf_reset(&answer);
	if (f.tlv_properties == 0 || io_control(io, f.tlv_properties, nothing, &answer) != SCARD_S_SUCCESS)
		return 0;
	list = buf_cur(&answer);
	while (cur_u8(&list, &tag) && cur_u8(&list, &len) && cur_take(&list, len, &value))
		if (tag == PROPERTY_DATA_MAX && len == sizeof(number) && cur_le32(&value, &number))
			return number;
	return 0;
}

/* Whether the failure says something about the reader, and not about the moment. */
static bool
is_refusal(DWORD r)
{
	return r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_COMM_DATA_LOST;
}

static void
ask(struct io *io)
{
	static const struct cursor nothing = { NULL, 0 };
	AUTO_BUF struct buf answer = BUF_INIT_MAX(IO_CONTROL_ROOM);
	struct io_keypad k = { .asked = true };
	struct features f = { 0 };
	DWORD r = io_control(io, GET_FEATURE_REQUEST, nothing, &answer);

	if (r != SCARD_S_SUCCESS && !is_refusal(r))
		return;
	if (r == SCARD_S_SUCCESS)
		read_features(buf_cur(&answer), &f);
	k.verify = f.verify;
	k.modify = f.modify;
	if (k.verify != 0 || k.modify != 0)
		ask_properties(io, &f, &k);
	io->keypad = k;
}

bool
io_pinpad(struct io *io, enum io_pinpad_use use)
{
	if (!io->keypad.asked)
		ask(io);
	return (use == IO_PINPAD_VERIFY ? io->keypad.verify : io->keypad.modify) != 0;
}

/* --- what the reader is told -------------------------------------------------------------------------------------- */

struct digits {
	uint8_t min, max;
};

/* The lengths that both the card and the reader take; false when there is none. */
static bool
common_lengths(const struct io_keypad *k, const struct io_pin_entry *e, struct digits *ret_digits)
{
	struct digits d = { e->min, e->max };

	if (e->block > 0 && d.max > e->block)
		d.max = e->block;
	if (k->max != 0 && d.max > k->max)
		d.max = k->max;
	if (d.min < k->min)
		d.min = k->min;
	*ret_digits = d;
	return d.min > 0 && d.min <= d.max && e->block <= BLOCK_MAX;
}

static void
put_command(const struct io_pin_entry *e, unsigned blocks, struct buf *b)
{
	const size_t room = (size_t)e->block * blocks;

	buf_le32(b, (uint32_t)(sizeof(e->header) + 1 + room));
	buf_put(b, e->header, sizeof(e->header));
	/* with blocks of no fixed length it is for the reader to put the length in */
	buf_u8(b, (uint8_t)room);
	for (size_t i = 0; i < room; i++)
		buf_u8(b, e->pad);
}

static void
put_start(const struct io_pin_entry *e, struct buf *b)
{
	buf_u8(b, IO_PINPAD_SECONDS);
	buf_u8(b, IO_PINPAD_SECONDS); /* after the first key */
	buf_u8(b, FORMAT_ASCII_LEFT);
	buf_u8(b, e->block); /* and no length within the block */
	buf_u8(b, 0);
}

static void
put_lengths(struct digits d, struct buf *b)
{
	buf_u8(b, d.max);
	buf_u8(b, d.min);
}

static uint8_t
entry_ends(struct digits d)
{
	return d.min == d.max ? UNTIL_KEY | UNTIL_MAX : UNTIL_KEY;
}

/* PIN_VERIFY, part 10, 2.5.2. */
static void
put_verify(const struct io_keypad *k, const struct io_pin_entry *e, struct digits d, struct buf *b)
{
	put_start(e, b);
	put_lengths(d, b);
	buf_u8(b, entry_ends(d));
	buf_u8(b, k->blind ? 0 : 1);
	buf_le16(b, LANGUAGE);
	buf_u8(b, MESSAGE_ENTER);
	buf_zeros(b, 3);
	put_command(e, 1, b);
}

/* PIN_MODIFY, part 10, 2.5.3. */
static void
put_modify(const struct io_keypad *k, const struct io_pin_entry *e, struct digits d, struct buf *b)
{
	put_start(e, b);
	buf_u8(b, 0);
	buf_u8(b, e->with_old ? e->block : 0);
	put_lengths(d, b);
	buf_u8(b, e->with_old ? ASK_FOR_OLD | CONFIRM_NEW : CONFIRM_NEW);
	buf_u8(b, entry_ends(d));
	buf_u8(b, k->blind ? 0 : e->with_old ? 3 : 2);
	buf_le16(b, LANGUAGE);
	if (e->with_old)
		buf_u8(b, MESSAGE_ENTER);
	buf_u8(b, MESSAGE_NEW);
	buf_u8(b, MESSAGE_CONFIRM);
	buf_zeros(b, e->with_old ? 3 : 4);
	put_command(e, e->with_old ? 2 : 1, b);
}

static DWORD
reader_code(uint16_t sw)
{
	switch (sw) {
	case READER_TIMEOUT: return SCARD_E_TIMEOUT;
	case READER_CANCELLED: return SCARD_W_CANCELLED_BY_USER;
	case READER_NOT_CONFIRMED: return SCARD_E_INVALID_CHV;
	case READER_LENGTH: return SCARD_E_INVALID_PARAMETER;
	case READER_BAD_STRUCTURE: return SCARD_E_UNSUPPORTED_FEATURE;
	default: return SCARD_S_SUCCESS;
	}
}

static DWORD
enter(struct io *io, uint32_t code, const struct buf *structure, uint16_t *ret_sw)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(IO_CONTROL_ROOM);
	struct cursor c;
	uint16_t sw;
	DWORD r;

	if (buf_failed(structure))
		return SCARD_E_NO_MEMORY;
	if ((r = io_control(io, code, buf_cur(structure), &answer)) != SCARD_S_SUCCESS)
		return r;
	c = buf_cur(&answer);
	if (!cur_be16(&c, &sw) || !cur_at_end(&c))
		return SCARD_E_COMM_DATA_LOST;
	r = reader_code(sw);
	if (r != SCARD_S_SUCCESS)
		log_info(LOG_IO, "PIN entry at the reader: %04X, %s", sw, log_code_name(r));
	else
		*ret_sw = sw;
	return r;
}

DWORD
io_verify_pin(struct io *io, const struct io_pin_entry *entry, uint16_t *ret_sw)
{
	AUTO_BUF struct buf structure = BUF_INIT;
	struct digits d;

	if (!io_pinpad(io, IO_PINPAD_VERIFY) || !common_lengths(&io->keypad, entry, &d))
		return SCARD_E_UNSUPPORTED_FEATURE;
	put_verify(&io->keypad, entry, d, &structure);
	return enter(io, io->keypad.verify, &structure, ret_sw);
}

DWORD
io_modify_pin(struct io *io, const struct io_pin_entry *entry, uint16_t *ret_sw)
{
	AUTO_BUF struct buf structure = BUF_INIT;
	struct digits d;

	if (!io_pinpad(io, IO_PINPAD_MODIFY) || !common_lengths(&io->keypad, entry, &d))
		return SCARD_E_UNSUPPORTED_FEATURE;
	put_modify(&io->keypad, entry, d, &structure);
	return enter(io, io->keypad.modify, &structure, ret_sw);
}
