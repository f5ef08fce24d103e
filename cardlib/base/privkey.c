/* SPDX-License-Identifier: BSD-2-Clause */
/* Private keys on their way to a card. */
#include "base/privkey.h"

static bool
rsa_is_whole(const struct private_key *key)
{
	const size_t half = (key->public.modulus_len + 1) / 2;
	const struct secret *const parts[] = { &key->p, &key->q, &key->dp, &key->dq, &key->qinv };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i]->len != half)
			return false;
	return key->d.len == key->public.modulus_len;
}

bool
privkey_is_whole(const struct private_key *key)
{
	switch (key->public.type) {
	case KEY_RSA: return rsa_is_whole(key);
	case KEY_EC: return key->d.len == pubkey_ec_bytes(key->public.bits);
	/* nobody brings these to a card yet */
	case KEY_ED25519:
	case KEY_X25519:
	case KEY_NONE: break;
	}
	return false;
}

void
privkey_free(struct private_key *key)
{
	if (key == NULL)
		return;
	secret_free(&key->d);
	secret_free(&key->p);
	secret_free(&key->q);
	secret_free(&key->dp);
	secret_free(&key->dq);
	secret_free(&key->qinv);
	key->public.type = KEY_NONE;
}
