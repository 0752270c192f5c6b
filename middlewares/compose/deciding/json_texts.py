"""The JSON body of a part's request: values of the file, with those of the client's request and of earlier parts."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from middlewares.compose.deciding.texts import Known, PartText, parse_text
from middlewares.transform.deciding.variables import Template, parse_template

Scalar = int | float | bool | None


@dataclass(frozen=True)
class JsonText:
    """A value of JSON with texts in it that are filled for each request.

    A text that is one value of a part and nothing else becomes that value, of whatever kind it is.
    """

    value: "PartText | Scalar | tuple[JsonText, ...] | JsonMembers"

    def __str__(self) -> str:
        """The value as JSON, with its texts as the file has them."""
        return self._written(lambda text: json.dumps(str(text), ensure_ascii=False))

    def texts(self) -> Iterator[PartText]:
        """The texts in it."""
        if isinstance(self.value, PartText):
            yield self.value
        elif isinstance(self.value, tuple):
            for item in self.value:
                yield from item.texts()
        elif isinstance(self.value, JsonMembers):
            for _, one in self.value.members:
                yield from one.texts()

    def write(self, known: Known) -> str:
        """The JSON text. Raises NoValue."""

        def filled(text: PartText) -> str:
            only = text.only
            if only is not None:
                return known.span(only).raw
            return json.dumps(text.plain(known), ensure_ascii=False)

        return self._written(filled)

    def _written(self, of_text: Callable[[PartText], str]) -> str:
        value = self.value
        if isinstance(value, PartText):
            return of_text(value)
        if isinstance(value, tuple):
            return f"[{','.join(one._written(of_text) for one in value)}]"
        if isinstance(value, JsonMembers):
            pairs = (f"{name}:{one._written(of_text)}" for name, one in value.members)
            return f"{{{','.join(pairs)}}}"
        return json.dumps(value, allow_nan=False)


@dataclass(frozen=True)
class JsonMembers:
    """The members of an object: each name as it is written, and its value."""

    members: tuple[tuple[str, JsonText], ...]


def parse_json(value: object, parse: Callable[[str], Template] = parse_template) -> JsonText:
    """Take a value of the file apart; `parse` does it with the texts in it. Raises ValueError."""
    if isinstance(value, str):
        return JsonText(parse_text(value, parse))
    if isinstance(value, list | tuple):
        return JsonText(tuple(parse_json(one, parse) for one in value))
    if isinstance(value, dict):
        named = ((json.dumps(name, ensure_ascii=False), one) for name, one in value.items())
        return JsonText(JsonMembers(tuple((name, parse_json(one, parse)) for name, one in named)))
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError("JSON has no such number")
    assert value is None or isinstance(value, bool | int | float)
    return JsonText(value)
