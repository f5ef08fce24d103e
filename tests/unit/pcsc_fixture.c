/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of readers and cards for one test, and short words for what tests do with PC/SC. */
#define _GNU_SOURCE /* nftw */
#include "unit/pcsc_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vcard/vcard.h"

#define EVENT_TIMEOUT_MS 10000

static char root[64];

const char *
fixture_path(const char *format, ...)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	va_list args;
	int n = snprintf(path, sizeof(paths[0]), "%s/", root);

	va_start(args, format);
	n += vsnprintf(path + n, sizeof(paths[0]) - (size_t)n, format, args);
	va_end(args);
	assert_true(n > 0 && (size_t)n < sizeof(paths[0]));
	return path;
}

int
fixture_set_up(void **state)
{
	static const struct vcard_profile plain;

	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/vcard-pcsc-XXXXXX");
	if (mkdtemp(root) == NULL || mkdir(fixture_path("readers"), 0777) != 0 ||
	    mkdir(fixture_path("cards"), 0777) != 0 || vcard_create(fixture_path("cards/1"), &plain) != 0 ||
	    vcard_create(fixture_path("cards/2"), &plain) != 0)
		return -1;
	make_reader(READER);
	insert_card(READER, 1);
	(void)unsetenv("VCARD_FAULTS");
	(void)unsetenv("VCARD_LATENCY");
	(void)unsetenv("VCARD_PINPAD");
	return setenv("VCARD_READERS", fixture_path("readers"), 1);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

int
fixture_tear_down(void **state)
{
	(void)state;
	return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void
make_reader(const char *reader)
{
	assert_int_equal(mkdir(fixture_path("readers/%s", reader), 0777), 0);
}

void
insert_card(const char *reader, int card)
{
	assert_int_equal(symlink(fixture_path("cards/%d", card), fixture_path("readers/%s/card", reader)), 0);
}

void
pull_card(const char *reader)
{
	assert_int_equal(unlink(fixture_path("readers/%s/card", reader)), 0);
}

void
write_file(const char *reader, const char *name, const char *text)
{
	FILE *f = fopen(fixture_path("cards/new"), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(fixture_path("cards/new"), fixture_path("readers/%s/%s", reader, name)), 0);
}

const char *
read_file(const char *reader, const char *name)
{
	static char text[65536];
	FILE *f = fopen(fixture_path("readers/%s/%s", reader, name), "re");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		(void)fclose(f);
	}
	text[n] = '\0';
	return text;
}

unsigned long
counter(const char *reader, const char *name)
{
	const char *text = read_file(reader, "stats"), *found = strstr(text, name);

	return found != NULL ? strtoul(found + strlen(name), NULL, 10) : 0;
}

SCARDCONTEXT
establish(void)
{
	SCARDCONTEXT context = 0;

	assert_int_equal(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), SCARD_S_SUCCESS);
	assert_true(context != 0);
	return context;
}

LONG
try_connect(SCARDCONTEXT context, const char *reader, DWORD mode, SCARDHANDLE *ret_handle)
{
	DWORD protocol;

	return SCardConnect(context, reader, mode, SCARD_PROTOCOL_ANY, ret_handle, &protocol);
}

SCARDHANDLE
connect_shared(SCARDCONTEXT context, const char *reader)
{
	SCARDHANDLE handle = 0;

	assert_int_equal(try_connect(context, reader, SCARD_SHARE_SHARED, &handle), SCARD_S_SUCCESS);
	assert_true(handle != 0);
	return handle;
}

LONG
reconnect(SCARDHANDLE handle, DWORD initialization)
{
	DWORD protocol = 0;

	return SCardReconnect(handle, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, initialization, &protocol);
}

static LONG
exchange(SCARDHANDLE handle, const uint8_t *command, size_t len, unsigned *ret_sw)
{
	uint8_t answer[300];
	DWORD n = sizeof(answer);
	LONG rv = SCardTransmit(handle, SCARD_PCI_T1, command, len, NULL, answer, &n);

	if (rv == SCARD_S_SUCCESS)
		*ret_sw = n >= 2 ? (unsigned)answer[n - 2] << 8 | answer[n - 1] : 0;
	return rv;
}

LONG
probe(SCARDHANDLE handle, bool *ret_selected)
{
	static const uint8_t command[] = { 0x00, 0xCA, 0xDF, 0x30, 0x05 };
	unsigned sw;
	LONG rv = exchange(handle, command, sizeof(command), &sw);

	if (rv == SCARD_S_SUCCESS)
		*ret_selected = sw != 0x6986; /* the engine's answer when no application is selected */
	return rv;
}

LONG
select_application(SCARDHANDLE handle)
{
	static const uint8_t command[] = { 0x00, 0xA4, 0x04, 0x0C, 0x09, 0xA0, 0x00,
					   0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59 };
	unsigned sw;
	LONG rv = exchange(handle, command, sizeof(command), &sw);

	if (rv == SCARD_S_SUCCESS)
		assert_int_equal(sw, 0x9000);
	return rv;
}

unsigned
exchange_sw(SCARDHANDLE handle, const uint8_t *command, size_t len)
{
	unsigned sw = 0;

	assert_int_equal(exchange(handle, command, len, &sw), SCARD_S_SUCCESS);
	return sw;
}

SCARD_READERSTATE
reader_now(SCARDCONTEXT context, const char *reader)
{
	SCARD_READERSTATE rs = { .szReader = reader, .dwCurrentState = SCARD_STATE_UNAWARE };

	assert_int_equal(SCardGetStatusChange(context, 0, &rs, 1), SCARD_S_SUCCESS);
	return rs;
}

void
sleep_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

unsigned long
elapsed_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000;
}

pid_t
spawn(int (*body)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body());
	return pid;
}

int
wait_for(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void
signal_event(const char *name)
{
	int fd = open(fixture_path("cards/event-%s", name), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	assert_true(fd >= 0);
	(void)close(fd);
}

void
await_event(const char *name)
{
	unsigned long start = elapsed_ms();

	while (access(fixture_path("cards/event-%s", name), F_OK) != 0) {
		assert_true(elapsed_ms() - start < EVENT_TIMEOUT_MS);
		sleep_ms(1);
	}
}
