/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile callers: the input is a program of PKCS#11 calls over a virtual card with an RSA and an EC key. After the
 * byte that says how to begin, each call is the byte of a function and one or more for each argument; bytes that are
 * not there are 0. Whatever the calls are, nothing is read or written outside the blocks that they name (each is a heap
 * block of its own), inputs stay as they were, and what comes back is plausible. Catalogue C1, C2, C5, C6, C9
 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "lib/faketransport.h"
#include "pkcs11.h"
#include "vcard/perso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MAX 100
#define PIN "123456"
#define HUGE_COUNT ((CK_ULONG)-1)

enum {
	BEGIN_APPLET = 1,      /* the card is the applet with its quirks, not the strict one */
	BEGIN_BARE = 2,	       /* not initialised, no session, nobody logged in */
	BEGIN_OWN_MUTEXES = 4, /* locks are the caller's */
};

static CK_FUNCTION_LIST_3_0 *p11;
static struct cursor program;

static void
require(bool good)
{
	if (!good)
		abort();
}

static uint8_t
next(void)
{
	uint8_t byte;

	return cur_u8(&program, &byte) ? byte : 0;
}

/* Card and reader -------------------------------------------------------------------------------------------------- */

static struct buf states[2];
static struct vcard *card;
static struct fake_reader *reader;
static unsigned insertion; /* connections made before the last removal are dead */
static bool was_reset;
static unsigned silent; /* exchanges that get no answer */

struct fuzz_io {
	struct io io; /* first: ops get a pointer to it */
	unsigned insertion;
};

static DWORD
card_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	static uint8_t answer[VCARD_RESPONSE_MAX];

	(void)secret;
	if (((struct fuzz_io *)(void *)io)->insertion != insertion)
		return SCARD_W_REMOVED_CARD;
	if (was_reset)
		return SCARD_W_RESET_CARD;
	if (silent > 0) {
		silent--;
		return SCARD_E_COMM_DATA_LOST;
	}
	buf_put(response, answer, vcard_transmit(card, command.p, command.left, answer));
	return buf_failed(response) ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
}

static DWORD
card_begin(struct io *io, bool *ret_reset)
{
	if (((struct fuzz_io *)(void *)io)->insertion != insertion)
		return SCARD_W_REMOVED_CARD;
	*ret_reset = was_reset;
	was_reset = false;
	return SCARD_S_SUCCESS;
}

static void
card_end(struct io *io, bool reset_card)
{
	(void)io;
	if (reset_card)
		vcard_reset(card);
}

static void
card_close(struct io *io)
{
	free(io);
}

static const struct io_ops card_ops = { card_transmit, card_begin, card_end, card_close, NULL };

static DWORD
card_connect(struct fake_reader *in, void *what, struct io **ret_io)
{
	struct fuzz_io *f = calloc(1, sizeof(*f));

	(void)in;
	(void)what;
	if (f == NULL)
		return SCARD_E_NO_MEMORY;
	f->io.ops = &card_ops;
	f->io.atr_len = vcard_atr(card, f->io.atr);
	f->io.t0 = vcard_is_t0(card);
	f->insertion = insertion;
	*ret_io = &f->io;
	return SCARD_S_SUCCESS;
}

static void
personalise(struct buf *state, uint32_t quirks)
{
	const struct vcard_profile profile = { .quirks = quirks, .ecc = true };
	const struct vcard_perso_container rsa = { .pin = PIN, .algorithm = VCARD_RSA1024, .name = "rsa" };
	const struct vcard_perso_container ec = {
		.pin = PIN, .index = 1, .algorithm = VCARD_P256, .signature_only = true, .name = "ec"
	};
	struct vcard *made = vcard_new("", &profile);

	require(made != NULL && vcard_perso_format(made, PIN, NULL, NULL) == 0);
	require(vcard_perso_keygen(made, &rsa) == 0 && vcard_perso_keygen(made, &ec) == 0);
	vcard_reset(made);
	state->max = STATE_MAX;
	vcard_encode(made, state);
	require(!buf_failed(state));
	vcard_close(made);
}

static void
insert_new_card(bool applet)
{
	static const struct vcard_profile blank;
	struct buf *state = &states[applet];

	if (state->len == 0)
		personalise(state, applet ? VCARD_APPLET : VCARD_STRICT);
	card = vcard_new("", &blank);
	require(card != NULL && vcard_decode(card, buf_cur(state)));
	fake_world_reset();
	reader = fake_reader_add("Reader 00 00");
	fake_card_insert(reader, card_connect, NULL);
	was_reset = false;
	silent = 0;
}

/* What happens to the card behind the module's back. */
static CK_RV
call_hand(void)
{
	switch (next() % 6) {
	case 0: fake_card_remove(reader); break;
	case 1: fake_card_insert(reader, card_connect, NULL); break;
	case 2: was_reset = true; break;
	case 3: silent = next() % 8u; return CKR_OK;
	case 4: fake_service_run(false); break;
	default: fake_service_run(true); return CKR_OK;
	}
	vcard_reset(card);
	if (!was_reset)
		insertion++;
	return CKR_OK;
}

/* Arguments -------------------------------------------------------------------------------------------------------- */

#define BLOCKS_MAX 64

static struct {
	uint8_t *given, *copy;
	size_t len;
} blocks[BLOCKS_MAX];
static size_t block_count;

/* A block of exactly this size; the caller fills it, and seal() makes it an input that must stay as it is. */
static void *
block(size_t len)
{
	require(block_count < BLOCKS_MAX);
	blocks[block_count].len = 0;
	blocks[block_count].copy = NULL;
	require((blocks[block_count].given = malloc(len)) != NULL);
	return blocks[block_count++].given;
}

static void *
input(const void *bytes, size_t len)
{
	void *given = block(len);

	require((blocks[block_count - 1].copy = malloc(len)) != NULL);
	blocks[block_count - 1].len = len;
	if (len > 0) {
		memcpy(given, bytes, len);
		memcpy(blocks[block_count - 1].copy, bytes, len);
	}
	return given;
}

static void
release_blocks(void)
{
	for (size_t i = 0; i < block_count; i++) {
		require(blocks[i].len == 0 || memcmp(blocks[i].given, blocks[i].copy, blocks[i].len) == 0);
		free(blocks[i].given);
		free(blocks[i].copy);
	}
	block_count = 0;
}

static CK_SESSION_HANDLE sessions[4];
static CK_OBJECT_HANDLE objects[16];
static size_t opened;
static uint8_t last_output[4096]; /* so that a signature can be verified and a cipher decrypted */
static size_t last_output_len;

static CK_ULONG
forged(uint8_t byte)
{
	static const CK_ULONG values[] = { 0, 1, HUGE_COUNT, 0x80000000u, 99999, 0x100000001u };

	return values[byte % ARRAY_SIZE(values)];
}

static CK_SESSION_HANDLE
session_arg(void)
{
	uint8_t b = next();

	return b < 0xE0 ? sessions[b % ARRAY_SIZE(sessions)] : forged(b);
}

static CK_OBJECT_HANDLE
object_arg(void)
{
	uint8_t b = next();

	return b < 0xE0 ? objects[b % ARRAY_SIZE(objects)] : forged(b);
}

struct bytes {
	CK_BYTE *p;
	CK_ULONG len;
};

static struct bytes
null_bytes(uint8_t how)
{
	static const CK_ULONG lengths[] = { 0, 1, 6, 128, 0xFFFFFFFFu, HUGE_COUNT };

	return (struct bytes){ NULL, lengths[how % ARRAY_SIZE(lengths)] };
}

/* A length (below D0), the last output (D0), the PIN (D1), or no pointer. */
static struct bytes
bytes_arg(void)
{
	static const uint16_t lengths[] = { 0,	1,  2,	 6,   16,  20,	28,  32,  35,  48,  51,	 63,  64,   65,
					    96, 97, 116, 117, 118, 126, 127, 128, 129, 255, 256, 257, 1000, 5000 };
	static uint8_t filled[5000];
	uint8_t b = next();

	if (b >= 0xE0)
		return null_bytes(b);
	if (b == 0xD0)
		return (struct bytes){ input(last_output, last_output_len), last_output_len };
	if (b == 0xD1)
		return (struct bytes){ input(PIN, 6), 6 };
	memset(filled, next(), sizeof(filled));
	return (struct bytes){ input(filled, lengths[b % ARRAY_SIZE(lengths)]), lengths[b % ARRAY_SIZE(lengths)] };
}

struct output {
	CK_BYTE *p;
	CK_ULONG *len;
	CK_ULONG room;
};

/* Room for a result (below F0), or without one pointer or both. */
static struct output
output_arg(void)
{
	static const uint16_t rooms[] = { 4096, 256, 128, 127, 117, 64, 63, 48, 32, 20, 16, 1, 0 };
	uint8_t b = next();
	struct output o = { .room = b == 0xF3 ? HUGE_COUNT : rooms[b % ARRAY_SIZE(rooms)] };

	if (b < 0xF0 || b == 0xF1)
		o.p = block(o.room);
	if (b != 0xF1 && b != 0xF2) {
		o.len = block(sizeof(*o.len));
		*o.len = o.room;
	}
	return o;
}

static CK_RV
check_output(const struct output *o, CK_RV rv)
{
	if (o->len == NULL)
		return rv;
	if (rv == CKR_OK && o->p != NULL) {
		require(*o->len <= o->room);
		last_output_len = *o->len;
		memcpy(last_output, o->p, last_output_len);
	} else if (rv == CKR_OK) {
		require(*o->len <= 65536);
	} else if (rv == CKR_BUFFER_TOO_SMALL) {
		require(o->p != NULL && *o->len > o->room && *o->len <= 65536);
	}
	return rv;
}

static CK_ULONG
mechanism_type(uint8_t b)
{
	static const CK_ULONG types[] = { CKM_RSA_PKCS,
					  CKM_RSA_X_509,
					  CKM_RSA_PKCS_OAEP,
					  CKM_RSA_PKCS_PSS,
					  CKM_SHA256_RSA_PKCS,
					  CKM_SHA1_RSA_PKCS_PSS,
					  CKM_SHA512_RSA_PKCS,
					  CKM_SHA512_RSA_PKCS_PSS,
					  CKM_ECDSA,
					  CKM_ECDSA_SHA256,
					  CKM_ECDSA_SHA512,
					  CKM_SHA_1,
					  CKM_SHA256,
					  CKM_SHA512,
					  CKM_RSA_PKCS_KEY_PAIR_GEN,
					  CKM_AES_CBC };

	return b < 0xF0 ? types[b % ARRAY_SIZE(types)] : forged(b);
}

static struct bytes
pss_parameter(void)
{
	static const CK_RSA_PKCS_PSS_PARAMS good[] = { { CKM_SHA256, CKG_MGF1_SHA256, 32 },
						       { CKM_SHA_1, CKG_MGF1_SHA1, 20 },
						       { CKM_SHA512, CKG_MGF1_SHA512, 0 } };
	uint8_t b = next();
	CK_RSA_PKCS_PSS_PARAMS p = good[b % 3];

	if (b >= 0x80)
		p.sLen = b == 0xFF ? HUGE_COUNT : b;
	return (struct bytes){ input(&p, sizeof(p)), sizeof(p) };
}

static struct bytes
oaep_parameter(void)
{
	struct bytes label = bytes_arg();
	CK_RSA_PKCS_OAEP_PARAMS p = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label.p, label.len };
	uint8_t b = next();

	if ((b & 1) != 0)
		p.hashAlg = CKM_SHA256;
	if ((b & 2) != 0)
		p.mgf = CKG_MGF1_SHA256;
	if ((b & 4) != 0)
		p.source = 0;
	return (struct bytes){ input(&p, sizeof(p)), sizeof(p) };
}

static CK_MECHANISM *
mechanism_arg(void)
{
	uint8_t b = next();
	struct bytes parameter = { NULL, 0 };
	CK_MECHANISM m;

	if (b == 0xFF)
		return NULL;
	switch (next() % 4) {
	case 1: parameter = pss_parameter(); break;
	case 2: parameter = oaep_parameter(); break;
	case 3: parameter = bytes_arg(); break;
	default: break;
	}
	memset(&m, 0, sizeof(m));
	m.mechanism = mechanism_type(b);
	m.pParameter = parameter.p;
	m.ulParameterLen = parameter.len;
	return input(&m, sizeof(m));
}

#define ATTRIBUTES_MAX 6

static CK_ATTRIBUTE_TYPE
attribute_type(uint8_t b)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS,
						   CKA_ID,
						   CKA_LABEL,
						   CKA_TOKEN,
						   CKA_PRIVATE,
						   CKA_KEY_TYPE,
						   CKA_VALUE,
						   CKA_MODULUS,
						   CKA_MODULUS_BITS,
						   CKA_EC_POINT,
						   CKA_EC_PARAMS,
						   CKA_SUBJECT,
						   CKA_SIGN,
						   CKA_DECRYPT,
						   CKA_PUBLIC_KEY_INFO,
						   CKA_UNIQUE_ID,
						   CKA_SENSITIVE,
						   CKA_PUBLIC_EXPONENT,
						   CKA_WRAP_TEMPLATE,
						   CKA_ALLOWED_MECHANISMS,
						   CKA_VENDOR_DEFINED,
						   HUGE_COUNT };

	return types[b % ARRAY_SIZE(types)];
}

/* A number (below 20), one byte (below 40), or any other value. */
static struct bytes
attribute_value(void)
{
	CK_ULONG number = next();
	CK_BYTE byte = (CK_BYTE)(number & 0x1F);

	if (number < 0x20)
		return (struct bytes){ input(&number, sizeof(number)), sizeof(number) };
	return number < 0x40 ? (struct bytes){ input(&byte, 1), 1 } : bytes_arg();
}

struct template
{
	CK_ATTRIBUTE *p;
	CK_ULONG count;
};

/* FD: no pointer; FE: far fewer attributes than are claimed. */
static struct template template_arg(void)
{
	static const CK_ULONG claims[] = { HUGE_COUNT, 0xFFFFFFFFu, 1025, 1u << 20 };
	CK_ATTRIBUTE attributes[ATTRIBUTES_MAX] = { { 0 } };
	uint8_t b = next();
	size_t count = b >= 0xFD ? 1 : b % (ATTRIBUTES_MAX + 1u);

	if (b == 0xFD)
		return (struct template){ NULL, null_bytes(next()).len };
	for (size_t i = 0; i < count; i++) {
		struct bytes value;

		attributes[i].type = attribute_type(next());
		value = attribute_value();
		attributes[i].pValue = value.p;
		attributes[i].ulValueLen = value.len;
	}
	return (struct template){ input(attributes, count * sizeof(attributes[0])),
				  b == 0xFE ? claims[next() % 4] : count };
}

/* Calls ------------------------------------------------------------------------------------------------------------ */

static CK_C_INITIALIZE_ARGS no_threads = { .flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS };
static long mutexes;

struct mutex {
	bool held;
};

static CK_RV
mutex_create(void **ret_mutex)
{
	struct mutex *m = calloc(1, sizeof(*m));

	mutexes++;
	*ret_mutex = m;
	return m != NULL ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV
mutex_destroy(void *mutex)
{
	require(!((struct mutex *)mutex)->held);
	mutexes--;
	free(mutex);
	return CKR_OK;
}

/* There is one thread: what is held already would be waited for in vain. */
static CK_RV
mutex_lock(void *mutex)
{
	require(!((struct mutex *)mutex)->held);
	((struct mutex *)mutex)->held = true;
	return CKR_OK;
}

static CK_RV
mutex_unlock(void *mutex)
{
	require(((struct mutex *)mutex)->held);
	((struct mutex *)mutex)->held = false;
	return CKR_OK;
}

static CK_C_INITIALIZE_ARGS own_mutexes = { mutex_create, mutex_destroy, mutex_lock, mutex_unlock, 0, NULL };

static CK_RV
call_initialize(void)
{
	CK_C_INITIALIZE_ARGS args = (next() & 1) != 0 ? own_mutexes : no_threads;
	uint8_t b = next();

	if (b == 1)
		args.pReserved = &no_threads;
	if (b == 2)
		args.CreateMutex = args.CreateMutex == NULL ? mutex_create : NULL;
	return p11->C_Initialize(input(&args, sizeof(args)));
}

static CK_RV
call_finalize(void)
{
	return p11->C_Finalize(next() == 1 ? &no_threads : NULL);
}

static CK_RV
call_general(void)
{
	uint8_t b = next();
	CK_INTERFACE *interface;
	CK_VERSION version = { (CK_BYTE)(b % 5), (CK_BYTE)(b >> 4) };
	struct output o;

	if (b % 3 == 0)
		return p11->C_GetInfo(b == 3 ? NULL : block(sizeof(CK_INFO)));
	if (b % 3 == 1)
		return p11->C_GetInterface(b < 0x80 ? NULL : input("PKCS 11", 8), input(&version, sizeof(version)),
					   &interface, next());
	o = output_arg();
	if (o.len != NULL)
		*o.len = o.room / sizeof(CK_INTERFACE);
	return p11->C_GetInterfaceList((CK_INTERFACE *)(void *)o.p, o.len);
}

static CK_SLOT_ID
slot_arg(void)
{
	uint8_t b = next();

	return b < 0xC0 ? 1 : forged(b);
}

static CK_RV
call_slot(void)
{
	uint8_t b = next();
	CK_SLOT_ID slot = slot_arg();

	switch (b % 5) {
	case 0: return p11->C_GetSlotInfo(slot, b >= 0x80 ? NULL : block(sizeof(CK_SLOT_INFO)));
	case 1: return p11->C_GetTokenInfo(slot, b >= 0x80 ? NULL : block(sizeof(CK_TOKEN_INFO)));
	case 2:
		return p11->C_GetMechanismInfo(slot, mechanism_type(next()),
					       b >= 0x80 ? NULL : block(sizeof(CK_MECHANISM_INFO)));
	case 3: return p11->C_CloseAllSessions(slot);
	default: return p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, b >= 0x80 ? NULL : block(sizeof(slot)), NULL);
	}
}

/* Lists of numbers: *len counts them. */
static CK_RV
call_list(void)
{
	uint8_t b = next();
	struct output o = output_arg();
	CK_ULONG room = o.room / sizeof(CK_ULONG);
	CK_ULONG *list = (CK_ULONG *)(void *)o.p;
	CK_RV rv;

	if (o.len != NULL)
		*o.len = room;
	rv = b % 3 < 2 ? p11->C_GetSlotList(b % 3 == 0, list, o.len) : p11->C_GetMechanismList(slot_arg(), list, o.len);
	require(rv != CKR_OK || (o.len != NULL && (list == NULL || *o.len <= room)));
	return rv;
}

static CK_RV
call_init_token(void)
{
	CK_SLOT_ID slot = slot_arg();
	struct bytes pin = bytes_arg();
	CK_UTF8CHAR label[32] = "label";

	return p11->C_InitToken(slot, pin.p, pin.len, next() == 1 ? NULL : input(label, sizeof(label)));
}

static CK_RV
call_open_session(void)
{
	CK_SLOT_ID slot = slot_arg();
	CK_FLAGS flags = next() ^ CKF_SERIAL_SESSION;
	CK_SESSION_HANDLE *handle = next() == 1 ? NULL : block(sizeof(*handle));
	CK_RV rv = p11->C_OpenSession(slot, flags, NULL, NULL, handle);

	require(rv != CKR_OK || (handle != NULL && *handle != CK_INVALID_HANDLE));
	if (rv == CKR_OK && handle != NULL)
		sessions[opened++ % ARRAY_SIZE(sessions)] = *handle;
	return rv;
}

static CK_RV
call_session_info(void)
{
	CK_SESSION_HANDLE s = session_arg();

	return p11->C_GetSessionInfo(s, next() == 1 ? NULL : block(sizeof(CK_SESSION_INFO)));
}

static CK_RV
call_session_only(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE) = { p11->C_CloseSession,	   p11->C_Logout,
				p11->C_FindObjectsFinal,   p11->C_GetFunctionStatus,
				p11->C_CancelFunction,	   p11->C_MessageSignFinal,
				p11->C_MessageVerifyFinal, p11->C_MessageEncryptFinal,
				p11->C_MessageDecryptFinal };
	uint8_t which = next();

	return functions[which % ARRAY_SIZE(functions)](session_arg());
}

static CK_RV
call_cancel(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_FLAGS flags = (CK_FLAGS)next() << 8;

	return p11->C_SessionCancel(s, next() == 1 ? HUGE_COUNT : flags);
}

static CK_RV
call_login(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_USER_TYPE user = next() ^ CKU_USER;
	struct bytes pin = bytes_arg(), name = { NULL, 0 };

	if (next() != 1)
		return p11->C_Login(s, user, pin.p, pin.len);
	name = bytes_arg();
	return p11->C_LoginUser(s, user, pin.p, pin.len, name.p, name.len);
}

static CK_RV
call_set_pin(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct bytes old_pin = bytes_arg(), new_pin = bytes_arg();

	return p11->C_SetPIN(s, old_pin.p, old_pin.len, new_pin.p, new_pin.len);
}

static CK_RV
call_find_init(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct template t = template_arg();

	return p11->C_FindObjectsInit(s, t.p, t.count);
}

static CK_RV
call_find(void)
{
	CK_SESSION_HANDLE s = session_arg();
	uint8_t b = next();
	CK_ULONG max = b % (ARRAY_SIZE(objects) + 1), *count = b >= 0xF0 ? NULL : block(sizeof(*count));
	CK_OBJECT_HANDLE *found = b >= 0xE0 && b < 0xF0 ? NULL : block(max * sizeof(*found));
	CK_RV rv = p11->C_FindObjects(s, found, max, count);

	require(rv != CKR_OK || (count != NULL && *count <= max && (found != NULL || max == 0)));
	for (CK_ULONG i = 0; rv == CKR_OK && found != NULL && i < *count; i++)
		require((objects[i] = found[i]) != CK_INVALID_HANDLE);
	return rv;
}

static CK_RV
call_get_attributes(void)
{
	CK_SESSION_HANDLE s = session_arg();
	CK_OBJECT_HANDLE object = object_arg();
	uint8_t b = next();
	CK_ULONG count = b % (ATTRIBUTES_MAX + 1u), room[ATTRIBUTES_MAX];
	CK_ATTRIBUTE *t = block(count * sizeof(*t)), before[ATTRIBUTES_MAX];
	CK_RV rv;

	for (CK_ULONG i = 0; i < count; i++) {
		struct output o;

		t[i].type = attribute_type(next());
		o = output_arg();
		t[i].pValue = o.p;
		t[i].ulValueLen = room[i] = o.room;
		before[i] = t[i];
	}
	if (b >= 0xF0)
		return p11->C_GetAttributeValue(s, object, b == 0xF0 ? NULL : t, b == 0xF1 ? HUGE_COUNT : 1025);
	rv = p11->C_GetAttributeValue(s, object, t, count);
	for (CK_ULONG i = 0; i < count; i++) {
		require(t[i].type == before[i].type && t[i].pValue == before[i].pValue);
		if (rv == CKR_OK)
			require(t[i].ulValueLen <= (t[i].pValue != NULL ? room[i] : 65536));
	}
	return rv;
}

static CK_RV
call_object(void)
{
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	CK_OBJECT_HANDLE object = object_arg(), *made = next() == 1 ? NULL : block(sizeof(*made));
	struct template t = { NULL, 0 };

	if (which % 6 < 4)
		t = template_arg();
	switch (which % 6) {
	case 0: return p11->C_CreateObject(s, t.p, t.count, made);
	case 1: return p11->C_CopyObject(s, object, t.p, t.count, made);
	case 2: return p11->C_SetAttributeValue(s, object, t.p, t.count);
	case 3: return p11->C_GenerateKey(s, mechanism_arg(), t.p, t.count, made);
	case 4: return p11->C_GetObjectSize(s, object, made);
	default: return p11->C_DestroyObject(s, object);
	}
}

static CK_RV
call_init(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE) = { p11->C_SignInit,	  p11->C_DecryptInit,
								  p11->C_VerifyInit,	  p11->C_EncryptInit,
								  p11->C_SignRecoverInit, p11->C_VerifyRecoverInit,
								  p11->C_MessageSignInit, p11->C_MessageVerifyInit };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	CK_OBJECT_HANDLE key = object_arg();

	return functions[which % ARRAY_SIZE(functions)](s, mechanism_arg(), key);
}

static CK_RV
call_digest_init(void)
{
	CK_SESSION_HANDLE s = session_arg();

	return p11->C_DigestInit(s, mechanism_arg());
}

static CK_RV
call_one_shot(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *,
	 CK_ULONG *) = { p11->C_Sign,	     p11->C_Decrypt,	   p11->C_Encrypt,
			 p11->C_Digest,	     p11->C_DecryptUpdate, p11->C_EncryptUpdate,
			 p11->C_SignRecover, p11->C_VerifyRecover, p11->C_DigestEncryptUpdate };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	struct bytes in = bytes_arg();
	struct output out = output_arg();

	return check_output(&out, functions[which % ARRAY_SIZE(functions)](s, in.p, in.len, out.p, out.len));
}

static CK_RV
call_verify(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct bytes data = bytes_arg(), signature = bytes_arg();

	return p11->C_Verify(s, data.p, data.len, signature.p, signature.len);
}

static CK_RV
call_update(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG) = { p11->C_SignUpdate,	 p11->C_DigestUpdate, p11->C_VerifyUpdate,
						     p11->C_VerifyFinal, p11->C_SeedRandom,   p11->C_InitPIN };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	struct bytes in = bytes_arg();

	return functions[which % ARRAY_SIZE(functions)](s, in.p, in.len);
}

static CK_RV
call_final(void)
{
	CK_RV(*const functions[])
	(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *) = { p11->C_SignFinal, p11->C_DigestFinal, p11->C_DecryptFinal,
						       p11->C_EncryptFinal, p11->C_GetOperationState };
	uint8_t which = next();
	CK_SESSION_HANDLE s = session_arg();
	struct output out = output_arg();

	return check_output(&out, functions[which % ARRAY_SIZE(functions)](s, out.p, out.len));
}

static CK_RV
call_random(void)
{
	CK_SESSION_HANDLE s = session_arg();
	struct output out = output_arg();

	return p11->C_GenerateRandom(s, out.p, out.room);
}

static CK_RV
call_digest_key(void)
{
	CK_SESSION_HANDLE s = session_arg();

	return p11->C_DigestKey(s, object_arg());
}

static CK_RV (*const calls[])(void) = {
	call_initialize,   call_finalize,     call_general,	   call_slot,	     call_list,
	call_open_session, call_session_info, call_session_only,   call_cancel,	     call_login,
	call_find_init,	   call_find,	      call_get_attributes, call_init,	     call_one_shot,
	call_update,	   call_final,	      call_verify,	   call_digest_init, call_digest_key,
	call_random,	   call_object,	      call_hand,	   call_set_pin,     call_init_token,
};

/* Running ---------------------------------------------------------------------------------------------------------- */

/* The usual start, so that most programs get somewhere. */
static void
begin(uint8_t how)
{
	CK_UTF8CHAR pin[] = PIN;
	CK_ULONG count;

	memset(sessions, 0, sizeof(sessions));
	memset(objects, 0, sizeof(objects));
	opened = 0;
	last_output_len = 0;
	if ((how & BEGIN_BARE) != 0)
		return;
	require(p11->C_Initialize((how & BEGIN_OWN_MUTEXES) != 0 ? &own_mutexes : &no_threads) == CKR_OK);
	for (size_t i = 0; i < 2; i++)
		require(p11->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &sessions[i]) == CKR_OK);
	opened = 2;
	require(p11->C_Login(sessions[0], CKU_USER, pin, 6) == CKR_OK);
	require(p11->C_FindObjectsInit(sessions[0], NULL, 0) == CKR_OK);
	require(p11->C_FindObjects(sessions[0], objects, ARRAY_SIZE(objects), &count) == CKR_OK && count >= 4);
	require(p11->C_FindObjectsFinal(sessions[0]) == CKR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CK_INTERFACE *interface;
	uint8_t how;

	if (p11 == NULL) {
		require(C_GetInterface(NULL, NULL, &interface, 0) == CKR_OK);
		p11 = interface->pFunctionList;
	}
	program = cur_of(data, size);
	how = next();
	insert_new_card((how & BEGIN_APPLET) != 0);
	begin(how);
	for (unsigned i = 0; i < CALLS_MAX && !cur_at_end(&program); i++) {
		CK_RV rv = calls[next() % ARRAY_SIZE(calls)]();

		/* there is memory enough, and every code has a reason */
		require(rv < 0x210 && rv != CKR_GENERAL_ERROR && rv != CKR_HOST_MEMORY);
		release_blocks();
	}
	(void)p11->C_Finalize(NULL);
	require(mutexes == 0);
	vcard_close(card);
	return 0;
}
