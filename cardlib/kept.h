/* SPDX-License-Identifier: BSD-2-Clause */
/* The caller's cache callbacks as minidrivers use them. A caller without a cache keeps nothing, and nothing is found. */
#ifndef KEPT_H
#define KEPT_H

#include "base/buf.h"
#include "base/cursor.h"
#include "cardmod.h"

/* What fails is not kept. */
void kept_add(const CARD_DATA *card, const char *tag, struct cursor content);
/* Appends what was kept. False when there is nothing. */
bool kept_lookup(const CARD_DATA *card, const char *tag, struct buf *ret_content);
void kept_delete(const CARD_DATA *card, const char *tag);

#endif
