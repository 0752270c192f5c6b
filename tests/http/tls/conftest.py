"""An authority, certificates in a folder, and clients that trust it."""

import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.certificates import Issued, issue
from tests.support.pebble import start_pebble as start_pebble

NAME = "shop.example"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def issued(authority: trustme.CA) -> Issued:
    return issue(authority, NAME)


@pytest.fixture
def variables(issued: Issued, tmp_path: Path) -> dict[str, str]:
    """The environment of a gateway that speaks TLS."""
    certificate, key = issued.write(tmp_path, "shop")
    return {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
