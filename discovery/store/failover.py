"""Tries servers one after another, and says which failures lead to the next one."""

from collections.abc import Callable
from typing import Generic, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

Server = TypeVar("Server")

NO_ANSWER = (RedisConnectionError, RedisTimeoutError)


class Elsewhere(RedisConnectionError):
    """The server did not do a command, because another server has the registry."""


class Turn(Generic[Server]):
    """One server's turn, a `with` block: it swallows the errors that mean "no answer".

    `failed` is called at every error: a caller that gives up has waited in vain for this server too.
    """

    def __init__(self, server: Server, failed: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self._server = server
        self._failed = failed

    def __enter__(self) -> Server:
        return self._server

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        self.error = error
        if error is not None:
            self._failed()
        return isinstance(error, NO_ANSWER)
