"""ACME_DOMAINS and the variables beside it."""

from pathlib import Path

import pytest
import trustme

from discovery.model.errors import SettingsError
from gateway.acme.spec import LETS_ENCRYPT, AcmeSpec
from gateway.config.acme_variables import AcmeVariables
from gateway.config.settings import load_settings


def spec_of(**environ: str) -> AcmeSpec:
    variables = load_settings(environ).acme
    assert variables is not None
    return variables.over(None)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_without_a_domain_there_is_nothing() -> None:
    assert load_settings({}).acme is None
    assert load_settings({"ACME_EMAIL": "ops@a.example"}).acme is None
    assert load_settings({"ACME_DOMAINS": " , "}).acme is None


def test_domains_stand_between_commas() -> None:
    spec = spec_of(ACME_DOMAINS="a.example, B.example,a.example")
    assert spec.domains == ("a.example", "b.example")
    assert spec.directory == LETS_ENCRYPT
    assert spec.challenges == ("http-01", "tls-alpn-01")


def test_everything_is_taken(tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(pem))
    spec = spec_of(
        ACME_DOMAINS="a.example",
        ACME_EMAIL="ops@a.example",
        ACME_DIRECTORY="https://ca.example/dir",
        ACME_CA_FILE=str(pem),
        ACME_HTTP_PORT="0",
    )
    assert (spec.email, spec.directory) == ("ops@a.example", "https://ca.example/dir")
    assert spec.ca == pem.read_text()
    assert spec.challenges == ("tls-alpn-01",)


def test_what_they_do_not_say_is_that_of_the_file() -> None:
    file = AcmeSpec(("b.example",), email="ops@b.example", key_type="rsa2048")
    spec = AcmeVariables(("a.example",), directory="https://ca.example/dir").over(file)
    assert spec == AcmeSpec(
        ("a.example",),
        email="ops@b.example",
        directory="https://ca.example/dir",
        key_type="rsa2048",
    )


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("ACME_DOMAINS", "a.example,*.b.example", "wildcard"),
        ("ACME_DOMAINS", "a b", "must be a domain"),
        ("ACME_EMAIL", "ops", "must be an address"),
        ("ACME_DIRECTORY", "http://ca.example", "must be the https:// URL"),
        ("ACME_DIRECTORY", "https://u:p@ca.example", "must be the https:// URL"),
        ("ACME_CA_FILE", "/nowhere", "can't be read"),
        ("ACME_HTTP_PORT", "65536", "65535"),
    ],
)
def test_a_bad_value_is_told(variable: str, value: str, why: str) -> None:
    said = refusal(**{"ACME_DOMAINS": "a.example", variable: value})
    assert said.startswith(f"{variable}=")
    assert why in said


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    said = refusal(ACME_DOMAINS="a.example", ACME_CA_FILE=str(tmp_path / "ca.pem"))
    assert "it has no certificates in PEM" in said
