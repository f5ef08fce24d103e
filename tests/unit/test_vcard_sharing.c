/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libpcsc-vcard.so: connections, exchanges, transactions, resets and removals between handles, threads and processes.
 * What is expected is what pcsc-lite 1.9.9 does, but for the moment of power down.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <reader.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/pcsc_fixture.h"

static const uint8_t any_command[] = { 0x00, 0xCA, 0xDF, 0x30, 0x05 };

/* --- one handle ----------------------------------------------------------------------------------------------------- */

static void
test_connect_errors(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = 1;
	DWORD protocol = 9;
	char long_name[200];

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(SCardConnect(context, "nobody", SCARD_SHARE_SHARED, 3, &h, &protocol), SCARD_E_UNKNOWN_READER);
	assert_int_equal(h, 0);
	assert_int_equal(SCardConnect(context, NULL, SCARD_SHARE_SHARED, 3, &h, &protocol), SCARD_E_UNKNOWN_READER);
	assert_int_equal(SCardConnect(context, long_name, SCARD_SHARE_SHARED, 3, &h, &protocol), SCARD_E_INVALID_VALUE);
	assert_int_equal(SCardConnect(context, READER, 9, 3, &h, &protocol), SCARD_E_INVALID_VALUE);
	assert_int_equal(SCardConnect(context, READER, SCARD_SHARE_SHARED, 0, &h, &protocol), SCARD_E_PROTO_MISMATCH);
	assert_int_equal(SCardConnect(context, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0, &h, &protocol),
			 SCARD_E_PROTO_MISMATCH);
	assert_int_equal(SCardConnect(context, READER, SCARD_SHARE_SHARED, 3, NULL, &protocol),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardConnect(context, READER, SCARD_SHARE_SHARED, 3, &h, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardConnect(context + 1, READER, SCARD_SHARE_SHARED, 3, &h, &protocol),
			 SCARD_E_INVALID_HANDLE);
	pull_card(READER);
	assert_int_equal(SCardConnect(context, READER, SCARD_SHARE_SHARED, 3, &h, &protocol), SCARD_E_NO_SMARTCARD);
	assert_int_equal(SCardConnect(context, READER, SCARD_SHARE_DIRECT, 0, &h, &protocol), SCARD_S_SUCCESS);
	assert_int_equal(protocol, 0);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
	assert_int_equal(SCardDisconnect(h, SCARD_LEAVE_CARD), SCARD_E_INVALID_HANDLE);
}

static void
test_transmit_arguments(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER);
	SCARD_IO_REQUEST pci = { 0, 0 };
	uint8_t answer[8];
	DWORD len = sizeof(answer);

	(void)state;
	assert_int_equal(SCardTransmit(h, NULL, any_command, 5, NULL, answer, &len), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardTransmit(h, SCARD_PCI_T1, NULL, 5, NULL, answer, &len), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardTransmit(h, SCARD_PCI_T1, any_command, 5, NULL, NULL, &len), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardTransmit(h, SCARD_PCI_T1, any_command, 5, NULL, answer, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardTransmit(h, SCARD_PCI_T0, any_command, 5, NULL, answer, &len), SCARD_E_PROTO_MISMATCH);
	len = 1;
	assert_int_equal(SCardTransmit(h, SCARD_PCI_T1, any_command, 5, NULL, answer, &len),
			 SCARD_E_INSUFFICIENT_BUFFER);
	assert_int_equal(len, 2);
	assert_int_equal(SCardTransmit(h, SCARD_PCI_T1, any_command, 5, &pci, answer, &len), SCARD_S_SUCCESS);
	assert_int_equal(pci.dwProtocol, SCARD_PROTOCOL_T1);
	assert_int_equal(SCardTransmit(h + 1, SCARD_PCI_T1, any_command, 5, NULL, answer, &len),
			 SCARD_E_INVALID_HANDLE);
	assert_int_equal(len, 0);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_status(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER);
	char name[64], *block = NULL;
	uint8_t atr[33], *atr_block = NULL;
	DWORD name_len = sizeof(name), atr_len = sizeof(atr), card_state, protocol;

	(void)state;
	assert_int_equal(SCardStatus(h, name, &name_len, &card_state, &protocol, atr, &atr_len), SCARD_S_SUCCESS);
	assert_string_equal(name, READER);
	assert_int_equal(name_len, sizeof(READER));
	assert_int_equal(card_state, SCARD_PRESENT | SCARD_POWERED | SCARD_NEGOTIABLE);
	assert_int_equal(protocol, SCARD_PROTOCOL_T1);
	assert_true(atr_len > 2 && atr[0] == 0x3B);
	name_len = 3;
	assert_int_equal(SCardStatus(h, name, &name_len, NULL, NULL, NULL, NULL), SCARD_E_INSUFFICIENT_BUFFER);
	assert_int_equal(name_len, sizeof(READER));
	name_len = atr_len = SCARD_AUTOALLOCATE;
	assert_int_equal(SCardStatus(h, (LPSTR)&block, &name_len, NULL, NULL, (LPBYTE)&atr_block, &atr_len),
			 SCARD_S_SUCCESS);
	assert_string_equal(block, READER);
	assert_memory_equal(atr_block, atr, atr_len);
	assert_int_equal(SCardFreeMemory(context, block), SCARD_S_SUCCESS);
	assert_int_equal(SCardFreeMemory(context, atr_block), SCARD_S_SUCCESS);
	assert_int_equal(SCardStatus(h, NULL, NULL, NULL, NULL, NULL, NULL), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_attributes(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER);
	uint8_t value[64], *block = NULL;
	DWORD len = 0;
	uint32_t code;

	(void)state;
	assert_int_equal(SCardGetAttrib(h, SCARD_ATTR_ATR_STRING, NULL, &len), SCARD_S_SUCCESS);
	assert_true(len > 2);
	assert_int_equal(SCardGetAttrib(h, SCARD_ATTR_ATR_STRING, value, &len), SCARD_S_SUCCESS);
	len = 2;
	assert_int_equal(SCardGetAttrib(h, SCARD_ATTR_ATR_STRING, value, &len), SCARD_E_INSUFFICIENT_BUFFER);
	len = SCARD_AUTOALLOCATE;
	assert_int_equal(SCardGetAttrib(h, SCARD_ATTR_DEVICE_FRIENDLY_NAME, (LPBYTE)&block, &len), SCARD_S_SUCCESS);
	assert_string_equal((const char *)block, READER);
	assert_int_equal(SCardFreeMemory(context, block), SCARD_S_SUCCESS);
	len = sizeof(value);
	assert_int_equal(SCardGetAttrib(h, SCARD_ATTR_CHANNEL_ID, value, &len), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(SCardSetAttrib(h, SCARD_ATTR_CHANNEL_ID, value, 1), SCARD_E_NOT_TRANSACTED);
	assert_int_equal(SCardControl(h, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, value, sizeof(value), &len),
			 SCARD_S_SUCCESS);
	assert_int_equal(len, 6);
	memcpy(&code, value + 2, 4);
	assert_int_equal(SCardControl(h, ntohl(code), NULL, 0, value, sizeof(value), &len), SCARD_S_SUCCESS);
	assert_int_equal(value[0], PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize);
	assert_int_equal(SCardControl(h, 1, NULL, 0, value, sizeof(value), &len), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* --- power and reset ------------------------------------------------------------------------------------------------ */

/* The first connection finds a card that has forgotten everything; others find it as it was left. */
static void
test_power(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE one = connect_shared(context, READER), two;
	bool selected = true;

	(void)state;
	assert_int_equal(probe(one, &selected), SCARD_S_SUCCESS);
	assert_false(selected);
	assert_int_equal(select_application(one), SCARD_S_SUCCESS);
	two = connect_shared(context, READER);
	assert_int_equal(SCardDisconnect(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(two, &selected), SCARD_S_SUCCESS);
	assert_true(selected);
	assert_int_equal(SCardDisconnect(two, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	one = connect_shared(context, READER);
	assert_int_equal(probe(one, &selected), SCARD_S_SUCCESS);
	assert_false(selected);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_reset_by_another(void **state)
{
	SCARDCONTEXT context = establish(), other = establish();
	SCARDHANDLE one = connect_shared(context, READER), two = connect_shared(other, READER);
	bool selected = true;

	(void)state;
	assert_int_equal(select_application(one), SCARD_S_SUCCESS);
	assert_int_equal(reconnect(two, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(two, &selected), SCARD_S_SUCCESS);
	assert_false(selected);
	assert_int_equal(probe(one, &selected), SCARD_W_RESET_CARD);
	assert_int_equal(probe(one, &selected), SCARD_W_RESET_CARD);
	assert_int_equal(SCardBeginTransaction(one), SCARD_W_RESET_CARD);
	assert_int_equal(SCardStatus(one, NULL, NULL, NULL, NULL, NULL, NULL), SCARD_W_RESET_CARD);
	assert_int_equal(reconnect(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(one, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardDisconnect(two, SCARD_UNPOWER_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(one, &selected), SCARD_W_RESET_CARD);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(other), SCARD_S_SUCCESS);
}

static void
test_end_with_reset(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER);
	bool selected;

	(void)state;
	assert_int_equal(SCardEndTransaction(h, SCARD_LEAVE_CARD), SCARD_E_NOT_TRANSACTED);
	assert_int_equal(SCardBeginTransaction(h), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(h, 9), SCARD_E_INVALID_VALUE);
	assert_int_equal(SCardEndTransaction(h, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(h, &selected), SCARD_W_RESET_CARD); /* one's own reset as well */
	assert_int_equal(reconnect(h, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(h, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* --- removal --------------------------------------------------------------------------------------------------------- */

static void
test_removal(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER);
	bool selected;

	(void)state;
	assert_int_equal(select_application(h), SCARD_S_SUCCESS);
	pull_card(READER);
	assert_int_equal(probe(h, &selected), SCARD_W_REMOVED_CARD);
	assert_int_equal(reconnect(h, SCARD_LEAVE_CARD), SCARD_E_NO_SMARTCARD);
	insert_card(READER, 1);
	assert_int_equal(probe(h, &selected), SCARD_W_REMOVED_CARD);
	assert_int_equal(SCardStatus(h, NULL, NULL, NULL, NULL, NULL, NULL), SCARD_W_REMOVED_CARD);
	assert_int_equal(reconnect(h, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(h, &selected), SCARD_S_SUCCESS);
	assert_false(selected);
	pull_card(READER);
	insert_card(READER, 2);
	assert_int_equal(probe(h, &selected), SCARD_W_REMOVED_CARD);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* The transaction is over when the card is gone, and nobody waits for its holder. */
static void
test_removal_ends_transaction(void **state)
{
	SCARDCONTEXT context = establish(), other = establish();
	SCARDHANDLE one = connect_shared(context, READER), two;
	bool selected;

	(void)state;
	assert_int_equal(SCardBeginTransaction(one), SCARD_S_SUCCESS);
	pull_card(READER);
	insert_card(READER, 2);
	two = connect_shared(other, READER);
	assert_int_equal(SCardBeginTransaction(two), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_W_REMOVED_CARD);
	assert_int_equal(probe(two, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(two, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(reconnect(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_E_NOT_TRANSACTED);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(other), SCARD_S_SUCCESS);
}

static void
test_reader_vanishes(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER), again;
	bool selected;

	(void)state;
	assert_int_equal(rename(fixture_path("readers/%s", READER), fixture_path("gone")), 0);
	make_reader(READER);
	insert_card(READER, 2);
	assert_int_equal(probe(h, &selected), SCARD_E_INVALID_VALUE);
	assert_int_equal(SCardBeginTransaction(h), SCARD_E_INVALID_VALUE);
	assert_int_equal(reconnect(h, SCARD_LEAVE_CARD), SCARD_E_INVALID_VALUE);
	assert_int_equal(SCardStatus(h, NULL, NULL, NULL, NULL, NULL, NULL), SCARD_E_READER_UNAVAILABLE);
	again = connect_shared(context, READER);
	assert_int_equal(probe(again, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardDisconnect(h, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(again, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* --- sharing --------------------------------------------------------------------------------------------------------- */

static void
test_exclusive(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE one = connect_shared(context, READER), two;
	DWORD protocol;

	(void)state;
	assert_int_equal(try_connect(context, READER, SCARD_SHARE_EXCLUSIVE, &two), SCARD_E_SHARING_VIOLATION);
	assert_int_equal(SCardReconnect(one, SCARD_SHARE_EXCLUSIVE, 3, SCARD_LEAVE_CARD, &protocol), SCARD_S_SUCCESS);
	assert_int_equal(try_connect(context, READER, SCARD_SHARE_SHARED, &two), SCARD_E_SHARING_VIOLATION);
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_E_NOT_TRANSACTED);
	assert_int_equal(SCardBeginTransaction(one), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(reconnect(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	/* pcsc-lite forgets the lock that came with the exclusive connection */
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_E_NOT_TRANSACTED);
	(void)connect_shared(context, READER);
	assert_int_equal(try_connect(context, READER, SCARD_SHARE_EXCLUSIVE, &two), SCARD_E_SHARING_VIOLATION);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static int
stay_for_a_while(void)
{
	SCARDCONTEXT context = establish();

	(void)connect_shared(context, READER);
	signal_event("there");
	sleep_ms(150);
	return SCardReleaseContext(context) == SCARD_S_SUCCESS ? 0 : 1;
}

/* A connection cannot become exclusive before the others are gone, and waits for that. */
static void
test_becoming_exclusive(void **state)
{
	pid_t pid = spawn(stay_for_a_while);
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER);
	unsigned long start;
	DWORD protocol;

	(void)state;
	await_event("there");
	start = elapsed_ms();
	assert_int_equal(SCardReconnect(h, SCARD_SHARE_EXCLUSIVE, 3, SCARD_LEAVE_CARD, &protocol), SCARD_S_SUCCESS);
	assert_true(elapsed_ms() - start >= 100);
	assert_int_equal(wait_for(pid), 0);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* A card powered down by a client stays so for the others until one of them resets it. */
static void
test_unpower(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE one = connect_shared(context, READER), two = connect_shared(context, READER);
	DWORD card_state = 0;
	bool selected;

	(void)state;
	assert_int_equal(SCardDisconnect(two, SCARD_UNPOWER_CARD), SCARD_S_SUCCESS);
	assert_int_equal(reconnect(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(SCardStatus(one, NULL, NULL, &card_state, NULL, NULL, NULL), SCARD_S_SUCCESS);
	assert_int_equal(card_state, SCARD_PRESENT);
	assert_int_equal(probe(one, &selected), SCARD_E_NOT_TRANSACTED);
	assert_int_equal(try_connect(context, READER, SCARD_SHARE_SHARED, &two), SCARD_W_UNPOWERED_CARD);
	assert_int_equal(reconnect(one, SCARD_RESET_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(one, &selected), SCARD_S_SUCCESS);
	two = connect_shared(context, READER);
	assert_int_equal(SCardDisconnect(one, SCARD_UNPOWER_CARD), SCARD_S_SUCCESS);
	assert_int_equal(SCardDisconnect(two, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	one = connect_shared(context, READER);
	assert_int_equal(probe(one, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* Calls that do not wait for a transaction answer at once; it nests. */
static void
test_nested_transaction(void **state)
{
	SCARDCONTEXT context = establish(), other = establish();
	SCARDHANDLE one = connect_shared(context, READER), two = connect_shared(other, READER);
	DWORD len = 0;

	(void)state;
	assert_int_equal(SCardBeginTransaction(one), SCARD_S_SUCCESS);
	assert_int_equal(SCardBeginTransaction(one), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(SCardGetAttrib(two, SCARD_ATTR_ATR_STRING, NULL, &len), SCARD_E_SHARING_VIOLATION);
	assert_int_equal(SCardEndTransaction(two, SCARD_LEAVE_CARD), SCARD_E_SHARING_VIOLATION);
	assert_int_equal(SCardEndTransaction(one, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(SCardGetAttrib(two, SCARD_ATTR_ATR_STRING, NULL, &len), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(other), SCARD_S_SUCCESS);
}

static int
hold_for_a_while(void)
{
	SCARDHANDLE h = connect_shared(establish(), READER);

	if (SCardBeginTransaction(h) != SCARD_S_SUCCESS)
		return 1;
	signal_event("held");
	sleep_ms(200);
	if (select_application(h) != SCARD_S_SUCCESS)
		return 2;
	return SCardEndTransaction(h, SCARD_LEAVE_CARD) == SCARD_S_SUCCESS ? 0 : 3;
}

static void
test_transaction_of_another_process(void **state)
{
	pid_t pid = spawn(hold_for_a_while);
	SCARDCONTEXT context;
	SCARDHANDLE h;
	unsigned long start;
	bool selected = false;

	(void)state;
	await_event("held");
	start = elapsed_ms();
	context = establish();
	h = connect_shared(context, READER); /* waits as well */
	assert_true(elapsed_ms() - start >= 150);
	assert_int_equal(probe(h, &selected), SCARD_S_SUCCESS);
	assert_int_equal(wait_for(pid), 0);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static int
die_in_transaction(void)
{
	SCARDHANDLE h = connect_shared(establish(), READER);

	if (SCardBeginTransaction(h) != SCARD_S_SUCCESS || select_application(h) != SCARD_S_SUCCESS)
		return 1;
	return 0;
}

static int
die_connected(void)
{
	return select_application(connect_shared(establish(), READER)) == SCARD_S_SUCCESS ? 0 : 1;
}

/* A client that dies in a transaction leaves a reset card; one that dies outside leaves the card as it is. */
static void
test_death(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE h = connect_shared(context, READER);
	bool selected = false;

	(void)state;
	assert_int_equal(wait_for(spawn(die_connected)), 0);
	assert_int_equal(probe(h, &selected), SCARD_S_SUCCESS);
	assert_true(selected);
	assert_int_equal(wait_for(spawn(die_in_transaction)), 0);
	assert_int_equal(probe(h, &selected), SCARD_W_RESET_CARD);
	assert_int_equal(reconnect(h, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(probe(h, &selected), SCARD_S_SUCCESS);
	assert_false(selected);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
	assert_int_equal(wait_for(spawn(die_connected)), 0);
	context = establish();
	h = connect_shared(context, READER);
	assert_int_equal(probe(h, &selected), SCARD_S_SUCCESS);
	assert_false(selected);
	/* gone without disconnecting, but not by death */
	assert_int_equal(SCardBeginTransaction(h), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static SCARDHANDLE inherited;

static int
use_inherited(void)
{
	SCARDCONTEXT context;
	SCARDHANDLE h;
	bool selected = true;

	if (probe(inherited, &selected) != SCARD_E_INVALID_HANDLE ||
	    SCardEndTransaction(inherited, SCARD_LEAVE_CARD) != SCARD_E_INVALID_HANDLE)
		return 1;
	signal_event("tried");
	context = establish();
	h = connect_shared(context, READER); /* waits until the parent ends its transaction */
	if (probe(h, &selected) != SCARD_S_SUCCESS || !selected)
		return 2;
	return SCardReleaseContext(context) == SCARD_S_SUCCESS ? 0 : 3;
}

static void
test_fork(void **state)
{
	SCARDCONTEXT context = establish();
	bool selected;
	pid_t pid;

	(void)state;
	inherited = connect_shared(context, READER);
	assert_int_equal(SCardBeginTransaction(inherited), SCARD_S_SUCCESS);
	pid = spawn(use_inherited);
	await_event("tried");
	sleep_ms(30);
	assert_int_equal(select_application(inherited), SCARD_S_SUCCESS);
	assert_int_equal(SCardEndTransaction(inherited, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(wait_for(pid), 0);
	assert_int_equal(probe(inherited, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* --- many at a time --------------------------------------------------------------------------------------------------- */

#define WORKERS 4
#define ROUNDS 25

/* In one transaction: put the card into a state that only this worker's transaction knows, and find it again. */
static LONG
one_round(SCARDHANDLE h)
{
	bool selected = false;
	LONG rv = SCardBeginTransaction(h);

	if (rv == SCARD_S_SUCCESS)
		rv = select_application(h);
	if (rv == SCARD_S_SUCCESS)
		rv = probe(h, &selected);
	if (rv == SCARD_S_SUCCESS)
		rv = selected ? SCardEndTransaction(h, SCARD_LEAVE_CARD) : SCARD_F_UNKNOWN_ERROR;
	return rv;
}

static LONG
work(void)
{
	SCARDCONTEXT context;
	SCARDHANDLE h = 0;
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
	unsigned i;

	if (rv == SCARD_S_SUCCESS)
		rv = try_connect(context, READER, SCARD_SHARE_SHARED, &h);
	for (i = 0; i < ROUNDS && rv == SCARD_S_SUCCESS; i++)
		rv = one_round(h);
	if (rv == SCARD_S_SUCCESS)
		rv = SCardDisconnect(h, SCARD_LEAVE_CARD);
	return rv == SCARD_S_SUCCESS ? SCardReleaseContext(context) : rv;
}

static void *
work_in_thread(void *arg)
{
	*(LONG *)arg = work();
	return NULL;
}

static int
work_in_process(void)
{
	return work() == SCARD_S_SUCCESS ? 0 : 1;
}

static void
test_many(void **state)
{
	pthread_t threads[WORKERS];
	LONG results[WORKERS];
	pid_t pids[2] = { spawn(work_in_process), spawn(work_in_process) };
	unsigned i;

	(void)state;
	for (i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work_in_thread, &results[i]), 0);
	for (i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(results[i], SCARD_S_SUCCESS);
	}
	assert_int_equal(wait_for(pids[0]), 0);
	assert_int_equal(wait_for(pids[1]), 0);
	assert_int_equal(counter(READER, "exchanges"), (WORKERS + 2) * ROUNDS * 2);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		world_test(test_connect_errors),
		world_test(test_transmit_arguments),
		world_test(test_status),
		world_test(test_attributes),
		world_test(test_power),
		world_test(test_reset_by_another),
		world_test(test_end_with_reset),
		world_test(test_removal),
		world_test(test_removal_ends_transaction),
		world_test(test_reader_vanishes),
		world_test(test_exclusive),
		world_test(test_becoming_exclusive),
		world_test(test_unpower),
		world_test(test_nested_transaction),
		world_test(test_transaction_of_another_process),
		world_test(test_death),
		world_test(test_fork),
		world_test(test_many),
	};

	return cmocka_run_group_tests_name("vcard/sharing", tests, NULL, NULL);
}
