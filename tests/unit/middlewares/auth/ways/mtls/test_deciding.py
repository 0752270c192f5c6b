"""What certificates say: who stands behind them, and whose they are."""

from base64 import b64encode

import pytest
from cryptography import x509

from middlewares.auth.ways.mtls.authorities import read_authorities, read_revocations
from middlewares.auth.ways.mtls.deciding import (
    certificate_lines,
    chain_to,
    lifetime_of,
    subject_of,
)
from tests.support.client_certificates import (
    DAY,
    NOW,
    Made,
    authority,
    client,
    pem_of,
    revocations,
)

ROOT = authority("root")
OTHER = authority("root")
BETWEEN = authority("between", ROOT)
ALICE = client(BETWEEN, "alice")
CHAIN = (ALICE.certificate, BETWEEN.certificate, ROOT.certificate)
NOW_S = NOW.timestamp()


def named(*names: x509.GeneralName, common: tuple[str, ...] = ()) -> x509.Certificate:
    return client(ROOT, *common, names=names).certificate


def test_a_chain_ends_at_the_authority_of_the_way() -> None:
    assert chain_to([ROOT.certificate], CHAIN) == CHAIN
    assert chain_to([BETWEEN.certificate], CHAIN) == CHAIN[:2]


def test_an_authority_of_another_way_does_not_count_though_it_has_the_same_name() -> None:
    assert chain_to([OTHER.certificate], CHAIN) is None
    assert chain_to([], CHAIN) is None


def test_a_chain_that_ended_at_another_ways_authority_goes_on_to_ours() -> None:
    assert chain_to([ROOT.certificate], CHAIN[:2]) == CHAIN


def test_it_does_not_go_on_past_an_authority_that_may_not_have_issued_it() -> None:
    root = authority("root", path_length=0)
    between = authority("between", root)
    shown = (client(between, "alice").certificate, between.certificate)
    assert chain_to([root.certificate], shown) is None


def test_a_clients_own_certificate_is_no_authority() -> None:
    assert chain_to([ALICE.certificate], CHAIN) is None


def test_a_chain_lives_as_long_as_all_its_certificates_do() -> None:
    short = client(BETWEEN, "bob", begins=NOW, ends=NOW + DAY / 2)
    lifetime = lifetime_of((short.certificate, *CHAIN[1:]))
    assert NOW_S in lifetime
    assert (NOW + DAY / 2).timestamp() in lifetime, "the last second is part of it"
    assert (NOW + DAY / 2).timestamp() + 1 not in lifetime
    assert NOW_S - 1 not in lifetime


def lists(*parts: bytes) -> list[x509.CertificateRevocationList]:
    return read_revocations(b"".join(parts))


URI = x509.UniformResourceIdentifier("spiffe://example/alice")
MAIL = x509.RFC822Name("alice@example.com")
DNS = x509.DNSName("alice.example.com")


@pytest.mark.parametrize(
    ("form", "subject"),
    [
        ("cn", "alice"),
        ("san_uri", "spiffe://example/alice"),
        ("san_email", "alice@example.com"),
        ("san_dns", "alice.example.com"),
        ("dn", "CN=alice"),
        ("any", "alice"),
    ],
)
def test_the_subject_is_what_the_file_says(form: str, subject: str) -> None:
    certificate = named(URI, MAIL, DNS, common=("alice",))
    assert subject_of(certificate, form) == subject


@pytest.mark.parametrize(
    ("certificate", "subject"),
    [
        (named(URI, MAIL, DNS), "spiffe://example/alice"),
        (named(MAIL, DNS), "alice@example.com"),
        (named(DNS), "alice.example.com"),
        (named(DNS, x509.DNSName("b.example.com"), MAIL), "alice@example.com"),
        (named(DNS, x509.DNSName("b.example.com"), common=("a", "b")), "CN=b,CN=a"),
    ],
)
def test_left_out_it_is_the_first_form_that_there_is_one_of(
    certificate: x509.Certificate, subject: str
) -> None:
    assert subject_of(certificate, "any") == subject


@pytest.mark.parametrize(
    ("certificate", "form"),
    [
        (named(DNS), "cn"),
        (named(DNS), "san_uri"),
        (named(common=("alice",)), "san_dns"),
        (named(DNS, x509.DNSName("b.example.com")), "san_dns"),
        (named(common=("a", "b")), "cn"),
        (named(common=("a\0b",)), "cn"),
        (named(common=("alice\r\nX-Admin: 1",)), "cn"),
        (named(x509.UniformResourceIdentifier("spiffe://" + "a" * 256)), "san_uri"),
        (named(DNS), "dn"),
    ],
)
def test_a_certificate_without_one_clear_name_has_no_subject(
    certificate: x509.Certificate, form: str
) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        subject_of(certificate, form)


def test_the_instance_gets_the_certificate_and_what_is_between_it_and_the_authority() -> None:
    def encoded(one: Made) -> bytes:
        return b":%b:" % b64encode(one.der)

    own = b"Client-Cert: %b\r\n" % encoded(ALICE)
    assert certificate_lines(CHAIN, [ROOT.certificate]) == (
        own + b"Client-Cert-Chain: %b\r\n" % encoded(BETWEEN)
    )
    assert certificate_lines(CHAIN[:2], [BETWEEN.certificate]) == own


def test_a_file_of_authorities_has_authorities_alone() -> None:
    pem = ROOT.pem + BETWEEN.pem
    assert read_authorities(pem) == [ROOT.certificate, BETWEEN.certificate]
    for bad, told in (
        (b"", "no certificate in PEM"),
        (ROOT.pem + ALICE.pem, "CN=alice is no authority's"),
        (ROOT.pem.replace(b"MII", b"MIJ", 1), "can't be read"),
    ):
        with pytest.raises(ValueError, match=told):
            read_authorities(bad)


def test_a_file_of_revocations_has_whole_lists_that_end() -> None:
    assert len(lists(revocations(ROOT), revocations(BETWEEN))) == 2
    for bad, told in (
        (pem_of(ROOT.certificate), "no revocation list in PEM"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "can't be read"),
        (revocations(ROOT, partial=True), "CN=root is a part of one"),
    ):
        with pytest.raises(ValueError, match=told):
            read_revocations(bad)
