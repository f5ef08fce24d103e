/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: memory that processes share, and the calls of PC/SC that wait at it. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "module/gate.h"

#include <dlfcn.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PCSC_API __attribute__((visibility("default")))
#include <winscard.h>

#include "lib/test.h"

enum pass_state { PASS_FREE, PASS_TAKEN, PASS_WAITING };

struct pass {
	_Atomic enum pass_state state;
	enum gate_call call;
	uint8_t instruction;
	sem_t open;
};

static struct gate {
	sem_t arrived; /* once for each arrival */
	atomic_uint owner;
	struct pass passes[GATE_PROCESSES][GATE_THREADS];
} * gate;

static atomic_uint self = GATE_NOBODY;

void *
gate_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

void
gate_set_up(void)
{
	gate = gate_shared(sizeof(*gate));
	gate->owner = GATE_NOBODY;
	assert_int_equal(sem_init(&gate->arrived, 1, 0), 0);
	for (unsigned p = 0; p < GATE_PROCESSES; p++)
		for (unsigned t = 0; t < GATE_THREADS; t++)
			assert_int_equal(sem_init(&gate->passes[p][t].open, 1, 0), 0);
}

void
gate_tear_down(void)
{
	if (gate != NULL)
		(void)munmap(gate, sizeof(*gate));
	gate = NULL;
}

/* Processes --------------------------------------------------------------------------------------------------------- */

static void
open_pass(struct pass *pass)
{
	pass->state = PASS_TAKEN;
	(void)sem_post(&pass->open);
}

void
gate_join(unsigned process)
{
	self = process;
}

void
gate_leave(void)
{
	const unsigned process = atomic_exchange(&self, GATE_NOBODY);

	for (unsigned t = 0; t < GATE_THREADS; t++)
		if (gate->passes[process][t].state == PASS_WAITING)
			open_pass(&gate->passes[process][t]);
}

static void
wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0 && errno == EINTR)
		;
}

static struct pass *
take_pass(unsigned process)
{
	for (;;) {
		for (unsigned t = 0; t < GATE_THREADS; t++) {
			enum pass_state expected = PASS_FREE;

			if (atomic_compare_exchange_strong(&gate->passes[process][t].state, &expected, PASS_TAKEN))
				return &gate->passes[process][t];
		}
	}
}

static void
wait_at_gate(enum gate_call call, uint8_t instruction)
{
	const unsigned process = self;
	struct pass *pass;

	if (process == GATE_NOBODY)
		return;
	pass = take_pass(process);
	pass->call = call;
	pass->instruction = instruction;
	pass->state = PASS_WAITING;
	(void)sem_post(&gate->arrived);
	if (self == process)
		wait_for(&pass->open);
	pass->state = PASS_FREE;
}

void
gate_pass(enum gate_call call)
{
	wait_at_gate(call, 0);
}

static void
own(void)
{
	if (self != GATE_NOBODY)
		gate->owner = self;
}

static void
disown(void)
{
	unsigned expected = self;

	if (self != GATE_NOBODY)
		(void)atomic_compare_exchange_strong(&gate->owner, &expected, GATE_NOBODY);
}

/* The library's call of a name. */
#define REAL(name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

PCSC_API LONG
SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD mode, DWORD protocols, LPSCARDHANDLE ret_card, LPDWORD protocol)
{
	__typeof__(&SCardConnect) REAL(SCardConnect);

	wait_at_gate(GATE_CONNECT, 0);
	return real(context, reader, mode, protocols, ret_card, protocol);
}

PCSC_API LONG
SCardReconnect(SCARDHANDLE card, DWORD mode, DWORD protocols, DWORD initialization, LPDWORD protocol)
{
	__typeof__(&SCardReconnect) REAL(SCardReconnect);

	wait_at_gate(GATE_RECONNECT, 0);
	return real(card, mode, protocols, initialization, protocol);
}

PCSC_API LONG
SCardDisconnect(SCARDHANDLE card, DWORD disposition)
{
	__typeof__(&SCardDisconnect) REAL(SCardDisconnect);
	LONG rv;

	wait_at_gate(GATE_DISCONNECT, 0);
	rv = real(card, disposition);
	disown();
	return rv;
}

PCSC_API LONG
SCardBeginTransaction(SCARDHANDLE card)
{
	__typeof__(&SCardBeginTransaction) REAL(SCardBeginTransaction);
	LONG rv;

	wait_at_gate(GATE_BEGIN, 0);
	rv = real(card);
	if (rv == SCARD_S_SUCCESS)
		own();
	return rv;
}

/* By this the module sees, without waiting, whether somebody is in a transaction, before it begins one. */
PCSC_API LONG
SCardGetAttrib(SCARDHANDLE card, DWORD attribute, LPBYTE value, LPDWORD len)
{
	__typeof__(&SCardGetAttrib) REAL(SCardGetAttrib);

	wait_at_gate(GATE_BEGIN, 0);
	return real(card, attribute, value, len);
}

PCSC_API LONG
SCardEndTransaction(SCARDHANDLE card, DWORD disposition)
{
	__typeof__(&SCardEndTransaction) REAL(SCardEndTransaction);
	LONG rv;

	wait_at_gate(GATE_END, 0);
	rv = real(card, disposition);
	if (rv == SCARD_S_SUCCESS)
		disown();
	return rv;
}

PCSC_API LONG
SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *send_pci, LPCBYTE command, DWORD len,
	      SCARD_IO_REQUEST *receive_pci, LPBYTE ret_answer, LPDWORD io_len)
{
	__typeof__(&SCardTransmit) REAL(SCardTransmit);

	wait_at_gate(GATE_TRANSMIT, len > 1 ? command[1] : 0);
	return real(card, send_pci, command, len, receive_pci, ret_answer, io_len);
}

PCSC_API LONG
SCardStatus(SCARDHANDLE card, LPSTR name, LPDWORD io_name_len, LPDWORD ret_state, LPDWORD ret_protocol, LPBYTE ret_atr,
	    LPDWORD io_atr_len)
{
	__typeof__(&SCardStatus) REAL(SCardStatus);

	wait_at_gate(GATE_STATUS, 0);
	return real(card, name, io_name_len, ret_state, ret_protocol, ret_atr, io_atr_len);
}

/* Scheduler --------------------------------------------------------------------------------------------------------- */

static bool
is_waiting(unsigned process)
{
	for (unsigned t = 0; t < GATE_THREADS; t++)
		if (gate->passes[process][t].state == PASS_WAITING)
			return true;
	return false;
}

/* False when the time is over. */
static bool
wait_for_arrival(const struct timespec *until)
{
	int r;

	while ((r = sem_timedwait(&gate->arrived, until)) != 0 && errno == EINTR)
		;
	return r == 0;
}

bool
gate_wait(unsigned process, unsigned ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (!is_waiting(process))
		if (!wait_for_arrival(&until))
			return is_waiting(process);
	return true;
}

static bool
can_go(unsigned process, enum gate_call call)
{
	const unsigned owner = gate_owner();

	return call != GATE_READY && (owner == GATE_NOBODY || owner == process || call == GATE_STEP);
}

unsigned
gate_choices(struct gate_choice ret_choices[GATE_PROCESSES * GATE_THREADS])
{
	unsigned count = 0;

	for (unsigned p = 0; p < GATE_PROCESSES; p++) {
		for (unsigned t = 0; t < GATE_THREADS; t++) {
			const struct pass *pass = &gate->passes[p][t];

			if (pass->state == PASS_WAITING && can_go(p, pass->call))
				ret_choices[count++] = (struct gate_choice){ p, t, pass->call, pass->instruction };
		}
	}
	return count;
}

void
gate_let(const struct gate_choice *choice)
{
	open_pass(&gate->passes[choice->process][choice->thread]);
}

static struct pass *
ready_pass(unsigned process)
{
	for (unsigned t = 0; t < GATE_THREADS; t++) {
		struct pass *pass = &gate->passes[process][t];

		if (pass->state == PASS_WAITING && pass->call == GATE_READY)
			return pass;
	}
	return NULL;
}

bool
gate_is_ready(unsigned process)
{
	return ready_pass(process) != NULL;
}

void
gate_start(unsigned process)
{
	struct pass *pass = ready_pass(process);

	assert_non_null(pass);
	open_pass(pass);
}

unsigned
gate_owner(void)
{
	return gate->owner;
}

void
gate_bury(unsigned process)
{
	unsigned expected = process;

	(void)atomic_compare_exchange_strong(&gate->owner, &expected, GATE_NOBODY);
	for (unsigned t = 0; t < GATE_THREADS; t++) {
		gate->passes[process][t].state = PASS_FREE;
		assert_int_equal(sem_init(&gate->passes[process][t].open, 1, 0), 0);
	}
}
