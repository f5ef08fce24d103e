/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the personalisation share: perso.c commands and files, perso_key.c containers, perso_cert.c. */
#ifndef VCARD_PERSO_INTERNAL_H
#define VCARD_PERSO_INTERNAL_H

#include "vcard/perso.h"

enum { PERSO_EF_TABLE = 0xA000, PERSO_EF_USER = 0xA010, PERSO_EF_ADMIN = 0xA012 };
enum { PERSO_TABLE = 0xDF1F, PERSO_KEY_MAP = 0xDF20, PERSO_CARDID = 0xDF20 };
enum { PERSO_CARDAPPS = 0xDF21, PERSO_CARDCF = 0xDF22, PERSO_CMAPFILE = 0xDF23, PERSO_FIRST_FREE = 0xDF24 };

/* The key map: a version byte and records of 12 bytes, the sixth of which is the kind. */
#define PERSO_MAP_RECORD 12
enum { PERSO_KIND_EXCHANGE = 0x9A, PERSO_KIND_SIGNATURE = 0x9C };

/* Remembers a text for vcard_perso_error(); always false. */
bool perso_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As vcard_perso_send, for commands that must answer 9000; what names the step in the error text. */
bool perso_command(struct vcard *card, const char *what, const uint8_t header[4], struct cursor data, bool wants_answer,
		   struct buf *answer);
bool perso_select(struct vcard *card);
bool perso_login(struct vcard *card, const char *pin);
/* The PIN of a key that has one of its own; guard 0: nothing to do. */
bool perso_login_guard(struct vcard *card, unsigned guard, const char *pin);
/* 0 or -1 from done, the card deauthenticated in either case. */
int perso_end(struct vcard *card, bool done);

/* The value of a data object; an absent one is empty and no failure. */
bool perso_read(struct vcard *card, uint16_t file, uint32_t tag, struct buf *ret_value);
bool perso_write(struct vcard *card, uint16_t file, uint32_t tag, struct cursor value);
/* Counts a change in cardcf, which is written before what it announces. */
enum perso_change { PERSO_FILES, PERSO_CONTAINERS };
bool perso_announce(struct vcard *card, enum perso_change change);
/* The stored form of a certificate: 0100, length LE16, zlib stream. */
bool perso_compress(struct cursor der, struct buf *ret_content);
/* Writes a user file through the file table. */
bool perso_put_file(struct vcard *card, const char *dir, const char *name, struct cursor content);

#endif
