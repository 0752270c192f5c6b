"""What is left out of the registry's answers since it is not one of ours: each is said once."""

from ..base.logs import Log

#: So many are remembered as said; past that all may be said again.
MOST_REMEMBERED = 1000
#: Of a key and of what is wrong, either of which may be as long as its writer liked. Ours are shorter.
MOST_CHARACTERS = 200

_log = Log()


class LeftOut:
    """Names each record that is left out, with the reason, when it is first met and when that changes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say(self, key: str, detail: str) -> None:
        key, detail = key[:MOST_CHARACTERS], detail[:MOST_CHARACTERS]
        if self._said.get(key) == detail:
            return
        if len(self._said) >= MOST_REMEMBERED:
            self._said.clear()  # at once, since threads share it
        self._said[key] = detail
        _log.warning("registry.invalid_record", key=key, detail=detail)
