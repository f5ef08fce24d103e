/* SPDX-License-Identifier: BSD-2-Clause */
/* Secret keys of random bytes, made by the host for the session (PKCS#11 5.18.1). */
#include "p11/memory.h"

static CK_RV
generate(struct p11_session *s, const CK_MECHANISM *mechanism, struct p11_template template,
	 CK_OBJECT_HANDLE *ret_handle)
{
	const struct p11_mech *mech;
	struct p11_memory *key = NULL;
	CK_RV rv;

	if (mechanism == NULL || ret_handle == NULL)
		return CKR_ARGUMENTS_BAD;
	mech = p11_mech_find(mechanism->mechanism);
	if (mech == NULL || (mech->flags & CKF_GENERATE) == 0)
		return CKR_MECHANISM_INVALID;
	if (mechanism->ulParameterLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	rv = p11_memory_new(s, template, P11_GENERATED, mech->type == CKM_AES_KEY_GEN ? CKK_AES : CKK_GENERIC_SECRET,
			    &key);
	if (rv != CKR_OK)
		return rv;
	key->mechanism = mech->type;
	rv = secret_alloc(&key->secret, key->len) ? CKR_OK : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = p11_rv(csp_random(p11_csp(), key->secret.p, key->secret.len), P11_CTX_TOKEN);
	if (rv == CKR_OK)
		rv = p11_memory_add(s->slot, &key, ret_handle);
	p11_memory_free(&key);
	return rv;
}

CK_RV
C_GenerateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template, CK_ULONG count,
	      CK_OBJECT_HANDLE *key)
{
	const struct p11_template t = { template, count };
	struct p11_session *s;
	CK_RV rv = p11_enter(session, &s);

	return rv != CKR_OK ? rv : p11_leave(s, __func__, generate(s, mechanism, t, key));
}
