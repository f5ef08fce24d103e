/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of mechanisms: list, info, parameters and padding all read one row. */
#ifndef P11_MECH_H
#define P11_MECH_H

#include "csp/csp.h"
#include "pkcs11.h"

enum p11_params { P11_PARAMS_NONE, P11_PARAMS_PSS, P11_PARAMS_OAEP, P11_PARAMS_ECDH };

struct p11_mech {
	CK_MECHANISM_TYPE type;
	enum key_type key; /* KEY_NONE for digests and for secret keys */
	CK_FLAGS flags;	   /* without CKF_HW */
	enum csp_padding padding;
	enum csp_hash hash; /* CSP_HASH_NONE: the caller hashes */
	enum p11_params params;
	CK_ULONG min_bits, max_bits;
};

/* NULL when the mechanism is not offered. */
const struct p11_mech *p11_mech_find(CK_MECHANISM_TYPE type);
size_t p11_mech_count(void);
const struct p11_mech *p11_mech_at(size_t index);
/*
 * Whether keys of this type are for the mechanism, and of this size. A mechanism of elliptic curves may be one for X25519 as
 * well, whose size is not among those that its info tells.
 */
bool p11_mech_suits(const struct p11_mech *mech, enum key_type type);
bool p11_mech_takes_bits(const struct p11_mech *mech, enum key_type type, unsigned bits);
void p11_mech_info(const struct p11_mech *mech, CK_MECHANISM_INFO *ret_info);

/*
 * Checks the parameter of a mechanism and turns it into a scheme; the OAEP label is copied to ret_label and
 * ret_scheme->label points there. CKR_MECHANISM_PARAM_INVALID.
 */
CK_RV p11_mech_scheme(const struct p11_mech *mech, const CK_MECHANISM *mechanism, const struct public_key *key,
		      struct csp_scheme *ret_scheme, struct buf *ret_label);

#endif
