"""What the workers' answers to "prepare this file" mean for the gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Each worker reads the files by itself, and someone may write them meanwhile.
DIFFERENT = (
    "the workers have read different contents: does something still write to one of the files?"
)
SILENT = "it did not answer in time"


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is None if the worker did not answer in time."""

    who: str
    body: Mapping[str, Any] | None


def refusals(answers: Sequence[Answer]) -> list[str]:
    """Why the file is not taken; empty if all workers can take it.

    What is wrong with the file is said once; what only some workers say has their names.
    """
    said = [(one.who, _mistakes_of(one)) for one in answers]
    refused = [mistakes for _, mistakes in said if mistakes]
    if not refused:
        return []
    if len(refused) == len(said) and all(mistakes == refused[0] for mistakes in refused):
        return refused[0]
    return [f"{who}: {mistake}" for who, mistakes in said for mistake in mistakes]


def have_read_the_same(answers: Sequence[Answer]) -> bool:
    """Whether all workers have read the same bytes; those without a file have."""
    return len({one.body.get("digest") for one in answers if one.body is not None}) <= 1


def outcome(answers: Sequence[Answer]) -> dict[str, Any]:
    """How the reload ended where it was taken: as the first worker says for which anything changed."""
    bodies = [one.body for one in answers if one.body is not None]
    changed = [body for body in bodies if body.get("result") == "changed"]
    first = (changed or bodies or [{}])[0]
    return {
        "result": first.get("result", "unchanged"),
        "differences": list(first.get("differences", ())),
        "mistakes": [],
        "digest": first.get("digest", ""),
    }


def _mistakes_of(answer: Answer) -> list[str]:
    if answer.body is None:
        return [SILENT]
    return [] if answer.body.get("ok") else list(answer.body.get("mistakes", ()))
