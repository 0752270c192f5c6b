"""By what a client is known to a split."""

from collections.abc import Iterable
from typing import Literal

from middlewares.hygiene.deciding import FieldLine

Named = Literal["header", "cookie"]
By = Literal["client", "subject"] | Named


def identity_of(
    by: By, name: bytes, *, subject: str | None, client: str, fields: Iterable[FieldLine]
) -> bytes:
    """The identity of a request; `name` is that of the header, in lower case, or of the cookie.

    Who has none of what `by` asks for goes by client. The kind stands in front, so that nobody takes the
    place of somebody of another kind.
    """
    if by == "subject" and subject is not None:
        return b"subject\0" + subject.encode("utf-8", "surrogatepass")
    if by == "header":
        value = field_value(name, fields)
        if value:
            return b"header\0" + value
    elif by == "cookie":
        value = cookie_value(name, fields)
        if value:
            return b"cookie\0" + value
    return b"client\0" + client.encode("utf-8", "surrogateescape")


def field_value(name: bytes, fields: Iterable[FieldLine]) -> bytes | None:
    """The value of a field, several lines joined as RFC 9110 §5.3 says; None: the request lacks it."""
    values = [value for field, value in fields if field.lower() == name]
    return b", ".join(values) if values else None


def cookie_value(name: bytes, fields: Iterable[FieldLine]) -> bytes | None:
    """The value of the first cookie of this name that has one."""
    for field, value in fields:
        if field.lower() == b"cookie":
            for pair in value.split(b";"):
                known, _, said = pair.strip(b" \t").partition(b"=")
                if known == name and said:
                    return said
    return None
