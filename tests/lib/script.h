/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card that follows a script, as a connection. A script is lines of text, in the form that transport/trace.c logs:
 *
 *	# comment, and empty lines
 *	> 00 20 00 80 08 ** ** ** ** ** ** ** **	a command; ** is any byte
 *	< 63 C2						its answer
 *	< !80100069					or a failure of the transport, as code
 *	= begin						a transaction begins
 *	= begin reset					and the card was reset
 *	= begin !80100069				and fails
 *	= end						a transaction ends
 *	= end reset					with a reset of the card
 *
 * Lines with = are wanted only in a script that has a "= begin". What comes out of order is printed with the line that
 * was expected, and fails the script.
 */
#ifndef LIB_SCRIPT_H
#define LIB_SCRIPT_H

#include "transport/transport.h"

/* NULL when there is no memory. The text must outlive the connection. */
struct io *script_open(const char *text, bool t0);
/* How many commands came, and how many of them were marked secret. */
unsigned script_commands(const struct io *io);
unsigned script_secrets(const struct io *io);
/* Closes; true when everything in the script has happened, and in order. Leaves *io NULL. */
bool script_close(struct io **io);

#endif
