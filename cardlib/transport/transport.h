/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way to cards: readers, connections, transactions, raw exchanges. pcsc.c implements it over PC/SC and is the only
 * caller of winscard; pinpad.c has PINs entered at the reader; trace.c wraps a connection and logs it; tests bring connections of their own. A connection is
 * used by one thread at a time.
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/limits.h"

/* What a reader said of PIN entry at its own keys; pinpad.c's own. */
struct io_keypad {
	bool asked;
	uint32_t verify; /* control codes; 0: the reader cannot */
	uint32_t modify;
	uint8_t min; /* digits it takes; 0: it does not say */
	uint8_t max;
	bool blind; /* has no display */
};

/* One connection to one card, always shared, with whatever protocol the card has. */
struct io {
	const struct io_ops *ops;
	uint8_t atr[LIMIT_ATR];
	size_t atr_len;
	bool t0;		      /* T=0: case 4 goes without Le, and the answer is fetched (ISO 7816-3) */
	uint32_t exchanges;	      /* so far, modulo 2^32 */
	uint32_t patience_ms;	      /* how long io_begin() waits for others; 0: for ever */
	const atomic_bool *cancelled; /* ends that wait when it becomes true; may be NULL */
	struct io_keypad keypad;
};

struct io_ops {
	/*
	 * Sends one command APDU and appends the answer, status word included (2 bytes at least), to response.
	 * secret keeps the bytes of both directions out of any log. SCARD_W_REMOVED_CARD, SCARD_W_RESET_CARD,
	 * SCARD_E_COMM_DATA_LOST (answer shorter than 2 bytes, transmission errors), SCARD_E_NO_MEMORY and others.
	 */
	DWORD (*transmit)(struct io *io, struct cursor command, bool secret, struct buf *response);
	/*
	 * Waits for and starts a transaction. A card that was reset by somebody since the last exchange is connected
	 * again; *ret_reset is then true and nothing is known of the card's state. SCARD_W_REMOVED_CARD when the card
	 * this connection was made to has left its reader, even if a card is there now. SCARD_E_SHARING_VIOLATION when
	 * somebody else keeps the card for longer than io->patience_ms, SCARD_E_CANCELLED.
	 */
	DWORD (*begin)(struct io *io, bool *ret_reset);
	/* Ends the transaction, resetting the card if asked. Errors are logged; the transaction is over in any case. */
	void (*end)(struct io *io, bool reset_card);
	/* As io_rest. NULL: there is nothing to let go of. */
	void (*rest)(struct io *io);
	/* Closes and frees; ends an open transaction. Leaves the card powered unless it may be unlocked. */
	void (*close)(struct io *io);
	/* As close, but without a word to anybody: see io_forget. NULL when close speaks to nobody anyway. */
	void (*forget)(struct io *io);
	/* As io_others. NULL: nobody else can. */
	bool (*others)(struct io *io);
	/*
	 * Asks the reader for something (PC/SC part 3, SCardControl) and appends its answer, at most IO_CONTROL_ROOM
	 * bytes, to response. Codes as transmit; SCARD_E_UNSUPPORTED_FEATURE when the reader does not know the control.
	 * NULL: there is no reader.
	 */
	DWORD (*control)(struct io *io, uint32_t code, struct cursor in, struct buf *response);
};

/* All the features of a reader, at 6 bytes each, and whatever it says of them. */
#define IO_CONTROL_ROOM 2048u

DWORD io_transmit(struct io *io, struct cursor command, bool secret, struct buf *response);
DWORD io_begin(struct io *io, bool *ret_reset);
void io_end(struct io *io, bool reset_card);
/*
 * Lets go of the card, so that others may have it to themselves, or its power be cut. The next io_begin() connects again,
 * with the codes of io_connect() as well, and says that the card was reset; that it is the same one is for the caller to
 * find out. Nothing within a transaction.
 */
void io_rest(struct io *io);
DWORD io_control(struct io *io, uint32_t code, struct cursor in, struct buf *response);
/* Whether programs besides this one may want the card. False is certain; asks neither card nor service. */
bool io_others(struct io *io);
/* Bytes of data that the reader brings to the card, and back, in one command (dwMaxAPDUDataSize); 0: it does not say. */
uint32_t io_data_max(struct io *io);
/* Leaves *io NULL; NULL is fine. */
void io_close(struct io **io);

/*
 * Connects to the card in a reader. SCARD_E_NO_SMARTCARD, SCARD_E_READER_UNAVAILABLE, SCARD_E_SHARING_VIOLATION
 * (somebody has the card exclusively), SCARD_W_UNRESPONSIVE_CARD, SCARD_E_NO_SERVICE, SCARD_E_NO_MEMORY.
 */
DWORD io_connect(const char *reader, struct io **ret_io);

/* Wraps a connection so that its exchanges are logged at LOG_APDU; owns inner from then on. On failure inner is left alone. */
DWORD io_trace(struct io *inner, struct io **ret_io);

/*
 * PIN entry at the reader (PC/SC part 10, class 2 readers and better): the PIN goes from its keys to the card and never
 * comes here. The reader is asked for its abilities once for each connection, without an exchange with the card.
 */
enum io_pinpad_use { IO_PINPAD_VERIFY, IO_PINPAD_MODIFY };

/*
 * True when the reader can. A reader that could not be asked now (somebody else is in a transaction) is asked again the
 * next time.
 */
bool io_pinpad(struct io *io, enum io_pinpad_use use);

/*
 * The command that the reader completes: CLA INS P1 P2, then Lc, then for each PIN a block. PINs are ASCII digits at the
 * left of their block.
 */
struct io_pin_entry {
	uint8_t header[4];
	uint8_t min; /* digits of a PIN that the card takes, both inclusive */
	uint8_t max;
	uint8_t block; /* bytes of a block, 15 at most; 0: as many as the PIN has digits, and no byte between two PINs */
	uint8_t pad;   /* what fills a block */
	/*
	 * io_modify_pin: a block with the PIN (or PUK) that allows the change stands before that of the new PIN, which
	 * the reader asks for twice. Without it the new PIN stands alone.
	 */
	bool with_old;
};

/*
 * Has a PIN entered and sent. Success is an answer of the card, whatever it says: *ret_sw is its status word.
 * SCARD_W_CANCELLED_BY_USER; SCARD_E_TIMEOUT when nobody typed; SCARD_E_INVALID_PARAMETER when a PIN too short or too
 * long was typed; SCARD_E_INVALID_CHV when the two new PINs differ; SCARD_E_UNSUPPORTED_FEATURE when the reader cannot,
 * or not with such a PIN: in all of these the card was not asked. Otherwise the codes of io_transmit. The caller holds
 * a transaction. Blocks for as long as the reader waits for keys, IO_PINPAD_SECONDS.
 */
DWORD io_verify_pin(struct io *io, const struct io_pin_entry *entry, uint16_t *ret_sw);
DWORD io_modify_pin(struct io *io, const struct io_pin_entry *entry, uint16_t *ret_sw);
#define IO_PINPAD_SECONDS 30u

/* What is known of one reader. */
struct io_reader {
	char name[LIMIT_READER_NAME];
	bool present;	 /* a card is in it */
	uint32_t events; /* insertions and removals so far; a change means another card, or the same one anew */
	uint8_t atr[LIMIT_ATR];
	size_t atr_len;
};

/*
 * A view on all readers. One thread at a time, but for io_monitor_cancel. A monitor survives the death of the smart
 * card service: calls then answer SCARD_E_NO_SERVICE until it is back.
 */
struct io_monitor;

/* Never fails for a missing service, only with SCARD_E_NO_MEMORY. */
DWORD io_monitor_open(struct io_monitor **ret_monitor);
/*
 * The readers there are now, without waiting. At most max are given. SCARD_E_NO_SERVICE (count 0) when there is no
 * service; no reader at all is success with count 0. *ret_epoch changes when the service was restarted, which makes all
 * connections void.
 */
DWORD io_monitor_poll(struct io_monitor *monitor, struct io_reader *ret_readers, size_t max, size_t *ret_count,
		      uint32_t *ret_epoch);
/*
 * Waits until a reader comes or goes, a card comes or goes (compared with what is passed in), the time is over
 * (SCARD_E_TIMEOUT), or somebody cancels (SCARD_E_CANCELLED). Without service it waits and looks again each second.
 */
DWORD io_monitor_wait(struct io_monitor *monitor, const struct io_reader *readers, size_t count, uint32_t timeout_ms);
#define IO_WAIT_FOREVER UINT32_MAX
/* From any thread: ends the wait under way, or the next one if none is. */
void io_monitor_cancel(struct io_monitor *monitor);
/* Leaves *monitor NULL; NULL is fine. */
void io_monitor_close(struct io_monitor **monitor);

/*
 * After fork() in the child: frees what can be freed without a word to the service, whose connection is the
 * parent's. Leaves the pointer NULL.
 */
void io_forget(struct io **io);
void io_monitor_forget(struct io_monitor **monitor);

#endif
