/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for secrets, wiping, comparing in constant time, masking between uses. */
#include "base/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/limits.h"

void
secret_wipe(void *p, size_t len)
{
	if (len > 0)
		explicit_bzero(p, len);
}

static size_t
whole_pages(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return len > SIZE_MAX - page ? 0 : (len + page - 1) / page * page;
}

static uint8_t *
map_pages(size_t room)
{
	void *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* all three are best effort: old kernels and small limits of locked memory are not our affair */
	(void)madvise(p, room, MADV_DONTDUMP);
	(void)madvise(p, room, MADV_WIPEONFORK);
	(void)mlock(p, room);
	return p;
}

bool
secret_alloc(struct secret *s, size_t len)
{
	size_t room = whole_pages(len);

	secret_free(s);
	if (room == 0 || (s->p = map_pages(room)) == NULL)
		return false;
	s->len = len;
	s->room = room;
	return true;
}

bool
secret_set(struct secret *s, const void *p, size_t len)
{
	struct secret fresh = SECRET_INIT;

	/* p may lie in s */
	if (len > 0 && !secret_alloc(&fresh, len)) {
		secret_free(s);
		return false;
	}
	if (len > 0)
		memcpy(fresh.p, p, len);
	secret_free(s);
	*s = fresh;
	return true;
}

bool
secret_copy(struct secret *to, const struct secret *from)
{
	return to == from || secret_set(to, from->p, from->len);
}

void
secret_truncate(struct secret *s, size_t len)
{
	if (len >= s->len)
		return;
	secret_wipe(s->p + len, s->len - len);
	s->len = len;
}

void
secret_free(struct secret *s)
{
	if (s == NULL || s->p == NULL)
		return;
	secret_wipe(s->p, s->room);
	(void)munmap(s->p, s->room);
	*s = (struct secret)SECRET_INIT;
}

bool
secret_bytes_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	unsigned diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (unsigned)(x[i] ^ y[i]);
	return diff == 0;
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && secret_bytes_equal(a->p, b->p, a->len);
}

bool
secret_random(void *ret_bytes, size_t len)
{
	uint8_t *p = ret_bytes;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		if ((n = getrandom(p + done, len - done, 0)) > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			return false;
	}
	return true;
}

static void
apply_pad(struct secret *s, const struct secret *pad)
{
	for (size_t i = 0; i < s->len && i < pad->len; i++)
		s->p[i] ^= pad->p[i];
}

bool
masked_set(struct masked_secret *m, const void *p, size_t len)
{
	struct masked_secret fresh = { SECRET_INIT, SECRET_INIT };

	if (len > 0 &&
	    (!secret_alloc(&fresh.pad, len) || !secret_random(fresh.pad.p, len) || !secret_set(&fresh.data, p, len))) {
		masked_free(&fresh);
		masked_free(m);
		return false;
	}
	apply_pad(&fresh.data, &fresh.pad);
	masked_free(m);
	*m = fresh;
	return true;
}

bool
masked_is_set(const struct masked_secret *m)
{
	return m->data.p != NULL;
}

bool
masked_get(const struct masked_secret *m, struct secret *ret_clear)
{
	struct secret clear = SECRET_INIT;

	if (!masked_is_set(m) || !secret_copy(&clear, &m->data))
		return false;
	apply_pad(&clear, &m->pad);
	secret_free(ret_clear);
	*ret_clear = clear;
	return true;
}

void
masked_free(struct masked_secret *m)
{
	if (m == NULL)
		return;
	secret_free(&m->data);
	secret_free(&m->pad);
}
