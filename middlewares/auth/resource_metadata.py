"""Says which issuers' tokens a resource takes (RFC 9728), and challenges a client to bring one (RFC 6750)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"

_LONGEST_PATH: Final = 1024
#: What may stand in a quoted string as it is, and in a URL.
_PATH = re.compile(r"/[!#-;=?-\[\]^_`a-z{|}~-]*", re.ASCII)
_HOST = re.compile(rb"[A-Za-z0-9._~:\[\]-]{1,262}")


@dataclass(frozen=True, slots=True)
class ResourceMetadata:
    """The answer to who asks which tokens the resources of a route take.

    It is that of the route with this path behind WELL_KNOWN on this host (None: on every one). `ways` are the
    names of those that take tokens.
    """

    host: str | None
    path: str
    ways: tuple[str, ...]
    issuers: tuple[str, ...]
    scopes: tuple[str, ...] = ()

    @property
    def is_of_host(self) -> bool:
        """Whether it is of all resources of its host."""
        return self.path == WELL_KNOWN

    def document(self, scheme: str, host: bytes, path: str) -> bytes:
        """The document for a request of this path, which begins with WELL_KNOWN.

        Its resource is what the client had asked for when it was challenged (RFC 9728 §3.3).
        """
        about: dict[str, object] = {
            "resource": _origin(scheme, host) + path.removeprefix(WELL_KNOWN)
        }
        if self.issuers:
            about["authorization_servers"] = self.issuers
        about["bearer_methods_supported"] = ["header"]
        if self.scopes:
            about["scopes_supported"] = self.scopes
        return orjson.dumps(about)


def bearer_challenge(
    scheme: str, host: bytes, path: str, *, refused: bool = False, scopes: Sequence[str] = ()
) -> str:
    """The challenge of RFC 6750 §3 for a request of this host and path.

    `refused`: its token is not valid; `scopes`: its token is, and lacks one of these.
    """
    said = []
    if scopes:
        said = ['error="insufficient_scope"', f'scope="{" ".join(scopes)}"']
    elif refused:
        said = ['error="invalid_token"']
    if _HOST.fullmatch(host):
        shown = path if len(path) <= _LONGEST_PATH and _PATH.fullmatch(path) and path != "/" else ""
        said.append(f'resource_metadata="{_origin(scheme, host)}{WELL_KNOWN}{shown}"')
    return f"Bearer {', '.join(said)}" if said else "Bearer"


def _origin(scheme: str, host: bytes) -> str:
    return f"{scheme}://{host.decode('ascii', 'replace')}"
