/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversation with the card: which application is selected, how that is noticed and repaired, and the data objects
 * read so far. Rules: GIDS specification 2.0, sections on SELECT and GET DATA.
 *
 * Between two transactions any other program may have selected another application. The first exchange of a transaction
 * is therefore a guess, which is good when the card answers with the object that was asked for; any other answer makes
 * us select GIDS and ask again. Afterwards only the words that say "nothing selected" or "open chain" count.
 */
#include "gids/gids.h"

#include "base/log.h"
#include "iso7816/tlv.h"

#define SW_END_OF_DATA 0x6282u
#define SW_NOT_ALLOWED 0x6986u
#define SW_LAST_OF_CHAIN_EXPECTED 0x6883u
#define SW_CHAIN_OPEN 0x6884u
#define SW_NO_FILE 0x6A82u
#define SW_NOT_ACTIVATED 0x6985u
#define SW_NO_OBJECT 0x6A88u
#define SW_NO_APPLICATION 0x6999u
#define SW_SECURITY 0x6982u
#define SW_NOT_AN_OBJECT_FILE 0x6981u

#define TAG_LIST 0x5Cu
#define TAG_DISCRETIONARY 0x73u
#define TAG_EXTENSIONS 0xC1u
#define EXTENSION_ROLES 0xF8u
#define EXTENSION_SESSION_PINS 0x01u
#define TAG_PROTOCOLS 0x40u

/* Without the last two bytes, which are the revision and the card's own (GIDS 2.0; Windows sends these nine too). */
static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59 };

void
gids_bag_forget(struct gids_bag *bag)
{
	buf_free(&bag->objects);
	bag->whole = bag->cached = false;
}

void
gids_forget_session(struct gids *g)
{
	gids_keys_keep(g);
	gids_bag_forget(&g->table);
	gids_bag_forget(&g->public);
	gids_bag_forget(&g->cardid);
	g->environment.set = false;
	g->changing = false;
	g->verified = 0;
	g->made_reference = 0;
	g->confirmed = false;
}

struct gids *
gids_of(CARD_DATA *card)
{
	struct gids *g = card != NULL ? card->pvVendorSpecific : NULL;

	if (g == NULL)
		return NULL;
	g->ch.io = card->io;
	g->card = card;
	if (g->transaction != card->dwTransaction) {
		gids_forget_session(g);
		g->transaction = card->dwTransaction;
	}
	return g;
}

bool
gids_refused(uint16_t sw)
{
	return sw != 0 && sw != SW_OK && sw != SW_END_OF_DATA && sw >> 8 != 0x61;
}

DWORD
gids_send(struct gids *g, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw)
{
	g->challenge = GIDS_CHALLENGE_NONE;
	return apdu_exchange(&g->ch, a, ret_answer, ret_sw);
}

/*
 * What the card says of authentication by keys; what it leaves out means mutual and key establishment (GIDS 2.0). Beside
 * it stands what some cards have more than GIDS: roles, and a byte whose first bit is session PINs.
 */
static void
read_discretionary(struct gids *g, struct cursor template)
{
	struct cursor discretionary = { 0 }, value;
	uint8_t protocols, roles, extensions;

	(void)tlv_find(template, TAG_DISCRETIONARY, &discretionary);
	g->protocols = GIDS_PROTOCOLS_DEFAULT;
	if (tlv_find(discretionary, TAG_PROTOCOLS, &value) && cur_u8(&value, &protocols))
		g->protocols = protocols;
	g->roles = 0;
	g->session_pins = false;
	if (tlv_find(discretionary, TAG_EXTENSIONS, &value) && cur_u8(&value, &roles) && cur_u8(&value, &extensions)) {
		g->roles = roles & EXTENSION_ROLES;
		g->session_pins = (extensions & EXTENSION_SESSION_PINS) != 0;
	}
}

/* The AID in the answer to SELECT: 61 (some say 64 or 6F) with 4F or 84 in it. False when it is not GIDS'. */
static bool
fci_is_gids(struct cursor fci, struct cursor *ret_template)
{
	struct cursor inner, name, head;
	uint32_t tag;

	if (!tlv_next(&fci, &tag, &inner) || (tag != 0x61 && tag != 0x64 && tag != 0x6F))
		return false;
	if (!tlv_find(inner, 0x4F, &name) && !tlv_find(inner, 0x84, &name))
		return false;
	if (!cur_take(&name, sizeof(aid), &head) || !cur_equals(&head, aid, sizeof(aid)))
		return false;
	*ret_template = inner;
	return true;
}

static void
selected(struct gids *g)
{
	g->environment.set = false;
	g->verified = 0;
	g->confirmed = true;
}

static DWORD
select_by_name(struct gids *g, uint16_t *ret_sw)
{
	AUTO_BUF struct buf fci = BUF_INIT;
	struct cursor template;
	DWORD r;

	g->challenge = GIDS_CHALLENGE_NONE;
	r = apdu_select_name(&g->ch, aid, sizeof(aid), &fci, ret_sw);
	if (gids_refused(*ret_sw))
		return SCARD_E_UNKNOWN_CARD;
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!fci_is_gids(buf_cur(&fci), &template))
		return SCARD_E_UNKNOWN_CARD;
	read_discretionary(g, template);
	return SCARD_S_SUCCESS;
}

DWORD
gids_discover(struct gids *g, bool registered)
{
	uint16_t sw = 0;
	DWORD r = select_by_name(g, &sw);

	g->by_name = r == SCARD_S_SUCCESS;
	if (registered && (sw == SW_NO_FILE || sw == SW_NO_APPLICATION))
		return SCARD_S_SUCCESS;
	if (r == SCARD_S_SUCCESS)
		selected(g);
	return r;
}

DWORD
gids_select(struct gids *g)
{
	uint16_t sw = 0;
	DWORD r = g->by_name ? select_by_name(g, &sw) : SCARD_S_SUCCESS;

	if (r == SCARD_S_SUCCESS)
		selected(g);
	return r;
}

bool
gids_selection_lost(const struct gids *g, uint16_t sw)
{
	if (sw == SW_NOT_ALLOWED || sw == SW_LAST_OF_CHAIN_EXPECTED || sw == SW_CHAIN_OPEN)
		return true;
	return !g->confirmed && gids_refused(sw);
}

DWORD
gids_exchange(struct gids *g, const struct apdu *a, struct buf *ret_answer, uint16_t *ret_sw)
{
	DWORD r = gids_send(g, a, ret_answer, ret_sw);

	if (!gids_selection_lost(g, *ret_sw))
		return r;
	log_info(LOG_CARD, "answer %04X: selecting the application again", (unsigned)*ret_sw);
	if ((r = gids_select(g)) != SCARD_S_SUCCESS) {
		*ret_sw = 0;
		return r == SCARD_E_UNKNOWN_CARD ? SCARD_E_COMM_DATA_LOST : r;
	}
	return gids_send(g, a, ret_answer, ret_sw);
}

/* GET DATA with a tag list of one tag, or of none for all objects of the file (tag 0). */
static DWORD
get_data(struct gids *g, struct gids_place place, struct buf *ret_answer, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, GIDS_INS_GET_DATA, (uint8_t)(place.ef >> 8), (uint8_t)place.ef, APDU_LE_MAX);
	const uint8_t tag[3] = { (uint8_t)(place.tag >> 16), (uint8_t)(place.tag >> 8), (uint8_t)place.tag };
	struct cursor list = cur_of(tag, sizeof(tag));

	while (list.left > 0 && *list.p == 0)
		(void)cur_skip(&list, 1);
	tlv_put(&a.data, TAG_LIST, list);
	return gids_exchange(g, &a, ret_answer, ret_sw);
}

/* Damage and trouble are never "not found": callers remember that answer (minidriver specification, CardReadFile). */
static DWORD
read_code(DWORD r, uint16_t sw)
{
	if (!gids_refused(sw))
		return r;
	switch (sw) {
	case SW_NO_OBJECT: return SCARD_E_FILE_NOT_FOUND;
	case SW_NO_FILE:
	case SW_NOT_ACTIVATED: /* made, and then the card was pulled: nothing is in it */
	case SW_NOT_AN_OBJECT_FILE: return SCARD_E_DIR_NOT_FOUND;
	case SW_SECURITY: return SCARD_W_SECURITY_VIOLATION;
	default: return SCARD_E_COMM_DATA_LOST;
	}
}

static bool
is_one_object(struct cursor answer, uint32_t tag, struct cursor *ret_value)
{
	struct cursor value;

	if (!tlv_get(&answer, tag, &value) || !cur_at_end(&answer))
		return false;
	*ret_value = value;
	return true;
}

static DWORD
read_single(struct gids *g, struct gids_place place, struct buf *answer, struct cursor *ret_value)
{
	uint16_t sw = 0;
	DWORD r = get_data(g, place, answer, &sw);

	if (r == SCARD_S_SUCCESS && !is_one_object(buf_cur(answer), place.tag, ret_value)) {
		if (g->confirmed)
			return SCARD_E_COMM_DATA_LOST;
		/* another application's answer, perhaps */
		buf_reset(answer);
		if ((r = gids_select(g)) != SCARD_S_SUCCESS)
			return r == SCARD_E_UNKNOWN_CARD ? SCARD_E_COMM_DATA_LOST : r;
		r = get_data(g, place, answer, &sw);
		if (r == SCARD_S_SUCCESS && !is_one_object(buf_cur(answer), place.tag, ret_value))
			return SCARD_E_COMM_DATA_LOST;
	}
	if (r != SCARD_S_SUCCESS)
		return read_code(r, sw);
	g->confirmed = true;
	return SCARD_S_SUCCESS;
}

/* The bag of a file that is read often enough to have one. */
static struct gids_bag *
bag_of(struct gids *g, uint16_t ef)
{
	switch (ef) {
	case GIDS_EF_TABLE: return &g->table;
	case GIDS_EF_PUBLIC: return &g->public;
	case GIDS_EF_CARDID: return &g->cardid;
	default: return NULL;
	}
}

/* Well-formed to the end, and not empty. */
static bool
is_object_list(struct cursor c)
{
	struct cursor value;
	uint32_t tag;

	if (cur_at_end(&c))
		return false;
	while (!cur_at_end(&c))
		if (!tlv_next(&c, &tag, &value))
			return false;
	return true;
}

/*
 * Reads all objects of a file at once. Success without bag->whole: the card does not do that, and a refusal is
 * remembered once GIDS is known to be selected. Repeated and stale objects are left in: the first of a tag counts.
 */
static DWORD
read_whole(struct gids *g, uint16_t ef, struct gids_bag *bag)
{
	AUTO_BUF struct buf answer = BUF_INIT;
	uint16_t sw = 0;
	DWORD r = get_data(g, (struct gids_place){ ef, 0 }, &answer, &sw);

	if (r == SCARD_S_SUCCESS && is_object_list(buf_cur(&answer))) {
		buf_move(&bag->objects, &answer);
		bag->whole = true;
		return SCARD_S_SUCCESS;
	}
	/* 61xx: the card had more to say than we believe */
	if (r != SCARD_S_SUCCESS && !gids_refused(sw) && !(r == SCARD_E_COMM_DATA_LOST && sw >> 8 == 0x61))
		return r;
	bag->refused = g->confirmed;
	if (bag->refused)
		gids_cache_keep_refusal(g, ef);
	return SCARD_S_SUCCESS;
}

/* Keeps a single answer for the rest of the transaction, if it fits. */
static void
bag_keep(struct gids_bag *bag, struct cursor answer)
{
	size_t before = bag->objects.len;

	buf_put_cur(&bag->objects, answer);
	if (buf_failed(&bag->objects)) {
		bag->objects.failed = false;
		buf_truncate(&bag->objects, before);
	}
}

DWORD
gids_object(struct gids *g, struct gids_place place, bool bulk, struct buf *scratch, struct cursor *ret_value)
{
	struct gids_bag *bag = bag_of(g, place.ef);
	DWORD r;

	if (bag != NULL && tlv_find(buf_cur(&bag->objects), place.tag, ret_value))
		return SCARD_S_SUCCESS;
	if (bag != NULL && gids_cache_fill(g, bag, place) && tlv_find(buf_cur(&bag->objects), place.tag, ret_value))
		return SCARD_S_SUCCESS;
	if (bag != NULL && bulk && !bag->whole && !bag->refused)
		bag->refused = gids_cache_refused(g, place.ef);
	if (bag != NULL && bulk && !bag->whole && !bag->refused) {
		if ((r = read_whole(g, place.ef, bag)) != SCARD_S_SUCCESS)
			return r;
		if (tlv_find(buf_cur(&bag->objects), place.tag, ret_value)) {
			g->confirmed = true;
			gids_cache_keep(g, (struct gids_place){ place.ef, 0 }, buf_cur(&bag->objects));
			return SCARD_S_SUCCESS;
		}
		/* a list without what was asked for may be another application's */
		if (!g->confirmed)
			gids_bag_forget(bag);
	}
	if ((r = read_single(g, place, scratch, ret_value)) != SCARD_S_SUCCESS)
		return r;
	if (bag != NULL) {
		bag_keep(bag, buf_cur(scratch));
		gids_cache_keep(g, place, buf_cur(scratch));
	}
	return SCARD_S_SUCCESS;
}

void
gids_object_known(struct gids *g, struct gids_place place, const struct cursor *value)
{
	AUTO_BUF struct buf objects = BUF_INIT;
	struct gids_bag *bag = bag_of(g, place.ef);
	struct cursor rest, other;
	uint32_t tag;

	if (bag == NULL)
		return;
	rest = buf_cur(&bag->objects);
	while (tlv_next(&rest, &tag, &other))
		if (tag != place.tag)
			tlv_put(&objects, tag, other);
	if (value != NULL)
		tlv_put(&objects, place.tag, *value);
	else
		bag->whole = false;
	if (buf_failed(&objects))
		gids_bag_forget(bag);
	else
		buf_move(&bag->objects, &objects);
}

/* cardid is short, readable by everybody, and no other application's: its answer, whatever it is, settles the matter. */
DWORD
gids_confirm(struct gids *g)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor value;
	DWORD r = SCARD_S_SUCCESS;

	if (!g->confirmed)
		r = gids_object(g, g->cardid_place, false, &scratch, &value);
	return g->confirmed ? SCARD_S_SUCCESS : r;
}
