/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded decompression, and compression of what is to be stored: the only user of zlib. */
#ifndef BASE_INFLATE_H
#define BASE_INFLATE_H

#include "base/buf.h"

/* What wraps the deflate stream: RFC 1950 (GIDS, minidriver certificates) or RFC 1952 (PIV certificates). */
enum inflate_form { INFLATE_ZLIB, INFLATE_GZIP };

/*
 * Inflates one complete stream. max_size bounds the output (at most LIMIT_CERTIFICATE is sensible); output of another
 * length than exact_size fails when exact_size is not 0. A truncated stream, trailing bytes, a bad checksum or an
 * output over the limit give false and leave ret_data empty.
 */
bool inflate_stream(enum inflate_form form, struct cursor data, size_t exact_size, size_t max_size,
		    struct buf *ret_data);

/* Compresses as well as it can be done (RFC 1950). False when out of memory or over the ceiling of ret_data. */
bool deflate_stream(struct cursor data, struct buf *ret_data);

#endif
