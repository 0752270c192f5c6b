"""TLS at the front: certificates, what is asked of clients, and the way from plain HTTP."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from gateway.acme.spec import HTTP_01
from gateway.config.file.acme import Acme
from gateway.config.file.named_files import PublicFile, SecretFile
from gateway.config.file.numbers import choice, duration, whole_number
from gateway.config.file.parsed import Parsed
from gateway.config.file.policies import Flag
from gateway.config.file.sections import Section, Some, Wrong


def read_chain(data: bytes) -> bytes:
    """A certificate chain in PEM. ValueError: it is none."""
    from gateway.front.tls.pairs import check_chain  # a file without tls loads none of it

    return check_chain(data)


def read_authorities(data: bytes) -> bytes:
    """Certificates of authorities in PEM. ValueError: they can't be used."""
    from gateway.front.tls.contexts import check_authorities

    return check_authorities(data)


def read_key(data: bytes) -> bytes:
    """A private key in PEM. ValueError: it can't be used."""
    from gateway.front.tls.pairs import check_key

    return check_key(data)


def wrong_pair(contents: Mapping[str, Any]) -> Iterable[Wrong]:
    """What is wrong between a `certificate_file` and its `key_file`."""
    from gateway.front.tls.contexts import context_of
    from gateway.front.tls.pairs import BadCertificate, BadKey, read_pair

    try:
        context_of([read_pair(contents["certificate_file"], contents["key_file"])], None)
    except BadCertificate as error:
        yield Wrong(("certificate_file",), str(error))
    except BadKey as error:
        yield Wrong(("key_file",), str(error))


def _version(value: object) -> str:
    text = str(value) if isinstance(value, float) else value
    if text not in ("1.2", "1.3"):
        raise ValueError("must be 1.2 or 1.3: older versions are broken")
    return str(text)


Version = Annotated[
    Literal["1.2", "1.3"],
    Parsed(_version, "1.2 or 1.3", {"enum": ["1.2", "1.3", 1.2, 1.3]}),
]


class Certificate(Section):
    """A certificate and its key; the server names are those of its subjectAltName."""

    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {
        "certificate_file": read_chain,
        "key_file": read_key,
    }

    certificate_file: PublicFile = Field(
        description="The certificate in PEM, and behind it those of the authorities in between.",
        examples=["a.pem"],
    )
    key_file: SecretFile = Field(
        description="Its private key in PEM, ECDSA, Ed25519 or RSA, without a password.",
        examples=["a.key"],
    )

    def wrong_contents(self, contents: Mapping[str, Any]) -> Iterable[Wrong]:
        return wrong_pair(contents)


class Hsts(Section):
    """`Strict-Transport-Security` on answers over TLS: browsers ask by https alone (RFC 6797)."""

    max_age_s: Annotated[float, duration("0s", "3650d", zero="0: browsers forget it")] = Field(
        default=31_536_000.0,
        alias="max_age",
        description="How long browsers remember it.",
        examples=["365d"],
        json_schema_extra={"default": "365d"},
    )
    include_subdomains: Flag = Field(
        default=False, description="It holds for all names below too.", examples=[True]
    )
    preload: Flag = Field(
        default=False,
        description="The names may be built into browsers, which is hard to undo.",
        examples=[False],
    )

    def wrong(self) -> Iterable[Wrong]:
        if self.preload and not (self.include_subdomains and self.max_age_s >= 31_536_000):
            yield Wrong(
                ("preload",), "needs include_subdomains: true and a max_age of 365d or more"
            )


class Tls(Section):
    """The port of the gateway speaks TLS."""

    at_least_one: ClassVar[tuple[str, ...]] = ("certificates", "acme")
    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {"client_ca_file": read_authorities}

    certificates: Some[Certificate] = Field(
        default=(),
        description="Certificates, each for the names that it has; the first one also for every other name.",
        examples=[[{"certificate_file": "a.pem", "key_file": "a.key"}]],
    )
    acme: Acme | None = Field(
        default=None,
        description="Certificates that the gateway gets and renews by itself; left out: none.",
        examples=[{"domains": ["api.example.com"], "email": "ops@example.com"}],
    )
    client_ca_file: PublicFile | None = Field(
        default=None,
        description="Authorities in PEM whose certificates clients may show.",
        examples=["clients-ca.pem"],
    )
    client_certificate: Annotated[str, choice("required", "optional")] | None = Field(
        default=None,
        description="Whether a client must show one; left out: optional where a way of `auth` has the type "
        "mtls, which then decides, else required.",
        examples=["optional"],
    )
    min_version: Version = Field(
        default="1.2", description="The oldest version of TLS that is spoken.", examples=["1.3"]
    )
    redirect_from: Annotated[int, whole_number(1, 65535)] | None = Field(
        default=None,
        description="A port of plain HTTP whose requests are sent to https (308); left out: none.",
        examples=[80],
    )
    hsts: Hsts | None = Field(
        default=None,
        description="Whether answers carry Strict-Transport-Security; {} takes every default; left out: not.",
        examples=[{"max_age": "365d", "include_subdomains": True}],
    )

    def wrong(self) -> Iterable[Wrong]:
        acme = self.acme
        if acme is None or self.redirect_from is not None:
            return
        if HTTP_01 in acme.challenges and "challenges" in acme.model_fields_set:
            places = [index for index, one in enumerate(acme.challenges) if one == HTTP_01]
            yield Wrong(
                ("acme", "challenges", *places), "needs redirect_from, where it is answered"
            )
