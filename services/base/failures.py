"""Failures that only these services have, and their HTTP answers."""

from collections.abc import Iterable
from typing import Self

from pydantic import ValidationError

from middlewares.failures import ClientFailure
from middlewares.problems import Problem, Problems
from services.base.validation import Answer


class SymbolNotFound(ClientFailure):
    """The path names a symbol that is not traded here."""

    @classmethod
    def among(cls, known: Iterable[str], symbol: str) -> Self:
        return cls(f"unknown symbol {symbol!r}; known: {', '.join(known)}")


class NotificationNotFound(ClientFailure):
    """The path names a notification that never existed, or is no longer kept."""


class IdempotencyKeyReused(ClientFailure):
    """The same Idempotency-Key came before, with another body."""


#: Rows beside those of `middlewares.problems`; 422 comes from
#: draft-ietf-httpapi-idempotency-key-header §2.7.
SERVICE_PROBLEMS: Problems = {
    SymbolNotFound: Problem(404, "symbol_not_found"),
    NotificationNotFound: Problem(404, "notification_not_found"),
    IdempotencyKeyReused: Problem(422, "idempotency_key_reused"),
}


class _ProblemDocument(Answer):
    reason: str
    detail: str


def passed_on(status: int, body: bytes) -> SymbolNotFound | None:
    """The failure to pass on to our client, if another service refused what the client named."""
    if status != SERVICE_PROBLEMS[SymbolNotFound].status:
        return None
    try:
        problem = _ProblemDocument.model_validate_json(body)
    except ValidationError:
        return None
    expected = SERVICE_PROBLEMS[SymbolNotFound].reason
    return SymbolNotFound(problem.detail) if problem.reason == expected else None
