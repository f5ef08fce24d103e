/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC/SC client API: transactions, exchanges, status, attributes. Return codes and their order are those of
 * pcsc-lite 1.9.9; controls and attributes are those of the vpcd driver.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "vcard/pcsc_front.h"
#include <reader.h>

#define PROTOCOL_ANY_OLD 0x1000
/* The vpcd driver's own number for its one feature, and what that says: APDUs of up to 65536 bytes of data. */
#define CONTROL_PROPERTIES SCARD_CTL_CODE(FEATURE_GET_TLV_PROPERTIES + 0x330000)
#define APDU_DATA_MAX 0x10000u

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
front_lock(SCARDHANDLE value, struct context **ret_context, struct handle **ret_handle)
{
	enum lock_result lock;
	LONG rv;

	for (;;) {
		rv = enter_and_try(value, ret_context, ret_handle, &lock);
		if (rv != SCARD_S_SUCCESS || lock == LOCK_TAKEN)
			return rv;
		reader_leave((*ret_handle)->reader);
		context_leave(*ret_context);
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

/* Reader entered, card locked: what forbids an exchange. */
static LONG
check_exchange(const struct handle *h, DWORD protocol)
{
	const struct reader_state *s = &h->reader->state;
	LONG rv = handle_event(h);

	if (rv != SCARD_S_SUCCESS || protocol == SCARD_PROTOCOL_RAW)
		return rv;
	if (s->present == 0)
		return SCARD_E_NO_SMARTCARD;
	if (s->unpowered != 0)
		return SCARD_E_NOT_TRANSACTED;
	return protocol == PROTOCOL_ANY_OLD || protocol == s->protocol ? SCARD_S_SUCCESS : SCARD_E_PROTO_MISMATCH;
}

/* Context entered, card locked, reader not entered any more. */
static LONG
exchange(struct handle *h, LPCBYTE command, DWORD len, LPBYTE ret_answer, DWORD *io_len)
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
	rv = front_lock(hCard, &c, &h);
	if (rv == SCARD_S_SUCCESS) {
		rv = cbSendLength > MAX_BUFFER_SIZE_EXTENDED ? SCARD_E_INSUFFICIENT_BUFFER
							     : check_exchange(h, pioSendPci->dwProtocol);
		protocol = h->reader->state.protocol;
		if (rv != SCARD_S_SUCCESS)
			front_leave(c, h);
	}
	if (rv != SCARD_S_SUCCESS) {
		*pcbRecvLength = 0;
		return rv;
	}
	reader_leave(h->reader);
	rv = exchange(h, pbSendBuffer, cbSendLength, pbRecvBuffer, pcbRecvLength);
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

/* What a card reader can say of itself: one feature, and through it the longest APDU. */
static LONG
control(DWORD code, uint8_t ret_answer[6])
{
	uint32_t value;

	switch (code) {
	case CM_IOCTL_GET_FEATURE_REQUEST:
		value = htonl((uint32_t)CONTROL_PROPERTIES);
		ret_answer[0] = FEATURE_GET_TLV_PROPERTIES;
		ret_answer[1] = 4;
		memcpy(ret_answer + 2, &value, 4);
		return SCARD_S_SUCCESS;
	case CONTROL_PROPERTIES:
		memcpy(ret_answer,
		       ((const uint8_t[]){ PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize, 4, APDU_DATA_MAX & 0xFF,
					   APDU_DATA_MAX >> 8 & 0xFF, APDU_DATA_MAX >> 16 & 0xFF,
					   APDU_DATA_MAX >> 24 }),
		       6);
		return SCARD_S_SUCCESS;
	default: return SCARD_E_UNSUPPORTED_FEATURE;
	}
}

LONG
SCardControl(SCARDHANDLE hCard, DWORD dwControlCode, LPCVOID pbSendBuffer, DWORD cbSendLength, LPVOID pbRecvBuffer,
	     DWORD cbRecvLength, LPDWORD lpBytesReturned)
{
	uint8_t answer[6];
	struct context *c;
	struct handle *h;
	LONG rv;

	(void)pbSendBuffer;
	if (lpBytesReturned != NULL)
		*lpBytesReturned = 0;
	if ((rv = front_share(hCard, false, &c, &h)) != SCARD_S_SUCCESS)
		return rv;
	front_leave(c, h);
	if (cbSendLength > MAX_BUFFER_SIZE_EXTENDED)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if ((rv = control(dwControlCode, answer)) != SCARD_S_SUCCESS)
		return rv;
	if (pbRecvBuffer == NULL || cbRecvLength < sizeof(answer))
		return SCARD_E_INSUFFICIENT_BUFFER;
	memcpy(pbRecvBuffer, answer, sizeof(answer));
	if (lpBytesReturned != NULL)
		*lpBytesReturned = sizeof(answer);
	return SCARD_S_SUCCESS;
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
