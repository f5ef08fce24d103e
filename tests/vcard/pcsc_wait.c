/* SPDX-License-Identifier: BSD-2-Clause */
/* The PC/SC client API: waiting for readers and cards, and ending the wait. Semantics are those of pcsc-lite 1.9.9. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "vcard/pcsc_front.h"

/* There is no daemon to tell, so the directories are looked at this often; pcscd looks at some readers every 400 ms. */
#define TICK_MS 10
#define PNP_NAME "\\\\?PnP?\\Notification"

/* One reader at one moment. */
struct view {
	char name[MAX_READERNAME];
	DWORD bits;
	DWORD events;
	enum sharing sharing;
	uint8_t atr[VCARD_ATR_MAX];
	DWORD atr_len;
};

struct views {
	struct view view[WORLD_READERS_MAX];
	size_t count;
};

static bool
look(struct reader *r, struct view *ret_view)
{
	const struct reader_state *s = &r->state;
	struct view v = { 0 };

	if (!reader_enter(r))
		return false;
	memcpy(v.name, r->name, sizeof(v.name));
	v.bits = reader_bits(s);
	v.events = s->events & 0xFFFF;
	v.sharing = reader_sharing(r);
	if (s->present != 0 && s->mute == 0) {
		v.atr_len = s->atr_len;
		memcpy(v.atr, s->atr, sizeof(v.atr));
	}
	reader_leave(r);
	*ret_view = v;
	return true;
}

/* Context entered. SCARD_E_NO_SERVICE. */
static LONG
look_around(const struct context *c, struct views *ret_views)
{
	struct reader *readers[WORLD_READERS_MAX];
	LONG rv = context_check(c);
	size_t count, i;

	if (rv != SCARD_S_SUCCESS)
		return rv;
	ret_views->count = 0;
	count = world_readers(c, readers);
	for (i = 0; i < count; i++) {
		if (look(readers[i], &ret_views->view[ret_views->count]))
			ret_views->count++;
		reader_unref(readers[i]);
	}
	return SCARD_S_SUCCESS;
}

static const struct view *
find_view(const struct views *views, const char *name)
{
	size_t i;

	for (i = 0; i < views->count; i++)
		if (strcmp(views->view[i].name, name) == 0)
			return &views->view[i];
	return NULL;
}

/* True when the card's side is not what the client believes. */
static bool
judge_card(SCARD_READERSTATE *rs, const struct view *v, DWORD *event)
{
	DWORD believed = rs->dwCurrentState;
	bool mute = (v->bits & SCARD_SWALLOWED) != 0;

	rs->cbAtr = v->atr_len;
	memcpy(rs->rgbAtr, v->atr, v->atr_len);
	if ((v->bits & SCARD_PRESENT) == 0) {
		*event |= SCARD_STATE_EMPTY;
		return (believed & SCARD_STATE_PRESENT) != 0;
	}
	*event |= SCARD_STATE_PRESENT | (mute ? SCARD_STATE_MUTE : 0);
	return (believed & SCARD_STATE_EMPTY) != 0 || mute != ((believed & SCARD_STATE_MUTE) != 0);
}

/* True when the way the reader is shared is not what the client believes; only some differences count in pcsc-lite. */
static bool
judge_sharing(DWORD believed, const struct view *v, DWORD *event)
{
	switch (v->sharing) {
	case SHARING_EXCLUSIVE: *event |= SCARD_STATE_EXCLUSIVE; return (believed & SCARD_STATE_INUSE) != 0;
	case SHARING_SHARED:
		if ((v->bits & SCARD_PRESENT) == 0)
			return false;
		*event |= SCARD_STATE_INUSE;
		return (believed & SCARD_STATE_EXCLUSIVE) != 0;
	case SHARING_NONE: break;
	}
	return (believed & (SCARD_STATE_INUSE | SCARD_STATE_EXCLUSIVE)) != 0;
}

static bool
judge_reader(SCARD_READERSTATE *rs, const struct view *v)
{
	DWORD believed = rs->dwCurrentState, event = 0, counter = believed >> 16 & 0xFFFF;
	bool changed = believed == SCARD_STATE_UNAWARE;

	changed |= (believed & (SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE)) != 0;
	changed |= counter != 0 && counter != v->events;
	changed |= judge_card(rs, v, &event);
	changed |= judge_sharing(believed, v, &event);
	rs->dwEventState = v->events << 16 | event | (changed ? SCARD_STATE_CHANGED : 0);
	return changed;
}

static bool
judge(SCARD_READERSTATE *rs, const struct views *views, size_t count_before)
{
	const struct view *v = find_view(views, rs->szReader);
	bool changed;

	if ((rs->dwCurrentState & SCARD_STATE_IGNORE) != 0)
		return false;
	if (v != NULL)
		return judge_reader(rs, v);
	if (strcasecmp(rs->szReader, PNP_NAME) == 0) {
		changed = views->count != count_before;
		rs->dwEventState = changed ? SCARD_STATE_CHANGED : 0;
		return changed;
	}
	changed = (rs->dwCurrentState & SCARD_STATE_UNKNOWN) == 0;
	rs->dwEventState = SCARD_STATE_UNKNOWN | SCARD_STATE_UNAVAILABLE | (changed ? SCARD_STATE_CHANGED : 0);
	return changed;
}

static bool
judge_all(SCARD_READERSTATE *rs, DWORD count, const struct views *views, size_t count_before)
{
	bool changed = false;
	DWORD i;

	for (i = 0; i < count; i++)
		changed |= judge(&rs[i], views, count_before);
	return changed;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sleeps until a time, or until cancelled, which is true then. */
static bool
sleep_until(struct context *c, int64_t ms)
{
	struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	bool cancelled;

	(void)pthread_mutex_lock(&c->wait_mutex);
	while (!c->cancelled && now_ms() < ms)
		(void)pthread_cond_timedwait(&c->wait_cond, &c->wait_mutex, &t);
	cancelled = c->cancelled;
	(void)pthread_mutex_unlock(&c->wait_mutex);
	return cancelled;
}

static void
set_waiting(struct context *c, bool waiting)
{
	(void)pthread_mutex_lock(&c->wait_mutex);
	c->waiting = waiting;
	c->cancelled = false;
	(void)pthread_mutex_unlock(&c->wait_mutex);
}

/* Context entered. Nothing has changed at first sight. end: on now_ms()'s clock, INT64_MAX is never. */
static LONG
wait_for_change(struct context *c, int64_t end, SCARD_READERSTATE *rs, DWORD count, struct views *views)
{
	size_t count_before = views->count;
	int64_t now, next;

	while ((now = now_ms()) < end) {
		next = end - now > TICK_MS ? now + TICK_MS : end;
		if (sleep_until(c, next))
			return SCARD_E_CANCELLED;
		if (look_around(c, views) != SCARD_S_SUCCESS)
			return SCARD_F_COMM_ERROR; /* what a client sees of a daemon that dies under it */
		if (judge_all(rs, count, views, count_before))
			return SCARD_S_SUCCESS;
	}
	return SCARD_E_TIMEOUT;
}

static bool
all_known(const SCARD_READERSTATE *rs, DWORD count, const struct views *views)
{
	DWORD i;

	for (i = 0; i < count; i++)
		if (find_view(views, rs[i].szReader) == NULL && strcasecmp(rs[i].szReader, PNP_NAME) != 0)
			return false;
	return true;
}

/* Context entered. */
static LONG
status_change(struct context *c, DWORD timeout, SCARD_READERSTATE *rs, DWORD count)
{
	bool forever = timeout == INFINITE || timeout == (DWORD)-1;
	struct views views;
	LONG rv = look_around(c, &views);
	DWORD i;

	if (rv != SCARD_S_SUCCESS)
		return rv;
	if (!all_known(rs, count, &views))
		return SCARD_E_UNKNOWN_READER;
	for (i = 0; i < count; i++)
		rs[i].dwEventState = 0;
	if (judge_all(rs, count, &views, views.count))
		return SCARD_S_SUCCESS;
	set_waiting(c, true);
	rv = wait_for_change(c, forever ? INT64_MAX : now_ms() + (int64_t)(timeout & INFINITE), rs, count, &views);
	set_waiting(c, false);
	return rv;
}

LONG
SCardGetStatusChange(SCARDCONTEXT hContext, DWORD dwTimeout, SCARD_READERSTATE *rgReaderStates, DWORD cReaders)
{
	struct context *c;
	bool ignored = true;
	DWORD i;
	LONG rv;

	if ((rgReaderStates == NULL && cReaders > 0) || cReaders > WORLD_READERS_MAX)
		return SCARD_E_INVALID_PARAMETER;
	for (i = 0; i < cReaders; i++) {
		if (rgReaderStates[i].szReader == NULL)
			return SCARD_E_INVALID_VALUE;
		ignored &= (rgReaderStates[i].dwCurrentState & SCARD_STATE_IGNORE) != 0;
	}
	if (ignored)
		return SCARD_S_SUCCESS;
	if ((c = context_enter(hContext)) == NULL)
		return SCARD_E_INVALID_HANDLE;
	rv = status_change(c, dwTimeout, rgReaderStates, cReaders);
	context_leave(c);
	return rv;
}

LONG
SCardCancel(SCARDCONTEXT hContext)
{
	struct context *c = context_find(hContext);

	if (c == NULL)
		return SCARD_E_INVALID_HANDLE;
	(void)pthread_mutex_lock(&c->wait_mutex);
	if (c->waiting) { /* without a wait under way a cancel is lost, as in pcsc-lite */
		c->cancelled = true;
		(void)pthread_cond_broadcast(&c->wait_cond);
	}
	(void)pthread_mutex_unlock(&c->wait_mutex);
	context_unref(c);
	return SCARD_S_SUCCESS;
}
