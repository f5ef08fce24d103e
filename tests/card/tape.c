/* SPDX-License-Identifier: BSD-2-Clause */
/* What a card has answered, recorded and played again. */
#include "card/tape.h"

#include <string.h>

static DWORD
tape_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	struct tape *tape = (struct tape *)(void *)io;
	size_t at = tape->at++;
	DWORD r;

	if (tape->source != NULL) {
		assert_true(at < TAPE_MAX);
		tape->count = at + 1;
		if ((r = io_transmit(tape->source, command, secret, response)) == SCARD_S_SUCCESS)
			buf_put_cur(&tape->answers[at], buf_cur(response));
		return r;
	}
	if (at == tape->spoiled && tape->bad.left < 2)
		return SCARD_E_COMM_DATA_LOST;
	if (at == tape->spoiled)
		buf_put_cur(response, tape->bad);
	else if (at < tape->count)
		buf_put_cur(response, buf_cur(&tape->answers[at]));
	else
		buf_be16(response, 0x6F00);
	return SCARD_S_SUCCESS;
}

static void
tape_close(struct io *io)
{
	(void)io;
}

static const struct io_ops tape_ops = { .transmit = tape_transmit, .close = tape_close };

unsigned
tape_record(struct tape *tape, const struct kit *kit, tape_scenario scenario)
{
	struct rig rig;
	unsigned failed;

	memset(tape, 0, sizeof(*tape));
	tape->scenario = scenario;
	for (size_t i = 0; i < TAPE_MAX; i++)
		tape->answers[i].max = VCARD_RESPONSE_MAX;
	rig_open(&rig, kit);
	tape->io = *rig.io;
	tape->io.ops = &tape_ops;
	tape->source = rig.io;
	rig.data.io = &tape->io;
	failed = scenario(&rig);
	tape->source = NULL;
	tape->spoiled = TAPE_MAX;
	rig_close(&rig);
	return failed;
}

unsigned
tape_play(struct tape *tape)
{
	static struct rig rig;
	static bool open;
	unsigned failed;

	/* one library context for all runs */
	if (!open)
		rig_over(&rig, &tape->io);
	open = true;
	rig.data.io = &tape->io;
	rig.data.pbAtr = tape->io.atr;
	rig.data.cbAtr = (DWORD)tape->io.atr_len;
	rig.memory.count = 0;
	tape->at = 0;
	failed = tape->scenario(&rig);
	if (rig.data.pvVendorSpecific != NULL)
		assert_int_equal(rig.data.pfnCardDeleteContext(&rig.data), SCARD_S_SUCCESS);
	assert_int_equal(rig_blocks(), 0);
	/* a bound on what a lie can cost: GET RESPONSE has its own, everything else is counted in single exchanges */
	assert_in_range(tape->at, 0, 8 * tape->count + 2 * LIMIT_RESPONSE_ROUNDS);
	return failed;
}

void
tape_play_spoiled(struct cursor bytes, void *tape)
{
	struct tape *t = tape;

	t->bad = bytes;
	(void)tape_play(t);
}

void
tape_free(struct tape *tape)
{
	for (size_t i = 0; i < TAPE_MAX; i++)
		buf_free(&tape->answers[i]);
}
