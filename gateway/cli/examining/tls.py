"""Checks the certificates that a running gateway shows to its clients."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.cli.examining.findings import Finding
from gateway.cli.gateway_client import GatewayClient
from gateway.stack.failures import StackError

_CHECK = "TLS"
_SOON_DAYS = 14
_ANEW = "put a new certificate in its place: it is taken over without a restart"


def certificates(gateway: GatewayClient) -> Iterator[Finding]:
    """Check what /status says of them; nothing where the port speaks no TLS."""
    try:
        tls = gateway.get("/status").get("tls")
    except StackError:  # another check says that it does not answer
        return
    if tls:
        yield from findings(tls, datetime.now(UTC))


def findings(tls: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    """What is to be said of the state of TLS in /status."""
    if tls.get("mistake"):
        detail = f"{tls['mistake']}; the certificate before stays in use"
        yield Finding(_CHECK, "failed", detail, "correct the file: it is read again at once")
    ends = []
    for one in tls.get("certificates", ()):
        names = ", ".join(one["names"]) or "no name"
        left = datetime.fromisoformat(one["not_after"]) - now
        ends.append(f"{names} until {one['not_after'][:10]}")
        if left.total_seconds() <= 0:
            yield Finding(_CHECK, "failed", f"the certificate of {names} has expired", _ANEW)
        elif left.days < _SOON_DAYS:
            detail = f"the certificate of {names} expires in {left.days} days"
            yield Finding(_CHECK, "warning", detail, _ANEW)
    if ends:
        yield Finding(_CHECK, "ok", f"certificates: {'; '.join(ends)}")
    else:
        yield Finding(_CHECK, "failed", "there is no certificate yet, so nobody can connect", "")
