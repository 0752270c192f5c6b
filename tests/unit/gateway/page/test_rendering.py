"""The page as HTML: every value stays text, whatever it contains."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from gateway.page.overview import Overview, ShownInstance, ShownService
from gateway.page.rendering import Facts, rendering
from gateway.page.template import STYLE_HASH
from middlewares.telemetry.printable import printable
from tests.support.pages import Page

FACTS = Facts(version="1", made_at="2026-01-01T00:00:00Z", stale_for_s=None, links_routes=True)
INSTANCE = ShownInstance(
    "i1", "http://h:1", "1.0.0", 3, "2026-01-01T00:00:00Z", "unhealthy", "seen"
)
SERVICE = ShownService("orders", "/api/orders", "/health", 1, 2, "why", [INSTANCE], "helps")
TEXT = st.text(st.characters(), min_size=1) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "\"'><img src=x onerror=y>",
        "&lt;",
        "$name",
        "${x}",
        "]]>",
        "-->",
    ]
)


def overview_of(*services: ShownService) -> Overview:
    return Overview(services, len(services), 2, 1)


def render(shown: Overview | None, facts: Facts) -> str:
    return at_once(rendering(shown, facts))


def shown(service: ShownService, facts: Facts = FACTS) -> Page:
    return Page(render(overview_of(service), facts))


@given(
    st.builds(
        ShownService,
        name=TEXT,
        route=TEXT,
        health_path=TEXT,
        healthy=st.integers(0, 10),
        total=st.just(3),
        why=TEXT,
        instances=st.lists(
            st.builds(
                ShownInstance,
                id=TEXT,
                url=TEXT,
                version=TEXT,
                weight=st.just(3),
                registered_at=TEXT,
                state=TEXT,
                seen=TEXT,
            ),
            min_size=1,
            max_size=1,
        ),
        helps=TEXT,
    ),
    TEXT,
)
def test_any_text_in_any_value_is_text(service: ShownService, version: str) -> None:
    html = render(overview_of(service), replace(FACTS, version=version))

    page = Page(html)

    assert page.shape == SHAPE
    (instance,) = service.instances
    for value in (
        *(service.name, service.route, service.why),
        *(instance.id, instance.url, instance.version, instance.state, instance.seen, version),
    ):
        assert printable(value).strip() in page.text
    assert all(re.fullmatch(r"[!-~]*", link) for link in page.links)
    html.encode()


SHAPE = shown(SERVICE).shape


def test_the_style_sheet_is_the_one_that_the_policy_allows() -> None:
    html = render(None, FACTS)

    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]

    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" == STYLE_HASH


@pytest.mark.parametrize(
    "page",
    [shown(SERVICE), Page(render(None, FACTS)), Page(render(overview_of(), FACTS))],
    ids=["services", "no_view", "empty"],
)
def test_it_is_one_file_without_scripts_in_which_people_find_their_way(page: Page) -> None:
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "form", "object"})
    attributes = {name for _, names in page.elements for name in names}
    assert attributes.isdisjoint({"src", "style", "srcset", "onclick"})
    assert ("html", {"lang": "en"}) in page.elements
    assert {"title", "h1", "h2", "main", "nav"} <= page.tags
    assert not [link for link in page.links if link.startswith(("/", "http", "//"))]


def test_tables_have_captions_and_their_headings_a_scope() -> None:
    page = shown(SERVICE)

    assert "Instances of orders" in page.texts
    assert {attributes.get("scope") for tag, attributes in page.elements if tag == "th"} == {
        "col",
        "row",
    }


def test_a_state_is_told_in_words() -> None:
    page = shown(SERVICE)

    assert "unhealthy" in page.texts
    assert "1 of 2 healthy" in page.texts


def test_the_links_of_a_service_lead_to_its_document_and_to_a_path_that_answers() -> None:
    assert {"services/orders", "api/orders/health"} <= set(shown(SERVICE).links)
    for other in (replace(SERVICE, health_path=""), replace(SERVICE, route="")):
        assert not [link for link in shown(other).links if link.startswith("api")]
    elsewhere = replace(FACTS, links_routes=False)
    assert not [link for link in shown(SERVICE, elsewhere).links if link.startswith("api")]


def test_a_service_without_a_route_says_whose_it_is() -> None:
    page = shown(replace(SERVICE, name="price", route=""))

    assert "No route goes here: /api/price/ is that of price_service" in page.text


def test_what_is_left_out_is_counted() -> None:
    html = render(Overview([replace(SERVICE, total=1001)], 12, 5000, 1), FACTS)

    text = Page(html).text

    assert "12 services, 5,000 instances, 1 healthy" in text
    assert "and 1,000 more instances: /services/orders" in text
    assert "and 11 more services: /services" in text


def test_a_view_that_is_stale_says_how_old_it_is() -> None:
    page = shown(SERVICE, replace(FACTS, stale_for_s=41.7))

    assert "The registry does not answer. This is the last view, 42 s old" in page.text
    assert "does not answer" not in shown(SERVICE).text


def test_without_services_it_says_what_to_do_next() -> None:
    page = Page(render(overview_of(), FACTS))

    assert "No service is registered" in page.texts
    assert "lockgate register --name orders" in page.text


def test_without_a_view_it_says_where_to_look() -> None:
    page = Page(render(None, FACTS))

    assert "REDIS_URL" in page.text
    assert "no_view" in page.text
