/* SPDX-License-Identifier: BSD-2-Clause */
/* The PC/SC client API: connecting and disconnecting. Return codes and their order are those of pcsc-lite 1.9.9. */
#include <string.h>

#include "vcard/pcsc_front.h"

#define PROTOCOL_ANY_OLD 0x1000 /* pcsc-lite's SCARD_PROTOCOL_ANY_OLD */
#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1 | SCARD_PROTOCOL_RAW | PROTOCOL_ANY_OLD)

static bool
is_share_mode(DWORD mode)
{
	return mode == SCARD_SHARE_EXCLUSIVE || mode == SCARD_SHARE_SHARED || mode == SCARD_SHARE_DIRECT;
}

/* The protocol in use, or the one chosen now: T=1 if there is a choice. */
static LONG
choose_protocol(struct reader_state *s, DWORD mode, DWORD preferred)
{
	DWORD offered;

	if ((preferred & SCARD_PROTOCOL_RAW) != 0) {
		s->protocol = SCARD_PROTOCOL_RAW;
		return SCARD_S_SUCCESS;
	}
	if (mode == SCARD_SHARE_DIRECT)
		return SCARD_S_SUCCESS;
	if (s->protocol != 0)
		return (preferred & s->protocol) != 0 ? SCARD_S_SUCCESS : SCARD_E_PROTO_MISMATCH;
	if ((preferred & PROTOCOL_ANY_OLD) != 0)
		preferred = SCARD_PROTOCOL_ANY;
	offered = preferred & atr_protocols(s->atr, (size_t)s->atr_len);
	if (offered == 0)
		return SCARD_E_PROTO_MISMATCH;
	s->protocol = (offered & SCARD_PROTOCOL_T1) != 0 ? SCARD_PROTOCOL_T1 : SCARD_PROTOCOL_T0;
	return SCARD_S_SUCCESS;
}

/* Reader entered, card locked. */
static LONG
connect_locked(struct handle *h, enum sharing others, DWORD mode, DWORD preferred, DWORD *ret_protocol)
{
	struct reader *r = h->reader;
	LONG rv;

	if (others == SHARING_NONE)
		r->state.powered = 0; /* also when the last user died and could not power down */
	if (mode != SCARD_SHARE_DIRECT) {
		if (r->state.present == 0)
			return SCARD_E_NO_SMARTCARD;
		if ((others != SHARING_NONE && r->state.unpowered == POWER_BY_RESET) || !reader_power_up(r))
			return SCARD_W_UNPOWERED_CARD;
	}
	rv = choose_protocol(&r->state, mode, preferred);
	if (rv != SCARD_S_SUCCESS)
		return rv;
	*ret_protocol = r->state.protocol;
	rv = handle_join(h, mode == SCARD_SHARE_EXCLUSIVE);
	if (rv != SCARD_S_SUCCESS)
		return rv;
	handle_acknowledge(h);
	if (h->exclusive)
		handle_begin(h); /* as in pcscd: nobody else may do anything */
	return SCARD_S_SUCCESS;
}

/* Context entered. */
static LONG
connect_handle(struct handle *h, DWORD mode, DWORD preferred, DWORD *ret_protocol)
{
	struct reader *r = h->reader;
	enum sharing others;
	LONG rv;

	for (;;) {
		if (!reader_enter(r))
			return SCARD_E_UNKNOWN_READER;
		others = reader_sharing(r);
		if (others == SHARING_EXCLUSIVE || handle_lock(h) == LOCK_TAKEN)
			break;
		reader_leave(r);
		world_pause();
	}
	if (others == SHARING_EXCLUSIVE) {
		rv = SCARD_E_SHARING_VIOLATION;
	} else {
		rv = connect_locked(h, others, mode, preferred, ret_protocol);
		handle_unlock(h);
	}
	reader_leave(r);
	return rv;
}

/* Context entered. */
static LONG
connect_reader(struct context *c, const char *name, DWORD mode, DWORD preferred, SCARDHANDLE *ret_handle,
	       DWORD *ret_protocol)
{
	struct reader *r = world_reader(c, name);
	struct handle *h;
	LONG rv;

	if (r == NULL)
		return SCARD_E_UNKNOWN_READER;
	if ((h = handle_new(c, r)) == NULL) {
		reader_unref(r);
		return SCARD_E_NO_MEMORY;
	}
	rv = connect_handle(h, mode, preferred, ret_protocol);
	if (rv == SCARD_S_SUCCESS)
		*ret_handle = h->value;
	else
		handle_free(c, h);
	return rv;
}

LONG
SCardConnect(SCARDCONTEXT hContext, LPCSTR szReader, DWORD dwShareMode, DWORD dwPreferredProtocols,
	     LPSCARDHANDLE phCard, LPDWORD pdwActiveProtocol)
{
	struct context *c;
	LONG rv;

	if (phCard == NULL || pdwActiveProtocol == NULL)
		return SCARD_E_INVALID_PARAMETER;
	*phCard = 0;
	if (szReader == NULL)
		return SCARD_E_UNKNOWN_READER;
	if (strlen(szReader) > MAX_READERNAME)
		return SCARD_E_INVALID_VALUE;
	if ((c = context_enter(hContext)) == NULL)
		return SCARD_E_INVALID_HANDLE;
	*pdwActiveProtocol = 0;
	rv = context_check(c);
	if (rv == SCARD_S_SUCCESS && dwShareMode != SCARD_SHARE_DIRECT && (dwPreferredProtocols & PROTOCOLS) == 0)
		rv = SCARD_E_PROTO_MISMATCH;
	if (rv == SCARD_S_SUCCESS && !is_share_mode(dwShareMode))
		rv = SCARD_E_INVALID_VALUE;
	if (rv == SCARD_S_SUCCESS)
		rv = connect_reader(c, szReader, dwShareMode, dwPreferredProtocols, phCard, pdwActiveProtocol);
	context_leave(c);
	return rv;
}

/* Reader entered, card locked: what SCardReconnect's dwInitialization asks for. */
static LONG
initialise(struct reader *r, DWORD initialization)
{
	if (initialization == SCARD_LEAVE_CARD) {
		if (r->state.present == 0)
			return SCARD_E_NO_SMARTCARD;
		return r->state.mute != 0 ? SCARD_W_UNRESPONSIVE_CARD : SCARD_S_SUCCESS;
	}
	if (r->state.present == 0) {
		r->state.resets++;
		r->state.reset_removals = r->state.removals;
		return SCARD_E_NO_SMARTCARD;
	}
	return reader_reset(r) ? SCARD_S_SUCCESS : SCARD_W_UNRESPONSIVE_CARD;
}

static LONG
change_mode(struct handle *h, DWORD mode)
{
	bool exclusive = mode == SCARD_SHARE_EXCLUSIVE, was = h->exclusive;
	LONG rv = handle_change_sharing(h, exclusive);

	if (rv != SCARD_S_SUCCESS || exclusive == was)
		return rv;
	if (exclusive)
		handle_begin(h);
	else if (h->transactions > 1)
		handle_end(h);
	/* else the exclusive handle's own lock stays, as in pcsc-lite, until the client ends a transaction */
	return SCARD_S_SUCCESS;
}

/*
 * A card that came since the last connection has no power yet. One that a client has powered down keeps none, and from
 * now on nobody can connect to it until somebody resets it; pcsc-lite forgets to look.
 */
static bool
keep_unpowered(struct reader *r)
{
	if (r->state.unpowered == POWER_BY_CONNECT)
		r->state.unpowered = POWER_BY_RESET;
	return r->state.unpowered != 0;
}

static LONG
reconnect_locked(struct handle *h, DWORD mode, DWORD preferred, DWORD initialization, DWORD *ret_protocol)
{
	struct reader *r = h->reader;
	LONG rv = initialise(r, initialization);

	if (rv == SCARD_S_SUCCESS && mode != SCARD_SHARE_DIRECT && !keep_unpowered(r) && !reader_power_up(r))
		rv = SCARD_W_UNRESPONSIVE_CARD;
	if (rv == SCARD_S_SUCCESS)
		rv = choose_protocol(&r->state, mode, preferred);
	if (rv != SCARD_S_SUCCESS)
		return rv;
	*ret_protocol = r->state.protocol;
	rv = change_mode(h, mode);
	if (rv == SCARD_S_SUCCESS)
		handle_acknowledge(h);
	return rv;
}

LONG
SCardReconnect(SCARDHANDLE hCard, DWORD dwShareMode, DWORD dwPreferredProtocols, DWORD dwInitialization,
	       LPDWORD pdwActiveProtocol)
{
	struct context *c;
	struct handle *h;
	LONG rv;

	if (pdwActiveProtocol == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (!handle_enter(hCard, &c, &h))
		return SCARD_E_INVALID_HANDLE;
	context_leave(c);
	*pdwActiveProtocol = 0;
	if (dwInitialization > SCARD_UNPOWER_CARD || !is_share_mode(dwShareMode))
		return SCARD_E_INVALID_VALUE;
	if (dwShareMode != SCARD_SHARE_DIRECT && (dwPreferredProtocols & PROTOCOLS) == 0)
		return SCARD_E_PROTO_MISMATCH;
	for (;;) {
		if ((rv = front_lock(hCard, true, &c, &h)) != SCARD_S_SUCCESS)
			return rv;
		rv = reconnect_locked(h, dwShareMode, dwPreferredProtocols, dwInitialization, pdwActiveProtocol);
		front_leave(c, h);
		if (rv != SCARD_E_SHARING_VIOLATION)
			return rv;
		world_pause(); /* as in pcsc-lite: waits until nobody else is connected */
	}
}

/* Reader entered. Ends what the handle holds, treats the card, and powers it down behind the last user. */
static void
disconnect_entered(struct handle *h, DWORD disposition)
{
	struct reader *r = h->reader;

	handle_end_all(h);
	if (r->state.present != 0 && (disposition == SCARD_RESET_CARD || disposition == SCARD_UNPOWER_CARD)) {
		(void)reader_reset(r);
		if (disposition == SCARD_UNPOWER_CARD) {
			r->state.powered = 0;
			r->state.unpowered = POWER_BY_CONNECT;
		}
	}
	if (handle_part(h) && handle_lock(h) == LOCK_TAKEN)
		reader_power_down(r);
	handle_unlock(h);
}

/* Context entered. Waits for others only if the card is to be touched. */
static void
disconnect(struct context *c, struct handle *h, DWORD disposition)
{
	struct reader *r = h->reader;
	bool leave = disposition == SCARD_LEAVE_CARD || disposition == SCARD_EJECT_CARD;

	while (reader_enter(r)) {
		if (handle_lock(h) == LOCK_TAKEN || leave) {
			disconnect_entered(h, disposition);
			reader_leave(r);
			break;
		}
		reader_leave(r);
		world_pause();
	}
	handle_free(c, h);
}

LONG
SCardDisconnect(SCARDHANDLE hCard, DWORD dwDisposition)
{
	struct context *c;
	struct handle *h;
	LONG rv;

	if (!handle_enter(hCard, &c, &h))
		return SCARD_E_INVALID_HANDLE;
	rv = context_check(c);
	if (rv == SCARD_S_SUCCESS && dwDisposition > SCARD_EJECT_CARD)
		rv = SCARD_E_INVALID_VALUE;
	if (rv == SCARD_S_SUCCESS)
		disconnect(c, h, dwDisposition);
	context_leave(c);
	return rv;
}

void
front_abandon(struct context *c, struct handle *h)
{
	DWORD disposition = SCARD_LEAVE_CARD;

	if (reader_enter(h->reader)) {
		/* pcscd resets a card whose client goes away in a transaction, knowing all that happened to it */
		if (h->transactions != 0 && h->transaction_removals == h->reader->state.removals &&
		    handle_event(h) == SCARD_S_SUCCESS)
			disposition = SCARD_RESET_CARD;
		reader_leave(h->reader);
	}
	disconnect(c, h, disposition);
}
