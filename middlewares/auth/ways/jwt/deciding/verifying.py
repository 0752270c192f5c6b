"""Whether a token is what its issuer signed for us: the signature first, then what it says."""

import math
from collections.abc import Mapping
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwa import JWS_ALGORITHMS, JWSAlgModel

from middlewares.auth.ways.jwt.deciding.algorithms import ALGORITHMS
from middlewares.auth.ways.jwt.deciding.keys import KeySet, VerifyingKey
from middlewares.auth.ways.jwt.deciding.rules import Rules
from middlewares.auth.ways.jwt.deciding.strict_json import json_object
from middlewares.auth.ways.jwt.deciding.tokens import BadToken, Token, token_of

#: What joserfc does for each algorithm. `JWSRegistry.get_alg` would warn of EdDSA at each token.
_MODELS: Final[dict[str, JWSAlgModel]] = {
    one.name: one for one in JWS_ALGORITHMS if one.name in ALGORITHMS
}


class UnknownKid(BadToken):
    """No key of the set has the token's kid; a newer set may have it."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__("its kid is not that of any key")


def verified(text: bytes, keys: KeySet, rules: Rules, now_s: float) -> dict[str, Any]:
    """The claims of a token that is valid at `now_s` (Unix s); raises BadToken, or UnknownKid."""
    token = token_of(text)
    if token.algorithm not in rules.algorithms:
        raise BadToken("its algorithm is not one of the configuration")
    _check_type(token.header, rules)
    if not any(_is_signed(token, key) for key in keys.fitting(token.kid, token.algorithm)):
        if keys.knows(token.kid):
            raise BadToken("it is not signed with a key of the issuer")
        # Nobody looks for the key of a token that is of another issuer, or has expired.
        _claims(token, rules, now_s)
        raise UnknownKid(token.kid or "")
    return _claims(token, rules, now_s)


def ends_s(claims: Mapping[str, Any], rules: Rules) -> float:
    """The Unix time at which verified claims are no longer valid."""
    return float(min(claims["exp"], 2**53)) + rules.leeway_s


def _check_type(header: Mapping[str, Any], rules: Rules) -> None:
    if "typ" not in header:
        return
    kind = header["typ"]
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in rules.types:
        raise BadToken("it is of another type (typ)")


def _claims(token: Token, rules: Rules, now_s: float) -> dict[str, Any]:
    """What the payload says, if it says what it must; raises BadToken."""
    try:
        claims = json_object(token.payload)
    except ValueError as error:
        raise BadToken(f"its payload {error}") from None
    _check_claims(claims, rules, now_s)
    return claims


def _is_signed(token: Token, key: VerifyingKey) -> bool:
    model = _MODELS[token.algorithm]
    try:
        model.check_key(key.key)
        return model.verify(token.signed, token.signature, key.key)
    except (JoseError, ValueError):
        return False


def _check_claims(claims: Mapping[str, Any], rules: Rules, now_s: float) -> None:
    if claims.get("iss") != rules.issuer:
        raise BadToken("it is of another issuer (iss)")
    if not _is_for(claims.get("aud"), rules.audiences):
        raise BadToken("it is for another audience (aud)")
    if _time(claims, "exp") <= now_s - rules.leeway_s:
        raise BadToken("it has expired (exp)")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now_s + rules.leeway_s:
            raise BadToken(f"it is not valid yet ({name})")


def _is_for(audience: object, audiences: frozenset[str]) -> bool:
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        return False
    return not audiences.isdisjoint(named)


def _time(claims: Mapping[str, Any], name: str) -> int | float:
    """A claim that is a Unix time; true is none, and neither is 1e999."""
    value = claims.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise BadToken(f"it has no time in {name}")
