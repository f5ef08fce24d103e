/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as people and other programs read them: hex, PEM (RFC 7468), OpenSSH's public keys (RFC 4253), names of certificates. */
#ifndef TOOL_ENCODE_H
#define TOOL_ENCODE_H

#include "tool/tool.h"

/* Upper case; room for two digits each and a NUL. False when it does not fit. */
bool encode_hex(struct cursor bytes, char *ret_text, size_t room);
/* In groups of four digits, to be read aloud and typed. */
bool encode_hex_groups(struct cursor bytes, char *ret_text, size_t room);
/* Digits of either case; blanks, colons and dashes between bytes are skipped. False for anything else, for half bytes, for no byte. */
bool decode_hex(struct cursor text, struct secret *ret_bytes);

void encode_base64(struct buf *text, struct cursor bytes);
/* label as in "CERTIFICATE" */
void encode_pem(struct buf *text, const char *label, struct cursor der);
/* A line of authorized_keys; comment is made harmless. False for a key that SSH does not have. */
bool encode_ssh(struct buf *text, const struct public_key *key, const char *comment);

/* The number in a DER INTEGER, without what only tells its sign; empty for anything else. */
struct cursor encode_integer(struct cursor der);
/* A DER Name in short, most specific part first: "CN=Alice, O=Example". Harmless; cut when room is too small. */
void encode_name(struct cursor name, char *ret_text, size_t room);

#endif
