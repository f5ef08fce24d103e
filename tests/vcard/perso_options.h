/* SPDX-License-Identifier: BSD-2-Clause */
/* What vcard-perso is told on its command line. */
#ifndef VCARD_PERSO_OPTIONS_H
#define VCARD_PERSO_OPTIONS_H

#include "vcard/perso_piv.h"

/* Strings point into the arguments. */
struct perso_options {
	struct vcard_profile profile;
	struct vcard_perso_container container;
	bool has_index;
	const char *puk;
	const char *role_pins[8];
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
	struct vcard_piv_slot slot;
	struct buf guid;
	enum vcard_piv_packing packing;
	uint8_t usage;
};

/* Options of PIV cards have numbers from here on. */
#define PERSO_PIV_OPTIONS 100
enum perso_piv_option {
	PERSO_PIV_APPLICATIONS = PERSO_PIV_OPTIONS,
	PERSO_PIV_QUIRKS,
	PERSO_PIV_VERSION,
	PERSO_PIV_PUK_TRIES,
	PERSO_PIV_MAX_OBJECT,
	PERSO_PIV_MANAGEMENT,
	PERSO_PIV_SLOT,
	PERSO_PIV_GUID,
	PERSO_PIV_PIN_POLICY,
	PERSO_PIV_TOUCH_POLICY,
	PERSO_PIV_PACKING,
	PERSO_PIV_USAGE,
};

/* Reads all options; optind then tells the first word that is none. False, with a line on stderr, for a bad one. */
bool perso_options_parse(int argc, char **argv, struct perso_options *ret_options);
void perso_options_free(struct perso_options *options);
/* Blanks, colons and line ends between bytes are left out. False for anything else that is not hex. */
bool perso_parse_hex(const char *text, struct buf *ret_bytes);
/* A whole number not above max and nothing behind it. */
bool perso_parse_number(const char *text, int base, unsigned long max, unsigned long *ret_number);
/* Lines about the card's quirks. */
void perso_print_quirks(uint32_t quirks);
void perso_piv_print_quirks(uint64_t quirks);
/* perso_piv_options.c: one option, as take_option() of perso_options.c. */
bool perso_piv_take_option(struct perso_options *o, int option, const char *value);
/* False for names that are no algorithm of PIV cards. */
bool perso_piv_parse_algorithm(const char *name, uint8_t *ret_algorithm);
/* A line on stderr; always EXIT_FAILURE. */
int perso_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
