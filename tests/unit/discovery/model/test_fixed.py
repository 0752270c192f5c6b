"""Instances that the configuration file names: what a URL may be, their ids and their probes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.errors import InvalidRegistration
from discovery.model.fixed import FixedHealth, fixed_instance, fixed_service
from discovery.model.instance import check_id


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://10.0.0.5:9000", ("http", "10.0.0.5", 9000)),
        ("https://10.0.0.6:9443/", ("https", "10.0.0.6", 9443)),
        ("http://orders.internal", ("http", "orders.internal", 80)),
        ("https://Orders.Internal", ("https", "orders.internal", 443)),
        ("http://[2001:db8::5]:9000", ("http", "2001:db8::5", 9000)),
        ("http://localhost:1", ("http", "localhost", 1)),
    ],
)
def test_a_url_is_an_instance_of_the_file(url: str, expected: tuple[str, str, int]) -> None:
    instance = fixed_instance("legacy", url)
    assert instance.endpoint == expected
    assert (instance.name, instance.source, instance.weight) == ("legacy", "file", 1)
    check_id(instance.id)


@pytest.mark.parametrize(
    "url",
    [
        *("", "10.0.0.5:9000", "//10.0.0.5", "ftp://a", "http://", "http://:80", "http://a:0"),
        *("http://a:65536", "http://a:x", "http://a/b", "http://a?", "http://a/?x=1", "http://a#x"),
        *("http://u:p@a", "http://@a", "http://[::1", "http://[fe80::1%25eth0]:80", "http://a b"),
        *("http://127.1", "http://-a", "unix:/run/socket"),
    ],
)
def test_what_is_no_address_is_refused_by_its_url(url: str) -> None:
    with pytest.raises(InvalidRegistration) as refused:
        fixed_instance("legacy", url)
    assert repr(url) in str(refused.value)


def test_an_id_can_be_read_and_is_that_of_the_url_alone() -> None:
    one = fixed_instance("legacy", "http://10.0.0.5:9000")
    other = fixed_instance("orders", "HTTP://10.0.0.5:9000/", FixedHealth("/health", 1.0))
    assert one.id == other.id == "http-10.0.0.5-9000"


def test_ids_of_urls_that_cannot_be_written_out_are_valid_and_not_those_of_others() -> None:
    long = ".".join(["a" * 63] * 3)
    urls = [
        *("http://[2001:db8::5]:80", "http://2001-db8--5:80", "https://[2001:db8::5]:80"),
        *(f"http://{long}:80", f"http://{long}:81", f"http://{long}.b:80"),
    ]
    ids = {fixed_instance("legacy", url).id for url in urls}
    assert len(ids) == len(urls)
    for one in ids:
        check_id(one)


_ADDRESSES = st.ip_addresses().map(lambda one: f"[{one}]" if one.version == 6 else str(one))
_NAMES = st.from_regex(r"[a-z0-9-]{1,8}(\.[a-z][a-z0-9-]{0,8}[a-z]){1,3}", fullmatch=True)


@given(
    st.lists(
        st.tuples(st.sampled_from(["http", "https"]), _ADDRESSES | _NAMES, st.integers(1, 65535))
    )
)
def test_an_id_stands_for_one_url(parts: list[tuple[str, str, int]]) -> None:
    found = []
    for scheme, host, port in parts:
        try:
            found.append(fixed_instance("legacy", f"{scheme}://{host}:{port}"))
        except InvalidRegistration:
            continue  # a label that begins or ends with a dash
    assert len({one.id for one in found}) == len({one.endpoint for one in found})


def test_a_url_that_comes_twice_counts_once() -> None:
    service = fixed_service("legacy", ["http://a:80", "http://A", "http://b"])
    assert [one.host for one in service.instances] == ["a", "b"]


def test_without_a_health_path_a_connect_is_the_probe() -> None:
    """A service behind a proxy need not have a /health."""
    instance = fixed_instance("legacy", "http://a", FixedHealth(interval_s=2.0))
    assert instance.health_check.kind == "tcp"
    assert instance.probe_interval_s == 2.0


def test_the_health_settings_say_how_it_is_probed() -> None:
    health = FixedHealth("/up?deep=1", statuses="200-299,401", body="ok")
    instance = fixed_instance("legacy", "https://a:9443", health)
    check = instance.health_check
    assert instance.health_check_url == "https://a:9443/up?deep=1"
    assert (check.kind, check.statuses, check.body) == ("http", ((200, 299), (401, 401)), b"ok")
    assert instance.probe_interval_s is None


@pytest.mark.parametrize(
    ("health", "why"),
    [
        (FixedHealth(statuses="200-299"), "health.statuses: '200-299' needs an HTTP probe, and so"),
        (FixedHealth(body="ok"), "health.body: 'ok' needs an HTTP probe, and so a health.path"),
        (FixedHealth("/up", statuses="99"), "health.statuses: '99' must be statuses"),
        (FixedHealth("up"), "health.path 'up': must be"),
        (FixedHealth("http://b/up"), "health.path 'http://b/up': its host must be the instance's"),
        (FixedHealth(interval_s=0.0), "health.interval 0.0: must be more than 0 seconds"),
        (FixedHealth(interval_s=float("inf")), "health.interval inf: must be"),
    ],
)
def test_bad_health_settings_are_refused_in_the_words_of_the_file(
    health: FixedHealth, why: str
) -> None:
    with pytest.raises(InvalidRegistration) as refused:
        fixed_instance("legacy", "http://a", health)
    assert why in str(refused.value)


def test_a_name_that_no_service_may_have_is_refused() -> None:
    with pytest.raises(InvalidRegistration, match="service name 'Legacy'"):
        fixed_service("Legacy", ["http://a"])
