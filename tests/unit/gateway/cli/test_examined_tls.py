"""`lockgate doctor` says which certificates a gateway shows, and which of them end soon."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.cli.examining.tls import findings

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def _status(not_after: str, **members: Any) -> dict[str, Any]:
    return {"certificates": [{"names": ["a.example"], "not_after": not_after}], **members}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (_status("2030-06-01T00:00:00Z"), [("ok", "certificates: a.example until 2030-06-01")]),
        (
            _status("2030-01-04T12:00:00Z"),
            [
                ("warning", "the certificate of a.example expires in 3 days"),
                ("ok", "certificates: a.example until 2030-01-04"),
            ],
        ),
        (
            _status("2029-12-31T00:00:00Z"),
            [
                ("failed", "the certificate of a.example has expired"),
                ("ok", "certificates: a.example until 2029-12-31"),
            ],
        ),
        (
            _status("2030-06-01T00:00:00Z", mistake="TLS_KEY_FILE='k': is wrong"),
            [
                ("failed", "TLS_KEY_FILE='k': is wrong; the certificate before stays in use"),
                ("ok", "certificates: a.example until 2030-06-01"),
            ],
        ),
        (
            {"certificates": []},
            [("failed", "there is no certificate yet, so nobody can connect")],
        ),
    ],
)
def test_state_is_told(status: dict[str, Any], said: list[tuple[str, str]]) -> None:
    assert [(one.state, one.detail) for one in findings(status, NOW)] == said
