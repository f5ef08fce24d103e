/* SPDX-License-Identifier: BSD-2-Clause */
/* What vcard-perso is told on its command line. */
#ifndef VCARD_PERSO_OPTIONS_H
#define VCARD_PERSO_OPTIONS_H

#include "vcard/perso.h"

/* Strings point into the arguments. */
struct perso_options {
	struct vcard_profile profile;
	struct vcard_perso_container container;
	bool has_index;
	const char *puk;
	const char *pin;
	const char *key;
	const char *dir;
	const char *name;
	const char *in;
	const char *der;
	bool plain;
	bool remove;
	struct buf admin_key;
	struct buf cardid;
	uint16_t ef;
	uint32_t tag;
};

/* Reads all options; optind then tells the first word that is none. False, with a line on stderr, for a bad one. */
bool perso_options_parse(int argc, char **argv, struct perso_options *ret_options);
void perso_options_free(struct perso_options *options);
/* Blanks, colons and line ends between bytes are left out. False for anything else that is not hex. */
bool perso_parse_hex(const char *text, struct buf *ret_bytes);
/* A line about the card's quirks. */
void perso_print_quirks(uint32_t quirks);
/* A line on stderr; always EXIT_FAILURE. */
int perso_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
