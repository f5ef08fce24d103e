/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card itself: input is a byte of personality and commands, each behind two bytes of length, sent to a
 * personalised card, GIDS or PIV. Afterwards the card's state must be one that can be kept and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "vcard/perso_piv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	uint32_t quirks;
	unsigned applications;
	uint64_t piv;
	unsigned roles; /* and session PINs where there are any */
} personalities[] = {
	{ VCARD_STRICT, VCARD_GIDS, 0, 0 },
	{ VCARD_APPLET, VCARD_GIDS, 0, 0 },
	{ VCARD_T0 | VCARD_ECDSA_DER, VCARD_GIDS, 0, 0 },
	{ VCARD_NO_BULK | VCARD_STRIPS_ZEROS | VCARD_MSE_OUTLIVES_LOGOUT, VCARD_GIDS, 0, 1u << 3 },
	{ VCARD_STRICT, VCARD_PIV, VCARD_PIV_STRICT, 0 },
	{ VCARD_STRICT, VCARD_PIV, VCARD_PIV_APPLET, 0 },
	{ VCARD_T0, VCARD_PIV, VCARD_PIV_NEO, 0 },
	{ VCARD_STRIPS_ZEROS, VCARD_GIDS | VCARD_PIV, VCARD_PIV_TOKEN | VCARD_PIV_GLOBAL_PIN, 0 },
};

static struct buf states[ARRAY_SIZE(personalities)];

static void
require(bool good)
{
	if (!good)
		abort();
}

static void
personalise_gids(struct vcard *card)
{
	const struct vcard_perso_container rsa = { .pin = "123456", .algorithm = VCARD_RSA1024, .name = "rsa" };
	const struct vcard_perso_container ec = { .pin = "123456", .index = 1, .algorithm = VCARD_P256, .name = "ec" };

	require(vcard_perso_format(card, "123456", NULL, NULL) == 0);
	require(vcard_perso_keygen(card, &rsa) == 0 && vcard_perso_keygen(card, &ec) == 0);
}

/* With PIV selected and everything allowed, so that short inputs get far. */
static void
personalise_piv(struct vcard *card)
{
	static const uint8_t select[4] = { 0x00, INS_SELECT, 0x04, 0x00 };
	struct piv *p = vcard_piv(card);

	require(vcard_piv_reference(card, NULL) == 0);
	require(vcard_perso_send(card, select, cur_of(piv_aid, sizeof(piv_aid)), true, NULL) == SW_OK);
	p->admin = p->pin_verified = p->pin_fresh = true;
}

static void
personalise(size_t which)
{
	const struct vcard_profile profile = { .quirks = personalities[which].quirks,
					       .ecc = true,
					       .terminable = true,
					       .applications = personalities[which].applications,
					       .roles = personalities[which].roles,
					       .session_pins = personalities[which].roles != 0,
					       .piv = { .quirks = personalities[which].piv } };
	struct vcard *card = vcard_new("", &profile);

	require(card != NULL);
	require(profile.roles == 0 || vcard_perso_set_role(card, 3, "333333") == 0);
	if ((profile.applications & VCARD_GIDS) != 0)
		personalise_gids(card);
	if ((profile.applications & VCARD_PIV) != 0)
		personalise_piv(card);
	states[which].max = STATE_MAX;
	vcard_encode(card, &states[which]);
	require(!buf_failed(&states[which]));
	vcard_close(card);
}

static struct vcard *
restore(struct cursor state)
{
	static const struct vcard_profile blank;
	struct vcard *card = vcard_new("", &blank);

	require(card != NULL && vcard_decode(card, state));
	return card;
}

/* Primes would take all the time there is. */
static bool
makes_rsa_key(struct cursor command)
{
	uint8_t byte;

	if (!cur_skip(&command, 1) || !cur_u8(&command, &byte) || byte != 0x47 || !cur_skip(&command, 3))
		return false;
	while (cur_u8(&command, &byte)) {
		if ((byte & 0x0F) >= 0x05 && (byte & 0x0F) <= 0x09)
			return true;
	}
	return false;
}

static void
send_exactly(struct vcard *card, struct cursor command)
{
	static uint8_t response[VCARD_RESPONSE_MAX];
	uint8_t *heap = malloc(command.left > 0 ? command.left : 1);
	size_t len;

	require(heap != NULL);
	if (command.left > 0)
		memcpy(heap, command.p, command.left);
	len = vcard_transmit(card, heap, command.left, response);
	free(heap);
	require(len >= 2 && len <= sizeof(response));
}

static void
keep_and_compare(const struct vcard *card)
{
	AUTO_BUF struct buf first = BUF_INIT_MAX(STATE_MAX);
	AUTO_BUF struct buf second = BUF_INIT_MAX(STATE_MAX);
	struct vcard *again;
	struct cursor c;

	vcard_encode(card, &first);
	again = restore(buf_cur(&first));
	vcard_encode(again, &second);
	vcard_close(again);
	c = buf_cur(&first);
	require(!buf_failed(&second) && cur_equals(&c, second.p, second.len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor input = cur_of(data, size), command;
	struct vcard *card;
	uint16_t len;
	uint8_t which;

	if (!cur_u8(&input, &which))
		return 0;
	which %= ARRAY_SIZE(personalities);
	if (states[which].len == 0)
		personalise(which);
	card = restore(buf_cur(&states[which]));
	while (cur_be16(&input, &len)) {
		if (!cur_take(&input, len, &command))
			(void)cur_take(&input, input.left, &command);
		if (!makes_rsa_key(command))
			send_exactly(card, command);
	}
	keep_and_compare(card);
	vcard_close(card);
	return 0;
}
