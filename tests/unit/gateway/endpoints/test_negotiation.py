"""HTML for clients that prefer it, JSON for all others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoints.negotiation import prefers_html

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    [
        *("text/html", "Text/HTML", "text/html; charset=utf-8", "text/*", "text/html, */*", CHROME),
        *("text/html;q=0.9, application/json;q=0.8", "application/json;q=0.1,text/html;q=0.2"),
        *(
            "text/html;q=0.5, application/json;q=0",
            "*/*;q=0.1, text/*;q=0.2",
            "text/html ; q=1.000",
        ),
        "application/json;q=0.3, */*;q=0.5",
    ],
)
def test_html_is_for_who_prefers_it(accept: str) -> None:
    assert prefers_html(accept)


@pytest.mark.parametrize(
    "accept",
    [
        *("", "*/*", "application/json", "application/*", "image/png", "text/plain", "nonsense"),
        *("text/html, application/json", "application/json, text/plain, */*", "text/html;q=0"),
        *("text/html;q=0.8, application/json;q=0.9", "text/html;q=0.5, */*", "text/html;q=0, */*"),
        *(
            "text/html;q=many",
            "text/html;q=2",
            "text/html;q=-1",
            "text/html;q=nan",
            ",;,=",
            "text/",
        ),
        "text/*, text/html;q=0, application/json;q=0.1",
    ],
)
def test_json_is_for_everybody_else(accept: str) -> None:
    assert not prefers_html(accept)


@given(st.text(alphabet="texhml/*;q=01.,apicjson \t", max_size=60) | st.text(max_size=60))
def test_any_text_has_an_answer(accept: str) -> None:
    assert prefers_html(accept) in (True, False)


@pytest.mark.parametrize(("before", "html"), [(255, True), (256, False), (60_000, False)])
def test_no_more_of_a_list_is_looked_at_than_a_client_would_send(before: int, html: bool) -> None:
    """One request with 60,000 commas delayed all others by a tenth of a second."""
    assert prefers_html("," * before + "text/html") is html
