"""Reads which version a request names, and where."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote

from middlewares.failures import BadRequest
from middlewares.version_ranges import VersionRange, parse_range
from middlewares.versions.deciding.media_types import Wanted, parameters
from middlewares.versions.policy import Place, VersionsPolicy

FieldLine = tuple[bytes, bytes]

#: What a message shows of a value.
_SHOWN = 64
#: So many versions may be named at all places together, and so many sides of `||` in them: each is compared with
#: each of another place.
_MOST_NAMED = 16
_MOST_ALTERNATIVES = 32
#: So much is read of media types that may have the parameter.
_MOST_CHARACTERS = 8192
_ACCEPT, _CONTENT_TYPE = b"accept", b"content-type"
#: A segment that names a version; any other one is a part of the path.
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE_RELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEGMENT = re.compile(
    rf"[vV]?{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?:-{_PRE_RELEASE}(?:\.{_PRE_RELEASE})*)?)?)?",
    re.ASCII,
)
_LONGEST_SEGMENT = 64
_LETTER = re.compile(r"[vV](?=[0-9])")


class Raw(NamedTuple):
    """What stands at a place: the texts in their order."""

    place: Place
    texts: tuple[str, ...]
    #: For a media type what stands in Content-Type; Accept is in `texts`.
    others: tuple[str, ...] = ()


class Named(NamedTuple):
    """The ranges that a place names: any of them will do, and the first one is the most welcome."""

    place: Place
    ranges: tuple[VersionRange, ...]


def segment_in(rest: str) -> str | None:
    """The first segment of a path, as it came, if it names a version; `rest` begins with a slash."""
    raw = rest[1:].partition("/")[0]
    if not raw or len(raw) > _LONGEST_SEGMENT:
        return None
    text = unquote(raw) if "%" in raw else raw
    return raw if _SEGMENT.fullmatch(text) else None


def without_segment(target: str, rest: str) -> str:
    """The target without the segment that names a version.

    `rest` is the raw path behind the route's prefix. A target whose path does not end with it stays as it is.
    """
    segment = segment_in(rest)
    path, mark, query = target.partition("?")
    if segment is None or not path.endswith(rest[1:]):
        return target
    before = path[: len(path) - len(rest[1:])]
    behind = rest[1 + len(segment) :]
    made = before.removesuffix("/") + behind
    return (made if made.startswith("/") else "/" + made) + mark + query


def read(
    policy: VersionsPolicy, rest: str, fields: Sequence[FieldLine], query: str
) -> tuple[Raw, ...]:
    """What stands at the places of a request; a place where nothing stands is left out."""
    found: list[Raw] = []
    names = policy.field_names
    values = [(lower, value) for name, value in fields if (lower := name.lower()) in names]
    for place in policy.places:
        texts: tuple[str, ...]
        others: tuple[str, ...] = ()
        match place.kind:
            case "path":
                segment = segment_in(rest)
                texts = () if segment is None else (segment,)
            case "header":
                texts = _values(values, place.name.encode("ascii"))
            case "media_type":
                texts = _with(place.name, _values(values, _ACCEPT))
                others = _with(place.name, _values(values, _CONTENT_TYPE))
            case "query":
                texts = _of_query(query, place.name)
        if texts or others:
            found.append(Raw(place, texts, others))
    return tuple(found)


def named(raw: Sequence[Raw]) -> tuple[Named, ...]:
    """The ranges that the texts name. Raises BadRequest for what is no version."""
    found: list[Named] = []
    number = alternatives = 0
    for one in raw:
        for levels in _levels(one):
            number += len(levels)
            _bounded(one.place, number)
            ranges = tuple(
                each for each in dict.fromkeys(_range(one.place, text) for text in levels) if each
            )
            alternatives += sum(each.alternatives for each in ranges)
            if alternatives > _MOST_ALTERNATIVES:
                raise BadRequest(
                    f"{in_words(one.place)}: a request names at most {_MOST_ALTERNATIVES} ranges with || between"
                )
            if ranges:
                found.append(Named(one.place, ranges))
    return tuple(found)


def in_words(place: Place) -> str:
    """The place, for a message."""
    match place.kind:
        case "path":
            return "the path"
        case "header":
            return place.name.title()
        case "media_type":
            return f"parameter {place.name} of Accept or Content-Type"
        case _:
            return f"query member {place.name}"


def _levels(raw: Raw) -> list[Sequence[str]]:
    """Lists of texts, of each of which one will do; all lists count."""
    if raw.place.kind == "media_type":
        if sum(map(len, (*raw.texts, *raw.others))) > _MOST_CHARACTERS:
            raise BadRequest(
                f"{in_words(raw.place)}: they may have at most {_MOST_CHARACTERS} characters"
            )
        wanted = [one for text in raw.texts for one in parameters(text, raw.place.name)]
        accepted = [one.value for one in sorted(wanted, key=_by_weight)]
        described = [one for text in raw.others for one in parameters(text, raw.place.name)]
        return [accepted, *([one.value] for one in described)]
    if raw.place.kind == "header":
        # Lines of one name are one list (RFC 9110 §5.3), whose members have to agree.
        members = [member.strip(" \t") for text in raw.texts for member in text.split(",")]
        members = [member for member in members if member]
        if not members:
            raise BadRequest(f"{in_words(raw.place)} is empty: it has to name a version")
        return [[member] for member in members]
    return [[text] for text in raw.texts]


def _by_weight(one: Wanted) -> float:
    return -one.weight


def _bounded(place: Place, number: int) -> None:
    if number > _MOST_NAMED:
        raise BadRequest(
            f"{in_words(place)} names too many versions: a request names at most {_MOST_NAMED}"
        )


def _range(place: Place, text: str) -> VersionRange | None:
    """The range of a text; None: it holds everything, as if none was named."""
    text = unquote(text) if place.kind == "path" else text
    text = text.strip(" \t")
    try:
        found = parse_range(_LETTER.sub("", text, count=1) if text[:1] in ("v", "V") else text)
    except ValueError:
        shown = ascii(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!a}…"
        raise BadRequest(
            f"{in_words(place)}: {shown} names no version; it is like 1, 1.2, 1.4.2, ^1.2 or >=1 <3"
        ) from None
    return None if found.is_any else found


def _values(fields: Sequence[FieldLine], name: bytes) -> tuple[str, ...]:
    return tuple([value.decode("latin-1") for field, value in fields if field == name])


def _with(name: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts in which the parameter may stand: a quick test for nearly every request."""
    return tuple([text for text in texts if name in text.lower()]) if texts else ()


def _of_query(query: str, name: str) -> tuple[str, ...]:
    """The values of a member of the query, percent-decoded; a plus is a plus, as in 1.2+."""
    if name not in query and "%" not in query:
        return ()
    found: list[str] = []
    for part in query.split("&"):
        if part.startswith(name) or "%" in part:
            key, _, value = part.partition("=")
            if key == name or (len(key) > len(name) and unquote(key) == name):
                found.append(unquote(value))
    return tuple(found)
