/* SPDX-License-Identifier: BSD-2-Clause */
/* Hex, Base64, PEM, and public keys as OpenSSH wants them. */
#include <stdio.h>
#include <string.h>

#include "tool/encode.h"
#include "tool/out.h"

#define PEM_LINE 48u /* bytes in a line of 64 characters */

/* Hex ---------------------------------------------------------------------------------------------------------------- */

static void
encode_grouped(struct cursor bytes, size_t group, char *ret_text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = 0, n = 0;
	uint8_t b;

	for (; cur_u8(&bytes, &b); n++) {
		if (group != 0 && n != 0 && n % group == 0)
			ret_text[at++] = ' ';
		ret_text[at++] = digits[b >> 4];
		ret_text[at++] = digits[b & 0x0F];
	}
	ret_text[at] = '\0';
}

bool
encode_hex(struct cursor bytes, char *ret_text, size_t room)
{
	if (room <= 2 * bytes.left)
		return false;
	encode_grouped(bytes, 0, ret_text);
	return true;
}

bool
encode_hex_groups(struct cursor bytes, char *ret_text, size_t room)
{
	if (room <= 3 * bytes.left)
		return false;
	encode_grouped(bytes, 2, ret_text);
	return true;
}

static bool
digit_of(uint8_t c, uint8_t *ret_value)
{
	if (c >= '0' && c <= '9')
		*ret_value = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret_value = (uint8_t)(c - 'a' + 10);
	else if (c >= 'A' && c <= 'F')
		*ret_value = (uint8_t)(c - 'A' + 10);
	else
		return false;
	return true;
}

static bool
is_separator(uint8_t c)
{
	return c == ' ' || c == ':' || c == '-' || c == '\t' || c == '\r';
}

bool
decode_hex(struct cursor text, struct secret *ret_bytes)
{
	struct secret bytes = SECRET_INIT;
	uint8_t c, high, low;
	size_t n = 0;

	if (text.left < 2 || !secret_alloc(&bytes, text.left / 2))
		return false;
	while (cur_u8(&text, &c)) {
		if (is_separator(c))
			continue;
		if (!digit_of(c, &high) || !cur_u8(&text, &c) || !digit_of(c, &low))
			goto bad;
		bytes.p[n++] = (uint8_t)(high << 4 | low);
	}
	if (n == 0)
		goto bad;
	secret_truncate(&bytes, n);
	*ret_bytes = bytes;
	return true;
bad:
	secret_free(&bytes);
	return false;
}

/* Base64 and PEM ----------------------------------------------------------------------------------------------------- */

static char
base64_digit(uint32_t group, unsigned shift)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return digits[group >> shift & 0x3F];
}

void
encode_base64(struct buf *text, struct cursor bytes)
{
	while (!cur_at_end(&bytes)) {
		uint8_t in[3] = { 0 };
		size_t n = bytes.left < 3 ? bytes.left : 3;
		uint32_t group;

		(void)cur_copy(&bytes, in, n);
		group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		buf_u8(text, (uint8_t)base64_digit(group, 18));
		buf_u8(text, (uint8_t)base64_digit(group, 12));
		buf_u8(text, n > 1 ? (uint8_t)base64_digit(group, 6) : '=');
		buf_u8(text, n > 2 ? (uint8_t)base64_digit(group, 0) : '=');
	}
}

static void
put_text(struct buf *text, const char *what)
{
	buf_put(text, what, strlen(what));
}

void
encode_pem(struct buf *text, const char *label, struct cursor der)
{
	struct cursor line;

	put_text(text, "-----BEGIN ");
	put_text(text, label);
	put_text(text, "-----\n");
	while (!cur_at_end(&der)) {
		(void)cur_take(&der, der.left < PEM_LINE ? der.left : PEM_LINE, &line);
		encode_base64(text, line);
		put_text(text, "\n");
	}
	put_text(text, "-----END ");
	put_text(text, label);
	put_text(text, "-----\n");
}

/* OpenSSH (RFC 4253 6.6, RFC 5656 3.1) --------------------------------------------------------------------------------- */

static void
put_string(struct buf *blob, struct cursor value)
{
	buf_be32(blob, (uint32_t)value.left);
	buf_put_cur(blob, value);
}

/* mpint: a number that has its highest bit set gets a zero in front (RFC 4251 5). */
static void
put_number(struct buf *blob, struct cursor value)
{
	uint8_t first = 0;
	bool pad = cur_peek(&value, &first) && (first & 0x80) != 0;

	buf_be32(blob, (uint32_t)value.left + (pad ? 1 : 0));
	if (pad)
		buf_u8(blob, 0);
	buf_put_cur(blob, value);
}

static const char *
ssh_curve(unsigned bits)
{
	switch (bits) {
	case 256: return "nistp256";
	case 384: return "nistp384";
	case 521: return "nistp521";
	default: return NULL;
	}
}

static bool
put_key(struct buf *blob, const struct public_key *key, char *ret_type, size_t room)
{
	const char *curve = ssh_curve(key->bits);

	if (key->type == KEY_RSA)
		(void)snprintf(ret_type, room, "ssh-rsa");
	else if (key->type == KEY_EC && curve != NULL)
		(void)snprintf(ret_type, room, "ecdsa-sha2-%s", curve);
	else if (key->type == KEY_ED25519)
		(void)snprintf(ret_type, room, "ssh-ed25519");
	else
		return false;
	put_string(blob, cur_of(ret_type, strlen(ret_type)));
	if (key->type == KEY_RSA) {
		put_number(blob, cur_of(key->exponent, key->exponent_len));
		put_number(blob, cur_of(key->modulus, key->modulus_len));
	} else {
		if (key->type == KEY_EC)
			put_string(blob, cur_of(curve, strlen(curve)));
		put_string(blob, cur_of(key->point, key->point_len));
	}
	return true;
}

bool
encode_ssh(struct buf *text, const struct public_key *key, const char *comment)
{
	AUTO_BUF struct buf blob = BUF_INIT;
	char type[32], safe[CSP_NAME_MAX * 3];

	if (!put_key(&blob, key, type, sizeof(type)) || buf_failed(&blob))
		return false;
	out_safe(comment, strlen(comment), safe, sizeof(safe));
	put_text(text, type);
	put_text(text, " ");
	encode_base64(text, buf_cur(&blob));
	put_text(text, " ");
	put_text(text, safe);
	put_text(text, "\n");
	return true;
}
