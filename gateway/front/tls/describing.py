"""What `/status` says of TLS at the front."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.front.tls.certificates import Named
from gateway.front.tls.handshakes import Handshakes


def described(
    named: Sequence[Named],
    handshakes: Handshakes,
    redirect_from: int | None,
    mistake: str,
    now_s: float,
) -> Mapping[str, Any]:
    """Certificates in use, with the days that each has left, and handshakes; nothing secret."""
    return {
        "certificates": [_certificate(one, now_s) for one in named],
        "mistake": mistake or None,
        "redirect_from": redirect_from,
        "handshakes": {"under_way": handshakes.under_way, **handshakes.ended},
    }


def _certificate(named: Named, now_s: float) -> Mapping[str, Any]:
    pair = named.pair
    return {
        "names": list(named.names),
        "key": pair.kind,
        "not_after": datetime.fromtimestamp(pair.ends_s, UTC).isoformat().replace("+00:00", "Z"),
        "expired": pair.ends_s <= now_s,
    }
