/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets: PINs, keys, decrypted blocks. The bytes live in pages of their own, locked in memory, left out of core
 * dumps and wiped in a forked child (MADV_DONTDUMP, MADV_WIPEONFORK), and are wiped when freed. Failing to lock is not
 * an error: the limit of locked memory is the host program's affair.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/types.h"

struct secret {
	uint8_t *p;  /* NULL when empty */
	size_t len;  /* bytes that count */
	size_t room; /* bytes mapped */
};

#define SECRET_INIT                                                                                                    \
	{                                                                                                              \
		0                                                                                                      \
	}

/* Zeroed room for len bytes (len > 0). False when out of memory; the secret is empty then. */
bool secret_alloc(struct secret *s, size_t len);
/* A copy of len bytes; len 0 gives an empty secret and true. */
bool secret_set(struct secret *s, const void *p, size_t len);
bool secret_copy(struct secret *to, const struct secret *from);
/* Shortens to len, wiping the rest. Longer than now is ignored. */
void secret_truncate(struct secret *s, size_t len);
/* Wipes and frees; safe on an empty secret and on NULL. */
void secret_free(struct secret *s);
/* Compares in constant time for equal lengths; false when lengths differ. */
bool secret_equal(const struct secret *a, const struct secret *b);
/* Overwrites memory in a way that the compiler keeps. */
void secret_wipe(void *p, size_t len);
/* Compares n bytes in constant time. */
bool secret_bytes_equal(const void *a, const void *b, size_t n);
/* Fills with the system's random bytes. False when it has none to give, as under a filter of system calls. */
bool secret_random(void *ret_bytes, size_t len);

/*
 * A secret kept over a longer time: masked with a random pad of its own so that its clear bytes are in memory only
 * while they are used.
 */
struct masked_secret {
	struct secret data; /* clear bytes XOR pad */
	struct secret pad;
};

bool masked_set(struct masked_secret *m, const void *p, size_t len);
bool masked_is_set(const struct masked_secret *m);
/* The clear bytes in a fresh secret, which the caller frees. */
bool masked_get(const struct masked_secret *m, struct secret *ret_clear);
void masked_free(struct masked_secret *m);

#endif
