"""The credentials of the measurement: a token that each proxy verifies, and its issuer's key."""

import json
import time
from dataclasses import dataclass

from joserfc import jwt
from joserfc.jwk import ECKey

ISSUER = "https://id.example.com"
AUDIENCE = "bench"
ALGORITHM = "ES256"
LASTS_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Issued:
    """A token for a day, and the JWK set that verifies it."""

    token: str
    jwks: str


def issue() -> Issued:
    key = ECKey.generate_key("P-256", {"kid": "bench-1"})
    now_s = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "0d9c3a52-7f0e-4f0b-9a43-51fcd1f0f6ba",
        "iat": now_s,
        "exp": now_s + LASTS_S,
        "scope": "orders:read orders:write",
    }
    token = jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": "bench-1"}, claims, key)
    return Issued(token, json.dumps({"keys": [key.as_dict(private=False)]}))
