/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card file.
 *
 *   "MDVC"  be32 version  be32 length of the persistent section  be32 length of the volatile section
 *   persistent section  volatile section  be64 FNV-1a of everything before
 *
 * A persistent section has the profile and one block per applet {id, be32 length, bytes}; the volatile one has the
 * dispatcher's memory and one block per applet in the same order.
 */
#include "vcard/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#define STATE_VERSION 2u
#define HEADER_LEN 16u
#define CHECK_LEN 8u

static const uint8_t state_magic[4] = { 'M', 'D', 'V', 'C' };

void
vcard_put_block(struct buf *b, struct cursor block)
{
	buf_be32(b, (uint32_t)block.left);
	buf_put_cur(b, block);
}

bool
vcard_take_block(struct cursor *c, struct cursor *ret_block)
{
	struct cursor at = *c, block;
	uint32_t len;

	if (!cur_be32(&at, &len) || !cur_take(&at, len, &block))
		return false;
	*c = at;
	*ret_block = block;
	return true;
}

static uint64_t
checksum(struct cursor bytes)
{
	uint64_t sum = 0xCBF29CE484222325u;
	size_t i;

	for (i = 0; i < bytes.left; i++)
		sum = (sum ^ bytes.p[i]) * 0x100000001B3u;
	return sum;
}

void
vcard_seal(struct buf *state)
{
	uint64_t sum;

	if (buf_failed(state) || state->len < CHECK_LEN)
		return;
	buf_truncate(state, state->len - CHECK_LEN);
	sum = checksum(buf_cur(state));
	buf_be32(state, (uint32_t)(sum >> 32));
	buf_be32(state, (uint32_t)sum);
}

/* --- profile ---------------------------------------------------------------------------------------------------- */

enum { FLAG_ECC = 1, FLAG_PUK = 2, FLAG_TERMINABLE = 4, FLAG_SESSION_PINS = 8 };

static void
put_piv_profile(const struct vcard_piv_profile *p, struct buf *b)
{
	buf_be32(b, (uint32_t)(p->quirks >> 32));
	buf_be32(b, (uint32_t)p->quirks);
	buf_be32(b, p->version);
	buf_be32(b, p->pin_tries);
	buf_be32(b, p->puk_tries);
	buf_be32(b, p->max_object);
	buf_u8(b, p->admin_algorithm);
}

static bool
take_piv_profile(struct cursor *c, struct vcard_piv_profile *p)
{
	uint32_t high, low;

	if (!cur_be32(c, &high) || !cur_be32(c, &low) || !cur_be32(c, &p->version) || !cur_be32(c, &p->pin_tries) ||
	    !cur_be32(c, &p->puk_tries) || !cur_be32(c, &p->max_object) || !cur_u8(c, &p->admin_algorithm))
		return false;
	p->quirks = (uint64_t)high << 32 | low;
	return true;
}

static void
put_profile(const struct vcard_profile *p, struct buf *b)
{
	buf_be32(b, p->quirks);
	vcard_put_block(b, cur_of(p->atr, p->atr_len));
	buf_be32(b, p->pin_tries);
	buf_be32(b, p->pin_min);
	buf_be32(b, p->pin_max);
	buf_be32(b, p->max_objects);
	buf_be32(b, p->max_files);
	buf_be32(b, p->max_value);
	buf_be32(b, p->max_import);
	buf_u8(b, (uint8_t)((p->ecc ? FLAG_ECC : 0) | (p->puk ? FLAG_PUK : 0) | (p->terminable ? FLAG_TERMINABLE : 0) |
			    (p->session_pins ? FLAG_SESSION_PINS : 0)));
	buf_u8(b, (uint8_t)p->roles);
	buf_u8(b, (uint8_t)p->applications);
	put_piv_profile(&p->piv, b);
}

static bool
take_profile(struct cursor *c, struct vcard_profile *p)
{
	struct cursor atr;
	uint8_t flags, roles, applications;

	if (!cur_be32(c, &p->quirks) || !vcard_take_block(c, &atr) || atr.left == 0 || atr.left > VCARD_ATR_MAX ||
	    !cur_be32(c, &p->pin_tries) || !cur_be32(c, &p->pin_min) || !cur_be32(c, &p->pin_max) ||
	    !cur_be32(c, &p->max_objects) || !cur_be32(c, &p->max_files) || !cur_be32(c, &p->max_value) ||
	    !cur_be32(c, &p->max_import) || !cur_u8(c, &flags) || !cur_u8(c, &roles) || !cur_u8(c, &applications) ||
	    !take_piv_profile(c, &p->piv))
		return false;
	p->applications = applications;
	p->atr_len = atr.left;
	p->ecc = (flags & FLAG_ECC) != 0;
	p->puk = (flags & FLAG_PUK) != 0;
	p->terminable = (flags & FLAG_TERMINABLE) != 0;
	p->session_pins = (flags & FLAG_SESSION_PINS) != 0;
	p->roles = roles;
	return cur_copy(&atr, p->atr, p->atr_len) && vcard_profile_good(p);
}

/* --- sections --------------------------------------------------------------------------------------------------- */

static void
put_dispatcher(const struct vcard *card, struct buf *b)
{
	buf_u8(b, (uint8_t)card->selected);
	buf_u8(b, card->env.global_verified ? 1 : 0);
	buf_u8(b, card->chain_open ? 1 : 0);
	buf_put(b, card->chain_head, sizeof(card->chain_head));
	vcard_put_block(b, buf_cur(&card->chain));
	buf_be32(b, (uint32_t)card->pending_at);
	vcard_put_block(b, buf_cur(&card->pending));
}

static bool
take_dispatcher(struct cursor *c, struct vcard *card)
{
	struct cursor chain, pending;
	uint8_t selected, global, open;
	uint32_t at;

	if (!cur_u8(c, &selected) || !cur_u8(c, &global) || !cur_u8(c, &open) ||
	    !cur_copy(c, card->chain_head, sizeof(card->chain_head)) || !vcard_take_block(c, &chain) ||
	    !cur_be32(c, &at) || !vcard_take_block(c, &pending) || at > pending.left || selected > VCARD_NOT_SELECTED)
		return false;
	card->selected = selected;
	card->env.global_verified = global != 0;
	card->chain_open = open != 0;
	card->pending_at = at;
	buf_put_cur(&card->chain, chain);
	buf_put_cur(&card->pending, pending);
	return !buf_failed(&card->chain) && !buf_failed(&card->pending);
}

void
vcard_encode(const struct vcard *card, struct buf *state)
{
	AUTO_BUF struct buf persistent = BUF_INIT_MAX(STATE_MAX);
	AUTO_BUF struct buf transient = BUF_INIT_MAX(STATE_MAX);
	AUTO_BUF struct buf part = BUF_INIT_MAX(STATE_MAX);
	AUTO_BUF struct buf transient_part = BUF_INIT_MAX(STATE_MAX);
	unsigned i;

	put_profile(&card->env.profile, &persistent);
	put_dispatcher(card, &transient);
	for (i = 0; i < VCARD_APPLETS; i++) {
		buf_reset(&part);
		buf_reset(&transient_part);
		vcard_applets[i]->save(card->applets[i], &part, &transient_part);
		buf_u8(&persistent, vcard_applets[i]->id);
		vcard_put_block(&persistent, buf_cur(&part));
		vcard_put_block(&transient, buf_cur(&transient_part));
		state->failed |= buf_failed(&part) || buf_failed(&transient_part);
	}
	buf_put(state, state_magic, sizeof(state_magic));
	buf_be32(state, STATE_VERSION);
	buf_be32(state, (uint32_t)persistent.len);
	buf_be32(state, (uint32_t)transient.len);
	buf_put_cur(state, buf_cur(&persistent));
	buf_put_cur(state, buf_cur(&transient));
	state->failed |= buf_failed(&persistent) || buf_failed(&transient);
	buf_zeros(state, CHECK_LEN);
	vcard_seal(state);
}

static bool
is_whole(struct cursor state)
{
	struct cursor body;
	uint32_t high, low;

	return state.left >= HEADER_LEN + CHECK_LEN && cur_take(&state, state.left - CHECK_LEN, &body) &&
	       cur_be32(&state, &high) && cur_be32(&state, &low) && checksum(body) == ((uint64_t)high << 32 | low);
}

static bool
split(struct cursor body, struct cursor *ret_persistent, struct cursor *ret_transient)
{
	struct cursor magic;
	uint32_t version, persistent_len, transient_len;

	return cur_take(&body, sizeof(state_magic), &magic) && cur_equals(&magic, state_magic, sizeof(state_magic)) &&
	       cur_be32(&body, &version) && version == STATE_VERSION && cur_be32(&body, &persistent_len) &&
	       cur_be32(&body, &transient_len) && cur_take(&body, persistent_len, ret_persistent) &&
	       cur_take(&body, transient_len, ret_transient) && body.left == CHECK_LEN;
}

static bool
load_applets(struct vcard *card, struct cursor *persistent, struct cursor *transient)
{
	struct cursor part, transient_part;
	uint8_t id;
	unsigned i;

	for (i = 0; i < VCARD_APPLETS; i++) {
		if (!cur_u8(persistent, &id) || id != vcard_applets[i]->id || !vcard_take_block(persistent, &part) ||
		    !vcard_take_block(transient, &transient_part) ||
		    !vcard_applets[i]->load(card->applets[i], &part, &transient_part) || !cur_at_end(&part) ||
		    !cur_at_end(&transient_part))
			return false;
	}
	return true;
}

bool
vcard_decode(struct vcard *card, struct cursor state)
{
	struct cursor persistent, transient;

	return is_whole(state) && split(state, &persistent, &transient) &&
	       take_profile(&persistent, &card->env.profile) && take_dispatcher(&transient, card) &&
	       load_applets(card, &persistent, &transient) && cur_at_end(&persistent) && cur_at_end(&transient);
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static int
read_all(int fd, struct buf *ret_content)
{
	struct stat st;
	uint8_t *room;
	size_t got = 0;
	ssize_t n = 1;

	if (fstat(fd, &st) != 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > (off_t)STATE_MAX) {
		errno = EBADMSG;
		return -1;
	}
	room = buf_extend(ret_content, (size_t)st.st_size);
	if (room == NULL) {
		errno = ENOMEM;
		return -1;
	}
	while (got < (size_t)st.st_size && n > 0) {
		n = read(fd, room + got, (size_t)st.st_size - got);
		if (n > 0)
			got += (size_t)n;
	}
	if (n < 0)
		return -1;
	buf_truncate(ret_content, got);
	return 0;
}

struct vcard *
vcard_open(const char *path)
{
	static const struct vcard_profile blank;
	AUTO_BUF struct buf content = BUF_INIT_MAX(STATE_MAX);
	struct vcard *card;
	int fd = open(path, O_RDONLY | O_CLOEXEC), failed, error;

	if (fd < 0)
		return NULL;
	failed = read_all(fd, &content);
	error = errno;
	(void)close(fd);
	errno = error;
	if (failed != 0)
		return NULL;
	card = vcard_new(path, &blank);
	if (card == NULL)
		return NULL;
	if (!vcard_decode(card, buf_cur(&content))) {
		vcard_close(card);
		errno = EBADMSG;
		return NULL;
	}
	buf_move(&card->saved, &content);
	return card;
}

static bool
write_all(int fd, struct cursor content)
{
	struct cursor part;
	ssize_t n;

	while (content.left > 0) {
		n = write(fd, content.p, content.left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || !cur_take(&content, (size_t)n, &part))
			return false;
	}
	return true;
}

/* The persistent section and everything before it: what must survive a loss of power. */
static bool
same_persistent(const struct buf *old, const struct buf *new)
{
	struct cursor old_persistent, new_persistent, rest;

	return split(buf_cur(old), &old_persistent, &rest) && split(buf_cur(new), &new_persistent, &rest) &&
	       old_persistent.left == new_persistent.left &&
	       cur_equals(&old_persistent, new_persistent.p, new_persistent.left);
}

static int
write_temporary(const char *name, int fd, const char *path, struct cursor content, bool sync, bool fresh)
{
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || !write_all(fd, content) || (sync && fsync(fd) != 0))
		return -1;
	/* link, unlike rename, refuses a name that exists */
	return fresh ? link(name, path) : rename(name, path);
}

static int
write_beside(const char *path, struct cursor content, bool sync, bool fresh)
{
	size_t room = strlen(path) + sizeof(".XXXXXX");
	char *name = malloc(room);
	int fd = -1, failed = -1, error;

	if (name != NULL) {
		(void)snprintf(name, room, "%s.XXXXXX", path);
		fd = mkstemp(name);
	}
	if (fd >= 0)
		failed = write_temporary(name, fd, path, content, sync, fresh);
	error = errno;
	if (fd >= 0)
		(void)close(fd);
	if (fd >= 0 && (failed != 0 || fresh))
		(void)unlink(name);
	free(name);
	errno = error;
	return failed;
}

int
vcard_save(struct vcard *card)
{
	AUTO_BUF struct buf state = BUF_INIT_MAX(STATE_MAX);
	struct cursor old = buf_cur(&card->saved);

	vcard_encode(card, &state);
	if (buf_failed(&state)) {
		errno = ENOMEM;
		return -1;
	}
	if (old.left == state.len && cur_equals(&old, state.p, state.len))
		return 0;
	if (write_beside(card->path, buf_cur(&state), !same_persistent(&card->saved, &state), false) != 0)
		return -1;
	buf_move(&card->saved, &state);
	return 0;
}

int
vcard_create(const char *path, const struct vcard_profile *profile)
{
	AUTO_BUF struct buf state = BUF_INIT_MAX(STATE_MAX);
	struct vcard *card;

	if (profile->atr_len > VCARD_ATR_MAX) {
		errno = EINVAL;
		return -1;
	}
	card = vcard_new(path, profile);
	if (card == NULL)
		return -1;
	if (!vcard_profile_good(&card->env.profile)) {
		vcard_close(card);
		errno = EINVAL;
		return -1;
	}
	vcard_encode(card, &state);
	vcard_close(card);
	if (buf_failed(&state)) {
		errno = ENOMEM;
		return -1;
	}
	return write_beside(path, buf_cur(&state), true, true);
}
