/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cards and readers over PC/SC; the only file that sees winscard.h. Facts of pcsc-lite that shape it:
 *  - DWORD and LONG are long there, so its DWORD is renamed; codes are cut to their 32 bits.
 *  - A context has one lock for everything but SCardCancel. A connection therefore has a context of its own, and a slow
 *    card in one reader delays no other.
 *  - SCARD_F_COMM_ERROR means that the socket to the daemon broke; an error on the way to the card is
 *    SCARD_E_NOT_TRANSACTED.
 *  - The high word of the reader state counts insertions and removals.
 *  - SCardEndTransaction refuses, and keeps the lock, while a reset of the card has not been acknowledged.
 */
#define DWORD pcsc_dword
#include <reader.h>
#include <winscard.h>
#undef DWORD

#include "transport/pcsc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/secret.h"

/* One value for both in pcsc-lite, Windows' "unexpected"; what it means by it is the other: a reader that cannot. */
_Static_assert((DWORD)SCARD_E_UNSUPPORTED_FEATURE == 0x8010001Fu, "pcsc-lite's value of UNSUPPORTED_FEATURE");
_Static_assert((DWORD)SCARD_E_UNEXPECTED == 0x8010001Fu, "pcsc-lite's value of UNEXPECTED");
_Static_assert(sizeof(((SCARD_READERSTATE *)0)->rgbAtr) >= LIMIT_ATR, "room for an ATR");

#define OK ((DWORD)SCARD_S_SUCCESS)
/* An extended answer of 65536 bytes and the status word. */
#define RESPONSE_ROOM (65536u + 2u)
#define SW_BYTES 2u
/* SCARD_E_UNSUPPORTED_FEATURE as everybody else here means it. */
#define UNSUPPORTED ((DWORD)0x80100022)
/* How often a card may be reset by others while we are about to begin. */
#define BEGIN_ROUNDS 8
/* How often to look whether a card is free that others use. */
#define BUSY_STEP_MS 20u
/* How often readers may come and go while they are being listed. */
#define REFRESH_ROUNDS 4
#define NAMES_ROOM (LIMIT_READERS * LIMIT_READER_NAME)
#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)
#define EVENT_SHIFT 16

/* --- codes -------------------------------------------------------------------------------------------------------- */

static DWORD
code_of(LONG rv)
{
	return (DWORD)rv;
}

/* The service is gone, or knows nothing of us any more because it was started anew. */
static bool
service_gone(DWORD code)
{
	switch (code) {
	case (DWORD)SCARD_E_NO_SERVICE:
	case (DWORD)SCARD_E_SERVICE_STOPPED:
	case (DWORD)SCARD_E_INVALID_HANDLE:
	case (DWORD)SCARD_F_COMM_ERROR: return true;
	default: return false;
	}
}

static DWORD
service_code(LONG rv)
{
	return service_gone(code_of(rv)) ? (DWORD)SCARD_E_NO_SERVICE : code_of(rv);
}

/* For a reader that is asked for a connection. */
static DWORD
connect_code(LONG rv)
{
	switch (code_of(rv)) {
	case (DWORD)SCARD_E_UNKNOWN_READER:
	case (DWORD)SCARD_E_INVALID_VALUE:
	case (DWORD)SCARD_E_NO_READERS_AVAILABLE: return (DWORD)SCARD_E_READER_UNAVAILABLE;
	case (DWORD)SCARD_W_REMOVED_CARD: return (DWORD)SCARD_E_NO_SMARTCARD;
	case (DWORD)SCARD_W_UNPOWERED_CARD: return (DWORD)SCARD_W_UNRESPONSIVE_CARD;
	default: return service_code(rv);
	}
}

/* For an existing connection: its card, its reader or the service is gone, or the exchange failed. */
static DWORD
card_code(LONG rv)
{
	if (service_gone(code_of(rv)))
		return (DWORD)SCARD_W_REMOVED_CARD;
	switch (code_of(rv)) {
	case (DWORD)SCARD_E_READER_UNAVAILABLE:
	case (DWORD)SCARD_E_UNKNOWN_READER:
	case (DWORD)SCARD_E_INVALID_VALUE: /* pcsc-lite of a reader that has been pulled out */
	case (DWORD)SCARD_E_NO_SMARTCARD: return (DWORD)SCARD_W_REMOVED_CARD;
	case (DWORD)SCARD_E_NOT_TRANSACTED:
	case (DWORD)SCARD_E_INSUFFICIENT_BUFFER:
	case (DWORD)SCARD_E_TIMEOUT: return (DWORD)SCARD_E_COMM_DATA_LOST;
	default: return code_of(rv);
	}
}

/* Connections to the service. */
static atomic_uint contexts;

/* --- one card ----------------------------------------------------------------------------------------------------- */

struct pcsc_io {
	struct io io;
	SCARDCONTEXT context;
	SCARDHANDLE card;
	char reader[LIMIT_READER_NAME];
	bool connected; /* not while it rests */
	bool in_transaction;
	bool was_reset;	   /* seen outside begin, and still to be told */
	bool gone;	   /* for good, whatever is in the reader now */
	pcsc_dword events; /* of the reader when the card was connected */
	uint8_t response[RESPONSE_ROOM];
};

static struct pcsc_io *
pcsc_of(struct io *io)
{
	return (struct pcsc_io *)io;
}

/* Notes a card that is gone, so that a card put in afterwards is never taken for it. */
static DWORD
noted(struct pcsc_io *p, DWORD code)
{
	if (code == (DWORD)SCARD_W_REMOVED_CARD)
		p->gone = true;
	return code;
}

/* Takes an answer of n bytes out of the connection's room, which is left wiped. */
static DWORD
take_answer(struct pcsc_io *p, pcsc_dword n, struct buf *response)
{
	if (n > sizeof(p->response))
		n = sizeof(p->response);
	if (n >= SW_BYTES)
		buf_put(response, p->response, n);
	secret_wipe(p->response, n);
	if (n < SW_BYTES)
		return (DWORD)SCARD_E_COMM_DATA_LOST;
	return buf_failed(response) ? (DWORD)SCARD_E_NO_MEMORY : OK;
}

static DWORD
set_protocol(struct pcsc_io *p, pcsc_dword protocol)
{
	if (protocol != SCARD_PROTOCOL_T0 && protocol != SCARD_PROTOCOL_T1)
		return (DWORD)SCARD_E_PROTO_MISMATCH;
	p->io.t0 = protocol == SCARD_PROTOCOL_T0;
	return OK;
}

/* Acknowledges a reset. */
static DWORD
reconnect(struct pcsc_io *p)
{
	pcsc_dword protocol = 0;
	LONG rv = SCardReconnect(p->card, SCARD_SHARE_SHARED, PROTOCOLS, SCARD_LEAVE_CARD, &protocol);

	return rv == SCARD_S_SUCCESS ? set_protocol(p, protocol) : card_code(rv);
}

/*
 * pcscd tells of another client's reset before it begins, and forgets the protocol when it is over. Who acknowledged the
 * reset in between learns of it so; the command was not sent.
 */
static DWORD
reset_again(struct pcsc_io *p)
{
	DWORD r = reconnect(p);

	p->was_reset = true;
	return r == OK ? (DWORD)SCARD_W_RESET_CARD : r;
}

static DWORD
pcsc_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	struct pcsc_io *p = pcsc_of(io);
	pcsc_dword n = sizeof(p->response);
	LONG rv;

	if (p->gone)
		return (DWORD)SCARD_W_REMOVED_CARD;
	if (!p->connected)
		return (DWORD)SCARD_E_SHARING_VIOLATION;
	rv = SCardTransmit(p->card, io->t0 ? SCARD_PCI_T0 : SCARD_PCI_T1, command.p, command.left, NULL, p->response,
			   &n);
	if (rv == SCARD_S_SUCCESS)
		return take_answer(p, n, response);
	/* part of an answer may have come before the failure */
	if (secret)
		secret_wipe(p->response, sizeof(p->response));
	return noted(p, code_of(rv) == (DWORD)SCARD_E_PROTO_MISMATCH ? reset_again(p) : card_code(rv));
}

/*
 * Not in pcsc-lite's codes: its word for "unsupported" has Windows' value of "unexpected", and pcscd says "not
 * transacted" for a control that a driver refuses.
 */
static DWORD
pcsc_control(struct io *io, uint32_t code, struct cursor in, struct buf *response)
{
	struct pcsc_io *p = pcsc_of(io);
	pcsc_dword n = 0;
	LONG rv;

	if (p->gone)
		return (DWORD)SCARD_W_REMOVED_CARD;
	if (!p->connected)
		return (DWORD)SCARD_E_SHARING_VIOLATION;
	rv = SCardControl(p->card, code, in.p, in.left, p->response, IO_CONTROL_ROOM, &n);
	if (code_of(rv) == (DWORD)SCARD_E_UNSUPPORTED_FEATURE)
		return UNSUPPORTED;
	if (rv != SCARD_S_SUCCESS)
		return noted(p, card_code(rv));
	buf_put(response, p->response, n <= IO_CONTROL_ROOM ? n : IO_CONTROL_ROOM);
	return buf_failed(response) ? (DWORD)SCARD_E_NO_MEMORY : OK;
}

/* The ATR, and the count of insertions and removals at a moment when the card was still the one connected. */
static LONG
read_status(struct pcsc_io *p, pcsc_dword *ret_events, uint8_t ret_atr[LIMIT_ATR], size_t *ret_atr_len)
{
	pcsc_dword name_len = 0, state = 0, protocol = 0, atr_len = LIMIT_ATR;
	LONG rv = SCardStatus(p->card, NULL, &name_len, &state, &protocol, ret_atr, &atr_len);

	if (rv != SCARD_S_SUCCESS)
		return rv;
	*ret_events = (state >> EVENT_SHIFT) & 0xFFFF;
	*ret_atr_len = atr_len <= LIMIT_ATR ? atr_len : 0;
	return SCARD_S_SUCCESS;
}

/*
 * After a reset was acknowledged, inside the new transaction: between the two another card could have come, and the
 * acknowledgement took it for ours.
 */
static DWORD
check_same_card(struct pcsc_io *p)
{
	uint8_t atr[LIMIT_ATR];
	pcsc_dword events = 0;
	size_t atr_len;
	LONG rv = read_status(p, &events, atr, &atr_len);

	if (rv != SCARD_S_SUCCESS)
		return card_code(rv);
	return events == p->events ? OK : (DWORD)SCARD_W_REMOVED_CARD;
}

/*
 * Whether somebody else is in a transaction. SCardBeginTransaction would wait for its end however long that takes; of
 * the calls that do not wait this one asks nothing of the card.
 */
static bool
is_busy(struct pcsc_io *p)
{
	pcsc_dword len = 0;

	return SCardGetAttrib(p->card, SCARD_ATTR_DEVICE_FRIENDLY_NAME, NULL, &len) == SCARD_E_SHARING_VIOLATION;
}

static DWORD
await_others(struct pcsc_io *p)
{
	const struct timespec step = { 0, BUSY_STEP_MS * 1000000L };

	for (uint64_t waited = 0; is_busy(p); waited += BUSY_STEP_MS) {
		if (p->io.cancelled != NULL && atomic_load(p->io.cancelled))
			return (DWORD)SCARD_E_CANCELLED;
		if (p->io.patience_ms != 0 && waited >= p->io.patience_ms) {
			log_warn(LOG_IO, "another program has kept the card to itself for %u ms", p->io.patience_ms);
			return (DWORD)SCARD_E_SHARING_VIOLATION;
		}
		(void)nanosleep(&step, NULL);
	}
	return OK;
}

static DWORD
begin_acknowledging(struct pcsc_io *p)
{
	DWORD r = (DWORD)SCARD_W_RESET_CARD;

	for (int round = 0; round < BEGIN_ROUNDS && r == (DWORD)SCARD_W_RESET_CARD; round++) {
		if ((r = await_others(p)) != OK)
			break;
		if ((r = card_code(SCardBeginTransaction(p->card))) != (DWORD)SCARD_W_RESET_CARD)
			break;
		p->was_reset = true;
		if ((r = reconnect(p)) == OK)
			r = (DWORD)SCARD_W_RESET_CARD;
	}
	return r;
}

static DWORD
open_card(struct pcsc_io *p)
{
	pcsc_dword protocol = 0;
	LONG rv = SCardConnect(p->context, p->reader, SCARD_SHARE_SHARED, PROTOCOLS, &p->card, &protocol);

	if (rv != SCARD_S_SUCCESS)
		return connect_code(rv);
	p->connected = true;
	return set_protocol(p, protocol);
}

static void
close_card(struct pcsc_io *p)
{
	if (p->connected)
		(void)SCardDisconnect(p->card, SCARD_LEAVE_CARD);
	p->connected = false;
}

/* After a rest, in which anything may have become of the card. */
static DWORD
resume(struct pcsc_io *p)
{
	DWORD r = open_card(p);

	switch (r) {
	case OK: p->was_reset = true; return OK;
	case (DWORD)SCARD_E_NO_SMARTCARD:
	case (DWORD)SCARD_E_READER_UNAVAILABLE:
	case (DWORD)SCARD_E_NO_SERVICE: return (DWORD)SCARD_W_REMOVED_CARD;
	default: close_card(p); return r;
	}
}

static DWORD
pcsc_begin(struct io *io, bool *ret_reset)
{
	struct pcsc_io *p = pcsc_of(io);
	DWORD r = OK;

	if (p->gone)
		return (DWORD)SCARD_W_REMOVED_CARD;
	if ((!p->connected && (r = resume(p)) != OK) || (r = begin_acknowledging(p)) != OK)
		return noted(p, r);
	p->in_transaction = true;
	if (p->was_reset && (r = check_same_card(p)) != OK) {
		io_end(io, false);
		return noted(p, r);
	}
	*ret_reset = p->was_reset;
	p->was_reset = false;
	return OK;
}

static void
pcsc_end(struct io *io, bool reset_card)
{
	struct pcsc_io *p = pcsc_of(io);
	DWORD r;

	if (!p->in_transaction)
		return;
	p->in_transaction = false;
	r = card_code(SCardEndTransaction(p->card, reset_card ? SCARD_RESET_CARD : SCARD_LEAVE_CARD));
	if (r == (DWORD)SCARD_W_RESET_CARD) {
		p->was_reset = true;
		if ((r = reconnect(p)) == OK)
			r = card_code(SCardEndTransaction(p->card, SCARD_LEAVE_CARD));
	}
	if (noted(p, r) != OK && !p->gone)
		log_fail(LOG_IO, r, "end of transaction");
}

static void
pcsc_rest(struct io *io)
{
	struct pcsc_io *p = pcsc_of(io);

	if (!p->in_transaction)
		close_card(p);
}

static void
pcsc_forget(struct io *io)
{
	struct pcsc_io *p = pcsc_of(io);

	secret_wipe(p->response, sizeof(p->response));
	free(p);
	atomic_fetch_sub(&contexts, 1);
}

static bool
pcsc_others(struct io *io)
{
	(void)io;
	return pcsc_has_others(atomic_load(&contexts));
}

static void
pcsc_close(struct io *io)
{
	struct pcsc_io *p = pcsc_of(io);

	/* whoever closes in the middle of a transaction has not locked the card again */
	io_end(io, true);
	close_card(p);
	(void)SCardReleaseContext(p->context);
	pcsc_forget(io);
}

static const struct io_ops pcsc_ops = {
	.transmit = pcsc_transmit,
	.begin = pcsc_begin,
	.end = pcsc_end,
	.close = pcsc_close,
	.forget = pcsc_forget,
	.rest = pcsc_rest,
	.others = pcsc_others,
	.control = pcsc_control,
};

/* A reset by somebody else right after the connection hides the status until it is acknowledged. */
static DWORD
learn_card(struct pcsc_io *p)
{
	LONG rv = SCARD_W_RESET_CARD;
	DWORD r;

	for (int round = 0; round < BEGIN_ROUNDS && code_of(rv) == (DWORD)SCARD_W_RESET_CARD; round++) {
		rv = read_status(p, &p->events, p->io.atr, &p->io.atr_len);
		if (code_of(rv) == (DWORD)SCARD_W_RESET_CARD && (r = reconnect(p)) != OK)
			return r;
	}
	return connect_code(rv);
}

static DWORD
connect_card(struct pcsc_io *p)
{
	DWORD r = open_card(p);

	if (r != OK)
		return r;
	r = learn_card(p);
	return r == (DWORD)SCARD_W_REMOVED_CARD ? (DWORD)SCARD_E_NO_SMARTCARD : r;
}

DWORD
io_connect(const char *reader, struct io **ret_io)
{
	struct pcsc_io *p = calloc(1, sizeof(*p));
	DWORD r;
	LONG rv;

	if (p == NULL)
		return (DWORD)SCARD_E_NO_MEMORY;
	p->io.ops = &pcsc_ops;
	(void)snprintf(p->reader, sizeof(p->reader), "%s", reader);
	if ((rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context)) != SCARD_S_SUCCESS) {
		free(p);
		return service_code(rv);
	}
	atomic_fetch_add(&contexts, 1);
	if ((r = connect_card(p)) != OK) {
		log_info(LOG_IO, "%s: %s", reader, log_code_name(r));
		pcsc_close(&p->io);
		return r;
	}
	*ret_io = &p->io;
	return OK;
}

/* --- all readers -------------------------------------------------------------------------------------------------- */

struct pcsc_view {
	SCARDCONTEXT context;
	bool asked;	     /* whether the service counts readers that come and go (pcsc-lite 2.3) */
	pcsc_dword arrivals; /* that count; 0: it does not */
	size_t count;
	SCARD_READERSTATE states[PCSCLITE_MAX_READERS_CONTEXTS];
	char names[NAMES_ROOM];
};

DWORD
pcsc_view_open(struct pcsc_view **ret_view)
{
	struct pcsc_view *view = calloc(1, sizeof(*view));
	LONG rv;

	if (view == NULL)
		return (DWORD)SCARD_E_NO_MEMORY;
	if ((rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &view->context)) != SCARD_S_SUCCESS) {
		free(view);
		return code_of(rv) == (DWORD)SCARD_E_NO_MEMORY ? code_of(rv) : (DWORD)SCARD_E_NO_SERVICE;
	}
	atomic_fetch_add(&contexts, 1);
	*ret_view = view;
	return OK;
}

void
pcsc_view_forget(struct pcsc_view **view)
{
	if (*view != NULL)
		atomic_fetch_sub(&contexts, 1);
	free(*view);
	*view = NULL;
}

void
pcsc_view_close(struct pcsc_view **view)
{
	if (*view == NULL)
		return;
	(void)SCardReleaseContext((*view)->context);
	pcsc_view_forget(view);
}

/* Makes one state per name of the list; names that are too long to be real are left out. */
static void
start_states(struct pcsc_view *view, pcsc_dword names_len)
{
	struct cursor names = cur_of(view->names, names_len <= NAMES_ROOM ? names_len : NAMES_ROOM);
	struct cursor name;
	const char *text;
	size_t len;

	view->count = 0;
	memset(view->states, 0, sizeof(view->states));
	while (view->count < PCSCLITE_MAX_READERS_CONTEXTS) {
		text = (const char *)names.p;
		len = strnlen(text, names.left);
		if (len == 0 || !cur_take(&names, len + 1, &name))
			return;
		if (len >= LIMIT_READER_NAME)
			continue;
		view->states[view->count].szReader = text;
		view->states[view->count].dwCurrentState = SCARD_STATE_UNAWARE;
		view->count++;
	}
}

static SCARD_READERSTATE
any_reader(const struct pcsc_view *view)
{
	return (SCARD_READERSTATE){ .szReader = "\\\\?PnP?\\Notification",
				    .dwCurrentState = view->arrivals << EVENT_SHIFT };
}

static void
note_arrivals(struct pcsc_view *view, const SCARD_READERSTATE *any)
{
	view->arrivals = (any->dwEventState >> EVENT_SHIFT) & 0xFFFF;
}

/* Before the first list of readers: what comes after that is missed by nobody who waits with this number. */
static void
ask_arrivals(struct pcsc_view *view)
{
	SCARD_READERSTATE any = any_reader(view);

	if (view->asked)
		return;
	view->asked = true;
	(void)SCardGetStatusChange(view->context, 0, &any, 1);
	note_arrivals(view, &any);
}

static DWORD
look(struct pcsc_view *view)
{
	pcsc_dword names_len = sizeof(view->names);
	DWORD r;

	ask_arrivals(view);
	r = service_code(SCardListReaders(view->context, NULL, view->names, &names_len));

	if (r == (DWORD)SCARD_E_NO_READERS_AVAILABLE) {
		view->count = 0;
		return OK;
	}
	if (r != OK)
		return r;
	start_states(view, names_len);
	if (view->count == 0)
		return OK;
	return service_code(SCardGetStatusChange(view->context, 0, view->states, view->count));
}

DWORD
pcsc_view_refresh(struct pcsc_view *view)
{
	DWORD r = (DWORD)SCARD_E_UNKNOWN_READER;

	for (int round = 0; round < REFRESH_ROUNDS && r == (DWORD)SCARD_E_UNKNOWN_READER; round++)
		r = look(view);
	if (r == (DWORD)SCARD_E_TIMEOUT)
		r = OK;
	if (r != OK)
		view->count = 0;
	return r;
}

bool
pcsc_view_misses(const struct pcsc_view *view)
{
	return view->arrivals == 0;
}

size_t
pcsc_view_count(const struct pcsc_view *view)
{
	return view->count;
}

void
pcsc_view_reader(const struct pcsc_view *view, size_t index, struct io_reader *ret_reader)
{
	const SCARD_READERSTATE *state = &view->states[index];
	struct io_reader reader = { 0 };

	memcpy(reader.name, state->szReader, strlen(state->szReader));
	reader.present = (state->dwEventState & SCARD_STATE_PRESENT) != 0;
	reader.events = (state->dwEventState >> EVENT_SHIFT) & 0xFFFF;
	if (reader.present && state->cbAtr <= LIMIT_ATR) {
		memcpy(reader.atr, state->rgbAtr, state->cbAtr);
		reader.atr_len = state->cbAtr;
	}
	*ret_reader = reader;
}

DWORD
pcsc_view_wait(struct pcsc_view *view, uint32_t timeout_ms)
{
	SCARD_READERSTATE states[PCSCLITE_MAX_READERS_CONTEXTS];
	size_t count = view->count;
	DWORD r;

	memcpy(states, view->states, sizeof(states));
	for (size_t i = 0; i < count; i++)
		states[i].dwCurrentState = states[i].dwEventState & ~(pcsc_dword)SCARD_STATE_CHANGED;
	/* with all readers that it can have, pcsc-lite has room for no more states; no reader can come then either */
	if (count < PCSCLITE_MAX_READERS_CONTEXTS)
		states[count++] = any_reader(view);
	r = service_code(SCardGetStatusChange(view->context, timeout_ms, states, count));
	if (count > view->count)
		note_arrivals(view, &states[view->count]);
	return r == (DWORD)SCARD_E_UNKNOWN_READER ? OK : r;
}

void
pcsc_view_cancel(struct pcsc_view *view)
{
	(void)SCardCancel(view->context);
}
