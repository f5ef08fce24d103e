/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual card for a test of its engine: made in a directory of its own, driven by commands and answers in hex. */
#ifndef UNIT_VCARD_FIXTURE_H
#define UNIT_VCARD_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "lib/hex.h"
#include "lib/test.h"
#include "vcard/perso.h"

#define PIN "123456"
#define PIN_HEX "313233343536"
#define SELECT "00A4040009A0000003974254465900"
#define FCI "61124F0BA00000039742544659020173034001C0"
#define VERIFY "0020008006313233343536"
#define LOGOUT "00200082"

struct fixture {
	char dir[32];
	char path[64];
	struct vcard *card;
};

static inline void
fixture_open(struct fixture *f, const struct vcard_profile *profile)
{
	*f = (struct fixture){ .dir = "/tmp/vcard.XXXXXX" };
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/card", f->dir);
	assert_int_equal(vcard_create(f->path, profile), 0);
	f->card = vcard_open(f->path);
	assert_non_null(f->card);
}

static inline void
fixture_close(struct fixture *f)
{
	vcard_close(f->card);
	(void)unlink(f->path);
	(void)rmdir(f->dir);
}

/* A blank card with these quirks. */
static inline void
fixture_blank(struct fixture *f, uint32_t quirks)
{
	const struct vcard_profile profile = { .quirks = quirks, .ecc = true };

	fixture_open(f, &profile);
}

/* A formatted card, the application selected. */
static inline void
fixture_formatted(struct fixture *f, uint32_t quirks)
{
	static const uint8_t cardid[VCARD_CARDID_LEN] = { 0x01, 0x02, 0x03 };

	fixture_blank(f, quirks);
	if (vcard_perso_format(f->card, PIN, NULL, cardid) != 0)
		fail_msg("%s", vcard_perso_error());
}

/* A formatted card with an RSA-1024 key for everything as container 0. */
static inline void
fixture_keyed(struct fixture *f, uint32_t quirks)
{
	const struct vcard_perso_container container = { .pin = PIN, .algorithm = VCARD_RSA1024, .name = "k1" };

	fixture_formatted(f, quirks);
	if (vcard_perso_keygen(f->card, &container) != 0)
		fail_msg("%s", vcard_perso_error());
}

/* Takes the card out and in again. */
static inline void
fixture_reopen(struct fixture *f)
{
	assert_int_equal(vcard_save(f->card), 0);
	vcard_close(f->card);
	f->card = vcard_open(f->path);
	assert_non_null(f->card);
}

/* Sends bytes from a block of exactly their size; the answer lies in a buffer that the next call overwrites. */
static inline struct cursor
transmit_bytes(struct vcard *card, struct cursor command)
{
	static uint8_t response[VCARD_RESPONSE_MAX];
	uint8_t *heap = hex_heap(command);
	size_t len = vcard_transmit(card, heap, command.left, response);

	free(heap);
	assert_true(len >= 2 && len <= sizeof(response));
	return cur_of(response, len);
}

static inline struct cursor
transmit(struct vcard *card, const char *command)
{
	AUTO_BUF struct buf bytes = BUF_INIT_MAX(2 * CHAIN_MAX);

	assert_true(hex_put(&bytes, command));
	return transmit_bytes(card, buf_cur(&bytes));
}

static inline uint16_t
status_of(struct cursor answer)
{
	return (uint16_t)(answer.p[answer.left - 2] << 8 | answer.p[answer.left - 1]);
}

static inline void
print_hex(const char *what, struct cursor bytes)
{
	size_t i;

	(void)fprintf(stderr, "%s", what);
	for (i = 0; i < bytes.left; i++)
		(void)fprintf(stderr, "%02X", bytes.p[i]);
	(void)fprintf(stderr, "\n");
}

static inline void
expect_at(struct vcard *card, const char *command, const char *answer, const char *file, int line)
{
	struct cursor got = transmit(card, command);

	if (hex_is(got, answer))
		return;
	print_hex("answer:   ", got);
	(void)fprintf(stderr, "expected: %s\ncommand:  %s\n", answer, command);
	_fail(file, line);
}

static inline void
status_at(struct vcard *card, const char *command, uint16_t status, const char *file, int line)
{
	struct cursor got = transmit(card, command);

	if (status_of(got) == status)
		return;
	print_hex("answer:   ", got);
	(void)fprintf(stderr, "expected: %04X\ncommand:  %s\n", (unsigned)status, command);
	_fail(file, line);
}

/* The whole answer, or its status word alone. */
#define expect(card, command, answer) expect_at(card, command, answer, __FILE__, __LINE__)
#define expect_sw(card, command, status) status_at(card, command, status, __FILE__, __LINE__)

/* One command sent as a host does: chained when long, GET RESPONSE followed. Returns the status word. */
static inline uint16_t
host_send(struct vcard *card, const char *header, struct cursor data, struct buf *answer)
{
	AUTO_BUF struct buf h = BUF_INIT;

	assert_true(hex_put(&h, header) && h.len == 4);
	return vcard_perso_send(card, h.p, data, true, answer);
}

static inline struct vcard_info
info_of(const struct vcard *card)
{
	struct vcard_info info;

	vcard_info(card, &info);
	return info;
}

#endif
