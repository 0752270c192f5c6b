"""What authentication decides, without I/O."""

from middlewares.auth.deciding.credentials import (
    API_KEY,
    AUTHORIZATION,
    COOKIE,
    CREDENTIAL_FIELDS,
    Credentials,
    credentials_of,
)
from middlewares.auth.deciding.identity import Claim, Identity, checked_subject

__all__ = [
    "API_KEY",
    "AUTHORIZATION",
    "COOKIE",
    "CREDENTIAL_FIELDS",
    "Claim",
    "Credentials",
    "Identity",
    "checked_subject",
    "credentials_of",
]
