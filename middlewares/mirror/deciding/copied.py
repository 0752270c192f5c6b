"""Which requests are copied, and what of their heads the copies have."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from middlewares.head_changes import FieldEdits, HeadChanges

FieldLine = tuple[bytes, bytes]

#: Tells a service that nobody waits for its answer.
MIRROR_FIELD: Final = b"x-lockgate-mirror"
MIRROR_LINE: Final = b"X-Lockgate-Mirror: 1\r\n"
_CREDENTIALS = frozenset([b"authorization", b"cookie", b"x-api-key", b"proxy-authorization"])
_CREDENTIAL_PREFIXES = (b"x-auth-", b"client-cert")
_EVENT_STREAM = b"text/event-stream"


def is_copied(fields: Iterable[FieldLine], *, trusted: bool) -> bool:
    """Whether a request with these fields may be copied.

    One that asks for another protocol or for an event stream is not, since its answer goes on until somebody
    ends it. Nor is a copy: but only a trusted sender can say that it is one.
    """
    for name, value in fields:
        lower = name.lower()
        if lower == b"upgrade" or (lower == MIRROR_FIELD and trusted):
            return False
        if lower == b"accept" and _EVENT_STREAM in value.lower():
            return False
    return True


def is_credential(name: bytes) -> bool:
    """Whether a field may say who the client is; CGI and WSGI read `_` in a name as `-`."""
    read_as = name.lower().replace(b"_", b"-")
    return read_as in _CREDENTIALS or read_as.startswith(_CREDENTIAL_PREFIXES)


def copied_fields(fields: Sequence[FieldLine], *, credentials: bool) -> list[FieldLine]:
    """The fields of a copy."""
    return [
        (name, value)
        for name, value in fields
        if (credentials or not is_credential(name)) and not _is_mark(name)
    ]


def copied_changes(
    changes: HeadChanges | None, identity_lines: bytes, *, credentials: bool
) -> HeadChanges:
    """What is changed in a copy's head: the same as in the request's, and the copy is marked.

    `identity_lines` are those that tell the instance who the client is.
    """
    made = changes or HeadChanges()

    def stays(name: bytes) -> bool:
        return not _is_mark(name) and (credentials or not is_credential(name))

    # Rules may have taken one of them out already, or have put it among what they change.
    identity = frozenset() if credentials else frozenset(identity_lines.split(b"\r\n"))
    lines = [
        line
        for line in made.added.split(b"\r\n")
        if line and line not in identity and stays(line.partition(b":")[0])
    ]
    return HeadChanges(
        made.removed,
        {name: value for name, value in made.replaced.items() if stays(name)},
        b"".join(line + b"\r\n" for line in lines) + MIRROR_LINE,
        tuple(_edits(one, stays, identity) for one in made.edits),
    )


def _edits(
    edits: FieldEdits, stays: Callable[[bytes], bool], identity: frozenset[bytes]
) -> FieldEdits:
    """Edits after which no field is there that must not go."""
    renamed = edits.renamed.items()
    return FieldEdits(
        {old: new for old, new in renamed if stays(new)},
        edits.removed | {old for old, new in renamed if not stays(new)},
        {name: field for name, field in edits.placed.items() if stays(name)},
        tuple(
            (name, value)
            for name, value in edits.added
            if stays(name) and b"%b: %b" % (name, value) not in identity
        ),
    )


def _is_mark(name: bytes) -> bool:
    return name.lower().replace(b"_", b"-") == MIRROR_FIELD
