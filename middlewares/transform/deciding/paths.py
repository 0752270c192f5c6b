"""The path that rules make of a template, and why a value can't stand in one."""

from typing import Final

from middlewares.routing.matching.paths import ambiguous, segments
from middlewares.transform.deciding.variables import Landing, Template, Values

_DOTS: Final = frozenset([".", ".."])


class NoPath(Exception):
    """A variable of the path has no value."""


class UnsafeValue(Exception):
    """A value would make a path that a service could read as another one; the text says why."""


def filled_path(template: Template, values: Values) -> str:
    """The path with the values. Raises NoPath or UnsafeValue.

    An empty value makes none either, since a segment without a name is another path. Values of the path
    itself were looked at when the route was found.
    """
    for variable in template.variables:
        value = values.value(variable)
        if variable.kind == "path":
            if value is None:
                raise NoPath(f"{{{variable}}}")
            continue
        if not value:
            raise NoPath(f"{{{variable}}}")
        alone = Template(("/", variable)).fill(values, Landing.PATH)
        reason = ambiguous(alone or "/")
        if reason is not None and alone not in ("/.", "/.."):
            raise UnsafeValue(reason)
    made = template.fill(values, Landing.PATH)
    assert made is not None, "every variable has a value"
    if not _DOTS.isdisjoint(_made_segments(template, values)):
        raise UnsafeValue("the path has a segment of dots")
    return made


def _made_segments(template: Template, values: Values) -> list[str]:
    """The segments that values have a part in, decoded; the rest of a path is not looked at again."""
    pieces = tuple(one for one in template.pieces if str(one) != "path.rest")
    made = Template(pieces).fill(values, Landing.PATH) if pieces else None
    return segments(made) if made else []
