"""The last requests of a worker, for the question where they would go by another table."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from middlewares.hygiene.deciding import FieldLine

#: Of a longer path, host or name only the beginning is kept, and a request has at most so many names.
MOST_CHARACTERS = 256
MOST_NAMES = 64


class RecentRequest(NamedTuple):
    """A request without any value that could be a credential: of fields and query only the names.

    `route` is the id of the route that it took; None: it had none.
    """

    method: str
    host: str
    path: str
    fields: tuple[str, ...]
    members: tuple[str, ...]
    route: str | None


class RecentRequests:
    """Keeps the last `most` requests; the oldest goes first."""

    def __init__(self, most: int) -> None:
        self._kept: deque[RecentRequest] = deque(maxlen=most)

    def add(
        self,
        method: str,
        host: bytes,
        path: str,
        fields: Iterable[FieldLine],
        query: str,
        route: str | None,
    ) -> None:
        names = [name[:MOST_CHARACTERS].decode("latin-1").lower() for name, _ in fields]
        members = [member.partition("=")[0][:MOST_CHARACTERS] for member in query.split("&")]
        self._kept.append(
            RecentRequest(
                method[:MOST_CHARACTERS],
                host[:MOST_CHARACTERS].decode("latin-1"),
                path[:MOST_CHARACTERS],
                tuple(names[:MOST_NAMES]),
                tuple(members[:MOST_NAMES]) if query else (),
                route,
            )
        )

    def __iter__(self) -> Iterator[RecentRequest]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)
