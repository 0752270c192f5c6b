"""What an instance's registrant is told about it, and when nothing is said yet."""

import pytest

from discovery.announcing.notices import Notice, notice_of, notice_of_loss
from discovery.model.answers import Standing
from discovery.model.instance import Instance, parse_registration

REGISTRY = "redis://127.0.0.1:6379/0 default"
NOT_FOUND = "GET /health answers 404, expected 200 to 299"


def instance(**body: object) -> Instance:
    body = {"host": "localhost", "port": 9000, "health_check_url": "/health", **body}
    return parse_registration("orders_service", "o1", body)


def told(standing: Standing, age_s: float = 10.0, one: Instance | None = None) -> Notice | None:
    return notice_of(one or instance(), standing, age_s, REGISTRY)


def text_of(standing: Standing, age_s: float = 10.0, one: Instance | None = None) -> str:
    notice = told(standing, age_s, one)
    return notice.text if notice is not None else ""


@pytest.mark.parametrize(
    ("gateway_url", "url"),
    [
        ("http://localhost:8080", "http://localhost:8080/api/orders/"),
        ("", "/api/orders/"),  # a gateway of an earlier release
    ],
)
def test_healthy_is_told_with_where_it_can_be_called(gateway_url: str, url: str) -> None:
    notice = told(Standing("healthy", gateway_url=gateway_url), age_s=0.0)
    assert notice == Notice("announce.healthy", f"healthy: {url}", {"url": url}, warns=False)


def test_a_weight_of_0_is_told_with_healthy_and_no_url() -> None:
    """The line was `healthy: http://…/api/orders/`, a URL at which everybody got 503."""
    notice = told(Standing("healthy", gateway_url="http://localhost:8080"), one=instance(weight=0))
    text = "healthy, but its weight is 0: it gets no requests"
    assert notice == Notice("announce.healthy", text, {"weight": "0"}, warns=False)


def test_unhealthy_is_told_with_the_address_what_was_expected_and_what_to_do() -> None:
    text = text_of(Standing("unhealthy", NOT_FOUND))
    seen = "GET http://localhost:9000/health answers 404, expected 200 to 299"
    assert text.startswith(f"unhealthy: {seen}; give the path of its health check (health_path), ")


@pytest.mark.parametrize(
    ("body", "evidence", "seen"),
    [
        ({"health_check_url": "/h?key=s3cret"}, "GET /h answers 500", "/h answers 500"),
        ({"health_check_url": "/"}, "GET /: broke off", "GET http://localhost:9000/: broke off"),
        (
            {"health_check_url": "http://localhost:9001/health"},
            NOT_FOUND,
            "GET http://localhost:9001/health answers 404",
        ),
        ({}, "connect failed: Connection refused", "Connection refused, at localhost:9000;"),
        (
            {"health_check_url": None},
            "a connect is not answered within 2 s",
            "a connect is not answered within 2 s, at localhost:9000;",
        ),
        ({}, "", "unhealthy: the gateway's log says why"),
    ],
)
def test_what_was_seen_is_told_with_where(
    body: dict[str, object], evidence: str, seen: str
) -> None:
    text = text_of(Standing("unhealthy", evidence), one=instance(**body))
    assert seen in text
    assert "s3cret" not in text


def test_in_the_first_moment_a_failure_may_be_that_of_the_process_before() -> None:
    assert told(Standing("unhealthy", "connect failed: Connection refused"), age_s=0.2) is None


@pytest.mark.parametrize(
    ("standing", "age_s", "event"),
    [
        (Standing("starting", live_gateways=0), 1.0, None),
        (Standing("starting", live_gateways=0), 3.0, "announce.unprobed"),
        (Standing("healthy", live_gateways=0), 1.0, None),
        (Standing("healthy", live_gateways=0), 3.0, "announce.unprobed"),  # says a dead gateway
        (Standing("unhealthy", live_gateways=0), 3.0, "announce.unprobed"),
        (Standing("draining", live_gateways=0), 3.0, "announce.drained"),
        (Standing("starting", live_gateways=1), 3.0, None),
        (Standing("starting", NOT_FOUND), 1.0, None),
        (Standing("starting", NOT_FOUND), 3.0, "announce.unhealthy"),  # on probation
        (Standing("draining"), 0.0, "announce.drained"),
        (Standing(""), 3.0, None),  # the next heartbeat says so
    ],
)
def test_other_states(standing: Standing, age_s: float, event: str | None) -> None:
    notice = told(standing, age_s)
    assert (notice and notice.event) == event


def test_the_registry_that_lacks_a_gateway_is_named() -> None:
    assert text_of(Standing("starting", live_gateways=0)).endswith(f"registry? ({REGISTRY})")


@pytest.mark.parametrize(
    ("state", "event", "word"),
    [
        ("removed", "announce.removed", "unhealthy for too long"),
        ("deregistered", "announce.deregistered", "somebody else has deregistered it"),
        ("", "announce.lapsed", "its lease had lapsed"),
        ("gone", "announce.gone", "it had lapsed, was removed for ill health, or deregistered"),
        ("healthy", "announce.gone", "it had lapsed"),  # another gateway's view is a little late
    ],
)
def test_why_it_is_registered_no_more(state: str, event: str, word: str) -> None:
    notice = notice_of_loss(Standing(state))
    assert notice.event == event
    assert word in notice.text
    assert "registers again" in notice.text


def test_other_evidence_is_news_and_another_gateways_address_is_none() -> None:
    def change(standing: Standing) -> tuple[str, str]:
        notice = told(standing)
        assert notice is not None
        return notice.change

    refused = Standing("unhealthy", "connect failed: Connection refused")
    assert change(Standing("unhealthy", NOT_FOUND)) != change(refused)
    one, other = (Standing("healthy", gateway_url=url) for url in ("http://a", "http://b"))
    assert change(one) == change(other)
