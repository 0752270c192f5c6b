"""docs/operations.md, compared with a gateway's answer."""

from tests.conftest import StartGateway
from tests.support.documents import rows_of


async def test_each_member_of_the_status_is_in_the_table(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(GATEWAY_URL="http://gateway.example")
    status = (await gateway.admin("GET", "/status")).json()
    nested = {
        name: [f"{name}.{member}" for member in status[name]]
        for name in ("registry", "descriptors", "limits")
    }
    there = {member for name in status for member in nested.get(name, [name])}

    rows = rows_of("docs/operations.md", "`GET /status`")

    assert {name for names, _ in rows for name in names.split(", ")} == there
