/* SPDX-License-Identifier: BSD-2-Clause */
/* A certificate file: plain or compressed, then its DER. */
#include <stdlib.h>

#include "csp/card.h"
#include "csp/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A view must lie inside the certificate, or be empty. */
static void
check_view(const struct csp_cert *cert, struct cursor view)
{
	volatile uint8_t sum = 0;

	if (view.left > cert->der.len)
		abort();
	for (size_t i = 0; i < view.left; i++)
		sum = (uint8_t)(sum + view.p[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct csp_crypto *crypto;
	struct csp_cert *cert = NULL;
	struct buf der = BUF_INIT;

	if (crypto == NULL && csp_crypto_open(&crypto) != SCARD_S_SUCCESS)
		abort();
	if (!csp_certfile_decode(cur_of(data, size), &der))
		return 0;
	if (der.len == 0 || der.len > LIMIT_CERTIFICATE)
		abort();
	if (csp_cert_new(crypto, &der, &cert) != SCARD_S_SUCCESS)
		return 0;
	check_view(cert, cert->subject);
	check_view(cert, cert->issuer);
	check_view(cert, cert->serial);
	check_view(cert, cert->spki);
	csp_cert_free(&cert);
	return 0;
}
