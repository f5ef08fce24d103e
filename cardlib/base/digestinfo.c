/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of DigestInfo prefixes. */
#include "base/digestinfo.h"

#include <string.h>

/* SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING of hash_len bytes } up to the value; the last arc tells the hash. */
#define NIST_PREFIX(total, arc, hash_len)                                                                              \
	{                                                                                                              \
		0x30, total, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00,  \
			0x04, hash_len                                                                                 \
	}

static const struct digestinfo table[] = {
	{ "SHA1",
	  20,
	  { 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14 },
	  15 },
	{ "SHA224", 28, NIST_PREFIX(0x2D, 0x04, 0x1C), 19 },
	{ "SHA256", 32, NIST_PREFIX(0x31, 0x01, 0x20), 19 },
	{ "SHA384", 48, NIST_PREFIX(0x41, 0x02, 0x30), 19 },
	{ "SHA512", 64, NIST_PREFIX(0x51, 0x03, 0x40), 19 },
};

const struct digestinfo *
digestinfo_find(const char *name)
{
	size_t i;

	for (i = 0; name != NULL && i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}
