/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection that logs what passes through another one, in the form of the scripted cards of the tests. Of a secret
 * command only the header and its length byte are shown, of the answer to it only the status word.
 */
#include "transport/transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "carderr.h"

#define HEADER_BYTES 5u
#define SW_BYTES 2u

struct trace_io {
	struct io io;
	struct io *inner;
};

static struct trace_io *
trace_of(struct io *io)
{
	return (struct trace_io *)io;
}

static void
trace_command(struct cursor command, bool secret)
{
	uint8_t h[HEADER_BYTES];

	if (secret && command.left > sizeof(h) && cur_copy(&command, h, sizeof(h)))
		log_write(LOG_APDU, LOG_IO, NULL, "> %02X %02X %02X %02X %02X [hidden]", h[0], h[1], h[2], h[3], h[4]);
	else
		log_hex(LOG_IO, ">", command);
}

static void
trace_answer(struct cursor answer, bool secret)
{
	if (secret && answer.left > SW_BYTES && cur_skip(&answer, answer.left - SW_BYTES))
		log_hex(LOG_IO, "< [hidden]", answer);
	else
		log_hex(LOG_IO, "<", answer);
}

static DWORD
trace_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	const size_t before = response->len;
	struct cursor answer;
	DWORD r;

	trace_command(command, secret);
	r = io_transmit(trace_of(io)->inner, command, secret, response);
	answer = buf_cur(response);
	if (r != SCARD_S_SUCCESS)
		log_write(LOG_APDU, LOG_IO, NULL, "< no answer: %s", log_code_name(r));
	else if (cur_skip(&answer, before))
		trace_answer(answer, secret);
	return r;
}

/* Neither what goes to a reader nor what comes from it holds a PIN: the reader is the one who puts it in. */
static DWORD
trace_control(struct io *io, uint32_t code, struct cursor in, struct buf *response)
{
	const size_t before = response->len;
	struct cursor answer;
	DWORD r;

	log_write(LOG_APDU, LOG_IO, NULL, "control %08X", (unsigned)code);
	if (in.left > 0)
		log_hex(LOG_IO, "control >", in);
	r = io_control(trace_of(io)->inner, code, in, response);
	answer = buf_cur(response);
	if (r != SCARD_S_SUCCESS)
		log_write(LOG_APDU, LOG_IO, NULL, "control: %s", log_code_name(r));
	else if (cur_skip(&answer, before))
		log_hex(LOG_IO, "control <", answer);
	return r;
}

/* What the card says of itself can change when it is connected again. */
static void
copy_card(struct trace_io *t)
{
	memcpy(t->io.atr, t->inner->atr, sizeof(t->io.atr));
	t->io.atr_len = t->inner->atr_len;
	t->io.t0 = t->inner->t0;
}

static DWORD
trace_begin(struct io *io, bool *ret_reset)
{
	struct trace_io *t = trace_of(io);
	bool reset = false;
	DWORD r;

	t->inner->patience_ms = io->patience_ms;
	r = io_begin(t->inner, &reset);

	copy_card(t);
	if (r != SCARD_S_SUCCESS) {
		log_write(LOG_APDU, LOG_IO, NULL, "begin: %s", log_code_name(r));
		return r;
	}
	log_write(LOG_APDU, LOG_IO, NULL, "begin%s", reset ? ", card was reset" : "");
	*ret_reset = reset;
	return SCARD_S_SUCCESS;
}

static void
trace_end(struct io *io, bool reset_card)
{
	log_write(LOG_APDU, LOG_IO, NULL, "end%s", reset_card ? ", card is reset" : "");
	io_end(trace_of(io)->inner, reset_card);
}

static void
trace_rest(struct io *io)
{
	log_write(LOG_APDU, LOG_IO, NULL, "rest");
	io_rest(trace_of(io)->inner);
}

static bool
trace_others(struct io *io)
{
	return io_others(trace_of(io)->inner);
}

static void
trace_close(struct io *io)
{
	struct trace_io *t = trace_of(io);

	log_write(LOG_APDU, LOG_IO, NULL, "close");
	io_close(&t->inner);
	free(t);
}

static void
trace_forget(struct io *io)
{
	struct trace_io *t = trace_of(io);

	io_forget(&t->inner);
	free(t);
}

static const struct io_ops trace_ops = {
	.transmit = trace_transmit,
	.begin = trace_begin,
	.end = trace_end,
	.close = trace_close,
	.forget = trace_forget,
	.rest = trace_rest,
	.others = trace_others,
	.control = trace_control,
};

DWORD
io_trace(struct io *inner, struct io **ret_io)
{
	struct trace_io *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return SCARD_E_NO_MEMORY;
	t->io.ops = &trace_ops;
	t->inner = inner;
	t->io.patience_ms = inner->patience_ms;
	copy_card(t);
	*ret_io = &t->io;
	return SCARD_S_SUCCESS;
}
