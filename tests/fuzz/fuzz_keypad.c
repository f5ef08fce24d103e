/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What readers say of the keys that they have: input is the answers to controls, each behind a byte of length. Whatever
 * they are, the structures that follow stay within what the card takes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "carderr.h"
#include "transport/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIN_MIN = 6, PIN_MAX = 8 };
/* The structure, the header, Lc and two blocks. */
#define MODIFY_LEN (24 + 5 + 16)

struct fuzz_io {
	struct io io;
	struct cursor answers;
};

/* The longest and the shortest PIN of a structure, PIN_VERIFY or PIN_MODIFY by its length: never beyond the card's own. */
static void
check(struct cursor structure)
{
	uint8_t min, max;

	if (!cur_skip(&structure, structure.left == MODIFY_LEN ? 7 : 5) || !cur_u8(&structure, &max) ||
	    !cur_u8(&structure, &min) || min < PIN_MIN || max > PIN_MAX || min > max)
		abort();
}

static DWORD
control(struct io *io, uint32_t code, struct cursor in, struct buf *response)
{
	struct fuzz_io *f = (struct fuzz_io *)(void *)io;
	struct cursor answer;
	uint8_t len;

	(void)code;
	if (!cur_at_end(&in))
		check(in);
	if (!cur_u8(&f->answers, &len) || !cur_take(&f->answers, len, &answer))
		return SCARD_E_UNSUPPORTED_FEATURE;
	buf_put_cur(response, answer);
	return SCARD_S_SUCCESS;
}

static const struct io_ops ops = { .control = control };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct io_pin_entry verify = {
		.header = { 0x00, 0x20, 0x00, 0x80 }, .min = PIN_MIN, .max = PIN_MAX, .block = 8, .pad = 0xFF
	};
	static const struct io_pin_entry change = { .header = { 0x00, 0x24, 0x00, 0x80 },
						    .min = PIN_MIN,
						    .max = PIN_MAX,
						    .block = 8,
						    .pad = 0xFF,
						    .with_old = true };
	struct fuzz_io f = { .io.ops = &ops, .answers = { data, size } };
	uint16_t sw;

	(void)io_verify_pin(&f.io, &verify, &sw);
	(void)io_modify_pin(&f.io, &change, &sw);
	return 0;
}
