"""A client of the registry for each process: its connections belong to the process that made them."""

from ..base.forking import tell_of_forks
from .clients import abandon, connect
from .scripts import Scripts


class ProcessClient:
    """What a process has for itself; a forked child gets it anew."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._make()
        tell_of_forks(self)

    def forked(self) -> None:
        """Connections, and locks that other threads held, are the parent's."""
        abandon(self.client)
        self._make()

    def _make(self) -> None:
        self.client = connect(self._url)
        self.scripts = Scripts(self.client)
