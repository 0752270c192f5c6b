"""Types whose values are parsed from the file by a function of ours, with messages of ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class TextWanted(ValueError):
    """The value is a number, true, false or null where text is wanted: it lacks quotes."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Annotates a type: `parse` makes its value, or raises ValueError with what is allowed.

    `words` is the type's name in the reference page, `schema` its JSON Schema.
    """

    parse: Callable[[Any], Any]
    words: str
    schema: Mapping[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)

    def _validate(self, value: object) -> Any:
        try:
            return self.parse(value)
        except TextWanted as error:
            try:
                self.parse(str(value))
            except ValueError:  # quotes would not help
                raise ValueError(*error.args) from None
            raise

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**self.schema, "x-words": self.words}


def text_of(value: object, rule: str) -> str:
    """The value if it is text; `rule` says what is allowed."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        raise TextWanted(rule)
    raise ValueError(rule)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a finite number: true and false are none."""
    finite = isinstance(value, int | float) and abs(value) < float("inf")
    return finite and not isinstance(value, bool)
