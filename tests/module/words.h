/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for templates in tests of objects: an attribute of a number, a boolean or a text, and what a text has become. */
#ifndef MODULE_WORDS_H
#define MODULE_WORDS_H

#include <string.h>

#include "module/fixture.h"

#define ULONG(type, number)                                                                                            \
	{                                                                                                              \
		type, &(number), sizeof(number)                                                                        \
	}
#define BOOL(type, value)                                                                                              \
	{                                                                                                              \
		type, &(value), 1                                                                                      \
	}
#define TEXT(type, text)                                                                                               \
	{                                                                                                              \
		type, (void *)(uintptr_t)(text), sizeof(text) - 1                                                      \
	}

static inline void
assert_text(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const char *text)
{
	char value[64];
	size_t len = mt_get(s, object, type, value, sizeof(value));

	assert_int_equal(len, strlen(text));
	assert_memory_equal(value, text, len);
}

#endif
