"""The JSON Schema of the file, made of the models."""

from typing import Any

from gateway.config.file.configuration import Configuration

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Pydantic's titles repeat the keys; `x-words` is for the reference page.
_LEFT_OUT = ("title", "x-words")


def json_schema() -> dict[str, Any]:
    """The schema, with a description of each key, and its default where it has one."""
    schema: dict[str, Any] = _without(annotated_schema(), _LEFT_OUT)
    return {"$schema": DIALECT, "title": "Lockgate configuration", **schema}


def annotated_schema() -> dict[str, Any]:
    """The schema, in which `x-words` names the types in words."""
    schema: dict[str, Any] = _tidied(Configuration.model_json_schema(by_alias=True))
    return schema


def _tidied(schema: Any) -> Any:
    """Drop defaults that only say that a key may be left out, and keys of mappings that are no names."""
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidied(one) for key, one in schema.items()}
    for one in tidy.get("properties", {}).values():
        if "default" in one and one["default"] in (None, [], {}):
            del one["default"]
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    return tidy


def _without(schema: Any, names: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_without(one, names) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _without(one, names) for name, one in value.items()}
        if key in ("properties", "patternProperties", "$defs")
        else _without(value, names)
        for key, value in schema.items()
        if key not in names
    }
