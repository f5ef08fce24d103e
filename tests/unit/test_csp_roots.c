/* SPDX-License-Identifier: BSD-2-Clause */
/* Roots that a card brings are as hostile as the rest of it: cut, spoiled, of lengths that lie. */
#include <openssl/x509.h>

#include "base/auto.h"
#include "csp/card.h"
#include "lib/fakecard.h"
#include "lib/hex.h"
#include "lib/mutate.h"
#include "unit/keys_fixture.h"

static struct fake_csp f;
static struct buf good; /* two roots */

static void
make_root(const char *name, struct buf *ret_der)
{
	EVP_PKEY *key = keys_ec("P-256");
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int len;

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 1), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
						    (const unsigned char *)name, -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "20240131235959Z"), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20550102030405Z"), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	assert_true((len = i2d_X509(x, &der)) > 0);
	buf_put(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(key);
}

static int
setup(void **state)
{
	AUTO_BUF struct buf one = BUF_INIT, two = BUF_INIT;

	(void)state;
	fake_csp_open(&f, 60000);
	make_root("one", &one);
	make_root("two", &two);
	fake_lock(&f);
	assert_int_equal(csp_login(f.card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_add(f.card, buf_cur(&one)), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_add(f.card, buf_cur(&two)), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_export(f.card, &good), SCARD_S_SUCCESS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_unlock(&f);
	fake_csp_close(&f);
	buf_free(&good);
	return 0;
}

static DWORD
mend_work(struct csp_card *card, void *arg)
{
	(void)arg;
	return csp_roots_mend(card);
}

/* Read as it is, then mended: what comes of it can be read. */
static void
survives(struct cursor content, void *context)
{
	const struct csp_cert *certs;
	size_t *most = context, count = 0;
	DWORD r;

	fake_file_set(&f.fake, "mscp", "msroots", content.p, content.left);
	f.card->roots.known = false;
	f.fake.log[0] = '\0';
	r = csp_roots_list(f.card, &certs, &count);
	if (r == SCARD_S_SUCCESS)
		return;
	assert_int_equal(r, SCARD_E_COMM_DATA_LOST);
	assert_int_equal(csp_txn_run(f.card, mend_work, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_roots_list(f.card, &certs, &count), SCARD_S_SUCCESS);
	if (count > *most)
		*most = count;
}

static void
test_cut(void **state)
{
	size_t most = 0;

	(void)state;
	mutate_cut(buf_cur(&good), survives, &most);
	/* both are there as a whole when the end alone is missing, a length that strides may leave out */
	survives(cur_of(good.p, good.len - 1), &most);
	assert_int_equal(most, 2);
}

static void
test_lengths(void **state)
{
	struct cursor front;
	struct cursor all = buf_cur(&good);
	size_t most = 0;

	(void)state;
	/* where the structure is; the rest are certificates, which have a test of their own */
	assert_true(cur_take(&all, 60, &front));
	for (size_t i = 0; i < front.left; i++) {
		static const uint8_t values[] = { 0x00, 0x01, 0x7F, 0x80, 0x81, 0x83, 0x84, 0xFF };
		const uint8_t before = good.p[i];

		for (size_t k = 0; k < ARRAY_SIZE(values); k++) {
			uint8_t *heap;

			good.p[i] = values[k];
			assert_non_null(heap = hex_heap(buf_cur(&good)));
			survives(cur_of(heap, good.len), &most);
			free(heap);
		}
		good.p[i] = before;
	}
}

static void
test_rubbish(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} contents[] = {
		{ "0", 1 },
		{ "0\x80", 2 },
		{ "\1\0\2\0xx", 6 },
		{ "\1\0", 2 },
		{ "text", 4 },
		{ "0\x84\xFF\xFF\xFF\xFF", 6 },
		{ "0\x03\x02\x01\x05", 5 },
	};
	size_t most = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
		survives(cur_of(contents[i].bytes, contents[i].len), &most);
	assert_int_equal(most, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rubbish, setup, teardown),
	};

	return cmocka_run_group_tests_name("roots", tests, NULL, NULL);
}
