/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the PC/SC client API share. */
#ifndef VCARD_PCSC_FRONT_H
#define VCARD_PCSC_FRONT_H

#include "vcard/pcsc_world.h"

/*
 * The rule for variable outputs: *io_len says how much room there is and becomes the true length; out NULL only asks;
 * SCARD_AUTOALLOCATE puts a new block's address where out points. SCARD_E_INSUFFICIENT_BUFFER, SCARD_E_NO_MEMORY,
 * SCARD_E_INVALID_PARAMETER (automatic, and no place for the address).
 */
LONG front_give(const void *value, DWORD len, void *out, DWORD *io_len);

/* Context entered: what becomes of a handle whose client goes away without disconnecting it. */
void front_abandon(struct context *c, struct handle *h);

/*
 * Enters the context of a handle and then its reader, and locks the card, waiting for others as pcsc-lite does; with
 * wait false SCARD_E_SHARING_VIOLATION when somebody else is in a transaction. On failure nothing is entered.
 * SCARD_E_INVALID_HANDLE, SCARD_E_NO_SERVICE, SCARD_E_INVALID_VALUE (the reader is gone).
 */
LONG front_lock(SCARDHANDLE value, bool wait, struct context **ret_context, struct handle **ret_handle);
/*
 * The same for calls that do not use the card and only respect transactions: with wait false SCARD_E_SHARING_VIOLATION
 * when somebody else is in one. Not locked.
 */
LONG front_share(SCARDHANDLE value, bool wait, struct context **ret_context, struct handle **ret_handle);
/* Undoes either: unlocks unless in a transaction, leaves reader and context. */
void front_leave(struct context *c, struct handle *h);

/* The protocol of a command, when its sender leaves it to the card. */
#define FRONT_PROTOCOL_ANY 0x1000
/* Reader entered, card locked: what forbids an exchange. */
LONG front_check_exchange(const struct handle *h, DWORD protocol);
/* Context entered, card locked, reader not entered any more. SCARD_E_INSUFFICIENT_BUFFER and the codes of reader_exchange. */
LONG front_exchange(struct handle *h, LPCBYTE command, DWORD len, LPBYTE ret_answer, DWORD *io_len);

#endif
