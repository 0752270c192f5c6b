"""What authentication decides, without I/O."""

from middlewares.auth.deciding.credentials import (
    API_KEY,
    AUTHORIZATION,
    BEARER,
    COOKIE,
    Credentials,
    credentials_in,
    credentials_of,
    credentials_of_lines,
)
from middlewares.auth.deciding.identity import Claim, Identity, checked_subject, is_scope
from middlewares.auth.deciding.requirement import Missing, Requirement

__all__ = [
    "API_KEY",
    "AUTHORIZATION",
    "BEARER",
    "COOKIE",
    "Claim",
    "Credentials",
    "Identity",
    "Missing",
    "Requirement",
    "checked_subject",
    "credentials_in",
    "credentials_of",
    "credentials_of_lines",
    "is_scope",
]
