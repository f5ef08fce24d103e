/* SPDX-License-Identifier: BSD-2-Clause */
/* A card that answers what a fuzzer says. */
#include "fuzz/answers.h"

#include <stdlib.h>
#include <string.h>

#include "csp/ephemeral.h"
#include "csp/padding.h"
#include "csp/response.h"

#define EXCHANGES_MAX 20000u

static struct cursor rest;
static unsigned exchanges;
static long blocks;

static DWORD
fuzz_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	struct cursor answer;
	uint16_t len;

	(void)io, (void)command, (void)secret;
	if (++exchanges > EXCHANGES_MAX)
		abort();
	if (!cur_be16(&rest, &len))
		return SCARD_E_COMM_DATA_LOST;
	if (!cur_take(&rest, len, &answer))
		(void)cur_take(&rest, rest.left, &answer);
	if (answer.left < 2)
		return len == 1 ? SCARD_W_RESET_CARD : SCARD_E_COMM_DATA_LOST;
	buf_put_cur(response, answer);
	return SCARD_S_SUCCESS;
}

static const struct io_ops fuzz_ops = { .transmit = fuzz_transmit };

static void *
count_alloc(size_t size)
{
	blocks++;
	return malloc(size);
}

static void
count_free(void *block)
{
	if (block != NULL)
		blocks--;
	free(block);
}

void
answers_open(struct answers *answers, struct cursor input, uint8_t how, struct cursor atr)
{
	static struct csp_crypto *crypto;

	if (crypto == NULL && csp_crypto_open(&crypto) != SCARD_S_SUCCESS)
		abort();
	rest = input;
	exchanges = 0;
	memset(answers, 0, sizeof(*answers));
	answers->io = (struct io){ .ops = &fuzz_ops, .t0 = (how & 1) != 0, .atr_len = atr.left };
	(void)cur_copy(&atr, answers->io.atr, atr.left);
	answers->card = (CARD_DATA){ .dwVersion = CARD_DATA_CURRENT_VERSION,
				     .pbAtr = answers->io.atr,
				     .cbAtr = (DWORD)answers->io.atr_len,
				     .pfnCspAlloc = count_alloc,
				     .pfnCspReAlloc = realloc,
				     .pfnCspFree = count_free,
				     .pfnCspPadData = csp_pad_data,
				     .pfnCspUnpadData = csp_unpad_data,
				     .pfnCspKeyCheckValue = csp_key_check_value,
				     .pfnCspAgree = csp_ephemeral_agree,
				     .pvCspContext = crypto,
				     .io = &answers->io };
}

void
answers_close(struct answers *answers)
{
	if (answers->card.pfnCardDeleteContext != NULL)
		(void)answers->card.pfnCardDeleteContext(&answers->card);
	if (blocks != 0)
		abort();
}

unsigned
answers_exchanges(void)
{
	return exchanges;
}

void
answers_read(CARD_DATA *card, const char *directory, const char *name)
{
	BYTE *data;
	DWORD len;

	if (card->pfnCardReadFile(card, directory, name, 0, &data, &len) == SCARD_S_SUCCESS)
		card->pfnCspFree(data);
}
