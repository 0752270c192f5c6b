"""Values with variables, and which texts need not be read."""

from middlewares.transform.bodies.deciding.editing import done, edited
from middlewares.transform.bodies.deciding.plans import Edit, steps_of
from middlewares.transform.bodies.deciding.rules import JsonValue, Remove, Rename, Set, string_of
from middlewares.transform.deciding.variables import Variable, parse_template


class Known:
    def __init__(self, **values: str) -> None:
        self._values = values

    def value(self, variable: Variable) -> str | None:
        return self._values.get(variable.kind)


WHO = JsonValue(('{"by":', parse_template("user {subject}"), ',"n":1.0}'))


def test_values_of_variables_are_escaped() -> None:
    steps = steps_of([Set(("a",), WHO)])
    made = done(edited(b'{"a":0}', steps, Known(subject='x"\\\n\u00e9')))
    assert made.decode() == '{"a":{"by":"user x\\"\\\\\\n\u00e9","n":1.0}}'


def test_what_has_no_value_is_removed_and_not_made() -> None:
    steps = steps_of([Set(("a",), WHO), Set(("b", "c"), WHO)])
    assert done(edited(b'{"a":"claimed","z":1}', steps, Known())) == b'{"z":1}'
    assert done(edited(b"[]", steps_of([Set((), WHO)]), Known())) == b"null"


def test_names_are_escaped() -> None:
    assert string_of('a"\ud800\u0001') == '"a\\"\\ud800\\u0001"'
    made = done(edited(b'{"a":1}', steps_of([Rename(("a",), 'q"')])))
    assert made == b'{"q\\"":1}'


def needles(*pointers: tuple[str, ...]) -> tuple[bytes, ...] | None:
    (step,) = steps_of([Remove(pointers)])
    assert isinstance(step, Edit)
    return step.needles


def test_needles() -> None:
    assert needles(("a", "secret"), ("*", "0", "é")) == (b'"secret"', '"é"'.encode())
    # A name that can be written without \\u in several ways, and places in arrays, are no needles.
    for pointer in (("/",), ("0",), ("*",), ('q"',), ("\n",), ("\ud800",)):
        assert needles(pointer) is None
