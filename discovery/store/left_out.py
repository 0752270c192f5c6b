"""Warns once for each record that is left out of the registry's answers because it is not valid."""

from ..base.logs import Log

#: How many warnings are remembered; after that, each may be repeated once.
MOST_REMEMBERED = 1000
#: The most characters of a key, and of what is wrong: their writer may have made them any length.
MOST_CHARACTERS = 200

_log = Log()


class LeftOut:
    """Warns of each record that is left out, with the reason: first, and when the reason changes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say(self, key: str, detail: str) -> None:
        key, detail = key[:MOST_CHARACTERS], detail[:MOST_CHARACTERS]
        if self._said.get(key) == detail:
            return
        if len(self._said) >= MOST_REMEMBERED:
            self._said.clear()  # all at once, since threads share it
        self._said[key] = detail
        _log.warning("registry.invalid_record", key=key, detail=detail)
