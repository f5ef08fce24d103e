/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers in place of transport/pcsc.c, for tests of what lies above the transport: a program that links this does not
 * link the real one. Cards are put in and taken out by calls from any thread; waits end as they would.
 */
#ifndef LIB_FAKETRANSPORT_H
#define LIB_FAKETRANSPORT_H

#include "carderr.h"
#include "transport/transport.h"

struct fake_reader;

/* Makes a connection to what is in the reader. */
typedef DWORD (*fake_connect)(struct fake_reader *reader, void *card, struct io **ret_io);

/* Starts with no reader and a running service. Frees what was there before. */
void fake_world_reset(void);
struct fake_reader *fake_reader_add(const char *name);
/* The reader is pulled out, or put back, empty. */
void fake_reader_list(struct fake_reader *reader, bool listed);
void fake_card_insert(struct fake_reader *reader, fake_connect connect, void *card);
void fake_card_remove(struct fake_reader *reader);
/* The service goes away, or comes (back), as another one. */
void fake_service_run(bool running);

/* Connections that readers were asked for so far. */
unsigned fake_connections(void);
/* The next connection fails with this code; SCARD_S_SUCCESS takes it back. */
void fake_connect_fails(DWORD code);
/* Monitors open now. */
unsigned fake_monitors(void);

#endif
