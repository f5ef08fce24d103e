/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache on disk as files: one for each card and ATR, <directory>/<card identifier>/<ATR>, both in hexadecimal. Nothing
 * of what is found there is believed that is not the caller's own, unreadable for others, and whole. Everything that is
 * wrong with it costs card traffic and a line in the log, and nothing else.
 *
 * A file: magic, card identifier, length of the ATR and the ATR, content, SHA-256 of all that. Numbers are little-endian.
 */
#ifndef CSP_DISKCACHE_H
#define CSP_DISKCACHE_H

#include <stdatomic.h>

#include "csp/manage.h"

struct csp_crypto;

struct csp_disk {
	const char *directory;
	struct csp_crypto *crypto;
	atomic_bool *said; /* something was logged */
};

struct csp_disk_key {
	uint8_t id[CSP_CARD_ID_LEN];
	struct cursor atr;
};

/* False when there is nothing, or nothing that can be believed. ret_content: at most LIMIT_CACHE_CARD. */
bool csp_disk_read(const struct csp_disk *disk, const struct csp_disk_key *key, struct buf *ret_content);
/* In one piece or not at all; afterwards the cards longest unwritten go until all is within its bounds. */
bool csp_disk_write(const struct csp_disk *disk, const struct csp_disk_key *key, struct cursor content);
void csp_disk_remove(const struct csp_disk *disk, const struct csp_disk_key *key);

#endif
