"""The files of a way `jwt`: what can't be used of them is told where they are named, and nothing of a secret."""

import json
from pathlib import Path

import pytest

from discovery.base.steps import at_once
from gateway.config.compiled.compiling import compiling
from gateway.config.file.contents import Contents
from gateway.config.file.loading import read_bytes
from tests.support.gateways import gateway_settings
from tests.support.tokens import P256_KEY, RSA_KEY, SECRET, b64, jwk

FILE = """\
auth:
  users:
    type: jwt
    issuer: https://id.example
    audience: lockgate
    algorithms: [ALGORITHM]
    KEY: PATH
"""


def told(folder: Path, key: str, content: bytes, algorithm: str, mode: int = 0o600) -> list[str]:
    """The mistakes of a file that names one with this content."""
    path = folder / "held"
    path.write_bytes(content)
    path.chmod(mode)
    text = FILE.replace("ALGORITHM", algorithm).replace("KEY", key).replace("PATH", "held")
    read = read_bytes(text.encode(), folder)
    return [one.line("f") for one in read.errors]


KEYS = {"keys": [jwk(P256_KEY, "a")]}


def test_files_that_are_right_have_nothing_told(tmp_path: Path) -> None:
    assert told(tmp_path, "jwks_file", json.dumps(KEYS).encode(), "ES256", 0o644) == []
    assert told(tmp_path, "secret_file", SECRET, "HS512") == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the set of keys is no JSON"),
        (P256_KEY.as_pem(private=False), "it is PEM, and must be a JWK set"),
        (b'{"keys": []}', "the set of keys is empty"),
        (json.dumps(jwk(P256_KEY)).encode(), 'has no list "keys"'),
        (json.dumps({"keys": [jwk(P256_KEY), {"kty": "new"}]}).encode(), "keys[1] is of no kind"),
        (json.dumps({"keys": [{"kty": "oct", "k": "A" * 42}]}).encode(), "keys[0] is a secret below 256 bits"),
        (json.dumps({"keys": [jwk(RSA_KEY)]}).encode(), "no key of it is for ES256; they are for PS256"),
        (b'{"keys": [], "keys": []}', "has a JSON member twice"),
    ],
    ids=["empty", "PEM", "none", "one key", "unknown kind", "secret", "other kind", "twice"],
)  # fmt: skip
def test_a_bad_set_of_keys_is_a_mistake(tmp_path: Path, content: bytes, why: str) -> None:
    (line,) = told(tmp_path, "jwks_file", content, "ES256")
    assert line.startswith("f:7:16: auth.users.jwks_file: ")
    assert why in line


SECRETS = json.dumps({"keys": [jwk(P256_KEY), {"kty": "oct", "k": b64(SECRET).decode()}]}).encode()


def test_a_set_of_keys_may_have_secrets_if_others_cannot_read_it(tmp_path: Path) -> None:
    assert told(tmp_path, "jwks_file", SECRETS, "HS256, ES256") == []
    (line,) = told(tmp_path, "jwks_file", SECRETS, "HS256, ES256", 0o644)
    assert "others can read it" in line


def test_a_set_of_private_keys_is_a_secret(tmp_path: Path) -> None:
    private = json.dumps({"keys": [P256_KEY.as_dict(private=True)]}).encode()
    assert told(tmp_path, "jwks_file", private, "ES256") == []
    (line,) = told(tmp_path, "jwks_file", private, "ES256", 0o644)
    assert "others can read it" in line


def test_hmac_needs_a_secret_in_the_set_of_keys(tmp_path: Path) -> None:
    (line,) = told(tmp_path, "jwks_file", json.dumps(KEYS).encode(), "HS256, ES256")
    assert "no key of it is for HS256; they are for ES256" in line


def test_a_short_secret_is_a_mistake_and_not_shown(tmp_path: Path) -> None:
    (line,) = told(tmp_path, "secret_file", b"only-thirty-one-bytes-of-secret", "HS256")
    assert line.startswith("f:7:18: auth.users.secret_file: ")
    assert "248 bits" in line
    assert "thirty" not in line


def test_a_public_key_in_place_of_a_secret_is_a_mistake(tmp_path: Path) -> None:
    (line,) = told(tmp_path, "secret_file", RSA_KEY.as_pem(private=False), "HS256")
    assert "can't be used" in line


def test_a_secret_that_others_can_read_is_a_mistake(tmp_path: Path) -> None:
    (line,) = told(tmp_path, "secret_file", SECRET, "HS256", 0o644)
    assert "others can read it" in line


def test_a_secret_is_not_shown_by_what_is_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "held"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    text = FILE.replace("ALGORITHM", "HS256").replace("KEY", "secret_file").replace("PATH", "held")
    text += "defaults: {auth: {any_of: [users]}}\n"
    read = read_bytes(text.encode(), tmp_path)
    assert read.configuration is not None
    assert isinstance(read.contents, Contents)
    compiled = at_once(compiling(read.configuration, gateway_settings({}), read.contents))
    shown = repr(compiled.ways) + repr(read.contents)
    assert repr(SECRET)[2:-1] not in shown
    assert "JwtSpec" in shown
