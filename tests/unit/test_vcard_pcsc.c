/* SPDX-License-Identifier: BSD-2-Clause */
/* libpcsc-vcard.so: service, readers, cards that come and go, waiting, as in pcsc-lite 1.9.9. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/pcsc_fixture.h"

#define PNP "\\\\?PnP?\\Notification"

/* --- service ------------------------------------------------------------------------------------------------------ */

static void
test_no_service(void **state)
{
	SCARDCONTEXT context = 0;

	(void)state;
	assert_int_equal(unsetenv("VCARD_READERS"), 0);
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_E_NO_SERVICE);
	assert_int_equal(setenv("VCARD_READERS", fixture_path("later"), 1), 0);
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_E_NO_SERVICE);
	assert_int_equal(mkdir(fixture_path("later"), 0777), 0);
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_bad_environment(void **state)
{
	SCARDCONTEXT context = 0;

	(void)state;
	assert_int_equal(setenv("VCARD_LATENCY", "slow", 1), 0);
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_E_INVALID_VALUE);
	assert_int_equal(unsetenv("VCARD_LATENCY"), 0);
	assert_int_equal(setenv("VCARD_FAULTS", "5:explode", 1), 0);
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_E_INVALID_VALUE);
	assert_int_equal(unsetenv("VCARD_FAULTS"), 0);
}

static void
test_contexts(void **state)
{
	SCARDCONTEXT one = establish(), two = establish();

	(void)state;
	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, NULL), SCARD_E_INVALID_PARAMETER);
	assert_true(one != two);
	assert_int_equal(SCardIsValidContext(one), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(one), SCARD_S_SUCCESS);
	assert_int_equal(SCardIsValidContext(one), SCARD_E_INVALID_HANDLE);
	assert_int_equal(SCardReleaseContext(one), SCARD_E_INVALID_HANDLE);
	assert_int_equal(SCardCancel(one), SCARD_E_INVALID_HANDLE);
	assert_int_equal(SCardReleaseContext(two), SCARD_S_SUCCESS);
	assert_int_equal(SCardEstablishContext(77, NULL, NULL, &one), SCARD_E_INVALID_VALUE);
}

/* The directory replaced by another is a daemon that was restarted: contexts are void, new ones work. */
static void
test_service_restart(void **state)
{
	SCARDCONTEXT context = establish();
	SCARDHANDLE handle = connect_shared(context, READER);
	DWORD len = 0;
	bool selected;

	(void)state;
	assert_int_equal(rename(fixture_path("readers"), fixture_path("old")), 0);
	assert_int_equal(SCardListReaders(context, NULL, NULL, &len), SCARD_E_NO_SERVICE);
	assert_int_equal(mkdir(fixture_path("readers"), 0777), 0);
	make_reader(READER);
	insert_card(READER, 1);
	assert_int_equal(SCardListReaders(context, NULL, NULL, &len), SCARD_E_NO_SERVICE);
	assert_int_equal(probe(handle, &selected), SCARD_E_NO_SERVICE);
	assert_int_equal(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_E_NO_SERVICE);
	assert_int_equal(SCardReleaseContext(context), SCARD_E_NO_SERVICE);
	assert_int_equal(SCardIsValidContext(context), SCARD_E_INVALID_HANDLE);
	context = establish();
	handle = connect_shared(context, READER);
	assert_int_equal(probe(handle, &selected), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static void
test_list_readers(void **state)
{
	static const char both[] = READER "\0" OTHER_READER "\0";
	SCARDCONTEXT context = establish();
	DWORD len = 0;
	char names[64], *block = NULL;

	(void)state;
	make_reader(OTHER_READER);
	make_reader(".hidden");
	assert_int_equal(SCardListReaders(context, NULL, NULL, &len), SCARD_S_SUCCESS);
	assert_int_equal(len, sizeof(both));
	len--;
	assert_int_equal(SCardListReaders(context, NULL, names, &len), SCARD_E_INSUFFICIENT_BUFFER);
	assert_int_equal(len, sizeof(both));
	assert_int_equal(SCardListReaders(context, NULL, names, &len), SCARD_S_SUCCESS);
	assert_memory_equal(names, both, sizeof(both));
	len = SCARD_AUTOALLOCATE;
	assert_int_equal(SCardListReaders(context, NULL, (LPSTR)&block, &len), SCARD_S_SUCCESS);
	assert_memory_equal(block, both, sizeof(both));
	assert_int_equal(SCardFreeMemory(context, block), SCARD_S_SUCCESS);
	len = SCARD_AUTOALLOCATE;
	assert_int_equal(SCardListReaders(context, NULL, NULL, &len), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardListReaders(context, NULL, names, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(SCardListReaders(context + 1, NULL, names, &len), SCARD_E_INVALID_HANDLE);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_no_readers(void **state)
{
	SCARDCONTEXT context = establish();
	DWORD len = 0;

	(void)state;
	assert_int_equal(rename(fixture_path("readers/%s", READER), fixture_path("gone")), 0);
	assert_int_equal(SCardListReaders(context, NULL, NULL, &len), SCARD_E_NO_READERS_AVAILABLE);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_list_groups(void **state)
{
	SCARDCONTEXT context = establish();
	DWORD len = 0;
	char groups[64];

	(void)state;
	assert_int_equal(SCardListReaderGroups(context, NULL, &len), SCARD_S_SUCCESS);
	assert_int_equal(SCardListReaderGroups(context, groups, &len), SCARD_S_SUCCESS);
	assert_memory_equal(groups, "SCard$DefaultReaders\0", 22);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_stringify(void **state)
{
	(void)state;
	assert_string_equal(pcsc_stringify_error(SCARD_W_RESET_CARD), "Card was reset.");
	assert_string_equal(pcsc_stringify_error(0x1234), "Unknown error: 0x00001234");
}

/* --- states ------------------------------------------------------------------------------------------------------- */

static void
test_states(void **state)
{
	SCARDCONTEXT context = establish();
	SCARD_READERSTATE rs = reader_now(context, READER);
	SCARDHANDLE handle;

	(void)state;
	assert_int_equal(rs.dwEventState, SCARD_STATE_PRESENT | SCARD_STATE_CHANGED);
	assert_true(rs.cbAtr > 2 && rs.rgbAtr[0] == 0x3B);
	handle = connect_shared(context, READER);
	rs = reader_now(context, READER);
	assert_int_equal(rs.dwEventState, SCARD_STATE_PRESENT | SCARD_STATE_CHANGED | SCARD_STATE_INUSE);
	assert_int_equal(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	assert_int_equal(try_connect(context, READER, SCARD_SHARE_EXCLUSIVE, &handle), SCARD_S_SUCCESS);
	rs = reader_now(context, READER);
	assert_int_equal(rs.dwEventState, SCARD_STATE_PRESENT | SCARD_STATE_CHANGED | SCARD_STATE_EXCLUSIVE);
	assert_int_equal(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
	pull_card(READER);
	rs = reader_now(context, READER);
	assert_int_equal(rs.dwEventState, SCARD_STATE_EMPTY | SCARD_STATE_CHANGED | 1 << 16);
	assert_int_equal(rs.cbAtr, 0);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_mute_card(void **state)
{
	SCARDCONTEXT context = establish();
	SCARD_READERSTATE rs;
	SCARDHANDLE handle;

	(void)state;
	pull_card(READER);
	insert_card(READER, 99);
	rs = reader_now(context, READER);
	assert_int_equal(rs.dwEventState & 0xFFFF, SCARD_STATE_PRESENT | SCARD_STATE_MUTE | SCARD_STATE_CHANGED);
	assert_int_equal(try_connect(context, READER, SCARD_SHARE_SHARED, &handle), SCARD_W_UNPOWERED_CARD);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* The counter tells of a card that was pulled and put back between two looks, however quickly. */
static void
test_event_counter(void **state)
{
	SCARDCONTEXT context = establish();
	SCARD_READERSTATE rs = reader_now(context, READER);
	unsigned i;

	(void)state;
	for (i = 1; i < 20; i++) {
		rs.dwCurrentState = rs.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
		assert_int_equal(SCardGetStatusChange(context, 0, &rs, 1), SCARD_E_TIMEOUT);
		pull_card(READER);
		insert_card(READER, 1);
		assert_int_equal(reader_now(context, READER).dwEventState >> 16, 2 * i);
		if (i == 1) /* a counter of 0 is not compared */
			rs = reader_now(context, READER);
		else
			assert_int_equal(SCardGetStatusChange(context, 0, &rs, 1), SCARD_S_SUCCESS);
		assert_int_equal(rs.dwEventState >> 16, 2 * i);
		assert_true((rs.dwEventState & SCARD_STATE_PRESENT) != 0);
	}
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void
test_timeouts(void **state)
{
	SCARDCONTEXT context = establish();
	SCARD_READERSTATE rs = reader_now(context, READER);
	unsigned long start = elapsed_ms();

	(void)state;
	rs.dwCurrentState = rs.dwEventState;
	assert_int_equal(SCardGetStatusChange(context, 120, &rs, 1), SCARD_E_TIMEOUT);
	assert_true(elapsed_ms() - start >= 120);
	assert_int_equal(rs.dwEventState & SCARD_STATE_CHANGED, 0);
	rs.szReader = "nobody";
	assert_int_equal(SCardGetStatusChange(context, 0, &rs, 1), SCARD_E_UNKNOWN_READER);
	rs.dwCurrentState = SCARD_STATE_IGNORE;
	assert_int_equal(SCardGetStatusChange(context, INFINITE, &rs, 1), SCARD_S_SUCCESS);
	assert_int_equal(SCardGetStatusChange(context, INFINITE, NULL, 0), SCARD_S_SUCCESS);
	assert_int_equal(SCardGetStatusChange(context, INFINITE, NULL, 1), SCARD_E_INVALID_PARAMETER);
	rs.szReader = NULL;
	assert_int_equal(SCardGetStatusChange(context, 0, &rs, 1), SCARD_E_INVALID_VALUE);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

struct deed {
	int (*act)(void);
	SCARDCONTEXT context;
	int result;
};

static void *
act_later(void *arg)
{
	struct deed *deed = arg;

	sleep_ms(60);
	deed->result = deed->act != NULL ? deed->act() : SCardCancel(deed->context) != SCARD_S_SUCCESS;
	return NULL;
}

/* What SCardGetStatusChange answers while another thread does something. */
static LONG
wait_while(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *rs, DWORD count, int (*act)(void))
{
	struct deed deed = { act, context, -1 };
	pthread_t thread;
	LONG rv;

	assert_int_equal(pthread_create(&thread, NULL, act_later, &deed), 0);
	rv = SCardGetStatusChange(context, timeout, rs, count);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(deed.result, 0);
	return rv;
}

static int
do_pull(void)
{
	return unlink(fixture_path("readers/%s/card", READER));
}

static int
do_insert(void)
{
	return symlink(fixture_path("cards/2"), fixture_path("readers/%s/card", READER));
}

static int
do_add_reader(void)
{
	return mkdir(fixture_path("readers/%s", OTHER_READER), 0777);
}

static int
do_remove_reader(void)
{
	return rename(fixture_path("readers/%s", READER), fixture_path("gone"));
}

static int
do_stop_service(void)
{
	return rename(fixture_path("readers"), fixture_path("gone"));
}

static void
test_wait_for_card(void **state)
{
	SCARDCONTEXT context = establish();
	SCARD_READERSTATE rs = reader_now(context, READER);

	(void)state;
	rs.dwCurrentState = rs.dwEventState;
	assert_int_equal(wait_while(context, INFINITE, &rs, 1, do_pull), SCARD_S_SUCCESS);
	assert_int_equal(rs.dwEventState, SCARD_STATE_EMPTY | SCARD_STATE_CHANGED | 1 << 16);
	rs.dwCurrentState = rs.dwEventState;
	assert_int_equal(wait_while(context, (DWORD)-1, &rs, 1, do_insert), SCARD_S_SUCCESS);
	assert_int_equal(rs.dwEventState, SCARD_STATE_PRESENT | SCARD_STATE_CHANGED | 2 << 16);
	assert_true(rs.cbAtr > 2);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_wait_for_reader(void **state)
{
	SCARDCONTEXT context = establish();
	SCARD_READERSTATE rs[2] = { { .szReader = PNP }, reader_now(context, READER) };

	(void)state;
	rs[1].dwCurrentState = rs[1].dwEventState;
	assert_int_equal(SCardGetStatusChange(context, 20, rs, 2), SCARD_E_TIMEOUT);
	assert_int_equal(wait_while(context, INFINITE, rs, 2, do_add_reader), SCARD_S_SUCCESS);
	assert_int_equal(rs[0].dwEventState, SCARD_STATE_CHANGED);
	assert_int_equal(rs[1].dwEventState & SCARD_STATE_CHANGED, 0);
	assert_int_equal(wait_while(context, 5000, rs + 1, 1, do_remove_reader), SCARD_S_SUCCESS);
	assert_int_equal(rs[1].dwEventState, SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE | SCARD_STATE_CHANGED);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
}

static void
test_service_stops_in_wait(void **state)
{
	SCARDCONTEXT context = establish();
	SCARD_READERSTATE rs = reader_now(context, READER);

	(void)state;
	rs.dwCurrentState = rs.dwEventState;
	assert_int_equal(wait_while(context, INFINITE, &rs, 1, do_stop_service), SCARD_F_COMM_ERROR);
	assert_int_equal(SCardGetStatusChange(context, 0, &rs, 1), SCARD_E_NO_SERVICE);
	assert_int_equal(SCardReleaseContext(context), SCARD_E_NO_SERVICE);
}

struct quiet_wait {
	SCARDCONTEXT context;
	LONG rv;
};

static void *
wait_quietly(void *arg)
{
	struct quiet_wait *wait = arg;
	SCARD_READERSTATE rs = { .szReader = READER, .dwCurrentState = SCARD_STATE_PRESENT };

	wait->rv = SCardGetStatusChange(wait->context, 300, &rs, 1);
	return NULL;
}

/* Ends the wait of that context, and of no other; without a wait it is lost. */
static void
test_cancel(void **state)
{
	SCARDCONTEXT context = establish();
	struct quiet_wait other = { establish(), SCARD_S_SUCCESS };
	SCARD_READERSTATE rs = reader_now(context, READER);
	pthread_t thread;

	(void)state;
	rs.dwCurrentState = rs.dwEventState;
	assert_int_equal(SCardCancel(context), SCARD_S_SUCCESS);
	assert_int_equal(SCardGetStatusChange(context, 30, &rs, 1), SCARD_E_TIMEOUT);
	assert_int_equal(pthread_create(&thread, NULL, wait_quietly, &other), 0);
	assert_int_equal(wait_while(context, INFINITE, &rs, 1, NULL), SCARD_E_CANCELLED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(other.rv, SCARD_E_TIMEOUT);
	assert_int_equal(SCardReleaseContext(context), SCARD_S_SUCCESS);
	assert_int_equal(SCardReleaseContext(other.context), SCARD_S_SUCCESS);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		world_test(test_no_service),
		world_test(test_bad_environment),
		world_test(test_contexts),
		world_test(test_service_restart),
		world_test(test_list_readers),
		world_test(test_no_readers),
		world_test(test_list_groups),
		world_test(test_stringify),
		world_test(test_states),
		world_test(test_mute_card),
		world_test(test_event_counter),
		world_test(test_timeouts),
		world_test(test_wait_for_card),
		world_test(test_wait_for_reader),
		world_test(test_service_stops_in_wait),
		world_test(test_cancel),
	};

	return cmocka_run_group_tests_name("vcard/pcsc", tests, NULL, NULL);
}
