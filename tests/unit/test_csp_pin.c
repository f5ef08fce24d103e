/* SPDX-License-Identifier: BSD-2-Clause */
/* PINs: the four cache policies, and the rules for presenting a kept PIN again. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "csp/card.h"
#include "lib/fakecard.h"
#include "lib/test.h"

static const uint8_t modulus[256] = { 0xC1, [255] = 1 };
static const uint8_t exponent[3] = { 1, 0, 1 };
static const struct csp_scheme pkcs1 = { .padding = CSP_PAD_PKCS1 };

/* hold 0: every unlock ends the transaction */
static int
open_card(void **state, uint32_t hold_ms)
{
	static struct fake_csp f;

	fake_csp_open(&f, hold_ms);
	assert_true(
		pubkey_set_rsa(&f.fake.infos[0].KeyExPublicKey, modulus, sizeof(modulus), exponent, sizeof(exponent)));
	fake_container(&f.fake, 0, "k", 3, 0, 2048);
	fake_lock(&f);
	assert_int_equal(csp_refresh(f.card, NULL), SCARD_S_SUCCESS);
	fake_unlock(&f);
	(void)fake_calls(&f.fake);
	*state = &f;
	return 0;
}

static int
setup(void **state)
{
	return open_card(state, 0);
}

static int
setup_held(void **state)
{
	return open_card(state, 60000);
}

static int
teardown(void **state)
{
	fake_csp_close(*state);
	return 0;
}

static void
set_policy(struct fake_csp *f, PIN_CACHE_POLICY_TYPE type, DWORD info)
{
	f->fake.roles[ROLE_USER].info.PinCachePolicy.PinCachePolicyType = type;
	f->fake.roles[ROLE_USER].info.PinCachePolicy.dwPinCachePolicyInfo = info;
	fake_counters(&f->fake, 1, 0, 0);
	fake_lock(f);
	csp_txn_end(f->card);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
	fake_unlock(f);
	(void)fake_calls(&f->fake);
}

static DWORD
login_pin(struct fake_csp *f, const char *pin, uint32_t *ret_tries)
{
	DWORD r;

	fake_lock(f);
	r = csp_login(f->card, CSP_ROLE_USER, (const uint8_t *)pin, strlen(pin), ret_tries);
	fake_unlock(f);
	return r;
}

static DWORD
login(struct fake_csp *f)
{
	return login_pin(f, "1234", NULL);
}

static DWORD
login_once(struct fake_csp *f)
{
	DWORD r;

	fake_lock(f);
	r = csp_login_once(f->card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL);
	fake_unlock(f);
	return r;
}

static DWORD
sign(struct fake_csp *f)
{
	uint8_t signature[256];
	size_t len = 0;
	DWORD r;

	fake_lock(f);
	r = csp_sign(f->card, csp_key_at(f->card, 0)->id, &pkcs1, cur_of("x", 1), signature, sizeof(signature), &len);
	fake_unlock(f);
	if (r == SCARD_S_SUCCESS)
		assert_int_equal(len, 256);
	return r;
}

static void
calls_are(struct fake_csp *f, const char *calls)
{
	assert_string_equal(fake_calls(&f->fake), calls);
}

static struct fake_role *
user(struct fake_csp *f)
{
	return &f->fake.roles[ROLE_USER];
}

static void
set_pin(struct fake_role *role, const char *pin)
{
	(void)snprintf(role->pin, sizeof(role->pin), "%s", pin);
}

/* kept, presented in each transaction that needs it, and only there. */
static void
test_normal(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	calls_are(f, "verify1 lock2 ");
	assert_false(user(f)->open);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "cardcf verify1 sign0 lock2 ");
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "cardcf verify1 sign0 lock2 ");
	fake_lock(f);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
	fake_unlock(f);
	calls_are(f, "cardcf ");
}

static void
test_normal_held(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "verify1 sign0 ");
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "sign0 ");
}

static void
test_not_logged_in(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "cardcf ");
}

/* an expired PIN is never used, even in the transaction in which it was verified. */
static void
test_timed(void **state)
{
	struct fake_csp *f = *state;

	set_policy(f, PinCacheTimed, 1);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	/* use does not make it younger */
	(void)usleep(600000);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	(void)usleep(600000);
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_null(strstr(fake_calls(&f->fake), "verify"));
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
}

/* verified when given, never kept; good while the transaction lasts. */
static void
test_none(void **state)
{
	struct fake_csp *f = *state;

	set_policy(f, PinCacheNone, 0);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	calls_are(f, "verify1 lock2 ");
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "cardcf ");
}

static void
test_none_held(void **state)
{
	struct fake_csp *f = *state;

	set_policy(f, PinCacheNone, 0);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "verify1 sign0 sign0 ");
	csp_reader_lock(f->reader);
	csp_logout(f->reader);
	csp_reader_unlock(f->reader);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
}

/* in advance it is verified, so that the user gets an answer, and has no effect; each operation wants its own. */
static void
test_always_prompt(void **state)
{
	struct fake_csp *f = *state;

	set_policy(f, PinCacheAlwaysPrompt, 0);
	fake_lock(f);
	assert_true(csp_key_at(f->card, 0)->always_authenticate);
	fake_unlock(f);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	(void)fake_calls(&f->fake);
	assert_int_equal(login_once(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	/* without a hold time the transaction of the login is over: the PIN is there for the one operation */
	calls_are(f, "cardcf verify1 lock2 cardcf verify1 sign0 lock2 ");
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "cardcf ");
}

/* Verification and operation next to each other, with nothing between. */
static void
test_always_prompt_held(void **state)
{
	struct fake_csp *f = *state;

	set_policy(f, PinCacheAlwaysPrompt, 0);
	assert_int_equal(login_once(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "verify1 sign0 ");
	/* the card is still unlocked, but not for this */
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "verify1 ");
}

/* A failed operation has used the PIN up as well. */
static void
test_once_is_once(void **state)
{
	struct fake_csp *f = *state;

	set_policy(f, PinCacheAlwaysPrompt, 0);
	assert_int_equal(login_once(f), SCARD_S_SUCCESS);
	f->fake.fail_sign = SCARD_E_UNEXPECTED;
	assert_int_equal(sign(f), SCARD_E_UNEXPECTED);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
}

/* no prompt, no call. */
static void
test_empty_pin(void **state)
{
	struct fake_csp *f = *state;

	user(f)->info.PinType = EmptyPinType;
	set_policy(f, PinCacheNormal, 0);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "cardcf sign0 ");
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	calls_are(f, "");
}

/* R-055, and roles that are none. */
static void
test_no_pin_to_type(void **state)
{
	struct fake_csp *f = *state;
	uint32_t tries = 77;

	user(f)->info.PinPurpose = UnblockOnlyPin;
	set_policy(f, PinCacheNormal, 0);
	assert_int_equal(login_pin(f, "1234", &tries), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(tries, CSP_UNKNOWN);
	fake_lock(f);
	assert_int_equal(csp_login(f->card, 0, modulus, 4, NULL), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_login(f->card, 8, modulus, 4, NULL), SCARD_E_UNSUPPORTED_FEATURE);
	fake_unlock(f);
	calls_are(f, "");
}

/* An empty PIN is an error, not a question to the card; a PIN that cannot be one costs nothing. */
static void
test_impossible_pin(void **state)
{
	struct fake_csp *f = *state;
	static const uint8_t zeros[LIMIT_PIN + 1] = { 0 };

	fake_lock(f);
	assert_int_equal(csp_login(f->card, CSP_ROLE_USER, NULL, 4, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_login(f->card, CSP_ROLE_USER, zeros, 0, NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_login(f->card, CSP_ROLE_USER, zeros, sizeof(zeros), NULL), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_login_once(f->card, CSP_ROLE_USER, NULL, 0, NULL), SCARD_E_INVALID_PARAMETER);
	fake_unlock(f);
	assert_int_equal(f->fake.begins, 1);
	assert_int_equal(login_pin(f, "123", NULL), SCARD_E_INVALID_PARAMETER);
	calls_are(f, "");
	assert_int_equal(user(f)->tries, 3);
}

/* One wrong PIN, one try; the kept one goes with it. */
static void
test_wrong_pin(void **state)
{
	struct fake_csp *f = *state;
	uint32_t tries = 77;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	(void)fake_calls(&f->fake);
	assert_int_equal(login_pin(f, "9999", &tries), SCARD_W_WRONG_CHV);
	calls_are(f, "verify1 ");
	assert_int_equal(tries, 2);
	assert_int_equal(user(f)->tries, 2);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(login_pin(f, "9999", &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(login_pin(f, "9999", &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, 0);
	assert_int_equal(login_pin(f, "1234", &tries), SCARD_W_CHV_BLOCKED);
	assert_int_equal(tries, 0);
}

static void
test_tries_unknown(void **state)
{
	struct fake_csp *f = *state;
	uint32_t tries = 77;

	user(f)->tries_hidden = true;
	assert_int_equal(login_pin(f, "9999", &tries), SCARD_W_WRONG_CHV);
	assert_int_equal(tries, CSP_UNKNOWN);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
}

/* refused when presented again: dropped, and never sent again. */
static void
test_changed_elsewhere(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	set_pin(user(f), "4321");
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "cardcf verify1 ");
	assert_int_equal(user(f)->tries, 2);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "cardcf ");
	assert_int_equal(login_pin(f, "4321", NULL), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
}

/* The counter of PIN changes moved: look at the tries first, and leave the last one alone. */
static void
test_doubt(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	(void)fake_calls(&f->fake);
	fake_counters(&f->fake, 7, 0, 0);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "cardcf info1 tries1 verify1 sign0 lock2 ");
	/* it was right, so there is no doubt any more */
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "cardcf verify1 sign0 lock2 ");
	fake_counters(&f->fake, 8, 0, 0);
	user(f)->tries = 1;
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	assert_null(strstr(fake_calls(&f->fake), "verify"));
	assert_int_equal(user(f)->tries, 1);
	/* withheld, not forgotten */
	user(f)->tries = 3;
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
}

/* Tries that were read anyway count as well, unless the PIN was right since. */
static void
test_last_try(void **state)
{
	struct fake_csp *f = *state;
	struct csp_token_info info;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	user(f)->tries = 1;
	fake_lock(f);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.tries_left, 1);
	fake_unlock(f);
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "cardcf ");
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	fake_lock(f);
	assert_int_equal(csp_token_info(f->card, &info), SCARD_S_SUCCESS);
	assert_int_equal(info.tries_left, 3);
	fake_unlock(f);
}

/* Verified in the very transaction in which the counter is first seen to have moved: there is nothing to doubt. */
static void
test_no_doubt_after_login(void **state)
{
	struct fake_csp *f = *state;

	fake_counters(&f->fake, 9, 0, 0);
	fake_lock(f);
	assert_int_equal(csp_login(f->card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
	fake_unlock(f);
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "cardcf verify1 sign0 lock2 ");
}

/* An answer that did not arrive: the PIN may have been wrong; look before sending it once more. */
static void
test_lost_answer(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	set_pin(user(f), "4321");
	user(f)->tries = 2;
	f->fake.fail_auth = SCARD_E_COMM_DATA_LOST;
	f->fake.auth_lost = true;
	assert_int_equal(sign(f), SCARD_E_COMM_DATA_LOST);
	assert_int_equal(user(f)->tries, 1);
	/* nobody knows whether the card is unlocked now */
	assert_int_equal(f->fake.resets, 1);
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "reconnect cardcf tries1 ");
	assert_int_equal(user(f)->tries, 1);
}

/* the card turns out to be locked although we unlocked it: once more, and not for ever. */
static void
test_belief(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	f->fake.forgets = true;
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "sign0 verify1 sign0 ");
	f->fake.container_role = 3; /* its role is not the one that the common part knows of */
	assert_int_equal(sign(f), SCARD_W_SECURITY_VIOLATION);
	calls_are(f, "sign0 verify1 sign0 ");
	f->fake.container_role = ROLE_USER;
}

/* A card that was reset by somebody: selected again, unlocked again, once. */
static void
test_reset(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	(void)fake_calls(&f->fake);
	f->fake.fail_sign = SCARD_W_RESET_CARD;
	f->fake.reset = true;
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "sign0 reconnect cardcf verify1 sign0 ");
}

static void
test_logout(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	csp_reader_lock(f->reader);
	csp_logout(f->reader);
	assert_false(user(f)->open);
	csp_reader_unlock(f->reader);
	calls_are(f, "verify1 lock2 ");
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	calls_are(f, "cardcf ");
}

/* P4: removal forgets every secret, whoever notices it. */
static void
test_removal(void **state)
{
	struct fake_csp *f = *state;

	assert_int_equal(login(f), SCARD_S_SUCCESS);
	fake_card_pull(f->slot, &f->fake);
	fake_card_put(f->slot, &f->fake);
	csp_reader_lock(f->reader);
	assert_int_equal(csp_reader_card(f->reader, &f->card), SCARD_S_SUCCESS);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_W_REMOVED_CARD);
	assert_int_equal(csp_key_count(f->card), 0);
	for (size_t i = 0; i < MAX_PINS; i++)
		assert_false(masked_is_set(&f->card->roles[i].pin));
	csp_reader_unlock(f->reader);
	fake_lock(f);
	assert_int_equal(csp_refresh(f->card, NULL), SCARD_S_SUCCESS);
	fake_unlock(f);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
}

/* Keys of another role want that role's PIN, not the user's. */
static void
test_other_role(void **state)
{
	struct fake_csp *f = *state;
	DWORD r;

	set_pin(&f->fake.roles[3], "33333");
	f->fake.container_role = 3;
	fake_counters(&f->fake, 0, 1, 0);
	assert_int_equal(login(f), SCARD_S_SUCCESS);
	assert_int_equal(sign(f), SCARD_W_CARD_NOT_AUTHENTICATED);
	fake_lock(f);
	assert_int_equal(csp_key_at(f->card, 0)->role, 3);
	r = csp_login(f->card, 3, (const uint8_t *)"33333", 5, NULL);
	fake_unlock(f);
	assert_int_equal(r, SCARD_S_SUCCESS);
	(void)fake_calls(&f->fake);
	assert_int_equal(sign(f), SCARD_S_SUCCESS);
	calls_are(f, "cardcf verify3 sign0 lock8 ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_normal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_normal_held, setup_held, teardown),
		cmocka_unit_test_setup_teardown(test_not_logged_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timed, setup_held, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none_held, setup_held, teardown),
		cmocka_unit_test_setup_teardown(test_always_prompt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_always_prompt_held, setup_held, teardown),
		cmocka_unit_test_setup_teardown(test_once_is_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_pin_to_type, setup, teardown),
		cmocka_unit_test_setup_teardown(test_impossible_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tries_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doubt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_try, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_doubt_after_login, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_belief, setup_held, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup_held, teardown),
		cmocka_unit_test_setup_teardown(test_logout, setup_held, teardown),
		cmocka_unit_test_setup_teardown(test_removal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_role, setup, teardown),
	};

	return cmocka_run_group_tests_name("csp pin", tests, NULL, NULL);
}
