"""Schemas of OpenAPI 3.0 and 3.1 as JSON Schema 2020-12, with nothing but what a validator needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from middlewares.validate.deciding.references import LeftOut, Source
from middlewares.validate.deciding.ways import ITEM, MEMBER, ROOT, Place, Refs, most_depth

#: The most schemas in all that one message is held against, and how deeply they may stand in each other.
MOST_NODES = 4000
MOST_DEPTH = 60

#: How many branches of `allOf` are looked through for properties that a schema requires.
MOST_BASES = 64

Direction = Literal["request", "answer"]
Schema = dict[str, Any] | bool

_ASSERTIONS = frozenset(
    [
        "type",
        "enum",
        "multipleOf",
        "maximum",
        "minimum",
        "maxLength",
        "minLength",
        "maxItems",
        "minItems",
        "uniqueItems",
        "maxProperties",
        "minProperties",
    ]
)
_ASSERTIONS_31 = _ASSERTIONS | frozenset(
    [
        "const",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "minContains",
        "maxContains",
        "dependentRequired",
    ]
)
_ONE = frozenset(["items", "additionalProperties", "not"])
_ONE_31 = _ONE | frozenset(
    ["contains", "propertyNames", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties"]
)
_LISTS = frozenset(["allOf", "anyOf", "oneOf"])
_LISTS_31 = _LISTS | {"prefixItems"}
_NAMED = frozenset(["properties"])
_NAMED_31 = _NAMED | {"patternProperties", "dependentSchemas"}
#: Where the parts of a value are that a keyword is about; those of the others stand at the value itself.
_STEPS = {
    "items": ITEM,
    "prefixItems": ITEM,
    "contains": ITEM,
    "unevaluatedItems": ITEM,
    "additionalProperties": MEMBER,
    "patternProperties": MEMBER,
    "propertyNames": MEMBER,
    "unevaluatedProperties": MEMBER,
}
#: With these, references mean something else than what is read here.
_NOT_READ = ("$id", "$dynamicRef", "$recursiveRef")
#: Those that are checked where a route says `formats: true`.
_FORMATS = frozenset(
    [
        "date-time",
        "date",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "uuid",
    ]
)
_RANGES = {"int32": 2**31, "int64": 2**63}


@dataclass(slots=True)
class Piece:
    """A schema that is translated, with what it refers to."""

    schema: Schema = True
    refs: Refs = field(default_factory=Refs)
    nodes: int = 0
    #: Whether a number is compared with one that is not whole, which takes a hundred times as long.
    has_fractions: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """A schema with all that it refers to under `$defs`.

    `most_depth` limits how deeply a value may be nested; None: any depth can be checked.
    """

    schema: Schema
    defs: Mapping[str, Schema]
    most_depth: int | None
    #: How many schemas it has.
    nodes: int = 0
    has_fractions: bool = False

    @property
    def whole(self) -> Schema:
        """The schema with its definitions in it."""
        if isinstance(self.schema, bool) or not self.defs:
            return self.schema
        return {**self.schema, "$defs": self.defs}


class Translator:
    """Translates the schemas of one document for one direction; what a reference names, once."""

    def __init__(
        self,
        source: Source,
        direction: Direction,
        *,
        is_30: bool,
        formats: bool,
        can_match: Callable[[str], bool],
    ) -> None:
        self._source = source
        self._hidden = "readOnly" if direction == "request" else "writeOnly"
        self._is_30 = is_30
        self._formats = formats
        self._can_match = can_match
        self._defs: dict[str, Piece] = {}
        self._names: dict[str, str] = {}
        self._assertions = _ASSERTIONS if is_30 else _ASSERTIONS_31
        self._one = _ONE if is_30 else _ONE_31
        self._lists = _LISTS if is_30 else _LISTS_31
        self._named = _NAMED if is_30 else _NAMED_31
        #: What is not checked although the document says it.
        self.notes: set[str] = set()
        #: The names that the document gives to properties.
        self.names: set[str] = set()

    def bundle(self, schema: object) -> Bundle:
        """A schema with all that it refers to. Raises LeftOut."""
        root = self._piece(schema)
        reached: dict[str, Piece] = {}
        nodes, waiting = root.nodes, root.refs.names()
        while waiting:
            reference = waiting.pop()
            if reference in reached:
                continue
            piece = reached[reference] = self._definition(reference)
            waiting += piece.refs.names()
            nodes += piece.nodes
            if nodes > MOST_NODES:
                raise LeftOut(f"its schemas are more than {MOST_NODES}")
        defs = {self._name(one): piece.schema for one, piece in reached.items()}
        refs = {ROOT: root.refs, **{one: piece.refs for one, piece in reached.items()}}
        has_fractions = any(one.has_fractions for one in (root, *reached.values()))
        return Bundle(root.schema, defs, most_depth(refs), nodes, has_fractions)

    def _definition(self, reference: str) -> Piece:
        piece = self._defs.get(reference)
        if piece is None:
            piece = self._defs[reference] = self._piece(self._source.at(reference))
        return piece

    def _name(self, reference: str) -> str:
        return self._names.setdefault(reference, str(len(self._names)))

    def _piece(self, node: object) -> Piece:
        piece = Piece()
        piece.schema = self._schema(node, piece, 0, ())
        return piece

    def _schema(self, node: object, piece: Piece, depth: int, place: Place) -> Schema:
        piece.nodes += 1
        if piece.nodes > MOST_NODES:
            raise LeftOut(f"its schemas are more than {MOST_NODES}")
        if depth > MOST_DEPTH:
            raise LeftOut(f"its schemas stand in each other more than {MOST_DEPTH} deep")
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            raise LeftOut("a schema is not an object")
        for key in _NOT_READ:
            if key in node and not self._is_30:
                raise LeftOut(f"a schema with {key} is not read")
        made: dict[str, Any] = {}
        if "$ref" in node:
            reference = node["$ref"]
            self._source.at(reference)
            piece.refs.add(reference, place)
            made["$ref"] = f"#/$defs/{self._name(reference)}"
            if self._is_30:  # what stands beside it is ignored
                return made
        for key, value in node.items():
            self._keyword(key, value, made, piece, depth, place)
        self._required(node, made)
        self._contents(node, made)
        if "discriminator" in node and "oneOf" in made:
            # The discriminator says which one is meant, though others may take the value too.
            made["anyOf"] = made.pop("oneOf") if "anyOf" not in made else made["anyOf"]
        if self._is_30:
            _bounds_of_30(node, made)
            if node.get("nullable") is True:
                return _or_null(made)
        return made

    def _keyword(
        self,
        key: str,
        value: Any,
        made: dict[str, Any],
        piece: Piece,
        depth: int,
        place: Place,
    ) -> None:
        step = _STEPS.get(key)
        below = place if step is None else (*place, step)
        if key in self._assertions:
            made[key] = _whole(value)
            piece.has_fractions |= (
                # 1e300 is compared exactly with a whole number too.
                key == "multipleOf"
                or _is_fraction(made[key])
                or (key in ("enum", "const") and _has_fraction(value))
            )
        elif key in self._one:
            made[key] = self._schema(value, piece, depth + 1, below)
        elif key in self._lists:
            if not isinstance(value, list):
                raise LeftOut(f"{key} is not a list")
            made[key] = [self._schema(one, piece, depth + 1, below) for one in value]
        elif key in self._named:
            if not isinstance(value, Mapping):
                raise LeftOut(f"{key} is not an object")
            made[key] = {
                name: self._schema(
                    one, piece, depth + 1, (*place, f"/{name}") if key == "properties" else below
                )
                for name, one in value.items()
                if key != "patternProperties" or self._matches(name)
            }
            self.names.update(made[key])
            if key == "patternProperties" and len(made[key]) < len(value):
                # Without one of them, it is not known which properties are additional ones.
                raise LeftOut("a name in patternProperties can't be matched in linear time")
        elif key == "pattern" and isinstance(value, str) and self._matches(value):
            made[key] = value

    def _matches(self, pattern: str) -> bool:
        if self._can_match(pattern):
            return True
        self.notes.add(f"pattern {pattern[:60]!r} is not checked: it needs more than linear time")
        return False

    def _required(self, node: Mapping[str, Any], made: dict[str, Any]) -> None:
        """A property that goes the other way alone is not required in this one."""
        required = node.get("required")
        if not isinstance(required, list) or not required:
            return
        hidden = self._hidden_in(node)
        kept = [name for name in _once(required) if name not in hidden]
        if kept:
            made["required"] = kept

    def _hidden_in(self, node: Mapping[str, Any]) -> set[str]:
        """The properties of a schema, and of the branches of its `allOf`, that go the other way alone."""
        found: set[str] = set()
        seen, waiting = {id(node)}, [node]
        for one in waiting:
            properties = one.get("properties")
            for name, schema in properties.items() if isinstance(properties, Mapping) else ():
                if isinstance(schema, Mapping) and self._is_hidden(schema):
                    found.add(name)
            branches = one.get("allOf")
            for branch in branches if isinstance(branches, list) else ():
                try:
                    base = self._source.resolved(branch, "a schema")
                except LeftOut:  # said where the branch itself is translated
                    continue
                if id(base) not in seen and len(seen) < MOST_BASES:
                    seen.add(id(base))
                    waiting.append(base)
        return found

    def _is_hidden(self, schema: Mapping[str, Any]) -> bool:
        if schema.get(self._hidden) is True and not (self._is_30 and "$ref" in schema):
            return True
        try:
            return "$ref" in schema and (
                self._source.resolved(schema, "a schema").get(self._hidden) is True
            )
        except LeftOut:
            return False

    def _contents(self, node: Mapping[str, Any], made: dict[str, Any]) -> None:
        """What `format` says, where it is asked for."""
        kind = node.get("format")
        if not self._formats or not isinstance(kind, str):
            return
        if kind in _FORMATS:
            made["format"] = kind
        elif kind in _RANGES and node.get("type") == "integer":
            made["minimum"] = max(_number(node.get("minimum")), -_RANGES[kind])
            if "maximum" not in made:
                made["maximum"] = _RANGES[kind] - 1


def _once(names: list[Any]) -> list[Any]:
    """Names without those that stand there again, as some generators write them."""
    return [*dict.fromkeys(names)] if all(isinstance(one, str) for one in names) else names


def _whole(value: Any) -> Any:
    """A number that is whole as an integer, with which the library compares a hundred times as fast."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_fraction(value: Any) -> bool:
    return isinstance(value, float) and not value.is_integer()


def _has_fraction(value: Any) -> bool:
    """Whether a number that is not written as an integer is somewhere in a value."""
    waiting = [value]
    for one in waiting:
        if isinstance(one, float):
            return True
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
    return False


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else float("-inf")


def _bounds_of_30(node: Mapping[str, Any], made: dict[str, Any]) -> None:
    """`exclusiveMinimum: true` of 3.0 is a number since."""
    for bound, exclusive in (
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ):
        if node.get(exclusive) is True and bound in made:
            made[exclusive] = made.pop(bound)


def _or_null(made: dict[str, Any]) -> dict[str, Any]:
    kind = made.get("type")
    if isinstance(kind, str) and made.keys().isdisjoint(("enum", "allOf", "anyOf", "oneOf", "not")):
        return {**made, "type": [kind, "null"]}
    return {"anyOf": [{"type": "null"}, made]}
