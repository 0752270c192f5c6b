"""Certificates are chosen by server name, replaced for new connections, and shown to ACME servers."""

import contextlib
import ssl

import pytest
import trustme

from gateway.front.tls.certificates import TICKET_KEY_LASTS_S, Certificates
from gateway.front.tls.contexts import ACME_PROTOCOL, Terms
from gateway.front.tls.pairs import BadKey, read_pair
from gateway.front.tls.peers import peer_chain
from tests.support.certificates import Issued, issue


class Ends:
    """Both ends of a connection, in memory."""

    def __init__(
        self,
        client: ssl.SSLContext,
        base: ssl.SSLContext,
        name: str | None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(one, other, server_hostname=name, session=session)
        self.server = base.wrap_bio(other, one, server_side=True)

    def shake(self) -> "Ends":
        for _ in range(3):
            for end in (self.client, self.server):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        return self

    @property
    def shown(self) -> bytes | None:
        return self.client.getpeercert(binary_form=True)


@pytest.fixture
def client(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def _der(issued: Issued) -> bytes:
    return ssl.PEM_cert_to_DER_cert(
        issued.chain.decode().split("-----END")[0] + "-----END CERTIFICATE-----\n"
    )


def _configured(*issued: Issued, terms: Terms | None = None) -> Certificates:
    certificates = Certificates()
    certificates.configure(terms or Terms(), [(read_pair(i.chain, i.key), "a.pem") for i in issued])
    return certificates


def _shown(certificates: Certificates, client: ssl.SSLContext, name: str) -> bytes | None:
    return Ends(client, certificates.base(), name).shake().shown


def test_certificate_is_that_of_the_name(authority: trustme.CA, client: ssl.SSLContext) -> None:
    one, other = issue(authority, "a.example"), issue(authority, "*.b.example")
    certificates = _configured(one, other)

    assert _shown(certificates, client, "a.example") == _der(one)
    assert _shown(certificates, client, "x.b.example") == _der(other)


def test_put_certificate_replaces_that_of_the_same_names(
    authority: trustme.CA, client: ssl.SSLContext
) -> None:
    certificates = _configured()
    one, other = issue(authority, "a.example"), issue(authority, "a.example")
    certificates.put(["a.example"], one.chain, one.key)
    assert _shown(certificates, client, "a.example") == _der(one)

    certificates.put(["A.example"], other.chain, other.key)
    assert _shown(certificates, client, "a.example") == _der(other)

    with pytest.raises(BadKey):
        certificates.put(["a.example"], one.chain, other.key)
    assert _shown(certificates, client, "a.example") == _der(other)

    certificates.remove(["a.example"])
    assert certificates.context_for("a.example") is None


@pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
def test_configured_certificate_wins_over_one_that_was_put(
    authority: trustme.CA, client: ssl.SSLContext, kind: str
) -> None:
    configured, put = issue(authority, "a.example", kind=kind), issue(authority, "a.example")
    certificates = _configured(configured)
    certificates.put(["a.example"], put.chain, put.key)
    assert _shown(certificates, client, "a.example") == _der(configured)


def test_without_a_certificate_the_handshake_fails(client: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)callback failed|unrecognized"):
        Ends(client, _configured().base(), "a.example").shake()


def test_two_kinds_of_keys_answer_one_name(authority: trustme.CA, client: ssl.SSLContext) -> None:
    elliptic, rsa = issue(authority, "a.example"), issue(authority, "a.example", kind="RSA")
    certificates = _configured(rsa, elliptic)
    client.maximum_version = ssl.TLSVersion.TLSv1_2

    client.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert _shown(certificates, client, "a.example") == _der(rsa)
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    assert _shown(certificates, client, "a.example") == _der(elliptic)


def test_old_versions_are_refused_and_http_is_agreed(
    authority: trustme.CA, client: ssl.SSLContext
) -> None:
    issued = issue(authority, "a.example")
    client.set_alpn_protocols(["h2", "http/1.1"])
    ends = Ends(client, _configured(issued).base(), "a.example").shake()
    assert (ends.client.version(), ends.client.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")

    client.maximum_version = ssl.TLSVersion.TLSv1_2
    ends = Ends(client, _configured(issued).base(), "a.example").shake()
    assert ends.client.version() == "TLSv1.2"
    only_new = _configured(issued, terms=Terms(least_version="1.3"))
    ends = Ends(client, only_new.base(), "a.example")
    with pytest.raises(ssl.SSLError):
        ends.shake()


def test_key_of_tickets_changes_with_time(authority: trustme.CA) -> None:
    now_s = 0.0
    certificates = Certificates(now=lambda: now_s)
    first = certificates.base()
    assert certificates.base() is first
    now_s = TICKET_KEY_LASTS_S + 1
    assert certificates.base() is not first


def test_new_certificate_keeps_the_tickets(authority: trustme.CA) -> None:
    certificates = _configured(issue(authority, "a.example"))
    before = certificates.base()
    other = issue(authority, "a.example")
    certificates.configure(Terms(), [(read_pair(other.chain, other.key), "a.pem")])
    assert certificates.base() is before


def test_other_terms_end_the_tickets(authority: trustme.CA) -> None:
    certificates = _configured(issue(authority, "a.example"))
    before = certificates.base()
    certificates.configure(Terms(client_cas=authority.cert_pem.bytes()), [])
    assert certificates.base() is not before


def test_acme_server_sees_the_proof(authority: trustme.CA, client: ssl.SSLContext) -> None:
    proof = issue(authority, "a.example")
    certificates = _configured(issue(authority, "a.example"))
    certificates.put_challenge("a.example", proof.chain, proof.key)
    client.set_alpn_protocols([ACME_PROTOCOL])
    ends = Ends(client, certificates.base(), "a.example")
    with pytest.raises(ssl.SSLWantReadError):
        ends.client.do_handshake()
    assert certificates.has_challenges

    base = certificates.challenge_base("a.example")
    assert base is not None
    ends = Ends(client, base, "a.example").shake()
    assert (ends.shown, ends.client.selected_alpn_protocol()) == (_der(proof), ACME_PROTOCOL)

    certificates.remove_challenge("a.example")
    assert certificates.challenge_base("a.example") is None


def test_chain_of_a_client_is_its_own_certificate_first_and_the_authority_last(
    authority: trustme.CA, client: ssl.SSLContext
) -> None:
    terms = Terms(client_cas=authority.cert_pem.bytes(), client_required=True)
    certificates = _configured(issue(authority, "a.example"), terms=terms)
    authority.issue_cert("someone@example.com").configure_cert(client)
    server = Ends(client, certificates.base(), "a.example").shake().server

    own, issuer = peer_chain(server)

    assert own == server.getpeercert(binary_form=True)
    assert issuer == ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())


def test_client_without_a_certificate_has_no_chain(
    authority: trustme.CA, client: ssl.SSLContext
) -> None:
    terms = Terms(client_cas=authority.cert_pem.bytes())
    certificates = _configured(issue(authority, "a.example"), terms=terms)
    assert peer_chain(Ends(client, certificates.base(), "a.example").shake().server) == ()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("asks", "resumes"), [(True, False), (False, True)])
def test_sessions_of_clients_with_certificates_are_not_resumed(
    authority: trustme.CA,
    client: ssl.SSLContext,
    version: ssl.TLSVersion,
    asks: bool,
    resumes: bool,
) -> None:
    terms = Terms(client_cas=authority.cert_pem.bytes(), client_required=True)
    certificates = _configured(issue(authority, "a.example"), terms=terms if asks else None)
    authority.issue_cert("someone@example.com").configure_cert(client)
    client.minimum_version = client.maximum_version = version
    first = Ends(client, certificates.base(), "a.example").shake()
    with contextlib.suppress(ssl.SSLWantReadError):
        first.client.read()  # takes the ticket

    session = first.client.session
    second = Ends(client, certificates.base(), "a.example", session).shake()

    assert second.server.session_reused is resumes
    assert len(peer_chain(second.server)) == (2 if asks else 0)
