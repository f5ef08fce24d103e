/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of readers and cards for one test, and short words for what tests do with PC/SC. */
#ifndef UNIT_PCSC_FIXTURE_H
#define UNIT_PCSC_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>
#include <winscard.h>

#include "lib/test.h"

#define READER "Reader A"
#define OTHER_READER "Reader B"

/* Makes the directories, sets VCARD_READERS; one reader READER with one blank card in it, and a second card. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* Paths of the running test's world: "readers", "cards/1", "readers/Reader A/stats". The text lives until the next call but three. */
const char *fixture_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

void make_reader(const char *reader);
void insert_card(const char *reader, int card);
void pull_card(const char *reader);
/* Writes a file of the reader's directory, by rename. */
void write_file(const char *reader, const char *name, const char *text);
/* The file's text, "" when there is none; lives until the next call. */
const char *read_file(const char *reader, const char *name);
/* One of the counters in the reader's file stats. */
unsigned long counter(const char *reader, const char *name);

SCARDCONTEXT establish(void);
/* Connected, shared, any protocol. */
SCARDHANDLE connect_shared(SCARDCONTEXT context, const char *reader);
LONG try_connect(SCARDCONTEXT context, const char *reader, DWORD mode, SCARDHANDLE *ret_handle);
LONG reconnect(SCARDHANDLE handle, DWORD initialization);

/* Sends a command that shows whether an application is selected, and nothing else. */
LONG probe(SCARDHANDLE handle, bool *ret_selected);
LONG select_application(SCARDHANDLE handle);
/* The status word of an exchange that must succeed. */
unsigned exchange_sw(SCARDHANDLE handle, const uint8_t *command, size_t len);

/* The reader's state as SCardGetStatusChange has it, without waiting. */
SCARD_READERSTATE reader_now(SCARDCONTEXT context, const char *reader);

void sleep_ms(unsigned ms);
unsigned long elapsed_ms(void); /* on a clock of its own */

/* Runs body in another process; what it returns is its exit status. */
pid_t spawn(int (*body)(void));
/* The exit status; fails the test when the process did not exit by itself. */
int wait_for(pid_t pid);
/* Two processes meet: one signals a name, the other waits for it (10 s at most, then the test fails). */
void signal_event(const char *name);
void await_event(const char *name);

#endif
