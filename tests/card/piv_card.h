/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual PIV cards under the PIV minidriver, in the kits and rigs of gids_card.h: containers 0..3 are 9A, 9C, 9D, 9E. */
#ifndef CARD_PIV_CARD_H
#define CARD_PIV_CARD_H

#include "card/gids_keys.h"
#include "vcard/perso_piv.h"

enum { PIV_9A, PIV_9C, PIV_9D, PIV_9E, PIV_KIT_KEYS };

#define PIV_ALWAYS 3u
#define PIV_PUK 4u

extern const uint8_t piv_kit_guid[VCARD_GUID_LEN];

/* The reference card (RSA-2048 in 9A and 9D, P-256 in 9C and 9E, a certificate each) with these VCARD_PIV_ quirks. */
void piv_kit_make(struct kit *kit, uint64_t quirks);
/* And with a management key of this algorithm. */
void piv_kit_make_with(struct kit *kit, uint64_t quirks, uint8_t management);
/* And with quirks of the transport (VCARD_T0, VCARD_NO_EXTENDED). */
void piv_kit_make_over(struct kit *kit, uint32_t transport);
/* The same keys in a card without anything else: certificates, CHUID, key history. */
void piv_kit_make_bare(struct kit *kit, uint64_t quirks);

DWORD piv_rig_verify(struct rig *rig, PIN_ID role, const char *pin, DWORD *ret_tries);
/* Reads a file; freed by buf_free(). */
DWORD piv_rig_file(struct rig *rig, const char *directory, const char *name, struct buf *ret_content);
/* Signs 32 bytes with a key of the kit and verifies; RSA with PKCS#1 v1.5 and SHA-256. */
DWORD piv_rig_signs(struct rig *rig, const struct kit *kit, unsigned container);

#endif
