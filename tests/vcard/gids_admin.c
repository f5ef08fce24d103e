/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authentication with the admin key (GENERAL AUTHENTICATE): external, where the host answers the card's challenge, and
 * mutual, where both prove that they have the key. 3DES in CBC mode, zero IV, no padding.
 */
#include "vcard/gids.h"

#include <string.h>

#include "base/secret.h"
#include "vcard/tlv.h"

#define CHALLENGE_LEN 8
#define Z_LEN 7
/* R || R || Z || 80 */
#define CLEAR_LEN (2 * GIDS_R_LEN + Z_LEN + 1)
#define PAD 0x80

enum { TAG_CHALLENGE = 0x81, TAG_RESPONSE = 0x82 };

/* The key chosen by MSE, if it may do what is asked: 80 checks the host's answer, 40 gives one. */
static struct gids_file *
admin_file(const struct gids *g, uint8_t usage)
{
	struct gids_file *file = g->authentication.fid != 0 ? gids_find_file(g, g->authentication.fid) : NULL;
	struct cursor crt;

	if (file == NULL || file->key.type != VCARD_KEY_SYMMETRIC ||
	    !gids_find_crt(file, CRT_AUTHENTICATION, g->authentication.mechanism, usage, &crt))
		return NULL;
	return file;
}

static void
put_dynamic(struct buf *answer, uint8_t tag, const uint8_t *p, size_t len)
{
	vcard_tlv_put_header(answer, 0x7C, 2 + len);
	vcard_tlv_put(answer, tag, cur_of(p, len));
}

/* --- first step: a challenge ------------------------------------------------------------------------------------ */

static uint16_t
start(struct gids *g, struct cursor host, struct buf *answer)
{
	struct gids_challenge c = { .kind = host.left == 0 ? GIDS_EXTERNAL : GIDS_MUTUAL };
	size_t len = host.left == 0 ? CHALLENGE_LEN : GIDS_R_LEN;

	g->admin = false;
	g->challenge.kind = GIDS_NO_CHALLENGE;
	if (host.left != 0 && host.left != GIDS_R_LEN)
		return SW_DATA;
	if (admin_file(g, c.kind == GIDS_MUTUAL ? 0xC0 : 0x80) == NULL)
		return SW_CONDITIONS;
	if (!vcard_random(c.card, len) || (host.left != 0 && !cur_copy(&host, c.host, GIDS_R_LEN)))
		return SW_FAULT;
	g->challenge = c;
	put_dynamic(answer, TAG_CHALLENGE, c.card, len);
	return SW_OK;
}

/* --- second step: the host's answer ----------------------------------------------------------------------------- */

static bool
check_external(struct gids *g, const struct gids_file *file, struct cursor response)
{
	uint8_t expected[CHALLENGE_LEN];

	return response.left == CHALLENGE_LEN &&
	       vcard_des3_cbc(&g->env->crypto, buf_cur(&file->key.bytes), true, g->challenge.card, CHALLENGE_LEN,
			      expected) &&
	       secret_bytes_equal(expected, response.p, CHALLENGE_LEN);
}

/* R2 || R1 || Z1 || 80 from the host. */
static bool
check_mutual(struct gids *g, const struct gids_file *file, struct cursor response)
{
	uint8_t clear[CLEAR_LEN];

	return response.left == CLEAR_LEN &&
	       vcard_des3_cbc(&g->env->crypto, buf_cur(&file->key.bytes), false, response.p, CLEAR_LEN, clear) &&
	       secret_bytes_equal(clear, g->challenge.card, GIDS_R_LEN) &&
	       secret_bytes_equal(clear + GIDS_R_LEN, g->challenge.host, GIDS_R_LEN) && clear[CLEAR_LEN - 1] == PAD;
}

/* R1 || R2 || Z2 || 80 from the card. */
static bool
prove(struct gids *g, const struct gids_file *file, struct buf *answer)
{
	uint8_t clear[CLEAR_LEN], crypto[CLEAR_LEN];

	memcpy(clear, g->challenge.host, GIDS_R_LEN);
	memcpy(clear + GIDS_R_LEN, g->challenge.card, GIDS_R_LEN);
	clear[CLEAR_LEN - 1] = PAD;
	if (!vcard_random(clear + 2 * GIDS_R_LEN, Z_LEN) ||
	    !vcard_des3_cbc(&g->env->crypto, buf_cur(&file->key.bytes), true, clear, CLEAR_LEN, crypto))
		return false;
	put_dynamic(answer, TAG_RESPONSE, crypto, CLEAR_LEN);
	return true;
}

static uint16_t
finish(struct gids *g, struct cursor response, struct buf *answer)
{
	bool mutual = g->challenge.kind == GIDS_MUTUAL;
	const struct gids_file *file = admin_file(g, mutual ? 0xC0 : 0x80);
	bool good;

	if (g->challenge.kind == GIDS_NO_CHALLENGE || file == NULL)
		return SW_CONDITIONS;
	good = mutual ? check_mutual(g, file, response) : check_external(g, file, response);
	/* a challenge is good for one answer */
	g->challenge.kind = GIDS_NO_CHALLENGE;
	if (!good)
		return SW_SECURITY;
	if (mutual && !prove(g, file, answer))
		return SW_FAULT;
	g->admin = true;
	return SW_OK;
}

/* One object in a 7C template. */
static bool
parse_template(struct cursor data, uint32_t *ret_tag, struct cursor *ret_value)
{
	struct cursor template;

	return vcard_tlv_expect(&data, 0x7C, &template) && cur_at_end(&data) &&
	       vcard_tlv_next(&template, ret_tag, ret_value) && cur_at_end(&template) &&
	       (*ret_tag == TAG_CHALLENGE || *ret_tag == TAG_RESPONSE);
}

uint16_t
gids_general_authenticate(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	struct cursor value;
	uint32_t tag;

	if (command->p1 == 0 && g->env->profile.session_pins && gids_role_of(g, command->p2, 0x80) != 0)
		return gids_make_session(g, command, answer);
	g->agreement.role = 0;
	if (command->p1 != 0 || command->p2 != 0 || !parse_template(command->data, &tag, &value)) {
		g->challenge.kind = GIDS_NO_CHALLENGE;
		return command->p1 != 0 || command->p2 != 0 ? SW_P1P2 : SW_DATA;
	}
	return tag == TAG_CHALLENGE ? start(g, value, answer) : finish(g, value, answer);
}
