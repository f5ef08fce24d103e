/* SPDX-License-Identifier: BSD-2-Clause */
/* One reader: its directory, the state shared with other processes, cards that come and go. */
#define _GNU_SOURCE /* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "vcard/pcsc_world.h"

static bool
same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static bool
open_directory(struct reader *r)
{
	struct stat st;

	r->dir = open(r->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->dir < 0 || fstat(r->dir, &st) != 0)
		return false;
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	r->state_fd = openat(r->dir, "state", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	return r->state_fd >= 0;
}

struct reader *
reader_new(const char *root, const char *name)
{
	struct reader *r = calloc(1, sizeof(*r));
	const char *latency = getenv("VCARD_LATENCY");

	if (r == NULL)
		return NULL;
	r->dir = r->state_fd = r->pin_fd = -1;
	r->link = (struct link)LINK_INIT;
	if (latency != NULL)
		(void)link_latency_parse(latency, &r->link.latency);
	(void)pthread_mutex_init(&r->mutex, NULL);
	(void)pthread_mutex_init(&r->card_mutex, NULL);
	(void)snprintf(r->name, sizeof(r->name), "%s", name);
	if (asprintf(&r->path, "%s/%s", root, name) < 0)
		r->path = NULL;
	if (r->path == NULL || !open_directory(r)) {
		reader_free(r);
		return NULL;
	}
	return r;
}

void
reader_abandon(struct reader *r)
{
	close_fd(&r->dir);
	close_fd(&r->state_fd);
	close_fd(&r->pin_fd);
}

void
reader_free(struct reader *r)
{
	reader_abandon(r);
	vcard_close(r->card);
	link_faults_free(&r->link.faults);
	(void)pthread_mutex_destroy(&r->mutex);
	(void)pthread_mutex_destroy(&r->card_mutex);
	free(r->card_path);
	free(r->path);
	free(r);
}

bool
reader_alive(const struct reader *r)
{
	struct stat st;

	return lstat(r->path, &st) == 0 && st.st_dev == r->dev && st.st_ino == r->ino;
}

/* What the entry "card" is now; holds it from then on. False when there is no card. */
static bool
look_at_card(struct reader *r)
{
	struct stat st;

	if (fstatat(r->dir, "card", &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(st.st_mode)) {
		close_fd(&r->pin_fd);
		return false;
	}
	if (r->pin_fd >= 0 && same_inode(&st, &r->pin))
		return true;
	close_fd(&r->pin_fd);
	r->pin_fd = openat(r->dir, "card", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return r->pin_fd >= 0 && fstat(r->pin_fd, &r->pin) == 0 && S_ISLNK(r->pin.st_mode);
}

static uint64_t
change_time(const struct stat *st)
{
	return (uint64_t)st->st_ctim.tv_sec * 1000000000u + (uint64_t)st->st_ctim.tv_nsec;
}

static void
card_left(struct reader *r)
{
	struct reader_state *s = &r->state;

	s->events++;
	s->removals++;
	s->present = s->mute = s->powered = s->unpowered = s->protocol = 0;
	s->card_dev = s->card_ino = s->card_time = 0;
	s->holder = 0;
	s->atr_len = 0;
	(void)unlinkat(r->dir, "lock", 0);
}

static void
card_came(struct reader *r, bool counted)
{
	struct reader_state *s = &r->state;
	char *path = NULL;
	struct vcard *card = NULL;

	if (counted)
		s->events++;
	s->present = 1;
	s->card_dev = (uint64_t)r->pin.st_dev;
	s->card_ino = (uint64_t)r->pin.st_ino;
	s->card_time = change_time(&r->pin);
	if (asprintf(&path, "%s/card", r->path) >= 0) {
		card = vcard_open(path);
		free(path);
	}
	s->mute = card == NULL;
	if (card != NULL)
		s->atr_len = vcard_atr(card, s->atr);
	vcard_close(card);
}

/* Compares the entry "card" with what was known. first: nobody knew anything, so nothing has happened. */
static void
observe(struct reader *r, bool first)
{
	struct reader_state *s = &r->state;
	bool there = look_at_card(r);

	if (there && s->present != 0 && s->card_dev == (uint64_t)r->pin.st_dev &&
	    s->card_ino == (uint64_t)r->pin.st_ino && s->card_time == change_time(&r->pin))
		return;
	if (s->present != 0)
		card_left(r);
	if (there)
		card_came(r, !first);
}

static bool
wait_for_flock(int fd)
{
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

bool
reader_enter(struct reader *r)
{
	bool known;

	(void)pthread_mutex_lock(&r->mutex);
	if (!reader_alive(r) || !wait_for_flock(r->state_fd)) {
		(void)pthread_mutex_unlock(&r->mutex);
		return false;
	}
	known = state_read(r->state_fd, &r->state);
	r->stored = r->state;
	observe(r, !known);
	return true;
}

void
reader_leave(struct reader *r)
{
	if (memcmp(&r->state, &r->stored, sizeof(r->state)) != 0)
		state_write(r->state_fd, &r->state);
	(void)flock(r->state_fd, LOCK_UN);
	(void)pthread_mutex_unlock(&r->mutex);
}

enum sharing
reader_sharing(struct reader *r)
{
	int fd = openat(r->dir, "users", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	enum sharing sharing = SHARING_EXCLUSIVE;

	if (fd < 0)
		return SHARING_NONE;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		sharing = SHARING_NONE;
	else if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		sharing = SHARING_SHARED;
	(void)close(fd);
	return sharing;
}

DWORD
reader_bits(const struct reader_state *s)
{
	if (s->present == 0)
		return SCARD_ABSENT;
	if (s->mute != 0)
		return SCARD_PRESENT | SCARD_SWALLOWED;
	if (s->unpowered != 0)
		return SCARD_PRESENT;
	return SCARD_PRESENT | SCARD_POWERED | SCARD_NEGOTIABLE;
}
