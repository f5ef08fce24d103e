/* SPDX-License-Identifier: BSD-2-Clause */
/* The card of the fuzz target of the C_ functions, and what a hand does to it. */
#include "fuzz/calls/calls.h"
#include "lib/faketransport.h"
#include "vcard/perso.h"

static struct buf states[2];
static struct vcard *card;
static struct fake_reader *reader;
static unsigned insertion; /* connections made before the last removal are dead */
static bool was_reset;
static unsigned silent; /* exchanges that get no answer */

struct fuzz_io {
	struct io io; /* first: ops get a pointer to it */
	unsigned insertion;
};

static DWORD
card_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	static uint8_t answer[VCARD_RESPONSE_MAX];

	(void)secret;
	if (((struct fuzz_io *)(void *)io)->insertion != insertion)
		return SCARD_W_REMOVED_CARD;
	if (was_reset)
		return SCARD_W_RESET_CARD;
	if (silent > 0) {
		silent--;
		return SCARD_E_COMM_DATA_LOST;
	}
	buf_put(response, answer, vcard_transmit(card, command.p, command.left, answer));
	return buf_failed(response) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static DWORD
card_begin(struct io *io, bool *ret_reset)
{
	if (((struct fuzz_io *)(void *)io)->insertion != insertion)
		return SCARD_W_REMOVED_CARD;
	*ret_reset = was_reset;
	was_reset = false;
	return SCARD_S_SUCCESS;
}

static void
card_end(struct io *io, bool reset_card)
{
	(void)io;
	if (reset_card)
		vcard_reset(card);
}

static void
card_close(struct io *io)
{
	free(io);
}

static const struct io_ops card_ops = {
	.transmit = card_transmit,
	.begin = card_begin,
	.end = card_end,
	.close = card_close,
};

static DWORD
card_connect(struct fake_reader *in, void *what, struct io **ret_io)
{
	struct fuzz_io *f = calloc(1, sizeof(*f));

	(void)in;
	(void)what;
	if (f == NULL)
		return SCARD_E_NO_MEMORY;
	f->io.ops = &card_ops;
	f->io.atr_len = vcard_atr(card, f->io.atr);
	f->io.t0 = vcard_is_t0(card);
	f->insertion = insertion;
	*ret_io = &f->io;
	return SCARD_S_SUCCESS;
}

static void
personalise(struct buf *state, uint32_t quirks)
{
	const struct vcard_profile profile = { .quirks = quirks, .ecc = true };
	const struct vcard_perso_container rsa = { .pin = PIN, .algorithm = VCARD_RSA1024, .name = "rsa" };
	const struct vcard_perso_container ec = {
		.pin = PIN, .index = 1, .algorithm = VCARD_P256, .signature_only = true, .name = "ec"
	};
	struct vcard *made = vcard_new("", &profile);

	require(made != NULL && vcard_perso_format(made, PIN, NULL, NULL) == 0);
	require(vcard_perso_keygen(made, &rsa) == 0 && vcard_perso_keygen(made, &ec) == 0);
	require(vcard_perso_cert(made, PIN, 0, root_certificate, false) == 0);
	vcard_reset(made);
	state->max = STATE_MAX;
	vcard_encode(made, state);
	require(!buf_failed(state));
	vcard_close(made);
}

void
insert_new_card(bool applet)
{
	static const struct vcard_profile blank;
	struct buf *state = &states[applet];

	if (state->len == 0)
		personalise(state, applet ? VCARD_APPLET : VCARD_STRICT);
	card = vcard_new("", &blank);
	require(card != NULL && vcard_decode(card, buf_cur(state)));
	fake_world_reset();
	reader = fake_reader_add("Reader 00 00");
	fake_card_insert(reader, card_connect, NULL);
	was_reset = false;
	silent = 0;
}

/* Another program says that keys and files have changed; what is known of them has to be read anew. */
static void
change_counters(void)
{
	uint8_t counters[6] = { 0, 0, next(), 1, next(), 1 };

	(void)vcard_perso_put(card, PIN, "", "cardcf", cur_of(counters, sizeof(counters)));
}

CK_RV
call_hand(void)
{
	switch (next() % 7) {
	case 0: fake_card_remove(reader); break;
	case 1: fake_card_insert(reader, card_connect, NULL); break;
	case 2: was_reset = true; break;
	case 3: silent = next() % 8u; return CKR_OK;
	case 4: fake_service_run(false); break;
	case 5: fake_service_run(true); return CKR_OK;
	default: change_counters(); return CKR_OK;
	}
	vcard_reset(card);
	if (!was_reset)
		insertion++;
	return CKR_OK;
}

void
discard_card(void)
{
	vcard_close(card);
}
