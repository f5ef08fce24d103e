/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Personalisation of virtual cards by real commands, in the order in which Windows sends them. Every function selects
 * the application, does its work, and leaves the card deauthenticated. They return 0, or -1 with a text in
 * vcard_perso_error(). None of them saves the card file.
 */
#ifndef VCARD_PERSO_H
#define VCARD_PERSO_H

#include "vcard/engine.h"

#define VCARD_CARDID_LEN 16

enum vcard_perso_algorithm {
	VCARD_RSA1024 = 0x06,
	VCARD_RSA2048 = 0x07,
	VCARD_RSA3072 = 0x08,
	VCARD_RSA4096 = 0x09,
	VCARD_P256 = 0x0C,
	VCARD_P384 = 0x0D,
	VCARD_P521 = 0x0E,
};

struct vcard_perso_container {
	const char *pin;
	uint8_t index;
	enum vcard_perso_algorithm algorithm; /* of the key to generate; an import finds its own */
	bool signature_only;		      /* EC keys always are */
	const char *name;		      /* UTF-8, at most 39 characters; NULL: a random GUID */
	bool make_default;		      /* the first container is the default one anyway */
	unsigned guard;			      /* role of the PIN that guards the key, 3 to 7; 0: the user's */
	const char *guard_pin;
};

/* Why the last call of this thread failed. */
const char *vcard_perso_error(void);

/*
 * One command from the host's side: the header, data in parts of 240 bytes when it is longer than 255, GET RESPONSE,
 * and the repetition with the right Le. wants_answer adds Le = 00. answer (may be NULL) gets the data. Returns the
 * status word.
 */
uint16_t vcard_perso_send(struct vcard *card, const uint8_t header[4], struct cursor data, bool wants_answer,
			  struct buf *answer);

/* The PUK of a blank card that was made with one, and the PIN of a role. */
int vcard_perso_set_puk(struct vcard *card, const char *puk);
int vcard_perso_set_role(struct vcard *card, unsigned role, const char *pin);

/*
 * The Microsoft profile's file system on a blank card. admin_key NULL: zeros; cardid NULL: random.
 */
int vcard_perso_format(struct vcard *card, const char *pin, const uint8_t admin_key[VCARD_DES3_LEN],
		       const uint8_t cardid[VCARD_CARDID_LEN]);

/*
 * A card as it comes from its manufacturer: operational, with PIN, admin key and the profile's files, and nothing in
 * them, not even a file table. It is then created through the minidriver interface by who has the admin key.
 */
int vcard_perso_blank(struct vcard *card, const char *pin, const uint8_t admin_key[VCARD_DES3_LEN]);

/* A new container with a key made by the card, or with the private key of a PEM file. */
int vcard_perso_keygen(struct vcard *card, const struct vcard_perso_container *container);
int vcard_perso_import(struct vcard *card, const struct vcard_perso_container *container, const char *pem_path);

/* The container's public key as SubjectPublicKeyInfo in DER. */
int vcard_perso_pubkey(struct vcard *card, uint8_t index, struct buf *ret_spki);

/*
 * The container's certificate as mscp\kxcNN, or mscp\kscNN for a signature key, NN in lower-case hex; compressed
 * unless plain.
 */
int vcard_perso_cert(struct vcard *card, const char *pin, uint8_t index, struct cursor der, bool plain);

/* A file that everyone reads and the user writes, new or not. dir "" is the root. */
int vcard_perso_put(struct vcard *card, const char *pin, const char *dir, const char *name, struct cursor content);

/*
 * Exchanges that Windows' class minidriver was seen to have with a card, one after the other: every command as it was
 * sent, every answer compared. PIN 12345678, admin key of zeros, container 257f0362-2ee7-44f5-9885-36fa490f30c1 with an
 * RSA-2048 key. On failure the error text tells the exchange.
 *
 * A card that is put in when it has the certificate; creation of a blank card; container 0 with this key
 * (RSAPrivateKey), or, without bytes, with one that the card makes; its certificate; its deletion.
 */
int vcard_perso_windows_contact(struct vcard *card);
int vcard_perso_windows_format(struct vcard *card);
int vcard_perso_windows_container(struct vcard *card, struct cursor rsa_key);
int vcard_perso_windows_certificate(struct vcard *card, struct cursor der);
int vcard_perso_windows_delete(struct vcard *card);

#endif
