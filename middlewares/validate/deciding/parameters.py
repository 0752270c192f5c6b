"""A parameter of an operation: what its values may be, wherever they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from middlewares.validate.deciding.bodies import TooDeep, check_json
from middlewares.validate.deciding.json_bodies import TOO_DEEP
from middlewares.validate.deciding.media_types import essence, is_json
from middlewares.validate.deciding.reading_texts import first_reading, readings
from middlewares.validate.deciding.references import LeftOut, Source
from middlewares.validate.deciding.schemas import CompiledSchema, SchemaBook
from middlewares.validate.deciding.styles import Raw, Shape
from middlewares.validate.deciding.types import ALL
from middlewares.validate.deciding.unfit import Place, Unfit

_PLACES = ("path", "query", "header", "cookie")
_STYLES = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
#: OpenAPI says of the first three that such a parameter is ignored; the gateway sets the others itself.
_NOT_HELD = frozenset(
    [
        "accept",
        "content-type",
        "authorization",
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "via",
        "te",
        "x-correlation-id",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-prefix",
        "upgrade",
        "keep-alive",
        "trailer",
        "expect",
        "x-request-timeout",
    ]
)
_SCALARS = frozenset(["string", "integer", "number", "boolean"])


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, ready to be asked; `field` is its name as a key of header fields."""

    place: Place
    name: str
    required: bool
    shape: Shape
    schema: CompiledSchema
    #: The types of the text, of each item, or of each property.
    kinds: frozenset[str]
    properties: Mapping[str, frozenset[str]]
    is_json: bool = False
    may_be_empty: bool = False
    field: bytes = b""

    def check_missing(self) -> list[Unfit]:
        """What does not fit where a request has no value; an object without members is often written as nothing."""
        shape = self.shape
        is_spread = shape.kind == "object" and (shape.explode or shape.style == "deepObject")
        if not self.required or (is_spread and self.schema.fits({})):
            return []
        return [Unfit(self.place, self.name, "", "a value: it is required")]

    def check(self, raw: Raw) -> list[Unfit]:
        """What does not fit of one value; none of it is fine."""
        schema = self.schema
        if isinstance(raw, str):
            return self._check_text(raw)
        value: Any
        if isinstance(raw, list):
            value = [first_reading(part, self.kinds) for part in raw]
            if schema.fits(value) or schema.fits(raw):
                return []
        else:
            value = {
                name: first_reading(part, self.properties.get(name, self.kinds))
                for name, part in raw.items()
            }
            if schema.fits(value) or schema.fits(raw):
                return []
        return self._unfit(value)

    def _check_text(self, text: str) -> list[Unfit]:
        schema = self.schema
        if self.is_json:
            return self._check_json(text.encode())
        if schema.takes_any_text or (self.may_be_empty and not text):
            return []
        for value in readings(text, self.kinds):
            if schema.fits(value):
                return []
        if "array" in self.kinds and self.kinds != ALL:
            parts = [first_reading(part, self.schema.items) for part in text.split(",")]
            if schema.fits(parts):
                return []
        return self._unfit(first_reading(text, self.kinds))

    def _check_json(self, text: bytes) -> list[Unfit]:
        try:
            found = check_json(self.schema, text)
        except TooDeep:  # no body, whose head could be held all the same
            return [Unfit(self.place, self.name, "", TOO_DEEP)]
        return [one._replace(place=self.place, name=self.name) for one in found]

    def _unfit(self, value: Any) -> list[Unfit]:
        found = self.schema.explain(value)
        return [Unfit(self.place, self.name, pointer, text) for pointer, text in found]


def read_parameter(node: object, source: Source, book: SchemaBook) -> Parameter | None:
    """The parameter of an object in the document; None: it is not held against. Raises LeftOut."""
    found = source.resolved(node, "a parameter")
    place, name = found.get("in"), found.get("name")
    if place not in _PLACES or not isinstance(name, str):
        raise LeftOut("a parameter without `in` or `name`")
    if place == "header" and name.lower() in _NOT_HELD:
        return None
    style = found.get("style", _STYLES[place][0])
    if style not in _STYLES[place]:
        raise LeftOut(f"parameter {name[:60]!r}: style {str(style)[:40]!r} is not one of {place}'s")
    explode = found.get("explode", style == "form") is True
    schema, has_json = _schema_of(found, name)
    compiled = book.compile(schema)
    kind = "text" if has_json else _kind(compiled)
    properties = compiled.properties if kind == "object" else {}
    kinds = compiled.items if kind == "list" else compiled.kinds
    if kind == "object":
        kinds = _SCALARS
    if not has_json and not all(one & _SCALARS for one in (kinds, *properties.values())):
        # OpenAPI does not say how lists within lists or objects are written.
        compiled = book.compile({})
    return Parameter(
        place=cast("Place", place),
        name=name,
        required=found.get("required") is True or place == "path",
        shape=Shape(name, style, explode, kind, frozenset(properties)),
        schema=compiled,
        kinds=kinds,
        properties=properties,
        is_json=has_json,
        may_be_empty=found.get("allowEmptyValue") is True,
        field=name.lower().encode("latin-1", "replace") if place == "header" else b"",
    )


def _schema_of(found: Mapping[str, Any], name: str) -> tuple[object, bool]:
    content = found.get("content")
    if content is None:
        return found.get("schema", {}), False
    if not isinstance(content, Mapping) or len(content) != 1:
        raise LeftOut(f"parameter {name[:60]!r}: content must name one media type")
    ((media_type, described),) = content.items()
    if not is_json(essence(str(media_type))):
        return {}, False
    schema = described.get("schema", {}) if isinstance(described, Mapping) else {}
    return schema, True


def _kind(schema: CompiledSchema) -> str:
    """Whether the parameter is one text, a list or an object; where it may be several, a text."""
    kinds = schema.kinds - {"null"}
    if kinds == {"array"}:
        return "list"
    if kinds == {"object"}:
        return "object"
    return "text"
