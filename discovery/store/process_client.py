"""One client of the registry for each process, since connections belong to their process."""

from ..base.forking import tell_of_forks
from .clients import abandon, connect
from .scripts import Scripts


class ProcessClient:
    """Makes an object once for each process; a forked child gets a new one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._make()
        tell_of_forks(self)

    def forked(self) -> None:
        """Drop the parent's object: its connections and locks can't be used in the child."""
        abandon(self.client)
        self._make()

    def _make(self) -> None:
        self.client = connect(self._url)
        self.scripts = Scripts(self.client)
