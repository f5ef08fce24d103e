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

#endif
