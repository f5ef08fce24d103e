/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One command to its end: parts of a chain, the fetching of long answers, the correction of Le (ISO 7816-4, 5.3.3 and
 * 5.3.4). Every loop here is bounded by limits.h, whatever the card says.
 */
#include "iso7816/apdu.h"

#include "base/log.h"
#include "carderr.h"

#define INS_SELECT 0xA4
#define INS_GET_RESPONSE 0xC0
#define SELECT_BY_NAME 0x04
#define SELECT_NO_ANSWER 0x0C
#define CLA_CHANNEL_BITS 0x03u
#define CLA_FIRST_RESERVED 0x20u

#define SW1_MORE 0x61u
#define SW1_WRONG_LE 0x6Cu
#define SW_END_OF_DATA 0x6282u
#define SW_WRONG_LENGTH 0x6700u

#define SHORT_DATA_MAX 255u
#define SHORT_LE_MAX 256u
#define EXTENDED_DATA_MAX 65535u
#define SW_BYTES 2u
/* header, extended Lc and Le */
#define COMMAND_OVERHEAD (4u + 3u + 2u)

/* One command under way. */
struct exchange {
	struct channel *ch;
	struct apdu part; /* what is sent now; its data buffer is not used */
	struct buf answer;
	uint16_t sw;
	bool corrected; /* the one correction of Le was made */
	bool head;	/* struct apdu's */
};

/* SW2 of 61xx and 6Cxx: 00 stands for 256. */
static size_t
told_length(uint16_t sw)
{
	return (sw & 0xFF) != 0 ? sw & 0xFF : SHORT_LE_MAX;
}

static uint8_t
sw1(uint16_t sw)
{
	return (uint8_t)(sw >> 8);
}

/* There is more, and somebody who wants it. */
static bool
wants_more(const struct exchange *x)
{
	return sw1(x->sw) == SW1_MORE && !(x->head && x->answer.len > 0);
}

static DWORD
split_answer(struct exchange *x, const struct buf *bytes, struct cursor *ret_data)
{
	struct cursor rest = buf_cur(bytes), data;

	if (rest.left < SW_BYTES || !cur_take(&rest, rest.left - SW_BYTES, &data) || !cur_be16(&rest, &x->sw))
		return SCARD_E_COMM_DATA_LOST;
	*ret_data = data;
	return SCARD_S_SUCCESS;
}

static DWORD
append_answer(struct exchange *x, struct cursor data)
{
	if (data.left > LIMIT_RESPONSE - x->answer.len)
		return SCARD_E_COMM_DATA_LOST;
	buf_put_cur(&x->answer, data);
	return buf_failed(&x->answer) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

/* Sends the bytes once and appends the data of the answer; what comes with 6Cxx is not data. */
static DWORD
transmit(struct exchange *x, const struct buf *command)
{
	AUTO_BUF struct buf bytes = BUF_INIT_MAX(LIMIT_RESPONSE + SW_BYTES);
	struct cursor data;
	DWORD r;

	if ((r = io_transmit(x->ch->io, buf_cur(command), x->part.secret, &bytes)) != SCARD_S_SUCCESS)
		return r;
	if (buf_failed(&bytes))
		return SCARD_E_NO_MEMORY;
	if ((r = split_answer(x, &bytes, &data)) != SCARD_S_SUCCESS)
		return r;
	return sw1(x->sw) == SW1_WRONG_LE ? SCARD_S_SUCCESS : append_answer(x, data);
}

static DWORD
encode_and_transmit(struct exchange *x, struct cursor data, bool last, bool extended)
{
	AUTO_BUF struct buf command = BUF_INIT_MAX(LIMIT_COMMAND + COMMAND_OVERHEAD);

	if (!apdu_encode(&x->part, data, last, extended, x->ch->io->t0, &command))
		return buf_failed(&command) ? SCARD_E_NO_MEMORY : SCARD_E_INVALID_PARAMETER;
	return transmit(x, &command);
}

/* A command without Le is not repeated: nothing in it would be different. */
static bool
carries_le(const struct exchange *x, struct cursor data)
{
	return x->part.le != APDU_LE_NONE && !(x->ch->io->t0 && data.left > 0);
}

/* The last or only part: 6Cxx is answered once with the Le that the card wants. */
static DWORD
send_last(struct exchange *x, struct cursor data, bool extended)
{
	DWORD r = encode_and_transmit(x, data, true, extended);

	if (r != SCARD_S_SUCCESS || sw1(x->sw) != SW1_WRONG_LE || !carries_le(x, data))
		return r;
	if (x->corrected)
		return SCARD_E_COMM_DATA_LOST;
	x->corrected = true;
	x->part.le = told_length(x->sw);
	if ((r = encode_and_transmit(x, data, true, extended)) != SCARD_S_SUCCESS)
		return r;
	return sw1(x->sw) == SW1_WRONG_LE ? SCARD_E_COMM_DATA_LOST : SCARD_S_SUCCESS;
}

/* The parts before the last; the card can refuse at any of them. */
static DWORD
send_parts(struct exchange *x, struct cursor *data, size_t part_len, bool *ret_taken)
{
	struct cursor part;
	bool taken = true;
	DWORD r;

	while (taken && data->left > part_len && cur_take(data, part_len, &part)) {
		if ((r = encode_and_transmit(x, part, false, false)) != SCARD_S_SUCCESS)
			return r;
		buf_reset(&x->answer); /* only the last part has an answer */
		taken = x->sw == SW_OK;
	}
	*ret_taken = taken;
	return SCARD_S_SUCCESS;
}

static bool
wants_extended(const struct channel *ch, const struct apdu *a)
{
	if (!(ch->extended || (ch->long_answers && a->bulk && !a->head)) || ch->io->t0 ||
	    a->data.len > EXTENDED_DATA_MAX)
		return false;
	return a->data.len > SHORT_DATA_MAX || a->le > SHORT_LE_MAX;
}

/* Announced, and not so: it is not tried again, and what only asks is asked in short form. */
static bool
is_length_refused(struct exchange *x, const struct apdu *a, DWORD r)
{
	if (!a->bulk || !x->ch->long_answers || (r == SCARD_S_SUCCESS && x->sw != SW_WRONG_LENGTH))
		return false;
	log_info(LOG_ISO, "extended length is announced and refused");
	x->ch->long_answers = false;
	return r == SCARD_S_SUCCESS;
}

static size_t
part_length(const struct channel *ch)
{
	return ch->chain_part == 0 || ch->chain_part > SHORT_DATA_MAX ? SHORT_DATA_MAX : ch->chain_part;
}

static DWORD
send_command(struct exchange *x, const struct apdu *a, bool *ret_complete)
{
	struct cursor data = buf_cur(&a->data);
	bool taken;
	DWORD r;

	*ret_complete = true;
	if (wants_extended(x->ch, a)) {
		r = send_last(x, data, true);
		if (!is_length_refused(x, a, r))
			return r;
	}
	if (x->part.le > SHORT_LE_MAX)
		x->part.le = APDU_LE_MAX;
	if ((r = send_parts(x, &data, part_length(x->ch), &taken)) != SCARD_S_SUCCESS)
		return r;
	*ret_complete = taken;
	return taken ? send_last(x, data, false) : SCARD_S_SUCCESS;
}

/* GET RESPONSE while the card has more. A round that brings nothing is the last. */
static DWORD
fetch_rest(struct exchange *x)
{
	const uint8_t cla = x->part.cla < CLA_FIRST_RESERVED ? x->part.cla & CLA_CHANNEL_BITS : 0;
	const bool secret = x->part.secret;
	size_t before;
	DWORD r;

	for (unsigned round = 0; wants_more(x); round++) {
		if (round == LIMIT_RESPONSE_ROUNDS)
			return SCARD_E_COMM_DATA_LOST;
		before = x->answer.len;
		x->part = apdu_of(cla, INS_GET_RESPONSE, 0x00, 0x00, told_length(x->sw));
		x->part.secret = secret;
		if ((r = send_last(x, cur_of(NULL, 0), false)) != SCARD_S_SUCCESS)
			return r;
		if (sw1(x->sw) == SW1_MORE && x->answer.len == before)
			return SCARD_E_COMM_DATA_LOST;
	}
	return SCARD_S_SUCCESS;
}

/* Tells a status word for success from the others; a warning about the data needs data. */
static DWORD
judge(const struct exchange *x, bool complete)
{
	const struct sw_row *row = sw_find(x->sw, x->ch->rows, x->ch->row_count);
	DWORD r = row->code;

	if (x->head && complete && sw1(x->sw) == SW1_MORE)
		return SCARD_S_SUCCESS;
	if (r == SCARD_S_SUCCESS && (!complete || (x->sw == SW_END_OF_DATA && x->answer.len == 0)))
		r = SCARD_E_UNEXPECTED;
	if (r != SCARD_S_SUCCESS)
		log_info(LOG_ISO, "status word %04X: %s", x->sw, row->text);
	return r;
}

static DWORD
run(struct exchange *x, const struct apdu *a)
{
	bool complete;
	DWORD r;

	if ((r = send_command(x, a, &complete)) == SCARD_S_SUCCESS && complete)
		r = fetch_rest(x);
	if (r != SCARD_S_SUCCESS) {
		log_fail(LOG_ISO, r, "command %02X %02X %02X %02X", a->cla, a->ins, a->p1, a->p2);
		return r;
	}
	return judge(x, complete);
}

DWORD
apdu_exchange(struct channel *ch, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw)
{
	struct exchange x = { .ch = ch, .answer = BUF_INIT_MAX(LIMIT_RESPONSE), .head = a->head };
	DWORD r = SCARD_E_NO_MEMORY;

	x.part = apdu_of(a->cla, a->ins, a->p1, a->p2, a->le);
	x.part.secret = a->secret;
	if (ret_answer != NULL)
		buf_reset(ret_answer);
	if (!buf_failed(&a->data))
		r = run(&x, a);
	if (ret_sw != NULL)
		*ret_sw = x.sw;
	if (r == SCARD_S_SUCCESS && ret_answer != NULL) {
		buf_move(ret_answer, &x.answer);
		if (buf_failed(ret_answer)) {
			buf_reset(ret_answer);
			r = SCARD_E_COMM_DATA_LOST;
		}
	}
	buf_free(&x.answer);
	return r;
}

DWORD
apdu_select_name(struct channel *ch, const uint8_t *name, size_t name_len, struct buf *ret_fci, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, INS_SELECT, SELECT_BY_NAME, ret_fci != NULL ? 0x00 : SELECT_NO_ANSWER,
					  ret_fci != NULL ? APDU_LE_MAX : APDU_LE_NONE);

	buf_put(&a.data, name, name_len);
	return apdu_exchange(ch, &a, ret_fci, ret_sw);
}
