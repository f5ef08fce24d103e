/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory callbacks of CARD_DATA. What crosses the seam may be secret, so every block is wiped when it is freed. */
#include <stdlib.h>
#include <string.h>

#include "csp/card.h"

struct block {
	size_t size;
	max_align_t bytes[];
};

static struct block *
block_of(void *bytes)
{
	return (struct block *)(void *)((uint8_t *)bytes - offsetof(struct block, bytes));
}

void *
csp_block_alloc(size_t size)
{
	struct block *b;

	if (size > SIZE_MAX - sizeof(*b) || (b = malloc(sizeof(*b) + size)) == NULL)
		return NULL;
	b->size = size;
	/* cppcheck-suppress memleak ; csp_block_free() finds the block by its bytes */
	return b->bytes;
}

void
csp_block_free(void *block)
{
	struct block *b;

	if (block == NULL)
		return;
	b = block_of(block);
	secret_wipe(b->bytes, b->size);
	free(b);
}

void *
csp_block_realloc(void *block, size_t size)
{
	void *fresh = csp_block_alloc(size);

	if (fresh == NULL || block == NULL)
		return fresh;
	memcpy(fresh, block, size < block_of(block)->size ? size : block_of(block)->size);
	csp_block_free(block);
	return fresh;
}
