"""Fits linear costs to measured points, and says how far they miss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured: so much of each part was in it, and so much it cost, in each round."""

    parts: Mapping[str, float]
    costs: tuple[float, ...]
    #: Points that are held out check the fit and have no part in it.
    held_out: bool = False

    @property
    def cost(self) -> float:
        return median(self.costs)


@dataclass(frozen=True, slots=True)
class Fit:
    """What one of each part costs, and how far that misses: as shares of what was measured."""

    each: Mapping[str, float]
    misses: tuple[float, ...] = ()
    misses_held_out: tuple[float, ...] = ()

    def cost(self, parts: Mapping[str, float]) -> float:
        return sum(self.each.get(name, 0.0) * amount for name, amount in parts.items())

    @property
    def worst(self) -> float:
        return max(map(abs, self.misses), default=0.0)

    @property
    def worst_held_out(self) -> float:
        return max(map(abs, self.misses_held_out), default=0.0)


def fit(points: Sequence[Point]) -> Fit:
    """The costs with the least squares of relative errors; none is below 0.

    A part that the points can't tell from others, or that would cost less than nothing, costs nothing.
    Raises ValueError without a point to fit.
    """
    fitted = [one for one in points if not one.held_out]
    if not fitted:
        raise ValueError("there is no point to fit")
    names = sorted({name for one in fitted for name in one.parts})
    each = _least_squares(fitted, names)
    while names and min(each.values()) < 0:
        names.remove(min(each, key=lambda name: each[name]))
        each = _least_squares(fitted, names)
    done = Fit(each)
    return Fit(
        each,
        tuple(_miss(done, one) for one in fitted),
        tuple(_miss(done, one) for one in points if one.held_out),
    )


def _miss(done: Fit, point: Point) -> float:
    return done.cost(point.parts) / point.cost - 1 if point.cost else 0.0


def _least_squares(points: Sequence[Point], names: Sequence[str]) -> dict[str, float]:
    """Solve the normal equations of rows that are divided by what was measured."""
    rows = [[one.parts.get(name, 0.0) / one.cost for name in names] for one in points if one.cost]
    size = len(names)
    matrix = [
        [sum(row[i] * row[j] for row in rows) for j in range(size)] + [sum(row[i] for row in rows)]
        for i in range(size)
    ]
    scale = [matrix[i][i] or 1.0 for i in range(size)]
    solved: list[int] = []
    for column in range(size):
        rest = [row for row in range(size) if row not in solved]
        pivot = max(rest, key=lambda row: abs(matrix[row][column]))
        if abs(matrix[pivot][column]) < 1e-9 * scale[column]:
            continue  # the others say all that this one says
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        lead = matrix[column][column]
        matrix[column] = [value / lead for value in matrix[column]]
        for row in range(size):
            if row != column and matrix[row][column]:
                times = matrix[row][column]
                matrix[row] = [
                    value - times * above
                    for value, above in zip(matrix[row], matrix[column], strict=True)
                ]
        solved.append(column)
    return {name: matrix[i][-1] if i in solved else 0.0 for i, name in enumerate(names)}
