"""Base64url without padding (RFC 7515 §2), in its one canonical form."""

import base64
import binascii


def encode(data: bytes) -> str:
    """Write bytes as base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read base64url. Raises ValueError if the text is not what `encode` writes for any bytes."""
    try:
        raw = text.encode("ascii")
        data = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
