/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What monitor.c needs of PC/SC, without its types: a view on the readers over a context of its own. Within this folder
 * only. A service that is gone is SCARD_E_NO_SERVICE here whatever PC/SC called it; the view is of no use then.
 */
#ifndef TRANSPORT_PCSC_H
#define TRANSPORT_PCSC_H

#include "transport/transport.h"

struct pcsc_view;

/* SCARD_E_NO_SERVICE, SCARD_E_NO_MEMORY. */
DWORD pcsc_view_open(struct pcsc_view **ret_view);
/* Leaves *view NULL; NULL is fine. */
void pcsc_view_close(struct pcsc_view **view);
/* Frees without a word to the service. */
void pcsc_view_forget(struct pcsc_view **view);

/* Takes a new look at all readers, without waiting. No reader at all is success. */
DWORD pcsc_view_refresh(struct pcsc_view *view);
/* True when a reader that comes between a refresh and the wait that follows is not noticed by the wait. */
bool pcsc_view_misses(const struct pcsc_view *view);
size_t pcsc_view_count(const struct pcsc_view *view);
void pcsc_view_reader(const struct pcsc_view *view, size_t index, struct io_reader *ret_reader);

/*
 * Waits until something is not as it was at the last refresh: success, which says no more than that another look is due.
 * SCARD_E_TIMEOUT, SCARD_E_CANCELLED, SCARD_E_NO_SERVICE.
 */
DWORD pcsc_view_wait(struct pcsc_view *view, uint32_t timeout_ms);
/* From another thread: ends a wait under way. Does nothing to a wait that is about to begin. */
void pcsc_view_cancel(struct pcsc_view *view);

/* others.c: whether the service has more clients than these of ours; true when that cannot be known. */
bool pcsc_has_others(unsigned own);

#endif
