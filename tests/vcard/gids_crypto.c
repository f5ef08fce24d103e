/* SPDX-License-Identifier: BSD-2-Clause */
/* The security environment of the GIDS application and what is done in it: MSE SET and PERFORM SECURITY OPERATION. */
#include "vcard/gids.h"

#include "base/auto.h"
#include "vcard/tlv.h"

enum { MODE = 0xF0, MODE_RAW = 0x00, MODE_BLOCK = 0x10, MODE_PKCS1 = 0x40, MODE_SIGN_PKCS1 = 0x50, MODE_OAEP = 0x80 };
enum { PSO_SIGN = 0x9E9A, PSO_DECIPHER = 0x8086 };
enum { USE_COMPUTE = 0x40 };

#define HASH_MAX 64

static void
forget_choice(struct gids_environment *environment, uint16_t fid)
{
	if (environment->fid == fid)
		*environment = (struct gids_environment){ 0, 0 };
}

void
gids_forget_key(struct gids *g, uint16_t fid)
{
	forget_choice(&g->authentication, fid);
	forget_choice(&g->signature, fid);
	forget_choice(&g->confidentiality, fid);
}

/* --- MANAGE SECURITY ENVIRONMENT -------------------------------------------------------------------------------- */

static struct gids_environment *
environment_of(struct gids *g, uint8_t crt)
{
	switch (crt) {
	case CRT_AUTHENTICATION: return &g->authentication;
	case CRT_SIGNATURE: return &g->signature;
	case CRT_CONFIDENTIALITY: return &g->confidentiality;
	default: return NULL;
	}
}

/* 80 mechanism (may be missing for authentication), 83 or 84 key reference; nothing else. */
static bool
parse_choice(struct cursor data, uint8_t crt, uint8_t *ret_mechanism, uint8_t *ret_reference)
{
	struct cursor value;
	uint8_t byte, mechanism = 0, reference = 0;
	bool has_reference = false;
	uint32_t tag;

	while (data.left > 0) {
		if (!vcard_tlv_next(&data, &tag, &value) || !cur_u8(&value, &byte) || !cur_at_end(&value))
			return false;
		if (tag == 0x80) {
			mechanism = byte;
		} else if (tag == 0x83 || tag == 0x84) {
			reference = byte;
			has_reference = true;
		} else {
			return false;
		}
	}
	if (!has_reference || (mechanism == 0 && crt != CRT_AUTHENTICATION))
		return false;
	*ret_mechanism = mechanism;
	*ret_reference = reference;
	return true;
}

/* The file's templates must name the mechanism, and its key must be of the mechanism's kind. */
static uint16_t
check_mechanism(const struct gids *g, const struct gids_file *file, uint8_t p1, uint8_t crt, uint8_t *mechanism)
{
	bool odd = gids_quirk(g, VCARD_MSE_6F00);
	struct cursor entry;

	if (!gids_find_crt(file, crt, *mechanism, p1 & 0xC0, &entry))
		return odd ? SW_FAULT : SW_DATA;
	if (*mechanism == 0 && !vcard_tlv_find_u8(entry, 0x80, mechanism))
		return SW_DATA;
	if (file->key.type == VCARD_KEY_NONE)
		return odd ? SW_OK : SW_CONDITIONS;
	if (gids_key_nibble(&file->key) != (*mechanism & 0x0F))
		return odd ? SW_FAULT : SW_DATA;
	return SW_OK;
}

static uint16_t
choose(struct gids *g, const struct vcard_command *command, struct gids_environment *ret_choice)
{
	uint8_t mechanism, reference;
	struct gids_file *file;
	uint16_t sw;

	if (!parse_choice(command->data, command->p2, &mechanism, &reference))
		return SW_DATA;
	file = gids_key_file(g, reference);
	if (file == NULL)
		return SW_NO_DATA;
	sw = gids_check_file(g, file, GIDS_KEY_USE);
	if (sw == SW_OK)
		sw = check_mechanism(g, file, command->p1, command->p2, &mechanism);
	if (sw != SW_OK)
		return sw;
	*ret_choice = (struct gids_environment){ file->fid, mechanism };
	return SW_OK;
}

uint16_t
gids_manage_environment(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct gids_environment *environment = environment_of(g, command->p2);
	struct gids_environment choice = { 0, 0 };
	uint16_t sw;

	(void)answer;
	if (environment == NULL || (command->p1 & 0x3F) != 0x01 || (command->p1 & 0xC0) == 0)
		return SW_P1P2;
	sw = choose(g, command, &choice);
	/* cards with the quirk go on with the key chosen before */
	if (sw == SW_OK || !gids_quirk(g, VCARD_MSE_6F00))
		*environment = choice;
	return sw;
}

/* --- use of a key ----------------------------------------------------------------------------------------------- */

/* The usage counter of a template (A3 { 90 02 n }): uses for one presentation of the PIN; 0 means without limit. */
static uint16_t
uses_allowed(const struct gids_file *file, uint8_t crt, uint8_t mechanism)
{
	struct cursor entry, control, counter;
	uint16_t n = 0;

	if (gids_find_crt(file, crt, mechanism, USE_COMPUTE, &entry) && vcard_tlv_find(entry, 0xA3, &control) &&
	    vcard_tlv_find(control, 0x90, &counter))
		(void)cur_be16(&counter, &n);
	return n;
}

/* Only where somebody asks: an operation that changes nothing costs no writing of the card file. */
static void
count_use(struct gids_file *file, uint8_t crt, uint8_t mechanism)
{
	if (uses_allowed(file, crt, mechanism) != 0)
		file->uses++;
}

/* The chosen key's file, or why it cannot be used. */
static uint16_t
open_key(struct gids *g, const struct gids_environment *environment, uint8_t crt, struct gids_file **ret_file)
{
	struct gids_file *file = environment->fid != 0 ? gids_find_file(g, environment->fid) : NULL;
	uint16_t limit;

	if (file == NULL)
		return SW_CONDITIONS;
	if (file->key.type == VCARD_KEY_NONE)
		return gids_quirk(g, VCARD_MSE_6F00) ? SW_FAULT : SW_CONDITIONS;
	limit = uses_allowed(file, crt, environment->mechanism);
	if (limit != 0 && file->uses >= limit)
		return SW_SECURITY;
	*ret_file = file;
	return SW_OK;
}

/* --- signatures ------------------------------------------------------------------------------------------------- */

/* EMSA-PKCS1-v1_5 (RFC 8017, 9.2) around whatever the host calls a DigestInfo. */
static uint16_t
sign_pkcs1(const struct gids_file *file, struct cursor data, struct buf *answer)
{
	AUTO_BUF struct buf block = BUF_INIT;
	size_t k = vcard_key_block(&file->key);
	size_t i;

	if (data.left == 0 || data.left > k - 11)
		return SW_LENGTH;
	buf_be16(&block, 0x0001);
	for (i = 0; i < k - 3 - data.left; i++)
		buf_u8(&block, 0xFF);
	buf_u8(&block, 0x00);
	buf_put_cur(&block, data);
	return vcard_key_rsa_raw(&file->key, buf_cur(&block), answer) ? SW_OK : SW_FAULT;
}

static uint16_t
sign_block(struct gids *g, struct gids_file *file, struct cursor data, struct buf *answer)
{
	if (gids_quirk(g, VCARD_NO_RAW_SIGN))
		return SW_FAULT;
	if (data.left != vcard_key_block(&file->key))
		return SW_LENGTH;
	return vcard_key_rsa_raw(&file->key, data, answer) ? SW_OK : SW_DATA;
}

static uint16_t
sign_ec(struct gids *g, struct gids_file *file, struct cursor data, struct buf *answer)
{
	bool der = gids_quirk(g, VCARD_ECDSA_DER);

	if (data.left == 0 || data.left > HASH_MAX)
		return SW_LENGTH;
	return vcard_key_ecdsa(&g->env->crypto, &file->key, data, der, answer) ? SW_OK : SW_FAULT;
}

static uint16_t
sign(struct gids *g, struct cursor data, struct buf *answer)
{
	uint8_t mode = g->signature.mechanism & MODE;
	struct gids_file *file;
	uint16_t sw = open_key(g, &g->signature, CRT_SIGNATURE, &file);

	if (sw != SW_OK)
		return sw;
	if (file->key.type == VCARD_KEY_EC && mode == MODE_BLOCK)
		sw = sign_ec(g, file, data, answer);
	else if (file->key.type == VCARD_KEY_RSA && mode == MODE_BLOCK)
		sw = sign_block(g, file, data, answer);
	else if (file->key.type == VCARD_KEY_RSA && mode == MODE_SIGN_PKCS1)
		sw = sign_pkcs1(file, data, answer);
	else
		sw = SW_FUNCTION;
	if (sw == SW_OK)
		count_use(file, CRT_SIGNATURE, g->signature.mechanism);
	return sw;
}

/* --- decryption ------------------------------------------------------------------------------------------------- */

/* RSAES-PKCS1-v1_5 (RFC 8017, 7.2.2). A card may tell wrong padding from right; the host must not pass that on. */
static uint16_t
unpad_pkcs1(struct cursor block, struct buf *answer)
{
	uint8_t byte;
	size_t padding = 0;

	if (!cur_u8(&block, &byte) || byte != 0x00 || !cur_u8(&block, &byte) || byte != 0x02)
		return SW_DATA;
	while (cur_u8(&block, &byte) && byte != 0x00)
		padding++;
	if (padding < 8 || byte != 0x00)
		return SW_DATA;
	buf_put_cur(answer, block);
	return SW_OK;
}

static uint16_t
decipher_raw(struct gids *g, struct gids_file *file, uint8_t mode, struct cursor data, struct buf *answer)
{
	AUTO_BUF struct buf block = BUF_INIT;
	struct cursor clear;

	if (!vcard_key_rsa_raw(&file->key, data, &block))
		return SW_DATA;
	clear = buf_cur(&block);
	if (mode == MODE_PKCS1)
		return unpad_pkcs1(clear, answer);
	if (gids_quirk(g, VCARD_STRIPS_ZEROS))
		cur_strip_zeros(&clear);
	buf_put_cur(answer, clear);
	return SW_OK;
}

static uint16_t
decipher(struct gids *g, struct cursor data, struct buf *answer)
{
	uint8_t mode = g->confidentiality.mechanism & MODE;
	struct gids_file *file;
	uint16_t sw = open_key(g, &g->confidentiality, CRT_CONFIDENTIALITY, &file);

	if (sw != SW_OK)
		return sw;
	if (file->key.type != VCARD_KEY_RSA || (mode != MODE_RAW && mode != MODE_PKCS1 && mode != MODE_OAEP))
		return SW_FUNCTION;
	/* no padding indicator in front: no known card takes one */
	if (data.left != vcard_key_block(&file->key))
		return SW_LENGTH;
	if (mode == MODE_OAEP)
		sw = vcard_key_rsa_oaep(&g->env->crypto, &file->key, data, answer) ? SW_OK : SW_DATA;
	else
		sw = decipher_raw(g, file, mode, data, answer);
	if (sw == SW_OK)
		count_use(file, CRT_CONFIDENTIALITY, g->confidentiality.mechanism);
	return sw;
}

uint16_t
gids_security_operation(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	switch (command->p1 << 8 | command->p2) {
	case PSO_SIGN: return sign(g, command->data, answer);
	case PSO_DECIPHER: return decipher(g, command->data, answer);
	default: return SW_P1P2;
	}
}
