"""What a check found, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `advice` is empty where there is nothing to do."""

    check: str
    state: State
    detail: str
    advice: str = ""
