"""The body that an operation takes or answers with, by media type."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from middlewares.validate.deciding.json_bodies import NotRead, is_deeper, read_json
from middlewares.validate.deciding.media_types import chosen, essence, is_json
from middlewares.validate.deciding.references import LeftOut, Source
from middlewares.validate.deciding.schemas import CompiledSchema, SchemaBook
from middlewares.validate.deciding.unfit import Unfit

Fields = Callable[[bytes], Sequence[bytes]]


class _Other(Enum):
    """Says that the media type is none of those that may come."""

    OTHER = "other"


_OTHER = _Other.OTHER


#: A fraction is compared exactly, which takes some microseconds for each value.
MOST_COMPARED_EXACTLY = 5000


class TooDeep(Exception):
    """The body is nested more deeply than can be checked in a bounded time."""


class TooMany(TooDeep):
    """The body has more values than can be compared with fractions in a bounded time."""


@dataclass(frozen=True, slots=True)
class Content:
    """The media types that may come, and the schemas of those that are JSON (None: it is not read)."""

    schemas: Mapping[str, CompiledSchema | None]
    required: bool = False
    #: The schemas of the usual ways to write a media type, so that they need not be taken apart.
    usual: Mapping[bytes, CompiledSchema | None] = field(default_factory=dict)

    def check(self, body: bytes | None, has_body: bool, fields: Fields) -> list[Unfit]:
        """What does not fit; of a body that was not read (None), the media type alone. Raises TooDeep."""
        if not has_body or body == b"":
            return [Unfit("body", "", "", "a body: it is required")] if self.required else []
        if not self.schemas:
            return []
        schema = self._schema(fields)
        if schema is _OTHER:
            expected = f"one of {', '.join(self.schemas)}"
            return [Unfit("header", "Content-Type", "", expected)]
        return [] if schema is None or body is None else check_json(schema, body)

    def reads(self, fields: Fields) -> bool:
        """Whether the body of a message with these fields is JSON that has to be read."""
        schema = self._schema(fields)
        return schema is not None and schema is not _OTHER

    def _schema(self, fields: Fields) -> "CompiledSchema | _Other | None":
        """The schema of the body; None: it is not read. Without Content-Type it is of the only type there is."""
        types = fields(b"content-type")
        if len(types) == 1 and types[0] in self.usual:
            return self.usual[types[0]]
        schemas = self.schemas
        if len(types) == 1:
            media_type = essence(types[0].decode("latin-1"))
        elif not types and len(schemas) == 1:
            media_type = essence(next(iter(schemas)))
        else:
            return _OTHER
        key = chosen(media_type, schemas)
        if key is None:
            return _OTHER
        return schemas[key] if is_json(media_type) or is_json(essence(key)) else None


def check_json(schema: CompiledSchema, body: bytes) -> list[Unfit]:
    """What does not fit of a body of JSON. Raises TooDeep."""
    try:
        value = read_json(body)
    except NotRead as error:
        return [Unfit("body", "", "", str(error))]
    if schema.has_fractions and body.count(b",") > MOST_COMPARED_EXACTLY:
        raise TooMany
    if schema.most_depth is not None and is_deeper(value, schema.most_depth):
        raise TooDeep
    if schema.fits(value):
        return []
    return [Unfit("body", "", pointer, text) for pointer, text in schema.explain(value)]


def read_content(node: object, source: Source, book: SchemaBook, what: str) -> Content:
    """The body of an object in the document. Raises LeftOut."""
    found = source.resolved(node, what)
    content = found.get("content", {})
    if not isinstance(content, Mapping):
        raise LeftOut(f"{what}: content is not an object")
    schemas: dict[str, CompiledSchema | None] = {}
    for key, described in content.items():
        media_type = essence(str(key))
        may_be_json = is_json(media_type) or media_type in ("*/*", "application/*")
        schema = described.get("schema") if isinstance(described, Mapping) else None
        schemas[str(key)] = None
        if may_be_json and schema is not None:
            compiled = book.compile(schema)
            schemas[str(key)] = None if compiled.is_free else compiled
    usual = {
        f"{key}{parameter}".encode("latin-1", "replace"): schema
        for key, schema in schemas.items()
        if is_json(key)
        for parameter in ("", "; charset=utf-8", ";charset=utf-8", "; charset=UTF-8")
    }
    return Content(schemas, found.get("required") is True, usual)
