"""Makes values of what the named files hold, or says what is wrong with them and where they are named."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from discovery.base.steps import Steps
from gateway.config.file.held_files import Held
from gateway.config.file.mistakes import Mistake
from gateway.config.file.named_files import Wanted
from gateway.config.file.nodes import Path
from gateway.config.file.wording import spelled


@dataclass(frozen=True, slots=True)
class Contents:
    """The values of all named files; none is shown, since they may be secrets."""

    #: By the path of the section that names them, then by its key.
    by_section: Mapping[Path, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    held: Mapping[Path, Held] = field(default_factory=dict, repr=False)

    def of(self, *section: str | int) -> Mapping[str, Any]:
        """What the files say that the section at this path names, by its keys; the others are not there."""
        return self.by_section.get(section, {})


#: Those of a file that names no other.
NO_CONTENTS = Contents()


def parsing(wanted: Sequence[Wanted], held: Sequence[Held]) -> Steps[Contents | list[Mistake]]:
    """The values of what is held, each in a step of its own, or all mistakes in them."""
    mistakes: list[Mistake] = []
    sections: dict[Path, list[Wanted]] = {}
    values: dict[Path, dict[str, Any]] = {}
    for one, what in zip(wanted, held, strict=True):
        sections.setdefault(one.path[:-1], []).append(one)
        try:
            value = _value(one, what)
        except ValueError as error:
            mistakes.append(Mistake(one.position, spelled(one.path), str(error)))
        else:
            values.setdefault(one.path[:-1], {})[one.key] = value
        yield
    for path, keys in sections.items():
        if len(values.get(path, ())) == len(keys):
            mistakes += _wrong_together(path, keys, values[path])
        yield
    if mistakes:
        return mistakes
    digests = {one.path: what.without_data() for one, what in zip(wanted, held, strict=True)}
    return Contents(values, digests)


def _value(wanted: Wanted, held: Held) -> Any:
    """ValueError: in words, with the name of the file."""
    if held.problem:
        raise ValueError(held.problem)
    try:
        return wanted.section.reads[wanted.key](held.data)
    except ValueError as error:
        where = wanted.file or f"the variable {wanted.name}"
        raise ValueError(f"what is in {where} can't be used: {error}") from None


def _wrong_together(
    path: Path, keys: Sequence[Wanted], values: Mapping[str, Any]
) -> Iterator[Mistake]:
    places = {one.key: one for one in keys}
    for wrong in keys[0].section.wrong_contents(values):
        place = places[str(wrong.path[0])]
        position = place.at_key if wrong.at_key else place.position
        yield Mistake(position, spelled((*path, *wrong.path)), wrong.message)


def changed(before: Contents, after: Contents) -> Iterator[str]:
    """A line for each key whose file or variable says something else than before."""
    for path in _kept(before, after):
        if before.held[path] != after.held[path]:
            yield f"{spelled(path)}: what it names has another content"


def _kept(before: Contents, after: Contents) -> Iterable[Path]:
    return (path for path in after.held if path in before.held)
