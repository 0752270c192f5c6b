"""The algorithms that ID tokens may have."""

from middlewares.auth.ways.jwt.deciding import algorithms
from middlewares.auth.ways.oidc.spec import ALGORITHMS, DEFAULT_ALGORITHMS, OidcSpec


def test_every_algorithm_with_a_public_key_may_be_named_and_no_other() -> None:
    assert set(ALGORITHMS) == set(algorithms.ALGORITHMS) - set(algorithms.HMAC)
    assert set(DEFAULT_ALGORITHMS) < set(ALGORITHMS)


def test_nothing_secret_is_shown() -> None:
    spec = OidcSpec("https://id.example", "lockgate", "client-secret", secrets=(b"s" * 32,))
    assert "client-secret" not in repr(spec)
    assert "sss" not in repr(spec)
