/* SPDX-License-Identifier: BSD-2-Clause */
/* What the PIV card edge fixes: key references, their certificates and PIN rules, algorithm identifiers. */
#include "piv/piv.h"

#include <stdio.h>

#define RETIRED_REFERENCE 0x82u
#define RETIRED_CERTIFICATE 0x5FC10Du

/* SP 800-73-4 part 1, table 4b; the names are those of the standard. */
static const struct {
	uint8_t reference;
	uint32_t certificate;
	PIN_ID role;
	const char *name;
} slots[PIV_SLOT_RETIRED] = {
	[PIV_SLOT_AUTHENTICATION] = { 0x9A, 0x5FC105, ROLE_USER, "PIV Authentication" },
	[PIV_SLOT_SIGNATURE] = { 0x9C, 0x5FC10A, PIV_ROLE_ALWAYS, "Digital Signature" },
	[PIV_SLOT_MANAGEMENT] = { 0x9D, 0x5FC10B, ROLE_USER, "Key Management" },
	[PIV_SLOT_CARD] = { 0x9E, 0x5FC101, ROLE_EVERYONE, "Card Authentication" },
};

uint8_t
piv_slot_reference(BYTE index)
{
	return index < PIV_SLOT_RETIRED ? slots[index].reference
					: (uint8_t)(RETIRED_REFERENCE + (index - PIV_SLOT_RETIRED));
}

uint32_t
piv_slot_certificate(BYTE index)
{
	return index < PIV_SLOT_RETIRED ? slots[index].certificate : RETIRED_CERTIFICATE + (index - PIV_SLOT_RETIRED);
}

bool
piv_slot_exchange(BYTE index, enum key_type type)
{
	if (pubkey_is_25519(type))
		return type == KEY_X25519;
	if (index == PIV_SLOT_SIGNATURE)
		return false;
	return type == KEY_RSA || index == PIV_SLOT_MANAGEMENT || index >= PIV_SLOT_RETIRED;
}

PIN_ID
piv_slot_role(BYTE index)
{
	return index < PIV_SLOT_RETIRED ? slots[index].role : ROLE_USER;
}

void
piv_slot_name(BYTE index, char ret_name[32])
{
	if (index < PIV_SLOT_RETIRED)
		(void)snprintf(ret_name, 32, "%s", slots[index].name);
	else
		(void)snprintf(ret_name, 32, "Retired Key %u", index - PIV_SLOT_RETIRED + 1);
}

static const struct {
	uint8_t algorithm;
	enum key_type type;
	unsigned bits;
} algorithms[] = {
	{ PIV_RSA1024, KEY_RSA, 1024 },
	{ PIV_RSA2048, KEY_RSA, 2048 },
	{ PIV_RSA3072, KEY_RSA, 3072 },
	{ PIV_RSA4096, KEY_RSA, 4096 },
	{ PIV_P256, KEY_EC, 256 },
	{ PIV_P384, KEY_EC, 384 },
	{ PIV_ED25519, KEY_ED25519, PUBKEY_25519_BITS },
	{ PIV_X25519, KEY_X25519, PUBKEY_25519_BITS },
};

unsigned
piv_algorithm_bits(uint8_t algorithm)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].algorithm == algorithm)
			return algorithms[i].bits;
	return 0;
}

bool
piv_algorithm_is_rsa(uint8_t algorithm)
{
	return piv_algorithm_type(algorithm) == KEY_RSA;
}

enum key_type
piv_algorithm_type(uint8_t algorithm)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].algorithm == algorithm)
			return algorithms[i].type;
	return KEY_NONE;
}

uint8_t
piv_algorithm_of(enum key_type type, unsigned bits)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].type == type && algorithms[i].bits == bits)
			return algorithms[i].algorithm;
	return 0;
}
