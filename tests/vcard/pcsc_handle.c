/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts, their handles and the readers of this process: tables, values, life time, fork. */
#define _GNU_SOURCE /* O_PATH */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "vcard/pcsc_world.h"

#define CONTEXTS_MAX 200 /* pcscd's PCSC_MAX_CONTEXT_THREADS; it counts those of all processes */
#define HANDLES_MAX 200	 /* of one context: PCSC_MAX_CONTEXT_CARD_HANDLES */

static struct {
	pthread_mutex_t mutex;
	struct context *contexts;
	struct reader *readers;
	uint32_t last_value;
	/* What a forked child has inherited and must not use. Kept so that leak checkers find it reachable. */
	struct context *lost_contexts;
	struct reader *lost_readers;
} world = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* --- fork ----------------------------------------------------------------------------------------------------- */

static void
before_fork(void)
{
	(void)pthread_mutex_lock(&world.mutex);
}

static void
after_fork(void)
{
	(void)pthread_mutex_unlock(&world.mutex);
}

/* Locks belong to open files and those to both processes: the child closes, and unlocks nothing. */
static void
in_child(void)
{
	struct context **c = &world.contexts;
	struct reader **r = &world.readers;
	struct handle *h;

	for (; *c != NULL; c = &(*c)->next) {
		(void)close((*c)->root_fd);
		for (h = (*c)->handles; h != NULL; h = h->next) {
			if (h->users_fd >= 0)
				(void)close(h->users_fd);
			if (h->lock_fd >= 0)
				(void)close(h->lock_fd);
		}
	}
	for (; *r != NULL; r = &(*r)->next)
		reader_abandon(*r);
	*c = world.lost_contexts;
	*r = world.lost_readers;
	world.lost_contexts = world.contexts;
	world.lost_readers = world.readers;
	world.contexts = NULL;
	world.readers = NULL;
	(void)pthread_mutex_unlock(&world.mutex);
}

static void
set_up(void)
{
	if (getrandom(&world.last_value, sizeof(world.last_value), 0) < 0)
		world.last_value = (uint32_t)getpid();
	(void)pthread_atfork(before_fork, after_fork, in_child);
}

/* With the world's mutex. Positive, never 0, and not soon again. */
static long
next_value(void)
{
	world.last_value = (world.last_value + 0x9E3779B1u) & 0x7FFFFFFFu;
	return world.last_value != 0 ? (long)world.last_value : next_value();
}

/* --- readers --------------------------------------------------------------------------------------------------- */

/* With the world's mutex. Readers nobody uses and that are gone, or all that nobody uses. */
static void
sweep_readers(bool all)
{
	struct reader **p = &world.readers, *r;

	while ((r = *p) != NULL) {
		if (r->refs == 0 && (all || !reader_alive(r))) {
			*p = r->next;
			reader_free(r);
		} else {
			p = &r->next;
		}
	}
}

static bool
is_reader(const struct context *c, const char *name)
{
	struct stat st;

	return name[0] != '.' && name[0] != '\0' && strchr(name, '/') == NULL && strlen(name) < MAX_READERNAME &&
	       fstatat(c->root_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool
is_path_of(const struct reader *r, const char *root, const char *name)
{
	size_t len = strlen(root);

	return strncmp(r->path, root, len) == 0 && r->path[len] == '/' && strcmp(r->path + len + 1, name) == 0;
}

/* With the world's mutex. */
static struct reader *
find_reader(const struct context *c, const char *name)
{
	struct reader *r;

	if (!is_reader(c, name))
		return NULL;
	for (r = world.readers; r != NULL; r = r->next)
		if (is_path_of(r, c->root, name) && reader_alive(r))
			break;
	if (r == NULL && (r = reader_new(c->root, name)) != NULL) {
		r->next = world.readers;
		world.readers = r;
	}
	if (r != NULL)
		r->refs++;
	return r;
}

struct reader *
world_reader(const struct context *c, const char *name)
{
	struct reader *r;

	(void)pthread_mutex_lock(&world.mutex);
	r = find_reader(c, name);
	(void)pthread_mutex_unlock(&world.mutex);
	return r;
}

void
reader_unref(struct reader *r)
{
	(void)pthread_mutex_lock(&world.mutex);
	r->refs--;
	(void)pthread_mutex_unlock(&world.mutex);
}

size_t
world_readers(const struct context *c, struct reader *ret_readers[WORLD_READERS_MAX])
{
	struct dirent **entries = NULL;
	size_t count = 0;
	int i, n;

	(void)pthread_mutex_lock(&world.mutex);
	sweep_readers(false);
	n = scandir(c->root, &entries, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (count < WORLD_READERS_MAX && (ret_readers[count] = find_reader(c, entries[i]->d_name)) != NULL)
			count++;
		free(entries[i]);
	}
	free(entries);
	(void)pthread_mutex_unlock(&world.mutex);
	return count;
}

/* --- contexts --------------------------------------------------------------------------------------------------- */

static const char *
root_path(void)
{
	const char *path = getenv("VCARD_READERS");

	return path != NULL && path[0] != '\0' ? path : NULL;
}

bool
world_available(void)
{
	const char *path = root_path();
	struct stat st;

	return path != NULL && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

LONG
context_check(const struct context *c)
{
	struct stat now, then;

	if (stat(c->root, &now) != 0 || fstat(c->root_fd, &then) != 0 || now.st_dev != then.st_dev ||
	    now.st_ino != then.st_ino)
		return SCARD_E_NO_SERVICE;
	return SCARD_S_SUCCESS;
}

static void
context_free(struct context *c)
{
	if (c->root_fd >= 0)
		(void)close(c->root_fd);
	(void)pthread_mutex_destroy(&c->mutex);
	(void)pthread_mutex_destroy(&c->wait_mutex);
	(void)pthread_cond_destroy(&c->wait_cond);
	free(c->root);
	free(c);
}

static struct context *
context_alloc(const char *root)
{
	struct context *c = calloc(1, sizeof(*c));
	pthread_condattr_t monotonic;

	if (c == NULL)
		return NULL;
	(void)pthread_mutex_init(&c->mutex, NULL);
	(void)pthread_mutex_init(&c->wait_mutex, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->wait_cond, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	c->root = strdup(root);
	c->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	c->refs = 1; /* the list's */
	return c;
}

/* With the world's mutex. */
static LONG
enlist_context(struct context *c)
{
	const struct context *other;
	unsigned count = 0;

	for (other = world.contexts; other != NULL; other = other->next)
		count++;
	if (count >= CONTEXTS_MAX)
		return SCARD_E_NO_MEMORY;
	c->value = next_value();
	c->next = world.contexts;
	world.contexts = c;
	return SCARD_S_SUCCESS;
}

LONG
context_new(SCARDCONTEXT *ret_value)
{
	const char *root = root_path();
	struct context *c;
	LONG rv = SCARD_E_NO_SERVICE;

	(void)pthread_once(&once, set_up);
	if (root == NULL)
		return SCARD_E_NO_SERVICE;
	c = context_alloc(root);
	if (c == NULL || c->root == NULL)
		rv = SCARD_E_NO_MEMORY;
	else if (c->root_fd >= 0) {
		(void)pthread_mutex_lock(&world.mutex);
		rv = enlist_context(c);
		if (rv == SCARD_S_SUCCESS)
			*ret_value = c->value;
		(void)pthread_mutex_unlock(&world.mutex);
	}
	if (rv != SCARD_S_SUCCESS && c != NULL)
		context_free(c);
	return rv;
}

struct context *
context_find(SCARDCONTEXT value)
{
	struct context *c;

	(void)pthread_mutex_lock(&world.mutex);
	for (c = world.contexts; c != NULL; c = c->next)
		if (c->value == value)
			break;
	if (c != NULL)
		c->refs++;
	(void)pthread_mutex_unlock(&world.mutex);
	return c;
}

void
context_unref(struct context *c)
{
	bool last;

	(void)pthread_mutex_lock(&world.mutex);
	last = --c->refs == 0;
	(void)pthread_mutex_unlock(&world.mutex);
	if (last)
		context_free(c);
}

/* Found, and perhaps released while this thread waited for its turn. */
static bool
take_turn(struct context *c)
{
	(void)pthread_mutex_lock(&c->mutex);
	if (!c->released)
		return true;
	context_leave(c);
	return false;
}

struct context *
context_enter(SCARDCONTEXT value)
{
	struct context *c = context_find(value);

	return c != NULL && take_turn(c) ? c : NULL;
}

void
context_leave(struct context *c)
{
	(void)pthread_mutex_unlock(&c->mutex);
	context_unref(c);
}

void
context_release(struct context *c)
{
	struct context **p;

	(void)pthread_mutex_lock(&world.mutex);
	for (p = &world.contexts; *p != c; p = &(*p)->next)
		;
	*p = c->next;
	c->released = true;
	c->refs--;
	if (world.contexts == NULL)
		sweep_readers(true);
	(void)pthread_mutex_unlock(&world.mutex);
}

/* --- handles ------------------------------------------------------------------------------------------------------ */

/* With the world's mutex. */
static struct handle *
find_handle(SCARDHANDLE value, struct context **ret_context)
{
	struct context *c;
	struct handle *h;

	for (c = world.contexts; c != NULL; c = c->next)
		for (h = c->handles; h != NULL; h = h->next)
			if (h->value == value) {
				*ret_context = c;
				return h;
			}
	return NULL;
}

bool
handle_enter(SCARDHANDLE value, struct context **ret_context, struct handle **ret_handle)
{
	struct context *c = NULL;
	struct handle *h;

	(void)pthread_mutex_lock(&world.mutex);
	if (find_handle(value, &c) != NULL)
		c->refs++;
	(void)pthread_mutex_unlock(&world.mutex);
	if (c == NULL || !take_turn(c))
		return false;
	/* Another thread may have disconnected it in the meantime. */
	for (h = c->handles; h != NULL && h->value != value; h = h->next)
		;
	if (h == NULL) {
		context_leave(c);
		return false;
	}
	*ret_context = c;
	*ret_handle = h;
	return true;
}

struct handle *
handle_new(struct context *c, struct reader *r)
{
	struct handle *h = calloc(1, sizeof(*h));
	const struct handle *other;
	unsigned count = 0;

	for (other = c->handles; other != NULL; other = other->next)
		count++;
	if (h == NULL || count >= HANDLES_MAX) {
		free(h);
		return NULL;
	}
	h->reader = r;
	h->users_fd = h->lock_fd = -1;
	(void)pthread_mutex_lock(&world.mutex);
	h->value = next_value();
	h->next = c->handles;
	c->handles = h;
	(void)pthread_mutex_unlock(&world.mutex);
	return h;
}

void
handle_free(struct context *c, struct handle *h)
{
	struct handle **p;

	(void)pthread_mutex_lock(&world.mutex);
	for (p = &c->handles; *p != h; p = &(*p)->next)
		;
	*p = h->next;
	h->reader->refs--;
	(void)pthread_mutex_unlock(&world.mutex);
	handle_close_files(h);
	free(h);
}
