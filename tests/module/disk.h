/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for tests of the cache on disk, over fixture.h, and the attacks on it that every card has to stand. "A start" is
 * C_Initialize after C_Finalize, which is as good as another process.
 */
#ifndef MODULE_DISK_H
#define MODULE_DISK_H

#include <stdbool.h>

#include "base/buf.h"

#define DISK_DIRECTORY "home/cache" /* for mt_path() */

/* After mt_set_up(): the cache is on, and in the test's world. 0, or -1. */
int disk_set_up(void);
/* For cmocka, in the place of mt_tear_down(). */
int disk_tear_down(void **state);

/* A start, and all that a listing program shows; ret_text may be NULL. Returns its exchanges. */
unsigned long disk_list(struct buf *ret_text);
/* As the card itself says, without any cache. */
void disk_list_card(struct buf *ret_text);
void disk_assert_same(const struct buf *a, const struct buf *b);

/* The file that is kept of the card with this identifier, in hex; empty when there is none. Lives until the next call. */
const char *disk_file(const char *id);
size_t disk_read(const char *path, uint8_t *ret_bytes, size_t room);
void disk_write(const char *path, const uint8_t *bytes, size_t len);
/* Lines of the log about the cache, which begins anew. */
unsigned disk_complaints(void);

/* The card in MT_READER. */
struct disk_card {
	const char *id;	    /* in hex */
	unsigned long warm; /* exchanges of a listing with a cache that is whole */
};

/* After an attack: the listing is what is expected, so many lines of the log say what was wrong, and the next start is warm if it can be. */
void disk_attacked(const struct disk_card *card, const struct buf *expected, unsigned lines, bool heals);
/* Bits changed, the end missing, something added. */
void disk_edited(const struct disk_card *card);
/* Open to others, with two names, behind a link, a pipe, a directory, somebody else's. */
void disk_foreign_files(const struct disk_card *card);
void disk_directories(const struct disk_card *card);
/* A home that cannot be written, none at all, and the usual one. */
void disk_no_room(const struct disk_card *card);
/* Several processes at once read and write, and none reads half of what another writes. */
void disk_two_writers(const struct disk_card *card);

#endif
