"""Checks routes of a file that is read again and again; one that has not changed is not checked again."""

import marshal

from gateway.config.file.nodes import Plain
from gateway.config.file.routes import Route


class CheckedRoutes:
    """The routes without mistakes of the file as it was, by their plain values."""

    def __init__(self) -> None:
        self._before: dict[bytes, Route] = {}
        self._now: dict[bytes, Route] = {}

    def check(self, route: Plain) -> Route:
        """The route of these values. Raises ValidationError."""
        values = marshal.dumps(route, 2)  # later versions depend on which texts are one object
        checked = self._before.get(values)
        if checked is None:
            checked = Route.model_validate(route)
        self._now[values] = checked
        return checked

    def forget_others(self) -> None:
        """Keep what was checked since the last call alone."""
        self._before, self._now = self._now, {}
