/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections, whoever makes them. */
#include "transport/transport.h"

#include "carderr.h"

DWORD
io_transmit(struct io *io, struct cursor command, bool secret, struct buf *response)
{
	io->exchanges++;
	return io->ops->transmit(io, command, secret, response);
}

DWORD
io_begin(struct io *io, bool *ret_reset)
{
	return io->ops->begin(io, ret_reset);
}

void
io_end(struct io *io, bool reset_card)
{
	io->ops->end(io, reset_card);
}

void
io_rest(struct io *io)
{
	if (io->ops->rest != NULL)
		io->ops->rest(io);
}

DWORD
io_control(struct io *io, uint32_t code, struct cursor in, struct buf *response)
{
	return io->ops->control != NULL ? io->ops->control(io, code, in, response) : SCARD_E_UNSUPPORTED_FEATURE;
}

bool
io_others(struct io *io)
{
	return io->ops->others != NULL && io->ops->others(io);
}

void
io_close(struct io **io)
{
	if (io == NULL || *io == NULL)
		return;
	(*io)->ops->close(*io);
	*io = NULL;
}

void
io_forget(struct io **io)
{
	if (io == NULL || *io == NULL)
		return;
	if ((*io)->ops->forget != NULL)
		(*io)->ops->forget(*io);
	else
		(*io)->ops->close(*io);
	*io = NULL;
}
