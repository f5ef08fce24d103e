/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Personalisation of virtual PIV cards by real commands, whatever a card's switches refuse to others. The PINs and the
 * management key are the factory's (123456, 12345678, 654321 for the global PIN, 0102030405060708 again and again) until
 * somebody changes them. Every function takes the card out of its reader at its end: nothing is selected, verified or
 * authenticated. They return 0, or -1 with a text in vcard_perso_error(). None of them saves the card file.
 */
#ifndef VCARD_PERSO_PIV_H
#define VCARD_PERSO_PIV_H

#include "vcard/perso.h"
#include "vcard/piv.h"

#define VCARD_GUID_LEN 16

struct vcard_piv_slot {
	uint8_t reference;    /* 9A, 9C, 9D, 9E, 82 to 95 */
	uint8_t algorithm;    /* PIV_ALG_ */
	uint8_t pin_policy;   /* 0: the slot's own */
	uint8_t touch_policy; /* 0: never */
};

/* How a certificate lies in its object. */
enum vcard_piv_packing {
	VCARD_PIV_PLAIN,       /* 71 = 00 */
	VCARD_PIV_GZIP,	       /* 71 = 01 */
	VCARD_PIV_GZIP_OLD,    /* 71 = 80 */
	VCARD_PIV_GZIP_LYING,  /* compressed, and 71 = 00 */
	VCARD_PIV_PLAIN_LYING, /* not compressed, and 71 = 01 */
	VCARD_PIV_BARE,	       /* no 71, no FE */
};

/* The tag of the certificate that belongs to a key; 0 for other references. */
uint32_t vcard_piv_certificate_tag(uint8_t reference);

/* CHUID (with this GUID, or a random one for NULL), CCC and key history. */
int vcard_piv_format(struct vcard *card, const uint8_t guid[VCARD_GUID_LEN]);
/*
 * The reference card: formatted, RSA-2048 in 9A and 9D, P-256 in 9C and 9E, certificates of 797, 594, 796 and 594 bytes.
 * Always the same keys and certificates; no time is spent on making them.
 */
int vcard_piv_reference(struct vcard *card, const uint8_t guid[VCARD_GUID_LEN]);
/* The certificate of the reference card; empty for other references. */
struct cursor vcard_piv_reference_certificate(uint8_t reference);

/* A key made by the card; its certificate stays what it was. */
int vcard_piv_keygen(struct vcard *card, const struct vcard_piv_slot *slot);
/* A key of the reference card (its RSA-2048 or P-256 of 9A or 9E, by slot->algorithm) in any place. */
int vcard_piv_import_reference(struct vcard *card, const struct vcard_piv_slot *slot);
/* The private key of a PEM file; slot->algorithm is found out. */
int vcard_piv_import(struct vcard *card, const struct vcard_piv_slot *slot, const char *pem_path);
/* The key's public half as SubjectPublicKeyInfo in DER. */
int vcard_piv_pubkey(struct vcard *card, uint8_t reference, struct buf *ret_spki);

int vcard_piv_cert(struct vcard *card, uint8_t reference, struct cursor der, enum vcard_piv_packing packing);
/*
 * Issues a certificate for the key in its place and writes it: CN = subject, key usage as given (first byte of the BIT
 * STRING, 80 digitalSignature, 40 nonRepudiation, 20 keyEncipherment, 08 keyAgreement; 0 leaves the extension out). Nobody
 * keeps the issuer's key. ret_der may be NULL.
 */
int vcard_piv_issue(struct vcard *card, uint8_t reference, const char *subject, uint8_t key_usage,
		    enum vcard_piv_packing packing, struct buf *ret_der);

/* The content of any object (without 53, 7E or 7F61); an empty one deletes. */
int vcard_piv_put(struct vcard *card, uint32_t tag, struct cursor content);

#endif
