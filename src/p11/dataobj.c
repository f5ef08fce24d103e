/* SPDX-License-Identifier: BSD-2-Clause */
/* Data objects of the card (PKCS#11 3.1, 4.5): files that applications keep in directories of their own. */
#include <stdio.h>

#include "base/auto.h"
#include "p11/attr.h"

CK_RV
p11_data_refresh(struct p11_slot *slot, struct csp_card *card)
{
	const struct csp_data *file;
	DWORD r = csp_data_list(card);
	CK_RV rv = CKR_OK;

	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	p11_objects_keep(slot, card);
	for (size_t i = 0, n = csp_data_count(card); i < n && rv == CKR_OK; i++) {
		file = csp_data_at(card, i);
		if (!file->private || slot->login == P11_USER)
			rv = p11_object_add_data(slot, file);
	}
	return rv;
}

static CK_RV
unique_id(const struct csp_data *file, struct buf *value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "data-%s-%s", file->directory, file->name);
	return p11_attr_text(value, text);
}

static CK_RV
content(struct csp_card *card, uint32_t id, struct buf *value)
{
	AUTO_BUF struct buf bytes = BUF_INIT;
	DWORD r = csp_data_read(card, id, &bytes);

	switch (r) {
	case SCARD_S_SUCCESS: return p11_attr_bytes(value, buf_cur(&bytes));
	case SCARD_E_NO_ACCESS:
	case SCARD_W_SECURITY_VIOLATION: return CKR_ATTRIBUTE_SENSITIVE;
	case SCARD_E_FILE_NOT_FOUND:
	case SCARD_E_DIR_NOT_FOUND: return CKR_OBJECT_HANDLE_INVALID;
	default: return p11_rv(r, P11_CTX_TOKEN);
	}
}

CK_RV
p11_attr_data(struct csp_card *card, const struct p11_object *object, CK_ATTRIBUTE_TYPE type, struct buf *value)
{
	const struct csp_data *file = csp_data_find(card, object->key_id);

	if (file == NULL)
		return CKR_OBJECT_HANDLE_INVALID;
	switch (type) {
	case CKA_CLASS: return p11_attr_ulong(value, CKO_DATA);
	case CKA_TOKEN: return p11_attr_bool(value, true);
	case CKA_PRIVATE: return p11_attr_bool(value, file->private);
	case CKA_COPYABLE: return p11_attr_bool(value, true); /* into a session's memory */
	case CKA_MODIFIABLE:
	case CKA_DESTROYABLE: return p11_attr_bool(value, !csp_card_read_only(card));
	case CKA_UNIQUE_ID: return unique_id(file, value);
	case CKA_APPLICATION: return p11_attr_text(value, file->application);
	case CKA_LABEL: return p11_attr_text(value, file->label);
	case CKA_OBJECT_ID: return p11_attr_bytes(value, cur_of(file->object_id, file->object_id_len));
	case CKA_VALUE: return content(card, object->key_id, value);
	default: return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}
