/* SPDX-License-Identifier: BSD-2-Clause */
/* Ready card files for tests of the module. */
#ifndef MODULE_CARDS_H
#define MODULE_CARDS_H

#include "module/fixture.h"

/*
 * The file of a card to copy from. It is made once and kept in the build directory, since RSA keys take their time, until
 * the virtual card is built anew.
 */
const char *mt_card_file(enum mt_card card);

struct vcard;

/* A certificate for a container of an open GIDS card with MT_PIN, by an authority of its own; compressed unless plain. */
void mt_card_certify(struct vcard *card, uint8_t container, const char *subject, bool plain);

#endif
