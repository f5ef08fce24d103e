/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Session PINs: what the minidriver interface calls so, and GIDS 2.0 does not have. A card with the switch "session-pins"
 * (which its FCI tells, see gids_role.c) makes them as follows; a card without answers as GIDS does.
 *
 * 1. GENERAL AUTHENTICATE, P1 P2 = 00 reference of the PIN (80, or 80 | role), data 7C 02 85 00. The card makes a key
 *    pair on P-256 for this once and answers 7C 43 85 41 Qc, a point 04 || X || Y.
 * 2. The host makes one, too, and with the secret Z (the X coordinate, 32 bytes) a stream of 64 bytes:
 *	SHA-256(Z || 00000001 || Qc || Qh) || SHA-256(Z || 00000002 || Qc || Qh)		(ANSI X9.63)
 *    The PIN, then 80, then zeros up to 32 bytes, is added (XOR) to the stream's first 32 bytes; what comes out is C.
 * 3. The same command with 7C { 85 41 Qh, 86 20 C } and Le. A wrong PIN costs a try of the PIN and answers as VERIFY does:
 *    63Cx, 6983. The right one gives the tries back, unlocks nothing, and is answered by 7C 12 87 10 S: the session PIN
 *    added to bytes 32 to 47 of the stream. It must follow step 1 at once (6985).
 * 4. VERIFY with reference 90 (or 90 | role) and the 16 bytes of a session PIN verifies the PIN that it was made of. A
 *    wrong one answers 63Cx with a counter of its own, which ends the session PIN when it comes to zero; the PIN's counter
 *    is left alone. Without data: 9000 when the PIN is verified, else 63Cx. No session PIN: 6984.
 *
 * A PIN that was entered at the reader's keys is not known to the host, which asks in another way then: while the PIN is
 * verified (by itself or by a session PIN), the command of step 1 with 7C 02 87 00 is answered by 7C 12 87 10 and the
 * session PIN as it is; 6982 while it is not.
 *
 * A PIN has one session PIN at most, and both ways give the same one again until it ends: by its counter, by a change of its
 * PIN, by a reset of the card, or by the selection of another application. Selecting GIDS again and logout do not end it.
 */
#include "vcard/gids.h"

#include "base/auto.h"
#include "base/secret.h"
#include "vcard/tlv.h"

#define SESSION_TRIES 3
#define POINT_LEN 65
#define BLOCK_LEN 32
#define STREAM_LEN 64

enum { TAG_DYNAMIC = 0x7C, TAG_POINT = 0x85, TAG_CRYPTOGRAM = 0x86, TAG_SESSION = 0x87, PAD = 0x80 };
enum { SW_NO_SESSION = 0x6984 };

void
gids_end_session(struct gids *g, unsigned role)
{
	secret_wipe(&g->sessions[role], sizeof(g->sessions[role]));
	g->sessions[role].set = false;
}

void
gids_end_sessions(struct gids *g)
{
	unsigned role;

	for (role = 0; role < GIDS_ROLES; role++)
		gids_end_session(g, role);
}

/* --- making one ------------------------------------------------------------------------------------------------- */

static uint16_t
put_point(struct gids *g, unsigned role, struct buf *answer)
{
	AUTO_BUF struct buf point = BUF_INIT;
	struct vcard_key key = { .type = VCARD_KEY_NONE };
	struct cursor c, d;
	bool done;

	if (!vcard_key_generate(&g->env->crypto, VCARD_KEY_EC, 256, &key))
		return SW_FAULT;
	c = buf_cur(&key.bytes);
	/* 30 { 02 01 01, 04 d, .. } */
	done = vcard_key_ec_public(&key, &point) && vcard_tlv_expect(&c, 0x30, &c) && vcard_tlv_find(c, 0x04, &d) &&
	       d.left == GIDS_D_LEN && cur_copy(&d, g->agreement.d, GIDS_D_LEN);
	vcard_key_clear(&key);
	if (!done)
		return SW_FAULT;
	g->agreement.role = role;
	vcard_tlv_put_header(answer, TAG_DYNAMIC, 2 + point.len);
	vcard_tlv_put(answer, TAG_POINT, buf_cur(&point));
	return SW_OK;
}

static bool
make_stream(struct gids *g, struct cursor secret, struct cursor own, struct cursor peer, uint8_t ret_stream[STREAM_LEN])
{
	uint8_t counter[4] = { 0 };
	const struct cursor parts[] = { secret, cur_of(counter, sizeof(counter)), own, peer };
	size_t at;

	for (at = 0; at < STREAM_LEN; at += VCARD_SHA256_LEN) {
		counter[3]++;
		if (!vcard_sha256(&g->env->crypto, parts, ARRAY_SIZE(parts), ret_stream + at))
			return false;
	}
	return true;
}

static uint16_t
agree(struct gids *g, struct cursor peer, uint8_t ret_stream[STREAM_LEN])
{
	AUTO_BUF struct buf secret = BUF_INIT;
	AUTO_BUF struct buf own = BUF_INIT;
	struct vcard_key key = { .type = VCARD_KEY_NONE };
	uint16_t sw = SW_FAULT;

	if (vcard_key_import_ec_number(&g->env->crypto, 256, cur_of(g->agreement.d, GIDS_D_LEN), &key) &&
	    vcard_key_ec_public(&key, &own)) {
		sw = SW_DATA;
		if (vcard_key_agree(&g->env->crypto, &key, peer, &secret))
			sw = make_stream(g, buf_cur(&secret), buf_cur(&own), peer, ret_stream) ? SW_OK : SW_FAULT;
	}
	vcard_key_clear(&key);
	return sw;
}

/* The PIN in a block that is padded with 80 and zeros; empty when it is no such block, which no PIN is. */
static struct cursor
unpad(const uint8_t block[BLOCK_LEN])
{
	size_t len = BLOCK_LEN;

	while (len > 0 && block[len - 1] == 0)
		len--;
	return cur_of(block, len > 0 && block[len - 1] == PAD ? len - 1 : 0);
}

static bool
renew(struct gids_session *session)
{
	if (!session->set && !vcard_random(session->value, GIDS_SESSION_LEN))
		return false;
	session->set = true;
	session->left = SESSION_TRIES;
	return true;
}

static uint16_t
exchange_pin(struct gids *g, unsigned role, const uint8_t stream[STREAM_LEN], struct cursor cryptogram,
	     struct buf *answer)
{
	struct gids_pin *pin = gids_role_pin(g, role);
	struct gids_session *session = &g->sessions[role];
	uint8_t block[BLOCK_LEN], sealed[GIDS_SESSION_LEN];
	uint16_t sw;
	size_t i;

	if (!pin->set)
		return SW_NO_DATA;
	if (!cur_copy(&cryptogram, block, BLOCK_LEN))
		return SW_DATA;
	for (i = 0; i < BLOCK_LEN; i++)
		block[i] ^= stream[i];
	sw = gids_compare_pin(g, pin, unpad(block));
	secret_wipe(block, sizeof(block));
	if (sw != SW_OK)
		return sw;
	if (!renew(session))
		return SW_FAULT;
	for (i = 0; i < GIDS_SESSION_LEN; i++)
		sealed[i] = session->value[i] ^ stream[BLOCK_LEN + i];
	vcard_tlv_put_header(answer, TAG_DYNAMIC, 2 + GIDS_SESSION_LEN);
	vcard_tlv_put(answer, TAG_SESSION, cur_of(sealed, sizeof(sealed)));
	return SW_OK;
}

static uint16_t
finish(struct gids *g, unsigned role, struct cursor point, struct cursor cryptogram, struct buf *answer)
{
	uint8_t stream[STREAM_LEN];
	bool open = g->agreement.role == role;
	uint16_t sw;

	g->agreement.role = 0;
	if (!open)
		return SW_CONDITIONS;
	if (point.left != POINT_LEN || cryptogram.left != BLOCK_LEN)
		return SW_DATA;
	sw = agree(g, point, stream);
	if (sw == SW_OK)
		sw = exchange_pin(g, role, stream, cryptogram, answer);
	secret_wipe(stream, sizeof(stream));
	secret_wipe(g->agreement.d, sizeof(g->agreement.d));
	return sw;
}

/* For a PIN that the host never had. */
static uint16_t
give_session(struct gids *g, unsigned role, struct buf *answer)
{
	struct gids_session *session = &g->sessions[role];

	if (!gids_role_verified(g, role))
		return SW_SECURITY;
	if (!renew(session))
		return SW_FAULT;
	vcard_tlv_put_header(answer, TAG_DYNAMIC, 2 + GIDS_SESSION_LEN);
	vcard_tlv_put(answer, TAG_SESSION, cur_of(session->value, GIDS_SESSION_LEN));
	return SW_OK;
}

uint16_t
gids_make_session(struct gids *g, const struct vcard_command *command, struct buf *answer)
{
	unsigned role = gids_role_of(g, command->p2, 0x80);
	struct cursor data = command->data, template, point, cryptogram;

	g->challenge.kind = GIDS_NO_CHALLENGE;
	if (!vcard_tlv_expect(&data, TAG_DYNAMIC, &template) || !cur_at_end(&data)) {
		g->agreement.role = 0;
		return SW_DATA;
	}
	if (vcard_tlv_find(template, TAG_POINT, &point) && vcard_tlv_find(template, TAG_CRYPTOGRAM, &cryptogram))
		return finish(g, role, point, cryptogram, answer);
	g->agreement.role = 0;
	if (vcard_tlv_find(template, TAG_POINT, &point) && point.left == 0)
		return put_point(g, role, answer);
	if (vcard_tlv_find(template, TAG_SESSION, &point) && point.left == 0)
		return give_session(g, role, answer);
	return SW_DATA;
}

/* --- using it --------------------------------------------------------------------------------------------------- */

uint16_t
gids_verify_session(struct gids *g, const struct vcard_command *command)
{
	unsigned role = gids_role_of(g, command->p2, 0x90);
	struct gids_session *session = &g->sessions[role];
	bool good;

	if (command->data.left == 0 && gids_role_verified(g, role) && !gids_quirk(g, VCARD_EMPTY_VERIFY_COUNTS))
		return SW_OK;
	if (!session->set)
		return SW_NO_SESSION;
	if (command->data.left == 0)
		return (uint16_t)(SW_WRONG_PIN | session->left);
	good = command->data.left == GIDS_SESSION_LEN &&
	       secret_bytes_equal(command->data.p, session->value, GIDS_SESSION_LEN);
	gids_set_verified(g, role, good);
	if (good) {
		session->left = SESSION_TRIES;
		return SW_OK;
	}
	session->left--;
	if (session->left > 0)
		return (uint16_t)(SW_WRONG_PIN | session->left);
	gids_end_session(g, role);
	return SW_WRONG_PIN;
}
