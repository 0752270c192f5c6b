"""Applies what the layers change in a head."""

from collections.abc import Sequence

from gateway.upstream.messages import FieldLine
from middlewares.head_changes import HeadChanges
from middlewares.header_section import CREDENTIAL_FIELDS

_END = b"\r\n"


def changed_lines(
    ready_lines: bytes, credential_lines: Sequence[bytes], changes: HeadChanges
) -> bytes:
    """The lines of a request, with a CRLF between two, without those removed, and with others replaced.

    `credential_lines` are those among them that may have credentials.
    """
    if changes.removed <= CREDENTIAL_FIELDS and not changes.replaced:
        for line in credential_lines:
            if _as_read(line.partition(b":")[0]) in changes.removed:
                whole = b"\r\n%b\r\n" % ready_lines
                ready_lines = whole.replace(b"\r\n%b\r\n" % line, _END, 1)[2:-2]
        return ready_lines
    split = [line.split(b": ", 1) for line in ready_lines.split(_END)]
    fields = changed_fields([(name, value) for name, value in split], changes)
    return _END.join([b"%b: %b" % field for field in fields])


def changed_fields(fields: Sequence[FieldLine], changes: HeadChanges) -> Sequence[FieldLine]:
    """The fields without those removed, and with others replaced; what is added is not among them."""
    removed, replaced = changes.removed, dict(changes.replaced)
    kept: list[FieldLine] = []
    for name, value in fields:
        read_as = _as_read(name)
        if read_as in removed:
            continue
        if read_as in changes.replaced:
            new = replaced.pop(read_as, None)
            if new is None:
                continue
            value = new
        kept.append((name, value))
    return kept


def _as_read(name: bytes) -> bytes:
    """The name as CGI and WSGI may read it too."""
    return name.lower().replace(b"_", b"-")
