"""What a client's certificates say: whether an authority of the way stands behind them, and who it is."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from middlewares.auth.deciding.identity import checked_subject
from middlewares.auth.ways.mtls.spec import SubjectForm

Chain = tuple[x509.Certificate, ...]

_IN_TURN: tuple[SubjectForm, ...] = ("cn", "san_uri", "san_email", "san_dns", "dn")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When all certificates of a chain are valid, in Unix seconds."""

    begins_s: float
    ends_s: float

    def __contains__(self, now_s: float) -> bool:
        return self.begins_s <= now_s < self.ends_s


def lifetime_of(chain: Chain) -> Lifetime:
    """The time in which every certificate of a chain is valid."""
    return Lifetime(
        max(one.not_valid_before_utc.timestamp() for one in chain),
        # A certificate is valid through this second (RFC 5280 §4.1.2.5).
        min(one.not_valid_after_utc.timestamp() for one in chain) + 1,
    )


def chain_to(authorities: Sequence[x509.Certificate], shown: Chain) -> Chain | None:
    """A verified chain from the client's certificate up to one of these authorities; None: there is none.

    The handshake has verified the chain up to an authority of any way. So one of ours is in it, or has
    issued its last certificate.
    """
    for index, one in enumerate(shown[1:], 1):
        if one in authorities:
            return shown[: index + 1]
    above = next((one for one in authorities if _may_issue(one, shown)), None)
    return None if above is None else (*shown, above)


def subject_of(certificate: x509.Certificate, form: SubjectForm) -> str:
    """The subject. Raises ValueError if the certificate has none in this form, or several."""
    if form != "any":
        found = _texts(certificate, form)
        if len(found) != 1:
            raise ValueError(f"the certificate has {len(found) or 'no'} names of the form {form}")
        return checked_subject(found[0])
    for one in _IN_TURN:
        found = _texts(certificate, one)
        if len(found) == 1:
            return checked_subject(found[0])
    raise ValueError("the certificate has no name")


def certificate_lines(chain: Chain, authorities: Sequence[x509.Certificate]) -> bytes:
    """Client-Cert, and Client-Cert-Chain with what is between it and the authority (RFC 9440 §2)."""
    lines = b"Client-Cert: %b\r\n" % _byte_sequence(chain[0])
    between = [_byte_sequence(one) for one in chain[1:] if one not in authorities]
    if between:
        lines += b"Client-Cert-Chain: %b\r\n" % b", ".join(between)
    return lines


def _texts(certificate: x509.Certificate, form: SubjectForm) -> list[str]:
    if form == "dn":
        name = certificate.subject.rfc4514_string()
        return [name] if name else []
    if form == "cn":
        found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [one.value for one in found if isinstance(one.value, str)]
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    names = extension.value
    if form == "san_uri":
        return names.get_values_for_type(x509.UniformResourceIdentifier)
    if form == "san_email":
        return names.get_values_for_type(x509.RFC822Name)
    return names.get_values_for_type(x509.DNSName)


def _may_issue(authority: x509.Certificate, chain: Chain) -> bool:
    """Whether an authority has issued the last certificate of a chain, and may issue the whole of it."""
    try:
        chain[-1].verify_directly_issued_by(authority)
        extensions = authority.extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    below = constraints.path_length
    # OpenSSL has not seen this one, and would have to judge by these.
    limits_names = any(one.oid == ExtensionOID.NAME_CONSTRAINTS for one in extensions)
    return (below is None or len(chain) - 1 <= below) and not limits_names


def _byte_sequence(certificate: x509.Certificate) -> bytes:
    """A byte sequence of structured fields (RFC 8941 §3.3.5)."""
    return b":%b:" % b64encode(certificate.public_bytes(Encoding.DER))
