/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers without PC/SC. */
#include "lib/faketransport.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READERS 8

struct fake_reader {
	char name[LIMIT_READER_NAME];
	bool listed;
	bool present;
	uint32_t events;
	fake_connect connect;
	void *card;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct fake_reader readers[READERS];
	size_t count;
	bool running;
	uint32_t epoch;
	unsigned connections, monitors;
	DWORD fail_connect;
} world = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

struct io_monitor {
	bool cancelled;
};

static void
lock(void)
{
	(void)pthread_mutex_lock(&world.mutex);
}

static void
unlock(void)
{
	(void)pthread_cond_broadcast(&world.changed);
	(void)pthread_mutex_unlock(&world.mutex);
}

void
fake_world_reset(void)
{
	lock();
	memset(world.readers, 0, sizeof(world.readers));
	world.count = 0;
	world.running = true;
	world.epoch = 1;
	world.connections = 0;
	world.fail_connect = SCARD_S_SUCCESS;
	unlock();
}

struct fake_reader *
fake_reader_add(const char *name)
{
	struct fake_reader *reader;

	lock();
	reader = &world.readers[world.count++];
	strncpy(reader->name, name, sizeof(reader->name) - 1);
	reader->listed = true;
	unlock();
	return reader;
}

void
fake_reader_list(struct fake_reader *reader, bool listed)
{
	lock();
	reader->listed = listed;
	reader->present = false;
	reader->events = 0;
	unlock();
}

void
fake_card_insert(struct fake_reader *reader, fake_connect connect, void *card)
{
	lock();
	reader->present = true;
	reader->events++;
	reader->connect = connect;
	reader->card = card;
	unlock();
}

void
fake_card_remove(struct fake_reader *reader)
{
	lock();
	reader->present = false;
	reader->events++;
	unlock();
}

void
fake_service_run(bool running)
{
	lock();
	world.running = running;
	if (running)
		world.epoch++;
	unlock();
}

unsigned
fake_connections(void)
{
	unsigned n;

	lock();
	n = world.connections;
	unlock();
	return n;
}

unsigned
fake_monitors(void)
{
	unsigned n;

	lock();
	n = world.monitors;
	unlock();
	return n;
}

void
fake_connect_fails(DWORD code)
{
	lock();
	world.fail_connect = code;
	unlock();
}

/* transport.h -------------------------------------------------------------------------------------------------------- */

static DWORD
connect_locked(const char *name, struct io **ret_io)
{
	DWORD r = world.fail_connect;

	world.connections++;
	world.fail_connect = SCARD_S_SUCCESS;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!world.running)
		return SCARD_E_NO_SERVICE;
	for (size_t i = 0; i < world.count; i++) {
		if (world.readers[i].listed && strcmp(world.readers[i].name, name) == 0)
			return world.readers[i].present
				       ? world.readers[i].connect(&world.readers[i], world.readers[i].card, ret_io)
				       : SCARD_E_NO_SMARTCARD;
	}
	return SCARD_E_UNKNOWN_READER;
}

DWORD
io_connect(const char *reader, struct io **ret_io)
{
	DWORD r;

	lock();
	r = connect_locked(reader, ret_io);
	unlock();
	return r;
}

DWORD
io_monitor_open(struct io_monitor **ret_monitor)
{
	struct io_monitor *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return SCARD_E_NO_MEMORY;
	lock();
	world.monitors++;
	unlock();
	*ret_monitor = m;
	return SCARD_S_SUCCESS;
}

void
io_monitor_close(struct io_monitor **monitor)
{
	if (*monitor == NULL)
		return;
	lock();
	world.monitors--;
	unlock();
	free(*monitor);
	*monitor = NULL;
}

void
io_monitor_forget(struct io_monitor **monitor)
{
	free(*monitor);
	*monitor = NULL;
}

static size_t
snapshot(struct io_reader *readers, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; world.running && i < world.count && n < max; i++) {
		if (!world.readers[i].listed)
			continue;
		memset(&readers[n], 0, sizeof(readers[n]));
		memcpy(readers[n].name, world.readers[i].name, sizeof(readers[n].name));
		readers[n].present = world.readers[i].present;
		readers[n].events = world.readers[i].events;
		n++;
	}
	return n;
}

DWORD
io_monitor_poll(struct io_monitor *monitor, struct io_reader *ret_readers, size_t max, size_t *ret_count,
		uint32_t *ret_epoch)
{
	(void)monitor;
	lock();
	*ret_count = snapshot(ret_readers, max);
	*ret_epoch = world.epoch;
	unlock();
	return world.running ? SCARD_S_SUCCESS : SCARD_E_NO_SERVICE;
}

static bool
same(const struct io_reader *readers, size_t count)
{
	struct io_reader now[READERS];

	if (snapshot(now, READERS) != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(now[i].name, readers[i].name) != 0 || now[i].present != readers[i].present ||
		    now[i].events != readers[i].events)
			return false;
	}
	return true;
}

static struct timespec
deadline_of(uint32_t timeout_ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += (time_t)(timeout_ms / 1000);
	t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

DWORD
io_monitor_wait(struct io_monitor *monitor, const struct io_reader *readers, size_t count, uint32_t timeout_ms)
{
	struct timespec t = deadline_of(timeout_ms == IO_WAIT_FOREVER ? 60000 : timeout_ms);
	DWORD r = SCARD_S_SUCCESS;

	(void)pthread_mutex_lock(&world.mutex);
	while (r == SCARD_S_SUCCESS && !monitor->cancelled && same(readers, count)) {
		if (pthread_cond_timedwait(&world.changed, &world.mutex, &t) != 0)
			r = SCARD_E_TIMEOUT;
	}
	if (monitor->cancelled) {
		monitor->cancelled = false;
		r = SCARD_E_CANCELLED;
	}
	(void)pthread_mutex_unlock(&world.mutex);
	return r;
}

void
io_monitor_cancel(struct io_monitor *monitor)
{
	lock();
	monitor->cancelled = true;
	unlock();
}
