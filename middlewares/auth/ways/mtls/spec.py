"""What the file says of clients with certificates."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

#: What of a certificate is the subject; `any`: the first of the others that it has just one of.
SubjectForm = Literal["any", "cn", "san_uri", "san_email", "san_dns", "dn"]


@dataclass(frozen=True)
class MtlsSpec:
    """Clients with certificates of these authorities.

    `authorities` and `revocations` are PEM; no `revocations`: nothing is revoked.
    """

    reads: ClassVar[frozenset[bytes]] = frozenset()
    #: Client-Cert is dropped with and without such a way (gateway/forwarding/fields.py).
    drops: ClassVar[frozenset[bytes]] = frozenset()
    has_sessions: ClassVar[bool] = False

    name: str
    authorities: bytes = field(repr=False)
    revocations: bytes | None = field(default=None, repr=False)
    subject: SubjectForm = "any"
