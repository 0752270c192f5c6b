"""Numbers among the options: what Click says of them names its types, in the notation of programmers."""

import math
from typing import Any

import click


class Number(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases alone
    """A whole number, or seconds, from `least` to `most`; a refusal says so."""

    name = "number"

    def __init__(
        self, kind: type[int] | type[float], least: float = -math.inf, most: float = math.inf
    ) -> None:
        self._kind = kind
        self._least = least
        self._most = most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | float:
        try:
            number = self._kind(value)
        except ValueError:
            number = None
        if number is None or not self._least <= number <= self._most:
            self.fail(f"{str(value)!r} must be {self._allowed()}", param, ctx)
        return number

    def _allowed(self) -> str:
        what = "a whole number" if self._kind is int else "a number"
        if self._most < math.inf:
            return f"{what} from {self._least} to {self._most}"
        return what if self._least == -math.inf else f"{what} of {self._least} or more"
