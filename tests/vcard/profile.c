/* SPDX-License-Identifier: BSD-2-Clause */
/* What a card is made with: its ATR, the defaults, and what contradicts itself. */
#include <string.h>

#include "vcard/engine.h"

/* Compact-TLV F: application identifier, as TPM virtual cards announce GIDS; revision 02. */
static const uint8_t gids_atr_t1[] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00,
				       0x03, 0x97, 0x42, 0x54, 0x46, 0x59, 0x02, 0x01 };
/* The same historical bytes; without TD1 the card offers T=0 alone, and the ATR has no check byte. */
static const uint8_t gids_atr_t0[] = { 0x3B, 0x0D, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
				       0x97, 0x42, 0x54, 0x46, 0x59, 0x02, 0x01 };

/* Compact-TLV 7: selection by name, chaining and extended length; 5: three letters. */
static const uint8_t plain_atr_t1[] = { 0x3B, 0x89, 0x01, 0x80, 0x73, 0xC0, 0x21, 0xC0, 0x53, 'M', 'D', 'V' };
static const uint8_t short_atr_t1[] = { 0x3B, 0x89, 0x01, 0x80, 0x73, 0xC0, 0x21, 0x80, 0x53, 'M', 'D', 'V' };
static const uint8_t plain_atr_t0[] = { 0x3B, 0x09, 0x80, 0x73, 0xC0, 0x21, 0x80, 0x53, 'M', 'D', 'V' };

static size_t
put_atr_t0(const uint8_t *atr, size_t len, uint8_t ret_atr[VCARD_ATR_MAX])
{
	memcpy(ret_atr, atr, len);
	return len;
}

static size_t
put_atr_t1(const uint8_t *atr, size_t len, uint8_t ret_atr[VCARD_ATR_MAX])
{
	uint8_t check = 0;
	size_t i;

	memcpy(ret_atr, atr, len);
	for (i = 1; i < len; i++)
		check ^= atr[i];
	ret_atr[len] = check;
	return len + 1;
}

size_t
vcard_default_atr(uint32_t quirks, uint8_t ret_atr[VCARD_ATR_MAX])
{
	if ((quirks & VCARD_T0) != 0)
		return put_atr_t0(gids_atr_t0, sizeof(gids_atr_t0), ret_atr);
	return put_atr_t1(gids_atr_t1, sizeof(gids_atr_t1), ret_atr);
}

static size_t
profile_atr(const struct vcard_profile *profile, uint8_t ret_atr[VCARD_ATR_MAX])
{
	if ((profile->applications & VCARD_PIV) == 0)
		return vcard_default_atr(profile->quirks, ret_atr);
	if ((profile->quirks & VCARD_T0) != 0)
		return put_atr_t0(plain_atr_t0, sizeof(plain_atr_t0), ret_atr);
	if ((profile->quirks & VCARD_NO_EXTENDED) != 0)
		return put_atr_t1(short_atr_t1, sizeof(short_atr_t1), ret_atr);
	return put_atr_t1(plain_atr_t1, sizeof(plain_atr_t1), ret_atr);
}

static void
default_number(unsigned *number, unsigned standard)
{
	if (*number == 0)
		*number = standard;
}

void
vcard_profile_fill(struct vcard_profile *profile)
{
	default_number(&profile->applications, VCARD_GIDS);
	if (profile->atr_len == 0 || profile->atr_len > VCARD_ATR_MAX)
		profile->atr_len = profile_atr(profile, profile->atr);
	default_number(&profile->pin_tries, 3);
	default_number(&profile->pin_min, 4);
	default_number(&profile->pin_max, 16);
	default_number(&profile->max_objects, 100);
	default_number(&profile->max_files, 40);
	default_number(&profile->max_value, 32000);
	default_number(&profile->max_import, 4096);
	default_number(&profile->piv.version, 0x050700);
	default_number(&profile->piv.pin_tries, 3);
	default_number(&profile->piv.puk_tries, 3);
	default_number(&profile->piv.max_object, 16000);
	if (profile->piv.admin_algorithm == 0)
		profile->piv.admin_algorithm = 0x03;
}

static bool
piv_profile_good(const struct vcard_piv_profile *p)
{
	return p->version <= 0xFFFFFF && p->pin_tries > 0 && p->pin_tries <= 255 && p->puk_tries > 0 &&
	       p->puk_tries <= 255 && p->max_object > 0 && p->max_object <= CHAIN_MAX &&
	       (p->admin_algorithm == 0x03 || p->admin_algorithm == 0x08 || p->admin_algorithm == 0x0A ||
		p->admin_algorithm == 0x0C);
}

bool
vcard_profile_good(const struct vcard_profile *p)
{
	return p->atr_len > 0 && p->atr_len <= VCARD_ATR_MAX && p->pin_tries > 0 && p->pin_tries <= 15 &&
	       (p->roles & ~0xF8u) == 0 && p->pin_min > 0 && p->pin_min <= p->pin_max && p->pin_max <= 127 &&
	       p->max_objects > 0 && p->max_objects <= 10000 && p->max_files > 0 && p->max_files <= 1000 &&
	       p->max_value > 0 && p->max_value <= CHAIN_MAX && p->max_import <= CHAIN_MAX && p->applications > 0 &&
	       p->applications <= (VCARD_GIDS | VCARD_PIV) && piv_profile_good(&p->piv);
}
