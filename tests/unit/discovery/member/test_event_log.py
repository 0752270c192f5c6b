"""What a gateway logs about instances that leave."""

from structlog.testing import capture_logs

from discovery.health.machine import Health
from discovery.member.event_log import EventLog
from discovery.view.view import Event, View


def test_a_removal_tells_what_was_wrong_last_and_not_what_was_wrong_first() -> None:
    """The port had been fixed and the health path was wrong, but the log named the port."""
    health = Health("unhealthy", evidence="connect failed: Connection refused", latest="404")
    with capture_logs() as logs:
        EventLog(lambda _key: health).view_changed(View(), View(), Event(1, "removed", "orders/a"))
    (line,) = logs
    assert (line["event"], line["evidence"]) == ("instance.removed", "404")
