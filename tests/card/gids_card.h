/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual GIDS card under the GIDS minidriver, without csp: what the tests of the minidriver start from. A kit is one
 * personalised card file per personality; a rig is a connection to a fresh copy of it with an acquired context.
 */
#ifndef CARD_GIDS_CARD_H
#define CARD_GIDS_CARD_H

#include "cardmod.h"
#include "lib/test.h"
#include "registry.h"
#include "vcard/io_front.h"
#include "vcard/perso.h"

#define KIT_PIN "123456"
#define KIT_PUK "87654321"
#define KIT_ROLE_PIN "369258" /* of each PIN more that the card has */

/* Containers of the full kit. */
enum { KIT_RSA2048, KIT_RSA1024_SIGN, KIT_P256, KIT_P384, KIT_P521, KIT_RSA3072, KIT_CONTAINERS };

struct kit {
	char directory[64];
	char path[80];
	struct buf spki[KIT_CONTAINERS]; /* public keys, SubjectPublicKeyInfo */
	size_t containers;
};

/*
 * Makes and personalises a card: small has RSA-1024 as container 0 and P-256 as container 1 only. Container 0 has a
 * certificate file of kit_certificate() bytes.
 */
void kit_make(struct kit *kit, const struct vcard_profile *profile, bool small);
void kit_free(struct kit *kit);
struct cursor kit_certificate(void);

struct rig {
	struct vcard *card;
	struct io *io; /* what the context uses */
	struct registry_memory memory;
	CARD_DATA data;
};

/* Opens the kit's card and fills CARD_DATA; nothing is sent. */
void rig_open(struct rig *rig, const struct kit *kit);
/* CARD_DATA over any connection. */
void rig_over(struct rig *rig, struct io *io);
/* As rig_open, and acquires; the acquiring exchanges are not counted. */
void rig_acquire(struct rig *rig, const struct kit *kit);
/* Deletes the context if there is one, closes, and checks that no block of the caller's memory is left. */
void rig_close(struct rig *rig);

/* The same card in a reader again: reset, on a new connection, with a new context. */
void rig_insert_again(struct rig *rig);

/* Exchanges since the last call. */
unsigned rig_exchanges(struct rig *rig);
/* Begins the next transaction. */
void rig_next(struct rig *rig);
/* Arms faults of vcard/link.h. */
void rig_faults(struct rig *rig, const char *text);
/* Blocks from the caller's allocator that are alive; the n-th allocation from now on fails (0: none). */
long rig_blocks(void);
void rig_fail_alloc(unsigned n);

DWORD rig_verify(struct rig *rig, const char *pin);
DWORD rig_logout(struct rig *rig);
/*
 * The administrator's side: the response to a challenge by a key of 16 or 24 bytes for 3DES, NULL for the kits' own, which is zeros;
 * and the whole authentication.
 */
#define KIT_ADMIN_KEY_LEN 24
void rig_respond(const BYTE *key, size_t key_len, struct cursor challenge, BYTE *ret_response);
DWORD rig_admin(struct rig *rig);
DWORD rig_admin_with(struct rig *rig, const BYTE key[KIT_ADMIN_KEY_LEN]);
/* A challenge of at most room bytes. */
DWORD rig_challenge(struct rig *rig, BYTE *ret_challenge, size_t room, size_t *ret_len);
/* Reads a file and frees it; the length, or 0. */
DWORD rig_read(struct rig *rig, const char *directory, const char *name, size_t *ret_len);

/* Signs; the signature is freed by the caller with pfnCspFree. */
DWORD rig_sign(struct rig *rig, BYTE index, DWORD spec, DWORD padding, const void *padding_info, struct cursor data,
	       CARD_SIGNING_INFO *ret_info);

#endif
