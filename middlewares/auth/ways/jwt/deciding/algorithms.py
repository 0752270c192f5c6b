"""The algorithms that a configuration may name, each bound to a kind of key; `none` is not among them."""

from typing import Final

RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
HMAC: Final = ("HS256", "HS384", "HS512")
#: By curve, of keys of the kind EC (RFC 7518 §3.4, RFC 8812 §3.2) and OKP (RFC 8037, RFC 9864).
EC: Final = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "secp256k1": ("ES256K",),
}
OKP: Final = {"Ed25519": ("EdDSA", "Ed25519"), "Ed448": ("EdDSA", "Ed448")}

#: All of them, as the file may name them.
ALGORITHMS: Final = (*RSA, *sum(EC.values(), ()), "EdDSA", "Ed25519", "Ed448", *HMAC)
