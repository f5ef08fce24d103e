/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card as a reader driver in a real pcscd (IFD handler 3.0), for what its vpcd driver does not have: keys for
 * PINs, and a plug that can be pulled. The device's name is a directory as one reader's of libpcsc-vcard.so
 * (pcsc_world.h); of its files this reader knows card, pinpad and trace. While the directory is somewhere else the reader
 * does not answer. $VCARD_LATENCY of pcscd's environment slows the exchanges. One reader, as pcscd calls it from one
 * thread at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ifdhandler.h>

#define DWORD base_dword /* PC/SC has its own */
#include "base/auto.h"
#include "vcard/keypad.h"
#undef DWORD
#include "vcard/link.h"

#define EXPORT __attribute__((visibility("default")))

/* What pcscd wants of a driver, declared nowhere but in its documentation. */
EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD lun, LPSTR name);
EXPORT RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel);

static struct reader {
	char *path;
	int dir;
	struct vcard *card;
	struct link link;
} reader = { .dir = -1, .link = LINK_INIT };

static void
drop_card(void)
{
	vcard_close(reader.card);
	reader.card = NULL;
}

RESPONSECODE
IFDHCreateChannelByName(DWORD lun, LPSTR name)
{
	const char *latency = getenv("VCARD_LATENCY");

	(void)lun;
	if (reader.dir >= 0 || (latency != NULL && !link_latency_parse(latency, &reader.link.latency)))
		return IFD_COMMUNICATION_ERROR;
	reader.path = strdup(name);
	reader.dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reader.path != NULL && reader.dir >= 0)
		return IFD_SUCCESS;
	(void)IFDHCloseChannel(lun);
	return IFD_COMMUNICATION_ERROR;
}

RESPONSECODE
IFDHCreateChannel(DWORD lun, DWORD channel)
{
	(void)lun;
	(void)channel;
	return IFD_NOT_SUPPORTED;
}

EXPORT RESPONSECODE
IFDHCloseChannel(DWORD Lun)
{
	(void)Lun;
	drop_card();
	if (reader.dir >= 0)
		(void)close(reader.dir);
	reader.dir = -1;
	free(reader.path);
	reader.path = NULL;
	return IFD_SUCCESS;
}

/* --- what pcscd asks ---------------------------------------------------------------------------------------------- */

EXPORT RESPONSECODE
IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
	uint8_t atr[VCARD_ATR_MAX];
	size_t len;

	(void)Lun;
	switch (Tag) {
	case TAG_IFD_ATR:
		len = reader.card != NULL ? vcard_atr(reader.card, atr) : 0;
		if (*Length < len)
			return IFD_ERROR_INSUFFICIENT_BUFFER;
		*Length = len;
		memcpy(Value, atr, len);
		return IFD_SUCCESS;
	case TAG_IFD_SIMULTANEOUS_ACCESS:
	case TAG_IFD_SLOTS_NUMBER:
		if (*Length < 1)
			return IFD_ERROR_INSUFFICIENT_BUFFER;
		*Length = 1;
		*Value = 1;
		return IFD_SUCCESS;
	default: return IFD_ERROR_TAG;
	}
}

EXPORT RESPONSECODE
IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
	(void)Lun;
	(void)Tag;
	(void)Length;
	(void)Value;
	return IFD_NOT_SUPPORTED;
}

/* The engine takes the commands of its protocol, and no negotiation is needed for that. */
EXPORT RESPONSECODE
IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2, UCHAR PTS3)
{
	(void)Lun;
	(void)Flags;
	(void)PTS1;
	(void)PTS2;
	(void)PTS3;
	return Protocol == SCARD_PROTOCOL_T0 || Protocol == SCARD_PROTOCOL_T1 ? IFD_SUCCESS
									      : IFD_PROTOCOL_NOT_SUPPORTED;
}

static bool
is_plugged(void)
{
	struct stat now, then;

	return stat(reader.path, &now) == 0 && fstat(reader.dir, &then) == 0 && now.st_ino == then.st_ino;
}

EXPORT RESPONSECODE
IFDHICCPresence(DWORD Lun)
{
	(void)Lun;
	if (reader.dir >= 0 && !is_plugged()) {
		drop_card();
		return IFD_COMMUNICATION_ERROR;
	}
	if (reader.dir >= 0 && faccessat(reader.dir, "card", F_OK, 0) == 0)
		return IFD_SUCCESS;
	drop_card();
	return IFD_ICC_NOT_PRESENT;
}

/* --- the card ----------------------------------------------------------------------------------------------------- */

/* The card's own file, so that saving replaces that and not the link in the reader. */
static struct vcard *
open_card(void)
{
	size_t room = strlen(reader.path) + sizeof("/card");
	char *link = malloc(room), *path;
	struct vcard *card;

	if (link == NULL)
		return NULL;
	(void)snprintf(link, room, "%s/card", reader.path);
	path = realpath(link, NULL);
	free(link);
	card = path != NULL ? vcard_open(path) : NULL;
	free(path);
	return card;
}

EXPORT RESPONSECODE
IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
	*AtrLength = 0; /* pcscd does not say how much room there is; it is enough for any ATR */
	if (reader.card == NULL)
		reader.card = open_card();
	if (reader.card == NULL)
		return Action == IFD_POWER_DOWN ? IFD_SUCCESS : IFD_ERROR_POWER_ACTION;
	vcard_reset(reader.card);
	if (vcard_save(reader.card) != 0)
		return IFD_COMMUNICATION_ERROR;
	if (Action == IFD_POWER_DOWN) {
		drop_card();
		return IFD_SUCCESS;
	}
	*AtrLength = vcard_atr(reader.card, Atr);
	return IFDHICCPresence(Lun) == IFD_SUCCESS ? IFD_SUCCESS : IFD_ERROR_POWER_ACTION;
}

static RESPONSECODE
exchange(const uint8_t *command, size_t len, struct buf *answer)
{
	uint8_t *bytes = malloc(VCARD_RESPONSE_MAX);
	enum link_outcome outcome;
	size_t n = 0;

	if (bytes == NULL || reader.card == NULL) {
		free(bytes);
		return IFD_COMMUNICATION_ERROR;
	}
	reader.link.trace_fd = openat(reader.dir, "trace", O_WRONLY | O_APPEND | O_CLOEXEC);
	outcome = link_exchange(&reader.link, reader.card, command, len, bytes, &n);
	if (reader.link.trace_fd >= 0)
		(void)close(reader.link.trace_fd);
	if (outcome == LINK_ANSWERED && vcard_save(reader.card) == 0)
		buf_put(answer, bytes, n);
	free(bytes);
	return answer->len > 0 && !buf_failed(answer) ? IFD_SUCCESS : IFD_COMMUNICATION_ERROR;
}

EXPORT RESPONSECODE
IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer, PDWORD RxLength,
		  PSCARD_IO_HEADER RecvPci)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(VCARD_RESPONSE_MAX);
	DWORD room = *RxLength;
	RESPONSECODE rv;

	(void)RecvPci;
	(void)SendPci;
	*RxLength = 0;
	if (IFDHICCPresence(Lun) != IFD_SUCCESS)
		return IFD_ICC_NOT_PRESENT;
	if ((rv = exchange(TxBuffer, TxLength, &answer)) != IFD_SUCCESS)
		return rv;
	if (answer.len > room)
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	memcpy(RxBuffer, answer.p, answer.len);
	*RxLength = answer.len;
	return IFD_SUCCESS;
}

/* --- the keys ----------------------------------------------------------------------------------------------------- */

static bool
read_text(struct buf *ret_text)
{
	uint8_t bytes[KEYPAD_TEXT_MAX];
	int fd = openat(reader.dir, "pinpad", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	(void)close(fd);
	if (n > 0)
		buf_put(ret_text, bytes, (size_t)n);
	return n >= 0 && !buf_failed(ret_text);
}

static void
write_text(const struct keypad *k)
{
	AUTO_BUF struct buf text = BUF_INIT;
	int fd = openat(reader.dir, "pinpad.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool written;

	keypad_put_text(k, &text);
	if (fd < 0)
		return;
	written = !buf_failed(&text) && write(fd, text.p, text.len) == (ssize_t)text.len;
	(void)close(fd);
	if (written)
		(void)renameat(reader.dir, "pinpad.new", reader.dir, "pinpad");
}

static RESPONSECODE
control(DWORD code, struct cursor in, struct buf *answer)
{
	AUTO_BUF struct buf text = BUF_INIT, command = BUF_INIT;
	enum keypad_result result;
	const char *why = NULL;
	struct keypad k;

	if (!read_text(&text) || !keypad_parse(buf_cur(&text), &k))
		return IFD_NOT_SUPPORTED;
	if (keypad_is_entry(&k, (uint32_t)code) && IFDHICCPresence(0) != IFD_SUCCESS)
		return IFD_ICC_NOT_PRESENT;
	result = keypad_control(&k, (uint32_t)code, in, answer, &command, &why);
	if (why != NULL)
		(void)fprintf(stderr, "pinpad: %s\n", why);
	else if (keypad_is_entry(&k, (uint32_t)code))
		write_text(&k);
	switch (result) {
	case KEYPAD_ANSWER: return IFD_SUCCESS;
	case KEYPAD_COMMAND: return exchange(command.p, command.len, answer);
	case KEYPAD_BROKEN: return IFD_COMMUNICATION_ERROR;
	case KEYPAD_UNKNOWN: break;
	}
	return IFD_NOT_SUPPORTED;
}

EXPORT RESPONSECODE
IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer, DWORD RxLength,
	    LPDWORD pdwBytesReturned)
{
	AUTO_BUF struct buf answer = BUF_INIT_MAX(VCARD_RESPONSE_MAX);
	RESPONSECODE rv;

	(void)Lun;
	*pdwBytesReturned = 0;
	rv = control(dwControlCode, cur_of(TxBuffer, TxBuffer != NULL ? TxLength : 0), &answer);
	if (rv != IFD_SUCCESS)
		return rv;
	if (buf_failed(&answer) || answer.len > RxLength)
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	if (answer.len > 0)
		memcpy(RxBuffer, answer.p, answer.len);
	*pdwBytesReturned = answer.len;
	return IFD_SUCCESS;
}
