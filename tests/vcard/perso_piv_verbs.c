/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of vcard-perso that are for PIV cards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/auto.h"
#include "vcard/perso_piv.h"
#include "vcard/perso_verbs.h"

static int
do_reference(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	return perso_result(vcard_piv_reference(card, o->guid.p));
}

static int
do_format(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	return perso_result(vcard_piv_format(card, o->guid.p));
}

static int
do_keygen(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	if (o->slot.reference == 0 || o->slot.algorithm == 0)
		return perso_wants("piv-keygen needs --slot and --alg");
	return perso_result(vcard_piv_keygen(card, &o->slot));
}

static int
do_import(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	if (o->slot.reference == 0 || o->key == NULL)
		return perso_wants("piv-import needs --slot and --key");
	return perso_result(vcard_piv_import(card, &o->slot, o->key));
}

static int
do_pubkey(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf spki = BUF_INIT;
	const unsigned char *at;
	EVP_PKEY *pkey;
	bool written;

	(void)rest;
	if (o->slot.reference == 0)
		return perso_wants("piv-pubkey needs --slot");
	if (vcard_piv_pubkey(card, o->slot.reference, &spki) != 0)
		return perso_complain("%s", vcard_perso_error());
	at = spki.p;
	pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
	written = pkey != NULL && PEM_write_PUBKEY(stdout, pkey) == 1 && fflush(stdout) == 0;
	EVP_PKEY_free(pkey);
	return written ? EXIT_SUCCESS : perso_complain("the public key cannot be written");
}

static int
do_cert(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf der = BUF_INIT;

	(void)rest;
	if (o->slot.reference == 0 || o->der == NULL)
		return perso_wants("piv-cert needs --slot and --der");
	if (!perso_read_file(o->der, &der))
		return perso_complain("%s: cannot be read", o->der);
	return perso_result(vcard_piv_cert(card, o->slot.reference, buf_cur(&der), o->packing));
}

static int
do_issue(struct vcard *card, struct perso_options *o, char **rest)
{
	(void)rest;
	if (o->slot.reference == 0 || o->name == NULL)
		return perso_wants("piv-issue needs --slot and --name");
	return perso_result(vcard_piv_issue(card, o->slot.reference, o->name, o->usage, o->packing, NULL));
}

static int
do_put(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf content = BUF_INIT;

	(void)rest;
	if (o->tag == 0 || (o->in == NULL && !o->remove))
		return perso_wants("piv-put needs --tag, and --in or --delete");
	if (!o->remove && !perso_read_file(o->in, &content))
		return perso_complain("%s: cannot be read", o->in);
	return perso_result(vcard_piv_put(card, o->tag, buf_cur(&content)));
}

static int
do_raw(struct vcard *card, struct perso_options *o, char **rest)
{
	AUTO_BUF struct buf content = BUF_INIT;
	int result;

	(void)rest;
	if (o->slot.reference != 0 && o->remove) {
		result = vcard_piv_raw_delete_key(card, o->slot.reference);
	} else if (o->tag == 0 || (o->in == NULL && !o->remove)) {
		return perso_wants("piv-raw needs --tag, and --in or --delete; or --slot and --delete");
	} else {
		if (!o->remove && !perso_read_file(o->in, &content))
			return perso_complain("%s: cannot be read", o->in);
		result = o->remove ? vcard_piv_raw_delete(card, o->tag)
				   : vcard_piv_raw_put(card, o->tag, buf_cur(&content));
	}
	return result == 0 ? EXIT_SUCCESS : perso_complain("%s", strerror(errno));
}

const struct perso_verb perso_piv_verbs[PERSO_PIV_VERBS] = {
	{ "piv", do_reference, false },	    { "piv-format", do_format, false }, { "piv-keygen", do_keygen, false },
	{ "piv-import", do_import, false }, { "piv-pubkey", do_pubkey, false }, { "piv-cert", do_cert, false },
	{ "piv-issue", do_issue, false },   { "piv-put", do_put, false },	{ "piv-raw", do_raw, false },
};

static const char *
yes_no(bool b)
{
	return b ? "yes" : "no";
}

void
perso_piv_print(const struct vcard *card)
{
	struct vcard_piv_info info;

	vcard_piv_info(card, &info);
	perso_piv_print_quirks(card->env.profile.piv.quirks);
	(void)printf("PIV version: %u.%u.%u\nPIV serial number: %u\nPIV selected: %s\n", info.version >> 16,
		     info.version >> 8 & 0xFF, info.version & 0xFF, info.serial, yes_no(info.selected));
	(void)printf("PIV PIN tries left: %u\nPIV PUK tries left: %u\n", info.pin_tries_left, info.puk_tries_left);
	(void)printf("PIV PIN verified: %s\nPIV global PIN verified: %s\nPIV management key authenticated: %s\n",
		     yes_no(info.pin_verified), yes_no(info.global_verified), yes_no(info.admin_authenticated));
	(void)printf("PIV objects: %u\nPIV keys: %u\n", info.objects, info.keys);
}
