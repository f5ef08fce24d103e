/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the PIV personalisation share. */
#ifndef VCARD_PERSO_PIV_INTERNAL_H
#define VCARD_PERSO_PIV_INTERNAL_H

#include "vcard/perso_piv.h"

#define PERSO_PIV_FIXTURES 4

struct perso_piv_fixture {
	uint8_t reference;
	uint8_t algorithm;
	struct cursor certificate;
	struct cursor numbers[5]; /* p, q, dP, dQ, qInv, or one */
};

extern const struct perso_piv_fixture perso_piv_fixtures[PERSO_PIV_FIXTURES];

/*
 * Selects the application with the management key authenticated; what the card denies to the world is open to its issuer.
 * perso_piv_end takes the card out of the reader; 0 or -1 from done.
 */
struct perso_piv_session {
	struct vcard *card;
	struct piv *piv;
	uint64_t quirks;
};

bool perso_piv_begin(struct vcard *card, struct perso_piv_session *ret_session);
int perso_piv_end(struct perso_piv_session *session, bool done);

/* PUT DATA; an empty value deletes. */
bool perso_piv_put(struct vcard *card, uint32_t tag, struct cursor value);
bool perso_piv_put_certificate(struct vcard *card, uint8_t reference, struct cursor der,
			       enum vcard_piv_packing packing);

#endif
