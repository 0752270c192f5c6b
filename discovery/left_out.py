"""What is left out of the registry's answers since it is not one of ours: each is said once."""

from discovery.logs import Log

#: So many are remembered as said; past that the oldest may be said again.
MOST_REMEMBERED = 1000

_log = Log()


class LeftOut:
    """Names each record that is left out, with the reason, when it is first met and when that changes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say(self, key: str, detail: str) -> None:
        if self._said.get(key) == detail:
            return
        self._said[key] = detail
        if len(self._said) > MOST_REMEMBERED:
            del self._said[next(iter(self._said))]
        _log.warning("registry.invalid_record", key=key, detail=detail)
