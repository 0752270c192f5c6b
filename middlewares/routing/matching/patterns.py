"""Regular expressions of the configuration, which take linear time whatever they are asked."""

from dataclasses import dataclass, field
from typing import Any, Final

#: Longer than any that a person would read; memory grows with the length too.
LONGEST: Final = 1000
#: What one expression may take for its states; RE2 starts them anew when it is used up.
_MEMORY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that a whole value has to match; made by compile_pattern."""

    text: str
    _compiled: Any = field(compare=False, repr=False)

    def holds(self, value: bytes) -> bool:
        return self._compiled.fullmatch(value) is not None


def compile_pattern(text: str) -> Pattern:
    """Compile an expression in RE2's syntax; raises ValueError with a message for who wrote it."""
    if len(text) > LONGEST:
        raise ValueError(
            f"a regex must have at most {LONGEST} characters, this one has {len(text)}"
        )
    try:
        import re2  # only for files with a regex: it is an extra, and takes a while to load
    except ImportError:
        raise ValueError(
            'a regex needs google-re2, which is not installed: pip install "lockgate[regexes]"'
        ) from None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES
    try:
        return Pattern(text, re2.compile(text.encode(), options))
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"a regex must be valid in RE2's syntax: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
