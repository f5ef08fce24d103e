/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs of vcard-perso share. */
#ifndef VCARD_PERSO_VERBS_H
#define VCARD_PERSO_VERBS_H

#include "vcard/perso_options.h"

enum { EXIT_USAGE = 2 };

struct perso_verb {
	const char *name;
	int (*run)(struct vcard *card, struct perso_options *o, char **rest);
	bool arguments; /* words behind the file's name */
};

#define PERSO_PIV_VERBS 9
extern const struct perso_verb perso_piv_verbs[PERSO_PIV_VERBS];

/* Lines about the PIV application of a card that has one. */
void perso_piv_print(const struct vcard *card);

/* The exit status for wrong usage, with a line on stderr. */
int perso_wants(const char *what);
/* The exit status for what a function of vcard/perso.h returned. */
int perso_result(int result);
/* "-" is the standard input. */
bool perso_read_file(const char *path, struct buf *ret_content);

#endif
