"""Schemas compiled by the library, with the bounds that hold for documents of others."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from middlewares.validate.deciding.references import LeftOut
from middlewares.validate.deciding.translating import Schema

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

#: The largest pattern, compiled.
MOST_PATTERN_BYTES = 256 * 1024


def compiled(schema: Schema) -> "Draft202012Validator":
    """A validator that fetches nothing, and matches patterns in linear time. Raises LeftOut."""
    # Loaded once a document is: most gateways have none.
    from jsonschema_rs import (
        Draft202012Validator,
        ReferencingError,
        RegexOptions,
        ValidationError,
    )

    patterns = RegexOptions(size_limit=MOST_PATTERN_BYTES, dfa_size_limit=MOST_PATTERN_BYTES)
    try:
        return Draft202012Validator(
            schema, validate_formats=True, offline=True, pattern_options=patterns, mask="it"
        )
    except (ValidationError, ReferencingError, ValueError, OverflowError) as error:
        why = str(getattr(error, "message", error))
        raise LeftOut(f"a schema is not valid: {why[:120]}") from None


@lru_cache(maxsize=1024)
def can_match(pattern: str) -> bool:
    """Whether a pattern can be matched in linear time."""
    try:
        compiled({"pattern": pattern})
    except LeftOut:
        return False
    return True


@lru_cache(maxsize=256)
def _of_keyword(keyword: str, argument: Any) -> "Draft202012Validator":
    return compiled({keyword: argument})


def fits_keyword(keyword: str, argument: str | float | bool, value: Any) -> bool:
    """Whether a value fits one keyword alone."""
    return _of_keyword(keyword, argument).is_valid(value)
