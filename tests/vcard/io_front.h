/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual card as a connection of transport/transport.h in the same process: for tests of everything above the
 * transport, without PC/SC. What other programs and hands do to a card (reset, removal) is done by calls here.
 *
 * Errors are those a connection over PC/SC would give: SCARD_W_RESET_CARD from transmit until begin has told of the
 * reset, SCARD_W_REMOVED_CARD for good after a removal, SCARD_E_COMM_DATA_LOST for pulling, silence and answers below
 * two bytes.
 */
#ifndef VCARD_IO_FRONT_H
#define VCARD_IO_FRONT_H

#include "transport/transport.h"
#include "vcard/link.h"

/*
 * Connects to the card in a file, which gets power. The file is saved after each exchange. SCARD_E_NO_SMARTCARD (with
 * errno) when it cannot be read, SCARD_E_NO_MEMORY. Closing removes the power and saves.
 */
DWORD vcard_io_open(const char *path, struct io **ret_io);
/* The same over a card that stays the caller's, and that nobody saves; it must outlive the connection. */
DWORD vcard_io_wrap(struct vcard *card, struct io **ret_io);

/* For arming faults, latency, a trace, and for counters, which the caller may set to zero. */
struct link *vcard_io_link(struct io *io);
/* The card itself, to look into. */
struct vcard *vcard_io_card(struct io *io);

/*
 * Gives the connection's reader keys for PINs, and says what is typed (grammar in keypad.h; copied); NULL takes them
 * away. A module asks once, so this comes before the first question.
 */
void vcard_io_keypad(struct io *io, const char *text);
/* Questions and PIN entries so far. */
unsigned vcard_io_controls(const struct io *io);
/* What the reader found wrong with the last structure, or NULL. */
const char *vcard_io_refusal(const struct io *io);

/* Somebody else resets the card. */
void vcard_io_reset(struct io *io);
/* Somebody takes the card out. There is no way back for this connection. */
void vcard_io_remove(struct io *io);

/* Transactions begun and ended so far, to see that they are balanced. */
unsigned vcard_io_begun(const struct io *io);
unsigned vcard_io_ended(const struct io *io);

#endif
