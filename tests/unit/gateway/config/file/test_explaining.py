"""None of pydantic's own English is shown: every error that our models can raise has words of ours."""

from collections.abc import Iterator
from typing import Any

from gateway.config.file.configuration import Configuration

#: Kinds of validators, each with the errors that it raises by itself. `missing` and `extra_forbidden`
#: of a model's keys are told by Section; the rest is in the table of explaining.py.
RAISES = {
    "model": {"model_type"},
    "model-fields": {"model_type", "missing", "extra_forbidden"},
    "model-field": set(),
    "nullable": set(),
    "default": set(),
    "definitions": set(),
    "definition-ref": set(),
    "tuple": {"tuple_type"},
    "dict": {"dict_type"},
    "tagged-union": {"wrong_value"},
    "function-plain": {"value_error"},
    "function-after": {"value_error"},
    "function-wrap": {"wrong_value", "wrong_key"},
}


def kinds(schema: Any) -> Iterator[str]:
    """The kind of each validator in a core schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema["type"]
        for key, one in schema.items():
            if key not in ("metadata", "serialization", "config"):
                yield from kinds(one)
    elif isinstance(schema, list | tuple):
        for one in schema:
            yield from kinds(one)


def test_the_models_have_no_validator_whose_errors_have_no_words() -> None:
    # Functions of ours are no schemas: their `type` is that of what they call.
    there = set(kinds(Configuration.__pydantic_core_schema__)) - {"no-info", "with-info"}
    assert there == set(RAISES)
