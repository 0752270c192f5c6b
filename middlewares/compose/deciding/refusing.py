"""What the client is told where a part is missing without which there is no answer."""

from collections.abc import Iterable, Sequence
from typing import Final

from middlewares.compose.deciding.judging import FieldLine, Missing
from middlewares.failures import BadRequest, Failure, PartFailed, UpstreamTimeout

#: What a service says of the client's own request with these is told the client as it is.
PASSED_ON: Final = frozenset([400, 401, 403, 404, 409, 410, 422, 429, 451])
_FIELDS: Final = frozenset(
    [
        b"age",
        b"cache-control",
        b"content-encoding",
        b"content-language",
        b"content-type",
        b"retry-after",
        b"vary",
        b"www-authenticate",
    ]
)


def is_passed_on(missing: Missing) -> bool:
    """Whether the client gets the part's own answer."""
    return missing.status in PASSED_ON


def passed_fields(
    fields: Iterable[FieldLine], passes: frozenset[bytes]
) -> Sequence[tuple[str, str]]:
    """The fields of a part's answer that goes to the client as it is."""
    names = _FIELDS | passes
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in fields
        if name.lower() in names
    ]


def refusal(part: str, missing: Missing, failure: Failure | None) -> Failure:
    """The Failure that answers the client: the part's own, if it had one."""
    if isinstance(failure, UpstreamTimeout):
        return UpstreamTimeout(f"the part {part}: {failure.detail}")
    if failure is not None:
        return failure
    if missing.of_client:
        return BadRequest(f"the part {part} can't be asked: {missing.detail}")
    return PartFailed(f"the part {part} failed: {missing.detail}")
