/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-16LE names of the container map to UTF-8 and back (minidriver specification, container map record). */
#ifndef BASE_UTF16_H
#define BASE_UTF16_H

#include "base/cursor.h"

/*
 * Converts units up to the first NUL or the end. Unpaired surrogates and control characters become U+FFFD. Writes at
 * most room bytes with the NUL, cut at a character. Returns the length without NUL.
 */
size_t utf16le_to_utf8(struct cursor units, char *ret_text, size_t room);
/*
 * Converts text to at most max units, without terminator. False when text is not UTF-8 or does not fit; what is in
 * ret_units then does not count.
 */
bool utf8_to_utf16(const char *text, uint16_t *ret_units, size_t max, size_t *ret_count);

#endif
