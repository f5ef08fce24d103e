/* SPDX-License-Identifier: BSD-2-Clause */
/* The GIDS file table and key map, as a card may have them: the first byte of the input chooses which. */
#include <stdlib.h>
#include <string.h>

#include "gids/gids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name_of(const char *name)
{
	char folded[CHECK_NAME_MAX + 1];

	if (memchr(name, '\0', CHECK_NAME_MAX + 1) == NULL)
		abort();
	/* what the table gives can be asked for, and is folded already */
	if (name[0] != '\0' && (!check_name(name, folded) || strcmp(name, folded) != 0))
		abort();
}

static void
check_table(struct cursor content)
{
	struct gids_record record;
	struct cursor records;
	size_t count = 0;
	bool odd;

	if (!gids_table_open(content, &records, &odd))
		return;
	while (gids_table_next(&records, &record)) {
		check_name_of(record.directory);
		check_name_of(record.name);
		if (record.name[0] != '\0' &&
		    (record.ef < GIDS_EF_TABLE || record.ef > GIDS_EF_LAST || record.tag == 0))
			abort();
		if (record.name[0] == '\0' && record.directory[0] == '\0')
			abort();
		if (++count > LIMIT_FILES)
			abort();
	}
}

static void
check_key(const struct gids_key *key)
{
	if (key->reference < GIDS_KEY_FIRST || key->reference >= GIDS_KEY_FIRST + GIDS_KEYS)
		abort();
	if (key->algorithm != 0 && gids_algorithm_bits(key->algorithm) == 0)
		abort();
}

static void
check_keymap(struct cursor content)
{
	struct gids_container containers[GIDS_KEYS];

	(void)gids_keymap_decode(content, containers);
	for (size_t i = 0; i < GIDS_KEYS; i++)
		check_key(&containers[i].keys[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor content = cur_of(data, size);
	uint8_t which;

	if (!cur_u8(&content, &which))
		return 0;
	if ((which & 1) == 0)
		check_table(content);
	else
		check_keymap(content);
	return 0;
}
