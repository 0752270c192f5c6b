"""JMESPath over JSON texts; numbers that an expression only passes on keep their digits."""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Self

from middlewares.transform.bodies.deciding.grammar import NotJson, TooLarge
from middlewares.transform.bodies.deciding.rules import Query, string_of
from middlewares.transform.bodies.deciding.walking import BYTE_ORDER_MARK

#: A longer text is not queried: all of it becomes objects at once.
MOST_CHARACTERS = 256 * 1024
#: So many digits of an integer pass a float without loss.
_EXACT_DIGITS = 15


class NotQueried(NotJson):
    """The expression does not fit the text."""


def check_expression(expression: str) -> None:
    """Raises ValueError with what is wrong with it."""
    import jmespath

    try:
        parsed = jmespath.compile(expression).parsed
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"is no expression of JMESPath{_place_of(error)}") from None
    except RecursionError:
        raise ValueError("has too many levels for an expression of JMESPath") from None
    table = jmespath.functions.Functions.FUNCTION_TABLE
    for name, given in _functions_in(parsed):
        if name not in table:
            known = ", ".join(sorted(table))
            raise ValueError(f"calls {name}, and JMESPath has no such function; it has {known}")
        signature = table[name]["signature"]
        taken, is_variadic = len(signature), signature[-1].get("variadic", False)
        if given < taken or (given > taken and not is_variadic):
            some = f"{taken} or more" if is_variadic else f"{taken}"
            raise ValueError(f"calls {name} with {given} arguments, and it takes {some}")


def _functions_in(node: Any) -> Iterator[tuple[str, int]]:
    """The names of the functions that a parsed expression calls, and how many arguments each gets."""
    if isinstance(node, dict):
        if node.get("type") == "function_expression":
            yield node["value"], len(node["children"])
        for child in node.get("children", ()):
            yield from _functions_in(child)


def _place_of(error: Exception) -> str:
    for name in ("lex_position", "lexer_position"):
        position = getattr(error, name, None)
        if position is not None:
            return f": see its character {position + 1}"
    return ""


def yielded(text: str, query: Query) -> str:
    """What the expression yields of a JSON text. Raises NotJson."""
    import jmespath

    if len(text) > MOST_CHARACTERS:
        raise TooLarge("it is too large for JMESPath")
    try:
        document = json.loads(
            text.removeprefix(BYTE_ORDER_MARK),
            parse_float=_Number,
            parse_int=_integer,
            parse_constant=_refuse,
        )
        found = _compiled(query.expression)(document)
        return _text_of(found)
    except jmespath.exceptions.JMESPathError as error:
        raise NotQueried(_first_line(error)) from None
    except NotJson:
        raise
    except RecursionError:
        raise NotQueried("it has too many levels for JMESPath") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise NotJson(str(error)) from None


class _Number(float):
    """A number that knows how it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self) -> str:
        return self.text


# JMESPath looks at the name of a value's type.
_Number.__name__ = "float"


def _integer(text: str) -> int | _Number:
    if len(text) <= _EXACT_DIGITS and text != "-0":
        return int(text)
    return _Number(text)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _text_of(found: Any) -> str:
    pieces: list[str] = []
    _write(found, pieces.append)
    return "".join(pieces)


def _write(value: Any, put: Callable[[str], None]) -> None:
    """Write a value as JSON. `json` writes a float by its value, and knows no way to write it as it was."""
    if isinstance(value, _Number):
        put(value.text)
    elif isinstance(value, dict):
        mark = "{"
        for name, one in value.items():
            put(f"{mark}{string_of(name)}:")
            _write(one, put)
            mark = ","
        put("}" if value else "{}")
    elif isinstance(value, list):
        mark = "["
        for one in value:
            put(mark)
            _write(one, put)
            mark = ","
        put("]" if value else "[]")
    elif isinstance(value, str):
        put(string_of(value))
    elif isinstance(value, bool | int | float | None):
        put(json.dumps(value, allow_nan=False))
    else:
        raise NotQueried("the expression yields no JSON")


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Callable[[Any], Any]:
    import jmespath

    search: Callable[[Any], Any] = jmespath.compile(expression).search
    return search


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
