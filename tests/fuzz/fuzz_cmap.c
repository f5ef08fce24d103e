/* SPDX-License-Identifier: BSD-2-Clause */
/* The container map and cardcf, as a card may have them. */
#include <stdlib.h>
#include <string.h>

#include "csp/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csp_freshness freshness;
	struct csp_cmap map;
	size_t defaults = 0;

	csp_cmap_decode(cur_of(data, size), &map);
	for (size_t i = 0; i < map.count; i++) {
		defaults += map.containers[i].is_default;
		if (strnlen(map.containers[i].name, CSP_NAME_MAX) == CSP_NAME_MAX ||
		    map.containers[i].index >= map.records)
			abort();
		(void)csp_key_type_of(map.containers[i].signature_bits, false);
	}
	if (defaults > 1 || map.records > size / 86 || map.records > LIMIT_CONTAINERS || map.count > map.records)
		abort();
	(void)csp_freshness_decode(cur_of(data, size), &freshness);
	return 0;
}
