/* SPDX-License-Identifier: BSD-2-Clause */
/* The card in a reader: loaded when its file has changed, powered, reset, talked to, saved. */
#define _GNU_SOURCE /* asprintf */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vcard/pcsc_world.h"

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
drop_card(struct reader *r)
{
	vcard_close(r->card);
	r->card = NULL;
	free(r->card_path);
	r->card_path = NULL;
}

/* The card's own file, so that saving replaces that and not the link in the reader. */
static char *
resolve_card(const struct reader *r)
{
	char *link, *path = NULL;

	if (asprintf(&link, "%s/card", r->path) < 0)
		return NULL;
	path = realpath(link, NULL);
	free(link);
	return path;
}

/* Entered, with card_mutex. The card as its file has it now; NULL when there is none to be had. */
static struct vcard *
current_card(struct reader *r)
{
	struct stat st;

	if (r->card != NULL && r->card_saves == r->state.saves && r->card_events == r->state.events &&
	    stat(r->card_path, &st) == 0 && same_file(&st, &r->card_stat))
		return r->card;
	drop_card(r);
	if (r->state.present == 0 || (r->card_path = resolve_card(r)) == NULL || stat(r->card_path, &r->card_stat) != 0)
		return NULL;
	r->card = vcard_open(r->card_path);
	r->card_saves = r->state.saves;
	r->card_events = r->state.events;
	return r->card;
}

/* Entered, with card_mutex, after something was done with the card. */
static bool
save_card(struct reader *r)
{
	struct stat st;

	if (vcard_save(r->card) != 0 || stat(r->card_path, &st) != 0) {
		drop_card(r);
		return false;
	}
	if (!same_file(&st, &r->card_stat))
		r->state.saves++;
	r->card_saves = r->state.saves;
	r->card_stat = st;
	return true;
}

static void
open_trace(struct reader *r)
{
	struct stat st;

	r->link.trace_fd = openat(r->dir, "trace", O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (r->link.trace_fd >= 0 && (fstat(r->link.trace_fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		(void)close(r->link.trace_fd);
		r->link.trace_fd = -1;
	}
}

static void
close_trace(struct reader *r)
{
	if (r->link.trace_fd >= 0)
		(void)close(r->link.trace_fd);
	r->link.trace_fd = -1;
}

/* Entered. The volatile memory is lost; tells the card's file and the trace. */
static bool
power_cycle(struct reader *r, const char *note)
{
	struct vcard *card;
	bool done = false;

	(void)pthread_mutex_lock(&r->card_mutex);
	card = current_card(r);
	if (card != NULL) {
		open_trace(r);
		link_note(&r->link, note);
		close_trace(r);
		vcard_reset(card);
		r->state.atr_len = vcard_atr(card, r->state.atr);
		done = save_card(r);
	}
	(void)pthread_mutex_unlock(&r->card_mutex);
	return done;
}

bool
reader_reset(struct reader *r)
{
	bool done = power_cycle(r, "reset");

	r->state.resets++;
	r->state.reset_removals = r->state.removals;
	r->state.protocol = 0;
	r->state.unpowered = 0;
	r->state.powered = done;
	r->state.mute = r->state.present != 0 && !done;
	return done;
}

void
reader_power_down(struct reader *r)
{
	if (r->state.powered != 0)
		(void)power_cycle(r, "power down");
	r->state.powered = 0;
	r->state.protocol = 0;
}

bool
reader_power_up(struct reader *r)
{
	if (r->state.powered != 0)
		return true;
	if (!power_cycle(r, "power up"))
		return false;
	r->state.powered = 1;
	r->state.mute = r->state.unpowered = r->state.protocol = 0;
	return true;
}

char *
reader_read_text(const struct reader *r, const char *name, size_t *ret_len)
{
	int fd = openat(r->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *text = NULL;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	text = malloc(LINK_TEXT_MAX + 1);
	while (text != NULL && len <= LINK_TEXT_MAX && n > 0) {
		n = read(fd, text + len, LINK_TEXT_MAX + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	(void)close(fd);
	*ret_len = len;
	return text;
}

/* Entered. Arms a new text for everybody, who finds it in faults.armed. */
static void
arm_for_all(struct reader *r, const char *text, size_t len)
{
	char error[LINK_ERROR_MAX];

	if (!link_arm(&r->link, text, len, error)) {
		link_note(&r->link, error);
		(void)renameat(r->dir, "faults", r->dir, "faults.bad");
		return;
	}
	(void)renameat(r->dir, "faults", r->dir, "faults.armed");
	r->state.armed++;
	r->state.progress = (struct link_progress){ 0 };
	r->link_armed = r->state.armed;
}

void
reader_offer(const struct reader *r, const char *variable, const char *name, bool *offered)
{
	const char *text = getenv(variable);
	int fd;

	if (*offered || text == NULL)
		return;
	*offered = true;
	fd = openat(r->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;
	(void)close(fd);
}

/* Entered, with card_mutex. What is armed, and how far it has come, is the same in all processes. */
static void
update_faults(struct reader *r)
{
	char error[LINK_ERROR_MAX], *text;
	size_t len;

	reader_offer(r, "VCARD_FAULTS", "faults", &r->faults_offered);
	text = reader_read_text(r, "faults", &len);
	if (text != NULL) {
		arm_for_all(r, text, len);
		free(text);
	}
	if (r->link_armed != r->state.armed) {
		text = reader_read_text(r, "faults.armed", &len);
		if (text == NULL || !link_arm(&r->link, text, len, error))
			link_faults_free(&r->link.faults);
		free(text);
		r->link_armed = r->state.armed;
	}
	r->link.faults.progress = r->state.progress;
}

/* Entered, with card_mutex. The exchange is over; what came of it for the client. */
static LONG
settle(struct reader *r, enum link_outcome outcome)
{
	bool in_place = r->card != NULL && r->card_events == r->state.events;

	(void)link_stats_add(r->dir, "stats", &r->link.stats);
	if (r->link_armed == r->state.armed)
		r->state.progress = r->link.faults.progress;
	if (!in_place || !save_card(r))
		return SCARD_E_NOT_TRANSACTED;
	switch (outcome) {
	case LINK_ANSWERED: return SCARD_S_SUCCESS;
	case LINK_WAS_RESET:
		r->state.resets++;
		r->state.reset_removals = r->state.removals;
		r->state.protocol = 0;
		return SCARD_W_RESET_CARD;
	case LINK_WAS_UNSET: r->state.protocol = 0; return SCARD_E_PROTO_MISMATCH;
	case LINK_WAS_REMOVED:
	case LINK_WAS_PULLED:
		(void)unlinkat(r->dir, "card", 0);
		return outcome == LINK_WAS_REMOVED ? SCARD_W_REMOVED_CARD : SCARD_E_NOT_TRANSACTED;
	case LINK_SILENT: break;
	}
	return SCARD_E_NOT_TRANSACTED;
}

void
reader_note(struct reader *r, const char *note)
{
	(void)pthread_mutex_lock(&r->card_mutex);
	open_trace(r);
	link_note(&r->link, note);
	close_trace(r);
	(void)pthread_mutex_unlock(&r->card_mutex);
}

LONG
reader_exchange(struct reader *r, const uint8_t *command, size_t len, uint8_t *ret_answer, size_t *ret_len)
{
	enum link_outcome outcome = LINK_SILENT;
	struct vcard *card;
	LONG rv;

	*ret_len = 0;
	if (!reader_enter(r))
		return SCARD_E_READER_UNAVAILABLE;
	(void)pthread_mutex_lock(&r->card_mutex);
	open_trace(r);
	update_faults(r);
	card = current_card(r);
	r->link.stats = (struct link_stats){ 0 };
	reader_leave(r);
	if (card != NULL)
		outcome = link_exchange(&r->link, card, command, len, ret_answer, ret_len);
	close_trace(r);
	(void)pthread_mutex_unlock(&r->card_mutex);

	if (!reader_enter(r))
		return SCARD_E_READER_UNAVAILABLE;
	(void)pthread_mutex_lock(&r->card_mutex);
	rv = settle(r, outcome);
	(void)pthread_mutex_unlock(&r->card_mutex);
	reader_leave(r);
	return rv;
}

/* One interface byte if the map says that it is there. False when the ATR ends before. */
static bool
interface_byte(const uint8_t *atr, size_t len, size_t *at, bool there, int *ret_byte)
{
	*ret_byte = -1;
	if (!there)
		return true;
	if (*at >= len)
		return false;
	*ret_byte = atr[(*at)++];
	return true;
}

DWORD
atr_protocols(const uint8_t *atr, size_t len)
{
	DWORD found = 0;
	size_t at = 2;
	unsigned map, level;
	int ta, td, skipped;

	if (len < 2 || (atr[0] != 0x3B && atr[0] != 0x3F))
		return 0;
	map = atr[1] >> 4;
	for (level = 1; map != 0; level++) {
		if (!interface_byte(atr, len, &at, (map & 1) != 0, &ta) ||
		    !interface_byte(atr, len, &at, (map & 2) != 0, &skipped) ||
		    !interface_byte(atr, len, &at, (map & 4) != 0, &skipped) ||
		    !interface_byte(atr, len, &at, (map & 8) != 0, &td))
			return 0;
		if (level == 2 && ta >= 0) /* specific mode: this protocol alone */
			return (ta & 15) == 0 ? SCARD_PROTOCOL_T0 : (ta & 15) == 1 ? SCARD_PROTOCOL_T1 : 0;
		map = td >= 0 ? (unsigned)td >> 4 : 0;
		if (td >= 0 && (td & 15) == 0)
			found |= SCARD_PROTOCOL_T0;
		if (td >= 0 && (td & 15) == 1)
			found |= SCARD_PROTOCOL_T1;
	}
	return found != 0 ? found : SCARD_PROTOCOL_T0;
}
