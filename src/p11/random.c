/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers, from the system (PKCS#11 5.19). */
#include "p11/op.h"

/* The system needs no seed from an application, so none is taken. */
static CK_RV
seed(const CK_BYTE *bytes, CK_ULONG len)
{
	return bytes == NULL && len > 0 ? CKR_ARGUMENTS_BAD : CKR_RANDOM_SEED_NOT_SUPPORTED;
}

static CK_RV
generate(CK_BYTE *bytes, CK_ULONG len)
{
	if (len == 0)
		return CKR_OK;
	return bytes == NULL ? CKR_ARGUMENTS_BAD : p11_rv(csp_random(p11_csp(), bytes, len), P11_CTX_TOKEN);
}

CK_RV
C_SeedRandom(CK_SESSION_HANDLE session, CK_BYTE *bytes, CK_ULONG len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, seed(bytes, len));
}

CK_RV
C_GenerateRandom(CK_SESSION_HANDLE session, CK_BYTE *bytes, CK_ULONG len)
{
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, generate(bytes, len));
}
