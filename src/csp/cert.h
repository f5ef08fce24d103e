/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates: what the front wants to know of one (struct csp_cert in csp.h). */
#ifndef CSP_CERT_H
#define CSP_CERT_H

#include "csp/crypto.h"

/*
 * Takes the DER over (der is empty afterwards, also on failure) and reads it. A certificate that cannot be understood is
 * success with parsed false; one whose key is of no kind that this project knows has a key of type KEY_NONE.
 * SCARD_E_NO_MEMORY.
 */
DWORD csp_cert_new(struct csp_crypto *crypto, struct buf *der, struct csp_cert **ret_cert);
/* NULL is fine; *cert is NULL afterwards. */
void csp_cert_free(struct csp_cert **cert);

#endif
