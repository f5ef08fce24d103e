/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PKCS#11 front: handles, state and rules of the standard, over csp.h. No APDU, no card file, no libcrypto.
 *
 * Locks, in the order in which they are taken:
 *   slot    csp_reader_lock(): card, sessions' contents, objects and login state of that slot
 *   module  p11.lock: the tables of sessions and slots, nothing else; never held while a slot lock is waited for
 *           or a card is talked to
 * Session handles are looked up under the module lock to find the slot, and again after the slot lock is taken: a
 * closing thread may have been faster.
 */
#ifndef P11_P11_H
#define P11_P11_H

#include <sys/types.h>

#include "csp/csp.h"
#include "p11/mech.h"
#include "pkcs11.h"

/* Operations ---------------------------------------------------------------------------------------------------------- */

/* Those that a session can have active, one of each; then those that begin and end in one call. */
enum p11_op_kind {
	P11_OP_DIGEST,
	P11_OP_SIGN,
	P11_OP_VERIFY,
	P11_OP_SIGN_RECOVER,
	P11_OP_VERIFY_RECOVER,
	P11_OP_MESSAGE_SIGN,
	P11_OP_MESSAGE_VERIFY,
	P11_OP_ENCRYPT,
	P11_OP_DECRYPT,
	P11_OP_KINDS,
	P11_OP_WRAP = P11_OP_KINDS,
	P11_OP_UNWRAP,
	P11_OP_DERIVE,
	P11_OP_ALL_KINDS
};
/* READY after Init; ONE_SHOT after a size query of the one-shot call; MULTI after an Update or a Begin. */
enum p11_op_phase { P11_PHASE_IDLE, P11_PHASE_READY, P11_PHASE_ONE_SHOT, P11_PHASE_MULTI };

/* One active operation. Everything in it is the operation's own: parameters are checked and copied at Init. */
struct p11_op {
	enum p11_op_phase phase;
	const struct p11_mech *mech;
	struct csp_scheme scheme; /* label points into label */
	struct buf label;
	uint32_t key_id;     /* of the card's key */
	bool private_memory; /* the key is one in memory that ends with the login */
	bool has_public;
	struct public_key public;  /* verify, encrypt, and lengths of all */
	struct csp_digest *digest; /* hash mechanisms */
	bool messages;		   /* one message after the other: what ends one makes it READY for the next */
	struct buf hashed;	   /* digests: what Updates have given, for C_GetOperationState */
	bool unsaveable;	   /* digests: that was too much, or holds a key */
	struct buf data;	   /* raw mechanisms: what Updates have given so far */
	bool always_authenticate;  /* wants C_Login(CKU_CONTEXT_SPECIFIC) */
	bool context_login;	   /* has it */
	struct secret plain;	   /* a decryption done once whose result did not fit (P-135) */
};

/* Ends the operation, wiping it. Safe when idle. */
void p11_op_clear(struct p11_op *op);

struct p11_search {
	bool active;
	CK_OBJECT_HANDLE *found;
	size_t count, next;
};
void p11_search_clear(struct p11_search *search);

/* Slots, sessions, objects -------------------------------------------------------------------------------------------- */

enum p11_login { P11_PUBLIC, P11_USER, P11_SO };

struct p11_memory;

/*
 * An object of the token, whose content is csp's, or one of a session, in memory; here is what its handle stands for. An
 * object that has gone from the card, and a private one after logout, has left its slot's table: its handle is never
 * given out again.
 */
struct p11_object {
	CK_OBJECT_HANDLE handle;   /* the same while the token stays and the key stays the same */
	CK_OBJECT_CLASS class;	   /* certificate, public or private key, profile, secret key, data */
	uint32_t key_id;	   /* of csp's key, or of its file; 0 for a profile and for a root */
	CK_ULONG number;	   /* CKP_ of a profile, p11_root_number() of a root; otherwise 0 */
	struct p11_memory *memory; /* owned; NULL for what is on the token */
	bool private_data;	   /* a file that wants the PIN */
	bool unguarded;		   /* a private key that wants none */
	bool hidden;		   /* a public key that was destroyed: it is a part of its key pair, which stays */
};

struct p11_slot {
	CK_SLOT_ID id; /* 1.. */
	struct csp_reader *reader;
	uint32_t generation; /* of the card that sessions, objects and login belong to */
	uint32_t reported;   /* generation that C_WaitForSlotEvent has told of; under the module lock */
	enum p11_login login;
	bool fresh_login; /* C_Login(CKU_USER) with no private-key operation since (P-070) */
	bool pin_unset;	  /* as the card said last: nobody knows the user's PIN */
	bool so_refused;  /* the last C_Login(CKU_SO) was wrong, and left so_tries (or CSP_UNKNOWN) */
	uint32_t so_tries;
	struct p11_object *objects;
	size_t object_count;
	bool viewed; /* objects agree with version `view` of csp's view of the card */
	uint32_t view;
	CK_OBJECT_HANDLE followers[2]; /* what went with the key that was destroyed last; 0 none */
};

/* Ends with the card: a slot whose generation has moved closes its sessions before anybody uses them again. */
struct p11_session {
	CK_SESSION_HANDLE handle;
	struct p11_slot *slot;
	CK_FLAGS flags;
	struct p11_search search;
	struct p11_op ops[P11_OP_KINDS];
};

/* Entering and leaving (module.c, enter.c) -------------------------------------------------------------------------- */

/*
 * Every function but the four that work uninitialised runs between p11_begin() and p11_end(); p11_enter() and
 * p11_enter_slot() include the first, p11_leave() and p11_leave_slot() the second. C_Finalize waits for all of them.
 * CKR_CRYPTOKI_NOT_INITIALIZED unless initialised in this very process.
 */
CK_RV p11_begin(void);
void p11_end(void);

/*
 * For functions with a session: initialised, handle valid, slot locked, card not changed. CKR_SESSION_HANDLE_INVALID.
 * On CKR_OK the caller must end with p11_leave(), which unlocks and passes rv on; when the card has gone meanwhile it
 * ends the slot's sessions, this one included.
 */
CK_RV p11_enter(CK_SESSION_HANDLE handle, struct p11_session **ret_session);
CK_RV p11_leave(struct p11_session *session, const char *function, CK_RV rv);

/* For functions with a slot ID; looks at the readers and locks the slot. p11_leave_slot() unlocks. CKR_SLOT_ID_INVALID. */
CK_RV p11_enter_slot(CK_SLOT_ID id, struct p11_slot **ret_slot);
CK_RV p11_leave_slot(struct p11_slot *slot, const char *function, CK_RV rv);

/* The instance, while entered. */
struct csp *p11_csp(void);
/* The slot's card. CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_DEVICE_REMOVED. */
CK_RV p11_card(struct p11_slot *slot, struct csp_card **ret_card);

/* The module (module.c), its slots (slottable.c) and sessions (sessiontable.c) -------------------------------------- */

/* CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_CANT_LOCK, CKR_HOST_MEMORY, CKR_FUNCTION_FAILED. locks may be NULL. */
CK_RV p11_module_open(const struct lock_ops *locks, bool no_threads);
CK_RV p11_module_close(void);

/* Slots, in the order of their IDs. */
size_t p11_slot_count(void);
struct p11_slot *p11_slot_at(size_t index);
/* NULL when there is none. */
struct p11_slot *p11_slot_find(CK_SLOT_ID id);
/* Looks at the readers; with add, new ones get slots. CKR_HOST_MEMORY, CKR_FUNCTION_FAILED. */
CK_RV p11_slots_poll(bool add);
/* A slot that something has happened to since this was last asked, or NULL. */
struct p11_slot *p11_slot_event(void);

/* The slot of a session; NULL for none. Without any lock the session itself may end at once, the slot not. */
struct p11_slot *p11_session_slot(CK_SESSION_HANDLE handle);
/* NULL for none. Slot locked, as for all that follow. */
struct p11_session *p11_session_find(CK_SESSION_HANDLE handle);
/* CKR_SESSION_COUNT, CKR_HOST_MEMORY. */
CK_RV p11_session_add(struct p11_slot *slot, CK_FLAGS flags, CK_SESSION_HANDLE *ret_handle);
/* Ends the session; with the last one of the slot the login ends as well. */
void p11_session_remove(struct p11_session *session);
void p11_sessions_remove(struct p11_slot *slot);
/* Sessions of the slot that have all of these flags. */
size_t p11_session_count(const struct p11_slot *slot, CK_FLAGS flags);

/*
 * Ends the login on a slot: PINs and keys are forgotten, private objects and the operations that use them end. Also for
 * an operation that found the kept PIN gone (SCARD_W_CARD_NOT_AUTHENTICATED while logged in): without it the
 * application could not log in again.
 */
void p11_logout(struct p11_slot *slot);
/* The same for what only reads, such as a file of the user's: passes rv on. Pointers to the slot's objects end with it. */
CK_RV p11_read_rv(struct p11_slot *slot, CK_RV rv);

CK_OBJECT_HANDLE p11_new_object_handle(void);

/* Where a code of carderr.h came from decides what it means to the caller. */
enum p11_context { P11_CTX_TOKEN, P11_CTX_LOGIN, P11_CTX_SIGN, P11_CTX_DECRYPT, P11_CTX_VERIFY, P11_CTX_ENCRYPT };
CK_RV p11_rv(DWORD code, enum p11_context context);
/* Codes that say that one thing on the card cannot be had, as against a card that has gone or does not answer. */
bool p11_rv_is_missing(DWORD code);

/* Objects ------------------------------------------------------------------------------------------------------------- */

/*
 * Makes the slot's object table agree with the card (csp_refresh) and the login: new objects get handles, vanished
 * ones leave.
 */
CK_RV p11_objects_refresh(struct p11_slot *slot, struct csp_card *card);
/* The same where only objects of one CKA_ID are wanted, or of those the keys, if it is a number that keys have; 0: all (csp_refresh_number). */
CK_RV p11_objects_refresh_number(struct p11_slot *slot, struct csp_card *card, uint8_t number, bool keys_only);
/* Those of files, which p11_objects_refresh() leaves alone: to be called after it. */
CK_RV p11_data_refresh(struct p11_slot *slot, struct csp_card *card);
/* Ends the objects that csp does not know any more; makes one for a file unless it is there. CKR_HOST_MEMORY. */
void p11_objects_keep(struct p11_slot *slot, const struct csp_card *card);
CK_RV p11_object_add_data(struct p11_slot *slot, const struct csp_data *file);
/* Profile objects only, without a look at the card. CKR_HOST_MEMORY. */
CK_RV p11_objects_add_profiles(struct p11_slot *slot);
void p11_objects_drop_private(struct p11_slot *slot);
void p11_objects_drop(struct p11_slot *slot);
/* The objects that a session has made. */
void p11_objects_drop_session(struct p11_slot *slot, CK_SESSION_HANDLE session);
/* The visible object behind a handle; NULL when unknown, stale, or private while nobody is logged in. */
const struct p11_object *p11_object_find(const struct p11_slot *slot, CK_OBJECT_HANDLE handle);

/*
 * One attribute of an object, appended to ret_value. CKR_OK, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_SENSITIVE, or a
 * card error.
 */
CK_RV p11_attribute(struct csp_card *card, const struct p11_object *object, CK_ATTRIBUTE_TYPE type,
		    struct buf *ret_value);

/* True for attributes that are known without reading a certificate or a public key. */
bool p11_attribute_is_cheap(CK_ATTRIBUTE_TYPE type);
/* False when the object is a certificate that cannot be read: such a one is not listed. Or a card error. */
CK_RV p11_object_is_listed(struct csp_card *card, const struct p11_object *object, bool *ret_listed);
/* A template that a caller gave: pointers present, count believable (LIMIT_TEMPLATE). CKR_ARGUMENTS_BAD. */
CK_RV p11_template_check(const CK_ATTRIBUTE *template, CK_ULONG count);

/* The rule for outputs (PKCS#11 5.2) -------------------------------------------------------------------------------------- */

/*
 * What a call with an output buffer does now that `need` bytes are wanted: *ret_stop true means return the code at once
 * (a size query: CKR_OK, or CKR_BUFFER_TOO_SMALL; *len is set), keeping the operation; false means produce the output.
 * CKR_ARGUMENTS_BAD for a NULL len.
 */
CK_RV p11_output(CK_ULONG need, const void *out, CK_ULONG *len, bool *ret_stop);
/*
 * A text field of fixed size: blank-padded, without NUL, valid UTF-8 cut at a character; what is no text becomes '?'.
 */
void p11_pad(CK_UTF8CHAR *ret_field, size_t size, const char *text);

/* Who made this, in CK_INFO and CK_SLOT_INFO. */
#define P11_MANUFACTURER "minidriver-pkcs11"

/* As the 3.0 list has them; C_GetInfo and C_GetMechanismInfo themselves are the 2.40 list's. */
CK_RV p11_get_info_3(CK_INFO *info);
CK_RV p11_get_mechanism_info_3(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);

#endif
