"""The last requests of a worker, for the question where they would go by another table."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from middlewares.header_section import without_keys

#: Of what is longer only the beginning is kept, so that a request takes about 2 KiB at most.
MOST_OF_METHOD: Final = 32
MOST_OF_HOST: Final = 256
MOST_OF_PATH: Final = 512
MOST_OF_NAMES: Final = 1024
#: A longer name of a query's member may be a value that stands alone, such as a token.
LONGEST_MEMBER: Final = 40
MOST_MEMBERS: Final = 16

_PATH_PARAMETERS = re.compile(";[^/]*")


class RecentRequest(NamedTuple):
    """A request without the values of its fields and query.

    `fields` are their names, joined by commas. `members` are those of the query as they were sent; an empty
    one stands for names that are not kept. `route` is the id of the route that it took; None: it had none.
    """

    method: str
    host: bytes
    path: str
    fields: bytes
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
        fields: bytes,
        query: str,
        route: str | None,
    ) -> None:
        """Keep a request; `path` is without the query, and `fields` are names joined by commas."""
        if ";" in path:  # /cart;jsessionid=…
            path = _PATH_PARAMETERS.sub(";", path)
        self._kept.append(
            RecentRequest(
                method[:MOST_OF_METHOD],
                host.rpartition(b"@")[2][:MOST_OF_HOST],  # an absolute form may name a user
                without_keys(path)[:MOST_OF_PATH],
                fields[:MOST_OF_NAMES],
                _members(query) if query else (),
                route,
            )
        )

    def __iter__(self) -> Iterator[RecentRequest]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)


def to_plain(requests: Iterable[RecentRequest]) -> list[Any]:
    """For JSON, which has no bytes and no text of odd ones; `of_plain` reads it."""
    return [
        [
            *(one.method, one.host.decode("latin-1"), _sent(one.path)),
            *(one.fields.decode("latin-1"), [_sent(name) for name in one.members], one.route),
        ]
        for one in requests
    ]


def of_plain(plain: Iterable[Sequence[Any]]) -> Iterator[RecentRequest]:
    """The last requests of another worker."""
    for method, host, path, fields, members, route in plain:
        yield RecentRequest(
            method,
            host.encode("latin-1"),
            _received(path),
            fields.encode("latin-1"),
            tuple(_received(name) for name in members),
            route,
        )


def _sent(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _received(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogatepass")


def _members(query: str) -> tuple[str, ...]:
    """The names of a query's members; what has no value behind it may itself be one, and is left out."""
    members = query.split("&", MOST_MEMBERS)
    names = [_name(member) for member in members[:MOST_MEMBERS]]
    return (*names, "") if len(members) > MOST_MEMBERS else tuple(names)


def _name(member: str) -> str:
    name, _, value = member.partition("=")
    return name if value.strip("=") and len(name) <= LONGEST_MEMBER else ""
