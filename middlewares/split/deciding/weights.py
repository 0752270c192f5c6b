"""Arithmetic of shares: what is left for the others, and which share a word means."""

import re
from collections.abc import Iterable, Mapping, Sequence

WHOLE = 100.0
#: What stands in front of a range's first version.
_OPERATORS = re.compile(r"[\^<>=~\s]+")
#: Weights are kept to so many digits, so that sums of them read well.
_DIGITS = 6


class Unclear(ValueError):
    """A word names no share, or more than one; the message says which there are."""


def percent_of(weights: Sequence[float], index: int) -> float:
    """How many of a hundred identities one share has."""
    total = sum(weights)
    return WHOLE * weights[index] / total if total else 0.0


def with_share(
    weights: Sequence[float], usual: Sequence[float], index: int, percent: float
) -> tuple[float, ...]:
    """Weights that add up to 100 and give one share so much; the others share what is left as before.

    Where all others have 0, they share it as in `usual`, and evenly if they have nothing there either.
    """
    left = WHOLE - percent
    others = (
        _parts(weights, index)
        or _parts(usual, index)
        or {other: 1.0 for other in range(len(weights)) if other != index}
    )
    total = sum(others.values())
    return tuple(
        round(percent if one == index else left * others.get(one, 0.0) / total, _DIGITS)
        for one in range(len(weights))
    )


def changed(
    weights: Mapping[str, float], usual: Mapping[str, float], told: Mapping[str, float]
) -> dict[str, float]:
    """The weights after a change that names some of them.

    If it names all, they are taken as they are. Else the others share what is left of the sum, each as much
    of it as before. ValueError: nothing is left for them, or all are 0.
    """
    made = {name: float(told.get(name, weight)) for name, weight in weights.items()}
    others = [name for name in weights if name not in told]
    if others:
        total = sum(weights.values())
        left = round(total - sum(told.values()), _DIGITS)
        if left < 0:
            raise ValueError(
                f"{_number(sum(told.values()))} is more than all shares have together ({_number(total)}); "
                f"say what {', '.join(others)} get too"
            )
        parts = {name: weights[name] for name in others}
        if not any(parts.values()):
            parts = {name: usual[name] for name in others}
        if not any(parts.values()):
            parts = dict.fromkeys(others, 1.0)
        for name in others:
            made[name] = round(left * parts[name] / sum(parts.values()), _DIGITS)
    if not any(made.values()):
        raise ValueError("one share at least must be more than 0")
    return made


def named_by(word: str, names: Iterable[str]) -> str:
    """The share that a word means: its name, or what is left of it without operators, or how it begins.

    Raises Unclear.
    """
    names = list(names)
    if word in names:
        return word
    for reading in (_without_operators, _first_version):
        meant = [name for name in names if reading(name) == word]
        if len(meant) == 1:
            return meant[0]
    meant = [
        name for name in names if name.startswith(word) or _without_operators(name).startswith(word)
    ]
    if len(meant) == 1 and word:
        return meant[0]
    shown = ", ".join(meant if len(meant) > 1 and word else names)
    raise Unclear(
        f"{word} may be any of the shares {shown}: write the whole name"
        if len(meant) > 1 and word
        else f"there is no share {word}; there are {shown}"
    )


def _without_operators(name: str) -> str:
    return _OPERATORS.sub("", name, count=1) if _OPERATORS.match(name) else name


def _first_version(name: str) -> str:
    """The first version that a range names, without what follows it."""
    return re.split(r"[\s|+]", _without_operators(name), maxsplit=1)[0]


def _parts(weights: Sequence[float], index: int) -> dict[int, float]:
    """The weights of the others that have one."""
    return {other: one for other, one in enumerate(weights) if other != index and one > 0}


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
