/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC/SC client API: SCardControl. A reader is as the vpcd driver's, or, with a file "pinpad", one with keys for PINs
 * as the CCID driver's. Return codes and their order are those of pcsc-lite 1.9.9.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DWORD base_dword /* PC/SC has its own */
#include "base/auto.h"
#include "vcard/keypad.h"
#undef DWORD
#include "vcard/pcsc_front.h"
#include <reader.h>

/* The one feature of a reader without keys, and what it says: APDUs of up to 65536 bytes of data. */
#define CONTROL_PROPERTIES 0x42330012u
#define APDU_DATA_MAX 0x10000u

/* Card locked. The keys of this reader; false when it has none. *ret_text is to be freed in any case. */
static bool
find_keypad(struct reader *r, char **ret_text, struct keypad *ret_keypad)
{
	size_t len = 0;

	reader_offer(r, "VCARD_PINPAD", "pinpad", &r->pinpad_offered);
	*ret_text = reader_read_text(r, "pinpad", &len);
	if (*ret_text == NULL)
		return false;
	if (len <= KEYPAD_TEXT_MAX && keypad_parse(cur_of(*ret_text, len), ret_keypad))
		return true;
	reader_note(r, "pinpad: the text cannot be read");
	return false;
}

/* What has been typed is gone. */
static void
keep_rest(const struct reader *r, const struct keypad *k)
{
	AUTO_BUF struct buf text = BUF_INIT;
	int fd = openat(r->dir, "pinpad.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool written;

	if (fd < 0)
		return;
	keypad_put_text(k, &text);
	written = !buf_failed(&text) && write(fd, text.p, text.len) == (ssize_t)text.len;
	(void)close(fd);
	if (written)
		(void)renameat(r->dir, "pinpad.new", r->dir, "pinpad");
}

/* --- readers without keys ----------------------------------------------------------------------------------------- */

static LONG
control_plain(DWORD code, struct buf *answer)
{
	switch (code) {
	case CM_IOCTL_GET_FEATURE_REQUEST:
		buf_u8(answer, FEATURE_GET_TLV_PROPERTIES);
		buf_u8(answer, 4);
		buf_be32(answer, CONTROL_PROPERTIES);
		return SCARD_S_SUCCESS;
	case CONTROL_PROPERTIES:
		buf_u8(answer, PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize);
		buf_u8(answer, 4);
		buf_le32(answer, APDU_DATA_MAX);
		return SCARD_S_SUCCESS;
	default: return SCARD_E_UNSUPPORTED_FEATURE;
	}
}

/* --- readers with keys -------------------------------------------------------------------------------------------- */

static LONG
control_keypad(const struct handle *h, struct keypad *k, DWORD code, struct cursor in, struct buf *command,
	       struct buf *answer)
{
	enum keypad_result result;
	const char *why;
	LONG rv;

	if (keypad_is_entry(k, (uint32_t)code) && (rv = front_check_exchange(h, FRONT_PROTOCOL_ANY)) != SCARD_S_SUCCESS)
		return rv;
	result = keypad_control(k, (uint32_t)code, in, answer, command, &why);
	if (why != NULL)
		reader_note(h->reader, why);
	else if (keypad_is_entry(k, (uint32_t)code))
		keep_rest(h->reader, k);
	switch (result) {
	case KEYPAD_UNKNOWN: return SCARD_E_UNSUPPORTED_FEATURE;
	case KEYPAD_BROKEN: return SCARD_E_NOT_TRANSACTED;
	case KEYPAD_ANSWER:
	case KEYPAD_COMMAND: break;
	}
	return SCARD_S_SUCCESS;
}

/* Context entered, card locked, reader not entered any more. */
static LONG
send_command(struct handle *h, const struct buf *command, struct buf *answer)
{
	uint8_t bytes[VCARD_RESPONSE_MAX];
	DWORD n = sizeof(bytes);
	LONG rv = front_exchange(h, command->p, command->len, bytes, &n);

	if (rv == SCARD_S_SUCCESS)
		buf_put(answer, bytes, n);
	return rv;
}

/* Context and reader entered, card locked; leaves the reader. */
static LONG
control_entered(struct handle *h, DWORD code, struct cursor in, struct buf *answer)
{
	AUTO_BUF struct buf command = BUF_INIT;
	struct reader *r = h->reader;
	struct keypad k;
	char *text = NULL;
	LONG rv;

	if (find_keypad(r, &text, &k))
		rv = control_keypad(h, &k, code, in, &command, answer);
	else
		rv = control_plain(code, answer);
	free(text);
	reader_leave(r);
	if (rv == SCARD_S_SUCCESS && command.len > 0)
		rv = send_command(h, &command, answer);
	return rv;
}

LONG
SCardControl(SCARDHANDLE hCard, DWORD dwControlCode, LPCVOID pbSendBuffer, DWORD cbSendLength, LPVOID pbRecvBuffer,
	     DWORD cbRecvLength, LPDWORD lpBytesReturned)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(VCARD_RESPONSE_MAX);
	struct context *c;
	struct handle *h;
	LONG rv;

	if (lpBytesReturned != NULL)
		*lpBytesReturned = 0;
	if ((rv = front_lock(hCard, false, &c, &h)) != SCARD_S_SUCCESS)
		return rv;
	if (cbSendLength > MAX_BUFFER_SIZE_EXTENDED) {
		front_leave(c, h);
		return SCARD_E_INSUFFICIENT_BUFFER;
	}
	rv = control_entered(h, dwControlCode, cur_of(pbSendBuffer, pbSendBuffer != NULL ? cbSendLength : 0), &answer);
	handle_unlock(h);
	context_leave(c);
	if (rv != SCARD_S_SUCCESS)
		return rv;
	if (buf_failed(&answer))
		return SCARD_E_NO_MEMORY;
	if (pbRecvBuffer == NULL || cbRecvLength < answer.len)
		return SCARD_E_INSUFFICIENT_BUFFER;
	if (answer.len > 0)
		memcpy(pbRecvBuffer, answer.p, answer.len);
	if (lpBytesReturned != NULL)
		*lpBytesReturned = answer.len;
	return SCARD_S_SUCCESS;
}
