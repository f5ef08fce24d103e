/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC/SC client API: transactions, exchanges, status, attributes. Return codes and their order are those of
 * pcsc-lite 1.9.9; attributes are those of the vpcd driver.
 */
#include <stdlib.h>
#include <string.h>

#include "vcard/pcsc_front.h"
#include <reader.h>

/* Enters; *ret_lock is how the card's lock answered. On failure nothing is entered. */
static LONG
enter_and_try(SCARDHANDLE value, struct context **ret_context, struct handle **ret_handle, enum lock_result *ret_lock)
{
	LONG rv;

	if (!handle_enter(value, ret_context, ret_handle))
		return SCARD_E_INVALID_HANDLE;
	rv = context_check(*ret_context);
	if (rv == SCARD_S_SUCCESS && !reader_enter((*ret_handle)->reader))
		rv = SCARD_E_INVALID_VALUE;
	if (rv != SCARD_S_SUCCESS) {
		context_leave(*ret_context);
		return rv;
	}
	*ret_lock = handle_lock(*ret_handle);
	return SCARD_S_SUCCESS;
}

void
front_leave(struct context *c, struct handle *h)
{
	handle_unlock(h);
	reader_leave(h->reader);
	context_leave(c);
}

LONG
front_lock(SCARDHANDLE value, bool wait, struct context **ret_context, struct handle **ret_handle)
{
	enum lock_result lock;
	LONG rv;

	for (;;) {
		rv = enter_and_try(value, ret_context, ret_handle, &lock);
		if (rv != SCARD_S_SUCCESS || lock == LOCK_TAKEN)
			return rv;
		reader_leave((*ret_handle)->reader);
		context_leave(*ret_context);
		if (lock == LOCK_OTHER && !wait)
			return SCARD_E_SHARING_VIOLATION;
		world_pause();
	}
}

LONG
front_share(SCARDHANDLE value, bool wait, struct context **ret_context, struct handle **ret_handle)
{
	enum lock_result lock;
	LONG rv;

	for (;;) {
		rv = enter_and_try(value, ret_context, ret_handle, &lock);
		if (rv != SCARD_S_SUCCESS)
			return rv;
		if (lock == LOCK_TAKEN)
			handle_unlock(*ret_handle);
		if (lock != LOCK_OTHER)
			return SCARD_S_SUCCESS;
		reader_leave((*ret_handle)->reader);
		context_leave(*ret_context);
		if (!wait)
			return SCARD_E_SHARING_VIOLATION;
		world_pause();
	}
}

LONG
SCardBeginTransaction(SCARDHANDLE hCard)
{
	enum lock_result lock;
	struct context *c;
	struct handle *h;
	LONG rv;

	for (;;) {
		if ((rv = enter_and_try(hCard, &c, &h, &lock)) != SCARD_S_SUCCESS)
			return rv;
		rv = handle_event(h);
		if (rv != SCARD_S_SUCCESS || lock == LOCK_TAKEN)
			break;
		reader_leave(h->reader);
		context_leave(c);
		world_pause();
	}
	if (rv == SCARD_S_SUCCESS)
		handle_begin(h);
	front_leave(c, h);
	return rv;
}

/* Reader entered. */
static LONG
end_entered(struct handle *h, enum lock_result lock, DWORD disposition)
{
	unsigned floor = h->exclusive ? 1 : 0; /* the exclusive handle's own lock is not the caller's to end */
	LONG rv = handle_event(h);

	if (rv != SCARD_S_SUCCESS)
		return rv; /* as in pcsc-lite: after a reset the transaction goes on until somebody reconnects */
	if (lock != LOCK_TAKEN)
		return lock == LOCK_OTHER ? SCARD_E_SHARING_VIOLATION : SCARD_E_NOT_TRANSACTED;
	if (disposition == SCARD_RESET_CARD || disposition == SCARD_UNPOWER_CARD)
		(void)reader_reset(h->reader);
	if (h->transactions <= floor)
		return SCARD_E_NOT_TRANSACTED;
	handle_end(h);
	return SCARD_S_SUCCESS;
}

LONG
SCardEndTransaction(SCARDHANDLE hCard, DWORD dwDisposition)
{
	enum lock_result lock;
	struct context *c;
	struct handle *h;
	LONG rv;

	if ((rv = enter_and_try(hCard, &c, &h, &lock)) != SCARD_S_SUCCESS)
		return rv;
	rv = dwDisposition > SCARD_EJECT_CARD ? SCARD_E_INVALID_VALUE : end_entered(h, lock, dwDisposition);
	front_leave(c, h);
	return rv;
}

LONG
front_check_exchange(const struct handle *h, DWORD protocol)
{
	const struct reader_state *s = &h->reader->state;
	LONG rv = handle_event(h);

	if (rv != SCARD_S_SUCCESS || protocol == SCARD_PROTOCOL_RAW)
		return rv;
	if (s->present == 0)
		return SCARD_E_NO_SMARTCARD;
	if (s->unpowered != 0)
		return SCARD_E_NOT_TRANSACTED;
	return protocol == FRONT_PROTOCOL_ANY || protocol == s->protocol ? SCARD_S_SUCCESS : SCARD_E_PROTO_MISMATCH;
}

LONG
front_exchange(struct handle *h, LPCBYTE command, DWORD len, LPBYTE ret_answer, DWORD *io_len)
{
	uint8_t *answer = malloc(VCARD_RESPONSE_MAX);
	DWORD room = *io_len;
	size_t n = 0;
	LONG rv = SCARD_E_NO_MEMORY;

	if (answer != NULL)
		rv = reader_exchange(h->reader, command, len, answer, &n);
	*io_len = n;
	if (rv == SCARD_S_SUCCESS && n > room)
		rv = SCARD_E_INSUFFICIENT_BUFFER;
	else if (rv == SCARD_S_SUCCESS)
		memcpy(ret_answer, answer, n);
	else
		*io_len = 0;
	free(answer);
	return rv;
}

LONG
SCardTransmit(SCARDHANDLE hCard, const SCARD_IO_REQUEST *pioSendPci, LPCBYTE pbSendBuffer, DWORD cbSendLength,
	      SCARD_IO_REQUEST *pioRecvPci, LPBYTE pbRecvBuffer, LPDWORD pcbRecvLength)
{
	DWORD protocol = 0;
	struct context *c;
	struct handle *h;
	LONG rv;

	if (pbSendBuffer == NULL || pbRecvBuffer == NULL || pcbRecvLength == NULL || pioSendPci == NULL)
		return SCARD_E_INVALID_PARAMETER;
	rv = front_lock(hCard, true, &c, &h);
	if (rv == SCARD_S_SUCCESS) {
		rv = cbSendLength > MAX_BUFFER_SIZE_EXTENDED ? SCARD_E_INSUFFICIENT_BUFFER
							     : front_check_exchange(h, pioSendPci->dwProtocol);
		protocol = h->reader->state.protocol;
		if (rv != SCARD_S_SUCCESS)
			front_leave(c, h);
	}
	if (rv != SCARD_S_SUCCESS) {
		*pcbRecvLength = 0;
		return rv;
	}
	reader_leave(h->reader);
	rv = front_exchange(h, pbSendBuffer, cbSendLength, pbRecvBuffer, pcbRecvLength);
	handle_unlock(h);
	context_leave(c);
	if (rv == SCARD_S_SUCCESS && pioRecvPci != NULL)
		*pioRecvPci = (SCARD_IO_REQUEST){ protocol, sizeof(SCARD_IO_REQUEST) };
	return rv;
}

/* Reader entered. */
static LONG
give_status(const struct handle *h, LPSTR name, DWORD *io_name_len, DWORD *ret_state, DWORD *ret_protocol, LPBYTE atr,
	    DWORD *io_atr_len)
{
	const struct reader_state *s = &h->reader->state;
	LONG rv, rv2;

	if (ret_state != NULL)
		*ret_state = (DWORD)(s->events & 0xFFFF) << 16 | reader_bits(s);
	if (ret_protocol != NULL)
		*ret_protocol = s->protocol;
	rv = front_give(h->reader->name, strlen(h->reader->name) + 1, name, io_name_len);
	rv2 = front_give(s->atr, s->atr_len, atr, io_atr_len);
	return rv != SCARD_S_SUCCESS ? rv : rv2;
}

LONG
SCardStatus(SCARDHANDLE hCard, LPSTR szReaderName, LPDWORD pcchReaderLen, LPDWORD pdwState, LPDWORD pdwProtocol,
	    LPBYTE pbAtr, LPDWORD pcbAtrLen)
{
	DWORD no_name = 0, no_atr = 0, name_len, atr_len;
	struct context *c;
	struct handle *h;
	LONG rv;

	if (pdwState != NULL)
		*pdwState = 0;
	if (pdwProtocol != NULL)
		*pdwProtocol = 0;
	if (pcchReaderLen == NULL)
		pcchReaderLen = &no_name;
	if (pcbAtrLen == NULL)
		pcbAtrLen = &no_atr;
	name_len = *pcchReaderLen;
	atr_len = *pcbAtrLen;
	*pcchReaderLen = *pcbAtrLen = 0;
	rv = front_share(hCard, true, &c, &h);
	if (rv == SCARD_E_INVALID_VALUE)
		return SCARD_E_READER_UNAVAILABLE;
	if (rv != SCARD_S_SUCCESS)
		return rv;
	if ((rv = handle_event(h)) == SCARD_S_SUCCESS) {
		*pcchReaderLen = name_len;
		*pcbAtrLen = atr_len;
		rv = give_status(h, szReaderName, pcchReaderLen, pdwState, pdwProtocol, pbAtr, pcbAtrLen);
	}
	front_leave(c, h);
	return rv;
}

LONG
SCardGetAttrib(SCARDHANDLE hCard, DWORD dwAttrId, LPBYTE pbAttr, LPDWORD pcbAttrLen)
{
	const struct reader_state *s;
	struct context *c;
	struct handle *h;
	LONG rv;

	if (pcbAttrLen == NULL || (*pcbAttrLen == SCARD_AUTOALLOCATE && pbAttr == NULL))
		return SCARD_E_INVALID_PARAMETER;
	if (pbAttr != NULL && *pcbAttrLen > MAX_BUFFER_SIZE && *pcbAttrLen != SCARD_AUTOALLOCATE)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if ((rv = front_share(hCard, false, &c, &h)) != SCARD_S_SUCCESS)
		return rv;
	s = &h->reader->state;
	rv = handle_event(h);
	if (rv == SCARD_S_SUCCESS && dwAttrId == SCARD_ATTR_ATR_STRING)
		rv = s->present != 0 && s->mute == 0 ? front_give(s->atr, s->atr_len, pbAttr, pcbAttrLen)
						     : SCARD_E_NOT_TRANSACTED;
	else if (rv == SCARD_S_SUCCESS &&
		 (dwAttrId == SCARD_ATTR_DEVICE_FRIENDLY_NAME || dwAttrId == SCARD_ATTR_DEVICE_SYSTEM_NAME))
		rv = front_give(h->reader->name, strlen(h->reader->name) + 1, pbAttr, pcbAttrLen);
	else if (rv == SCARD_S_SUCCESS)
		rv = SCARD_E_UNSUPPORTED_FEATURE;
	front_leave(c, h);
	return rv;
}

LONG
SCardSetAttrib(SCARDHANDLE hCard, DWORD dwAttrId, LPCBYTE pbAttr, DWORD cbAttrLen)
{
	struct context *c;
	struct handle *h;
	LONG rv;

	(void)dwAttrId;
	if (pbAttr == NULL || cbAttrLen == 0)
		return SCARD_E_INVALID_PARAMETER;
	if ((rv = front_share(hCard, false, &c, &h)) != SCARD_S_SUCCESS)
		return rv;
	rv = cbAttrLen > MAX_BUFFER_SIZE ? SCARD_E_INSUFFICIENT_BUFFER : handle_event(h);
	front_leave(c, h);
	return rv != SCARD_S_SUCCESS ? rv : SCARD_E_NOT_TRANSACTED;
}
