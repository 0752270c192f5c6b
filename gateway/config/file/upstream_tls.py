"""How the gateway speaks TLS to the https instances of a service."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from gateway.config.file.hosts import Host
from gateway.config.file.named_files import PublicFile, SecretFile
from gateway.config.file.sections import Section, Wrong
from gateway.config.file.tls import read_authorities, read_chain, read_key, wrong_pair


class UpstreamTls(Section):
    """TLS to the https instances of a service; what is left out is as for every other service."""

    at_least_one: ClassVar[tuple[str, ...]] = (
        "ca_file",
        "server_name",
        "certificate_file",
        "key_file",
    )
    needs: ClassVar[dict[str, str]] = {
        "certificate_file": "key_file",
        "key_file": "certificate_file",
    }
    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {
        "ca_file": read_authorities,
        "certificate_file": read_chain,
        "key_file": read_key,
    }

    ca_file: PublicFile | None = Field(
        default=None,
        description="The authorities in PEM that instances must have a certificate of; left out: those of "
        "the system.",
        examples=["ca.pem"],
    )
    server_name: Host | None = Field(
        default=None,
        description="The name that their certificates must have, and that they are asked for; left out: the "
        "host of each instance.",
        examples=["legacy.internal"],
    )
    certificate_file: PublicFile | None = Field(
        default=None,
        description="The certificate in PEM that the gateway shows to an instance that asks for one.",
        examples=["me.pem"],
    )
    key_file: SecretFile | None = Field(
        default=None, description="Its private key in PEM.", examples=["me.key"]
    )

    def wrong_contents(self, contents: Mapping[str, Any]) -> Iterable[Wrong]:
        return wrong_pair(contents) if "key_file" in contents else ()
