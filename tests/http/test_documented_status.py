"""docs/operations.md, compared with a gateway's answer."""

from pathlib import Path

from tests.conftest import StartGateway
from tests.support.documents import rows_of


async def test_each_member_of_the_status_is_in_the_table(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    file = tmp_path / "lockgate.yaml"
    file.write_text(
        "services: {orders: {outliers: {}, breaker: {}, cache: {}}}\n"
        "routes: [{name: a, match: {}, service: orders, split: {shares: {'1': 9, '2': 1}}}]"
    )
    gateway = await start_gateway(GATEWAY_URL="http://gateway.example", GATEWAY_CONFIG=str(file))
    status = (await gateway.admin("GET", "/status")).json()
    nested = {
        name: [f"{name}.{member}" for member in status[name]]
        for name in ("registry", "descriptors", "limits", "config")
    }
    there = {member for name in status for member in nested.get(name, [name])}

    rows = rows_of("docs/operations.md", "`GET /status`")

    # Only a gateway that speaks TLS (tests/http/tls), has copied requests (tests/http/configured/mirror) or has
    # documents has these.
    assert {name for names, _ in rows for name in names.split(", ")} == there | {
        "acme",
        "documents",
        "mirrors",
        "tls",
    }
