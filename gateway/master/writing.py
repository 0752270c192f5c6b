"""Writes to standard streams without ever waiting for whoever reads them."""

import os
import select

#: What a pipe takes whole or not at all.
_PIECE = select.PIPE_BUF


def write_soon(descriptor: int, data: bytes) -> bool:
    """Write it, if the reader takes it by now; a master that waited would look after nobody. Says whether."""
    view = memoryview(data)
    try:
        while view:
            if not select.select((), (descriptor,), (), 0)[1]:
                return False
            view = view[os.write(descriptor, view[:_PIECE]) :]
    except (OSError, ValueError):  # the reader is gone, or the number is too large for select
        return False
    return True
