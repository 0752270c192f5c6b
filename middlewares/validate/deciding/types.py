"""The types of JSON that a schema may take, for reading a text as one of them."""

from collections.abc import Mapping
from typing import Any

from middlewares.validate.deciding.translating import Schema

ALL = frozenset(["null", "boolean", "integer", "number", "string", "array", "object"])


class Kinds:
    """Finds out the types that schemas with these definitions take, once for each schema."""

    def __init__(self, defs: Mapping[str, Schema]) -> None:
        self._defs = defs
        #: By the identity of a schema, which lives as long as the definitions.
        self._known: dict[int, frozenset[str]] = {}

    def of(self, schema: Schema) -> frozenset[str]:
        """The types that a value may have; rather one too many than one too few."""
        if isinstance(schema, bool):
            return ALL
        known = self._known.get(id(schema))
        if known is None:
            self._known[id(schema)] = ALL  # for a circle of references
            known = self._known[id(schema)] = self._found(schema)
        return known

    def _found(self, schema: Mapping[str, Any]) -> frozenset[str]:
        found = named(schema.get("type"))
        if "const" in schema:
            found &= kinds_of(schema["const"])
        if isinstance(schema.get("enum"), list):
            found &= frozenset[str]().union(*map(kinds_of, schema["enum"]))
        if "$ref" in schema:
            found &= self.of(target(schema, self._defs))
        for one in schema.get("allOf", ()):
            found &= self.of(one)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                found &= frozenset[str]().union(*map(self.of, schema[key]))
        return found

    def items_of(self, schema: Schema) -> frozenset[str]:
        """The types that each item of an array may have."""
        found = [one["items"] for one in self._views(schema) if "items" in one]
        return self.of(found[0]) if found else ALL

    def properties_of(self, schema: Schema) -> dict[str, frozenset[str]]:
        """The types that each property of an object may have."""
        return {
            name: self.of(one)
            for view in self._views(schema)
            for name, one in view.get("properties", {}).items()
        }

    def _views(self, schema: Schema) -> list[Mapping[str, Any]]:
        """The schema, those that it refers to, and the branches of its `allOf`, `anyOf` and `oneOf`."""
        found: dict[int, Mapping[str, Any]] = {}
        waiting = [schema]
        while waiting:
            one = waiting.pop(0)
            if isinstance(one, bool) or id(one) in found:
                continue
            found[id(one)] = one
            if "$ref" in one:
                waiting.append(target(one, self._defs))
            for key in ("allOf", "anyOf", "oneOf"):
                waiting += one.get(key, ())
        return list(found.values())


def target(schema: Mapping[str, Any], defs: Mapping[str, Schema]) -> Schema:
    """What a translated schema refers to."""
    return defs[schema["$ref"].rpartition("/")[2]]


def named(kinds: object) -> frozenset[str]:
    """The types that `type` names."""
    if isinstance(kinds, str):
        return frozenset([kinds, "integer"]) if kinds == "number" else frozenset([kinds])
    if isinstance(kinds, list):
        return frozenset[str]().union(*map(named, kinds))
    return ALL


def kinds_of(value: Any) -> frozenset[str]:
    """The types that a value has."""
    if value is None:
        return frozenset(["null"])
    if isinstance(value, bool):
        return frozenset(["boolean"])
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return frozenset(["integer", "number"])
    if isinstance(value, float):
        return frozenset(["number"])
    if isinstance(value, str):
        return frozenset(["string"])
    return frozenset(["array" if isinstance(value, list) else "object"])
