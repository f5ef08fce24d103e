/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that uses a card over PC/SC as it comes: no module, no PIN, most of the time no transaction. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <winscard.h>

#include "module/fixture.h"
#include "module/interleave.h"

#define SW_OK 0x9000u
#define RSA_BYTES 128u
#define ROUNDS_MAX 100u

static struct {
	SCARDCONTEXT context;
	SCARDHANDLE card;
} own;

static LONG
reconnect(DWORD initialization)
{
	DWORD protocol;

	return SCardReconnect(own.card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, initialization, &protocol);
}

static LONG
connect_card(void)
{
	DWORD protocol;

	return SCardConnect(own.context, MT_READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &own.card, &protocol);
}

/* Sends again as long as others reset the card. */
static LONG
transmit(const uint8_t *command, size_t len, uint8_t *ret_answer, size_t room, size_t *ret_len)
{
	LONG rv = SCARD_W_RESET_CARD;

	for (unsigned i = 0; i < ROUNDS_MAX && rv == SCARD_W_RESET_CARD; i++) {
		DWORD answer_len = room;

		rv = SCardTransmit(own.card, SCARD_PCI_T1, command, len, NULL, ret_answer, &answer_len);
		*ret_len = answer_len;
		if (rv == SCARD_W_RESET_CARD && reconnect(SCARD_LEAVE_CARD) != SCARD_S_SUCCESS)
			break;
	}
	return rv;
}

/* The status word, or a code of PC/SC. */
static unsigned long
send_command(const uint8_t *command, size_t len)
{
	uint8_t answer[1024];
	size_t answer_len;
	LONG rv = transmit(command, len, answer, sizeof(answer), &answer_len);

	if (rv != SCARD_S_SUCCESS)
		return (unsigned long)rv;
	return answer_len < 2 ? 0 : (unsigned long)answer[answer_len - 2] << 8 | answer[answer_len - 1];
}

/* What must not succeed: 0 if the card has refused it. */
static unsigned long
must_fail(unsigned long sw)
{
	return sw == SW_OK || (sw & 0xFF00) == 0x6100 || sw > 0xFFFF ? sw : 0;
}

/* GIDS: container 0, its RSA-1024 key ---------------------------------------------------------------------------------- */

static unsigned long
gids_signs(void)
{
	static const uint8_t mse[] = { 0x00, 0x22, 0x41, 0xB6, 0x06, 0x80, 0x01, 0x56, 0x84, 0x01, 0x81 };
	static const uint8_t info[] = { 0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	uint8_t pso[5 + 51 + 1] = { 0x00, 0x2A, 0x9E, 0x9A, 51 };

	memcpy(pso + 5, info, sizeof(info));
	(void)send_command(mse, sizeof(mse));
	return must_fail(send_command(pso, sizeof(pso)));
}

static unsigned long
gids_decrypts(void)
{
	static const uint8_t mse[] = { 0x00, 0x22, 0x41, 0xB8, 0x06, 0x80, 0x01, 0x06, 0x84, 0x01, 0x81 };
	uint8_t pso[5 + RSA_BYTES + 1] = { 0x00, 0x2A, 0x80, 0x86, RSA_BYTES, 0x00, 0x02 };

	(void)send_command(mse, sizeof(mse));
	return must_fail(send_command(pso, sizeof(pso)));
}

/* A data object that nobody else has, in the file of the container map. */
static unsigned long
gids_writes(void)
{
	static const uint8_t put[] = { 0x00, 0xDB, 0xA0, 0x10, 0x05, 0xDF, 0x7E, 0x02, 0x01, 0x02 };

	return must_fail(send_command(put, sizeof(put)));
}

/* PIV: RSA-1024 in 9A and 9D --------------------------------------------------------------------------------------------- */

static unsigned long
piv_uses(uint8_t reference)
{
	uint8_t command[5 + 8 + RSA_BYTES + 1] = { 0x00,	  0x87, 0x06, reference, 8 + RSA_BYTES, 0x7C,	  0x81,
						   5 + RSA_BYTES, 0x82, 0x00, 0x81,	 0x81,		RSA_BYTES };

	command[sizeof(command) - 2] = 2;
	return must_fail(send_command(command, sizeof(command)));
}

static unsigned long
piv_signs(void)
{
	return piv_uses(0x9A);
}

static unsigned long
piv_decrypts(void)
{
	return piv_uses(0x9D);
}

/* A certificate, for which the management key was never shown, and what is printed on the card, which wants the PIN. */
static unsigned long
piv_writes(void)
{
	static const uint8_t put[] = { 0x00, 0xDB, 0x3F, 0xFF, 0x09, 0x5C, 0x03,
				       0x5F, 0xC1, 0x05, 0x53, 0x02, 0x70, 0x00 };
	static const uint8_t get[] = { 0x00, 0xCB, 0x3F, 0xFF, 0x05, 0x5C, 0x03, 0x5F, 0xC1, 0x09, 0x00 };
	unsigned long result = must_fail(send_command(put, sizeof(put)));

	return result != 0 ? result : must_fail(send_command(get, sizeof(get)));
}

/* Either ------------------------------------------------------------------------------------------------------------------ */

struct card_kind {
	unsigned long (*attacks[3])(void); /* in the order of enum foreign_act */
	uint8_t select[14], select_len;
	uint8_t verify[13], verify_len;
};

static const struct card_kind kinds[] = {
	{ { gids_signs, gids_decrypts, gids_writes },
	  { 0x00, 0xA4, 0x04, 0x00, 9, 0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59 },
	  14,
	  { 0x00, 0x20, 0x00, 0x80, 6, '1', '2', '3', '4', '5', '6' },
	  11 },
	{ { piv_signs, piv_decrypts, piv_writes },
	  { 0x00, 0xA4, 0x04, 0x00, 5, 0xA0, 0x00, 0x00, 0x03, 0x08 },
	  10,
	  { 0x00, 0x20, 0x00, 0x80, 8, '1', '2', '3', '4', '5', '6', 0xFF, 0xFF },
	  13 },
};

static unsigned long
ask(void)
{
	static const uint8_t query[] = { 0x00, 0x20, 0x00, 0x80 };

	return must_fail(send_command(query, sizeof(query)));
}

/* Each in turn; the first that succeeds. */
static unsigned long
attack(const struct card_kind *kind)
{
	unsigned long result = ask();

	for (unsigned i = 0; i < 3 && result == 0; i++)
		result = kind->attacks[i]();
	return result;
}

static unsigned long
attack_in_transaction(const struct card_kind *kind)
{
	unsigned long result = 0;
	LONG rv;

	while ((rv = SCardBeginTransaction(own.card)) == SCARD_W_RESET_CARD)
		if ((rv = reconnect(SCARD_LEAVE_CARD)) != SCARD_S_SUCCESS)
			return (unsigned long)rv;
	if (rv == SCARD_S_SUCCESS) {
		result = attack(kind);
		rv = SCardEndTransaction(own.card, SCARD_LEAVE_CARD);
	}
	return result != 0 ? result : (unsigned long)rv;
}

static unsigned long
connect_anew(void)
{
	LONG rv = SCardDisconnect(own.card, SCARD_LEAVE_CARD);

	return (unsigned long)(rv == SCARD_S_SUCCESS ? connect_card() : rv);
}

static unsigned long
verify(const struct card_kind *kind)
{
	(void)send_command(kind->select, kind->select_len);
	return send_command(kind->verify, kind->verify_len) == SW_OK ? 0 : 1;
}

static unsigned long
act(const struct card_kind *kind, unsigned what)
{
	switch (what) {
	case FOREIGN_SIGNS:
	case FOREIGN_DECRYPTS:
	case FOREIGN_WRITES: return kind->attacks[what]();
	case FOREIGN_ASKS: return ask();
	case FOREIGN_DOES_ALL: return attack_in_transaction(kind);
	case FOREIGN_SELECTS: return must_fail(send_command(kind->select, kind->select_len)) != 0 ? 0 : 1;
	case FOREIGN_RESETS: return (unsigned long)reconnect(SCARD_RESET_CARD);
	case FOREIGN_CONNECTS_ANEW: return connect_anew();
	default: return verify(kind);
	}
}

void
foreign_run(struct stage *stage)
{
	struct script *script = &stage->scripts[FOREIGN];
	LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &own.context);

	gate_join(FOREIGN);
	if (rv == SCARD_S_SUCCESS)
		rv = connect_card();
	for (gate_pass(GATE_READY); !stage->over && rv == SCARD_S_SUCCESS; gate_pass(GATE_READY)) {
		for (unsigned i = 0; i < script->count; i++) {
			gate_pass(GATE_STEP);
			script->results[i] = act(&kinds[stage->piv], script->acts[i]);
		}
	}
	gate_leave();
	(void)SCardReleaseContext(own.context);
	_exit(rv == SCARD_S_SUCCESS ? 0 : 1);
}
