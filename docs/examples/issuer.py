"""An issuer to try with: prints a token, signed by the key in signing-key.json of this folder.

    python issuer.py '{"sub": "ada", "scope": "orders:read"}'

The first time it makes that key, and puts its public half into keys.json, which is for `jwks_file`.
"""

import json
import os
import sys
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

PRIVATE, PUBLIC = Path("signing-key.json"), Path("keys.json")

if not PRIVATE.exists():
    made = ECKey.generate_key("P-256", {"kid": "one"})
    with open(os.open(PRIVATE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(made.as_dict(private=True), file)
    PUBLIC.write_text(json.dumps({"keys": [made.as_dict(private=False)]}))

now = int(time.time())
claims = {
    "iss": "https://id.example.com",
    "aud": "lockgate",
    "sub": "ada",
    "iat": now,
    "exp": now + 3600,
}
claims |= json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
key = ECKey.import_key(json.loads(PRIVATE.read_text()))
print(jwt.encode({"alg": "ES256", "kid": "one"}, claims, key))
