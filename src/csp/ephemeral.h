/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's half of a key agreement with a card. */
#ifndef CSP_EPHEMERAL_H
#define CSP_EPHEMERAL_H

#include "cardmod.h"

/* The callback. */
DWORD csp_ephemeral_agree(CARD_DATA *card, const BYTE pbPeer[CARD_AGREE_POINT], BYTE ret_own[CARD_AGREE_POINT],
			  BYTE *ret_stream, DWORD cbStream);

#endif
