"""Certificates of an authority of the tests'."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import trustme

KINDS = {"RSA": trustme.KeyType.RSA, "ECDSA": trustme.KeyType.ECDSA}


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate chain and its key, in PEM."""

    chain: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write `name.pem` and `name.key`, each replaced at once; the key is private."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        for path, data in zip(paths, (self.chain, self.key), strict=True):
            new = path.with_name(f"{path.name}.new")
            new.touch(0o600)
            new.write_bytes(data)
            new.replace(path)
        return paths


def issue(
    authority: trustme.CA,
    *names: str,
    kind: str = "ECDSA",
    ends: datetime.datetime | None = None,
    begins: datetime.datetime | None = None,
) -> Issued:
    """A certificate for these names."""
    leaf = authority.issue_cert(*names, key_type=KINDS[kind], not_after=ends, not_before=begins)
    chain = b"".join(one.bytes() for one in leaf.cert_chain_pems)
    return Issued(chain, leaf.private_key_pem.bytes())
