/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A private key at work: MANAGE SECURITY ENVIRONMENT selects it, PERFORM SECURITY OPERATION works (GIDS 2.0; ISO 7816-8).
 * The environment lasts, so a second operation of the same kind in one transaction is one exchange. It is forgotten
 * whenever something may have changed it, since a card can go on signing with the key selected before.
 */
#include "gids/gids.h"

#include "iso7816/tlv.h"

#define MSE_COMPUTE 0x41u
#define TEMPLATE_SIGNATURE 0xB6u
#define TEMPLATE_CONFIDENTIALITY 0xB8u
#define TAG_MECHANISM 0x80u
#define TAG_PRIVATE_KEY 0x84u

#define SW_SECURITY 0x6982u
#define SW_NOT_USABLE 0x6984u
#define SW_CONDITIONS 0x6985u
#define SW_NO_REFERENCE 0x6A88u

static const struct work {
	uint8_t template, mode;
	uint8_t p1, p2;
	bool secret; /* the answer is somebody's plain text */
} works[] = {
	[GIDS_SIGN_RAW] = { TEMPLATE_SIGNATURE, 0x10, 0x9E, 0x9A, false },
	[GIDS_SIGN_PKCS1] = { TEMPLATE_SIGNATURE, 0x50, 0x9E, 0x9A, false },
	[GIDS_DECIPHER_RAW] = { TEMPLATE_CONFIDENTIALITY, 0x00, 0x80, 0x86, true },
	[GIDS_DECIPHER_PKCS1] = { TEMPLATE_CONFIDENTIALITY, 0x40, 0x80, 0x86, true },
	[GIDS_DECIPHER_OAEP] = { TEMPLATE_CONFIDENTIALITY, 0x80, 0x80, 0x86, true },
};

static struct gids_environment
environment_for(const struct gids_key *key, const struct work *work)
{
	return (struct gids_environment){
		.set = true,
		.template = work->template,
		.mechanism = (uint8_t)(work->mode | key->algorithm),
		.reference = key->reference,
	};
}

static bool
environment_is(const struct gids *g, const struct gids_environment *wanted)
{
	const struct gids_environment *now = &g->environment;

	return now->set && now->template == wanted->template && now->mechanism == wanted->mechanism &&
	       now->reference == wanted->reference;
}

static DWORD
set_environment(struct gids *g, const struct gids_environment *wanted, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_MSE, MSE_COMPUTE, wanted->template, APDU_LE_NONE);
	DWORD r;

	tlv_put_u8(&a.data, TAG_MECHANISM, wanted->mechanism);
	tlv_put_u8(&a.data, TAG_PRIVATE_KEY, wanted->reference);
	g->environment.set = false;
	if ((r = gids_send(g, &a, NULL, ret_sw)) == SCARD_S_SUCCESS)
		g->environment = *wanted;
	return r;
}

static DWORD
perform(struct gids *g, const struct work *work, struct cursor input, struct buf *ret_output, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_PSO, work->p1, work->p2, APDU_LE_MAX);
	DWORD r;

	a.secret = work->secret;
	buf_put_cur(&a.data, input);
	if ((r = gids_send(g, &a, ret_output, ret_sw)) != SCARD_S_SUCCESS)
		g->environment.set = false;
	return r;
}

/* True for words that speak of the command and not of the card's health. */
static bool
refuses_command(uint16_t sw)
{
	switch (sw >> 8) {
	case 0x67:
	case 0x69:
	case 0x6A:
	case 0x6B:
	case 0x6D:
	case 0x6E:
	case 0x6F: return true;
	default: return false;
	}
}

static DWORD
refusal_code(enum gids_refusal refusal, uint16_t sw)
{
	if (refusal == GIDS_REFUSED_DATA)
		return sw >> 8 == 0x67 || sw == 0x6A80 ? SCARD_E_INVALID_PARAMETER : SCARD_E_UNEXPECTED;
	return sw == SW_NOT_USABLE || sw == SW_NO_REFERENCE ? SCARD_E_NO_KEY_CONTAINER : SCARD_E_UNSUPPORTED_FEATURE;
}

/* What the failure of one of the two commands means. */
static DWORD
judge(struct gids *g, DWORD r, uint16_t sw, enum gids_refusal refusal, enum gids_refusal *ret_refusal)
{
	if (!gids_refused(sw))
		return r;
	if (gids_selection_lost(g, sw)) {
		r = gids_select(g);
		if (r == SCARD_E_UNKNOWN_CARD)
			return SCARD_E_COMM_DATA_LOST;
		return r == SCARD_S_SUCCESS ? SCARD_W_SECURITY_VIOLATION : r;
	}
	if (sw == SW_SECURITY)
		return SCARD_W_SECURITY_VIOLATION;
	if (!refuses_command(sw))
		return SCARD_E_UNEXPECTED;
	*ret_refusal = refusal;
	return refusal_code(refusal, sw);
}

DWORD
gids_key_use(struct gids *g, const struct gids_key *key, enum gids_operation operation, struct cursor input,
	     struct buf *ret_output, enum gids_refusal *ret_refusal)
{
	const struct work *work = &works[operation];
	const struct gids_environment wanted = environment_for(key, work);
	uint16_t sw = 0;
	bool trusted;
	DWORD r;

	*ret_refusal = GIDS_NOT_REFUSED;
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	do {
		/* only an environment set earlier is a reason to try again */
		trusted = environment_is(g, &wanted);
		if (!trusted && (r = set_environment(g, &wanted, &sw)) != SCARD_S_SUCCESS)
			return judge(g, r, sw, GIDS_REFUSED_KEY, ret_refusal);
		if ((r = perform(g, work, input, ret_output, &sw)) == SCARD_S_SUCCESS)
			return r;
	} while (trusted && (sw == SW_CONDITIONS || sw == SW_SECURITY));
	return judge(g, r, sw, GIDS_REFUSED_DATA, ret_refusal);
}

static bool
key_serves(const struct gids_key *key, DWORD key_spec)
{
	if (!gids_algorithm_is_rsa(key->algorithm))
		return gids_algorithm_bits(key->algorithm) == check_key_spec_bits(key_spec);
	return (key_spec == AT_KEYEXCHANGE && key->can_exchange) || (key_spec == AT_SIGNATURE && key->can_sign_slot);
}

DWORD
gids_key_of_spec(struct gids *g, BYTE index, DWORD key_spec, struct gids_key **ret_key)
{
	struct gids_key *key;
	DWORD r;

	for (size_t slot = 0; slot < GIDS_SLOTS; slot++) {
		r = gids_key_find(g, index, slot, &key);
		if (r == SCARD_S_SUCCESS && key_serves(key, key_spec)) {
			*ret_key = key;
			return SCARD_S_SUCCESS;
		}
		if (r != SCARD_S_SUCCESS && r != SCARD_E_NO_KEY_CONTAINER)
			return r;
	}
	return SCARD_E_NO_KEY_CONTAINER;
}
