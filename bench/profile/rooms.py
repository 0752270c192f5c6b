"""Which part of the gateway a function belongs to, and what each part takes of a request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = f"{Path(__file__).resolve().parents[2]}/"

EVENT_LOOP = "event loop"
LIBRARIES = "libraries"
#: Beginnings of `file:function`; the first that fits decides.
_ROOMS = (
    ("gateway/front/answer.py", "answer: send"),
    ("gateway/front/delivering.py", "answer: send"),
    ("gateway/front/", "front: read the request"),
    ("gateway/upstream/connection.py:UpstreamConnection.request", "upstream: write"),
    ("gateway/upstream/upload.py", "upstream: write"),
    ("gateway/forwarding/requests.py", "upstream: write"),
    ("gateway/upstream/connection.py:UpstreamConnection.is_", "upstream: connections"),
    ("gateway/upstream/client.py", "upstream: connections"),
    ("gateway/upstream/pool.py", "upstream: connections"),
    ("gateway/upstream/sockets.py", "upstream: connections"),
    ("gateway/upstream/", "upstream: read the answer"),
    ("gateway/forwarding/", "upstream: read the answer"),
    ("gateway/hop/", "hop"),
    ("gateway/worker/answer_fields.py", "layer: fields of the answer"),
    ("middlewares/telemetry/logs.py", "log"),
    ("middlewares/telemetry/line_writer.py", "log"),
    ("middlewares/telemetry/printable.py", "log"),
    ("middlewares/telemetry/metric", "metrics"),
    ("middlewares/telemetry/", "layer: telemetry"),
    ("middlewares/errors.py", "layer: errors"),
    ("middlewares/hygiene/", "layer: hygiene"),
    ("middlewares/header_section.py", "layer: hygiene"),
    ("middlewares/routing/", "layer: routing"),
    ("middlewares/limits/limiter.py", "limiter"),
    ("middlewares/limits/", "layer: limits"),
    ("middlewares/candidates/", "layer: candidates"),
    ("middlewares/clients/", "addresses of clients"),
    ("middlewares/", "shared by the layers"),
    ("gateway/pipeline.py", "view of the registry"),
    ("gateway/worker/worker.py", "view of the registry"),
    ("discovery/member/member.py", "view of the registry"),
    ("discovery/view/", "view of the registry"),
    ("discovery/model/", "view of the registry"),
    ("discovery/store/", "limiter"),
    ("gateway/", "background"),
    ("discovery/", "background"),
)
#: As a request meets them.
ORDER = (
    "front: read the request",
    "addresses of clients",
    "layer: telemetry",
    "layer: errors",
    "layer: hygiene",
    "layer: routing",
    "layer: limits",
    "limiter",
    "layer: candidates",
    "view of the registry",
    "hop",
    "upstream: connections",
    "upstream: write",
    "upstream: read the answer",
    "layer: fields of the answer",
    "answer: send",
    "log",
    "metrics",
    "shared by the layers",
    "background",
    LIBRARIES,
    EVENT_LOOP,
)

#: A function: its file and its qualified name.
Function = tuple[str, str]
#: How often a stack was met; its functions, innermost first.
Stacks = Iterable[tuple[float, Sequence[Function]]]


@dataclass(slots=True)
class Room:
    """What one part took, in any unit, and what each of its functions took of that."""

    total: float = 0.0
    functions: dict[str, float] = field(default_factory=dict)

    def add(self, function: str, amount: float) -> None:
        self.total += amount
        self.functions[function] = self.functions.get(function, 0.0) + amount

    def most(self, count: int, *, digits: int) -> str:
        """The functions with most of it, with what each took."""
        functions = sorted(self.functions.items(), key=lambda item: item[1], reverse=True)
        return ", ".join(
            f"`{function.rpartition('/')[2]}` {amount:.{digits}f}"
            for function, amount in functions[:count]
        )


def is_own(file: str) -> bool:
    """Whether it is the gateway's code, and no library's, whose folder may be in the checkout too."""
    return file.removeprefix(_ROOT).startswith(("gateway/", "middlewares/", "discovery/"))


def by_room(stacks: Stacks) -> dict[str, Room]:
    """Group counted stacks; the rooms are in the order of a request."""
    rooms: dict[str, Room] = {}
    for count, stack in stacks:
        room, function = place(stack)
        rooms.setdefault(room, Room()).add(function, count)
    return dict(sorted(rooms.items(), key=lambda item: ORDER.index(item[0])))


def place(stack: Sequence[Function]) -> tuple[str, str]:
    """The room and the function: the innermost one of the gateway, which a library works for."""
    for file, name in stack:
        if file.endswith("asyncio/runners.py"):
            break
        function = f"{file.removeprefix(_ROOT)}:{name.replace('.<locals>', '')}"
        for beginning, room in _ROOMS:
            if function.startswith(beginning):
                return room, function
    file, name = stack[0]
    if file.endswith("asyncio/runners.py"):
        return EVENT_LOOP, "uvloop, with the kernel's reads"
    return LIBRARIES, f"{Path(file).name}:{name.replace('.<locals>', '')}"
