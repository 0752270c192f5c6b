"""Registrations: what is accepted, what is refused with which words, and the record."""

import json
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.errors import InvalidRegistration
from discovery.model.health_check import HealthCheck
from discovery.model.instance import (
    MAX_METADATA_BYTES,
    Instance,
    decode,
    encode,
    is_service_name,
    parse_registration,
)


def parse(name: object = "price_service", instance_id: object = "a1", **body: object) -> Instance:
    return parse_registration(name, instance_id, {"host": "localhost", "port": 8002, **body})


def refusal(name: object = "price_service", instance_id: object = "a1", **body: object) -> str:
    with pytest.raises(InvalidRegistration) as refused:
        parse(name, instance_id, **body)
    return str(refused.value)


# Names and ids


@pytest.mark.parametrize("name", ["a", "price", "price_service", "p-2_x", "a" * 63])
def test_a_well_formed_service_name_is_taken(name: str) -> None:
    assert parse(name).name == name
    assert is_service_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "Price",
            "1price",
            "_price",
            "-price",
            "a" * 64,
            "price service",
            "price/x",
            "prîce",
        ),
        *(
            "price\n",
            "price.x",
            None,
            7,
            b"price",
        ),
    ],
)
def test_any_other_service_name_is_refused_by_naming_it(name: object) -> None:
    assert f"service name {name!r}" in refusal(name)
    assert not isinstance(name, str) or not is_service_name(name)


@pytest.mark.parametrize("instance_id", ["a", "A.b-c_9", "0", "x" * 128])
def test_a_well_formed_instance_id_is_taken(instance_id: str) -> None:
    assert parse(instance_id=instance_id).id == instance_id


@pytest.mark.parametrize("instance_id", ["", "x" * 129, "a/b", "a b", "ä", "a\n", None, 1])
def test_any_other_instance_id_is_refused_by_naming_it(instance_id: object) -> None:
    assert f"instance id {instance_id!r}" in refusal(instance_id=instance_id)


# The body


@pytest.mark.parametrize("body", [None, [], "x", 1, [("host", "localhost"), ("port", 1)]])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(InvalidRegistration, match="must be a JSON object"):
        parse_registration("price", "a1", body)


def test_unknown_keys_are_refused_with_those_that_are_allowed() -> None:
    assert refusal(prot=1) == (
        "unknown key 'prot'; allowed: "
        "health_check_url, host, metadata, port, scheme, ttl, version, weight"
    )


@pytest.mark.parametrize("missing", ["host", "port"])
def test_host_and_port_are_needed(missing: str) -> None:
    body = {"host": "localhost", "port": 8002}
    del body[missing]
    with pytest.raises(InvalidRegistration, match=f"{missing} is missing"):
        parse_registration("price", "a1", body)


def test_what_is_not_said_has_its_default() -> None:
    assert parse_registration(
        "price", "a1", {"host": "h", "port": 1}, default_ttl_s=7.5
    ) == Instance(
        name="price",
        id="a1",
        host="h",
        port=1,
        scheme="http",
        health_check_url=None,
        metadata={},
        weight=1,
        version=None,
        ttl_s=7.5,
    )


def test_null_stands_for_the_default_where_there_is_nothing_to_say() -> None:
    silent = parse(health_check_url=None, metadata=None, version=None, ttl=None)
    assert silent == parse()


# Hosts


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("localhost", "localhost:8002"),
        ("price-1.internal", "price-1.internal:8002"),
        ("price_service", "price_service:8002"),
        ("Host.Example.", "Host.Example.:8002"),
        ("1host", "1host:8002"),
        ("127.0.0.1", "127.0.0.1:8002"),
        ("::1", "[::1]:8002"),
        ("2001:DB8:0::1", "[2001:db8::1]:8002"),
        ("a" * 63, "a" * 63 + ":8002"),
    ],
)
def test_a_name_or_an_address_literal_is_a_host(host: str, authority: str) -> None:
    assert parse(host=host).authority == authority
    assert parse(host=host).url == f"http://{authority}"


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            ".",
            "a..b",
            "-a",
            "a-",
            "a b",
            "a/b",
            "a:1",
            "[::1]",
            "user@host",
            "http://host",
            "hö",
        ),
        *(
            "a" * 64,
            ".".join(["a" * 63] * 4),
            "fe80::1%eth0",
            "h\r\nX: y",
            None,
            1,
            b"h",
        ),
    ],
)
def test_anything_else_is_no_host(host: object) -> None:
    assert refusal(host=host) == f"host {host!r}: must be a host name or an address"


@pytest.mark.parametrize(
    "host",
    ["127.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "127.0.0.01", "1.2.3.4."],
)
def test_old_spellings_of_ipv4_addresses_are_no_hosts(host: str) -> None:
    """`inet_aton` reads all of these as addresses, which a check of names would miss."""
    assert f"host {host!r}" in refusal(host=host)


# Numbers


@pytest.mark.parametrize(("key", "low", "high"), [("port", 1, 65535), ("weight", 0, 1000)])
def test_whole_numbers_are_held_to_their_range(key: str, low: int, high: int) -> None:
    assert getattr(parse(**{key: low}), key) == low
    assert getattr(parse(**{key: high}), key) == high
    for bad in (low - 1, high + 1, -1, str(low), float(high), True, None, [low]):
        said = refusal(**{key: bad})
        assert said == f"{key} {bad!r}: must be an integer from {low} to {high}"


@pytest.mark.parametrize("ttl", [1, 1.5, 3600])
def test_a_ttl_is_one_second_to_an_hour(ttl: float) -> None:
    assert parse(ttl=ttl).ttl_s == ttl


@pytest.mark.parametrize("ttl", [0, 0.999, 3600.1, -1, "15", True, float("nan"), float("inf")])
def test_any_other_ttl_is_refused(ttl: object) -> None:
    assert refusal(ttl=ttl) == f"ttl {ttl!r}: must be 1 to 3600 seconds"


# Scheme and version


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_http_and_https_are_schemes(scheme: str) -> None:
    assert parse(scheme=scheme).url == f"{scheme}://localhost:8002"


@pytest.mark.parametrize("scheme", ["HTTP", "ftp", "", None, 1, "unix"])
def test_there_are_no_other_schemes(scheme: object) -> None:
    assert refusal(scheme=scheme) == f"scheme {scheme!r}: must be http or https"


@pytest.mark.parametrize(
    "version", ["0.0.0", "1.2.3", "10.20.30-rc.1", "1.0.0-0a.b-c+build.007", "1.0.0+x"]
)
def test_a_semantic_version_is_taken(version: str) -> None:
    assert parse(version=version).version == version


@pytest.mark.parametrize(
    "version",
    [
        "",
        "1",
        "1.2",
        "v1.2.3",
        "01.2.3",
        "1.2.3-01",
        "1.2.3-",
        "1.2.3+",
        "1.2.3 ",
        "1.2.3\n",
        1,
        1.2,
        "1.2.3-" + "a" * 128,
    ],
)
def test_any_other_version_is_refused(version: object) -> None:
    assert refusal(version=version).startswith(f"version {version!r}: must be a semantic version")


def test_digits_of_other_scripts_are_no_digits_of_a_version() -> None:
    """`\\d` also matches U+0661, and a version with it can't be sorted."""
    assert "must be a semantic version" in refusal(version="1.1\u0661.0")


# Metadata


def test_metadata_is_flat_and_kept_as_it_is() -> None:
    metadata = {"zone": "a", "cores": 4, "load": 0.5, "spot": True, "rack": None, "ö": "ü"}
    assert parse(metadata=metadata).metadata == metadata


@pytest.mark.parametrize("metadata", [[], "x", 1, {"a": {}}, {"a": []}, {1: "x"}])
def test_metadata_of_another_form_is_refused(metadata: object) -> None:
    assert refusal(metadata=metadata).startswith("metadata")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_metadata_that_json_can_not_carry_is_refused(value: object) -> None:
    why = f"metadata 'a': {value} is not a number of JSON" if isinstance(value, float) else None
    assert refusal(metadata={"a": value}) == (why or "metadata must be valid JSON")


def test_metadata_may_have_8_kib_as_bytes_of_json() -> None:
    room = MAX_METADATA_BYTES - len('{"a": ""}')
    assert parse(metadata={"a": "x" * room}).metadata
    assert parse(metadata={"a": "ä" * (room // 2)}).metadata
    assert f"of {MAX_METADATA_BYTES + 1} bytes" in refusal(metadata={"a": "x" * (room + 1)})
    assert "bytes" in refusal(metadata={"a": "ä" * (room // 2 + 1)})


# The URL of the probe


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("/health", "http://localhost:8002/health"),
        ("/", "http://localhost:8002/"),
        ("/health?deep=1", "http://localhost:8002/health?deep=1"),
        ("http://localhost:9000/up", "http://localhost:9000/up"),
        ("http://LOCALHOST/up", "http://LOCALHOST/up"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_a_health_check_url_is_a_path_or_on_the_instances_own_host(
    given_url: str, url: str
) -> None:
    assert parse(health_check_url=given_url).health_check_url == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "health",
            "//evil/health",
            "ftp://localhost/",
            "http://evil/",
            "http://localhost.evil/",
        ),
        *(
            "http://user@localhost/",
            "http://localhost@evil/",
            "http://evil\\@localhost/",
        ),
        *(
            "http://localhost:0/",
            "http://localhost:65536/",
            "http://localhost:x/",
            "http://[::1/",
        ),
        *(
            "/he alth",
            "/health\r\nX: y",
            "/health\x7f",
            "/gesündheit",
            "http:///x",
            1,
            True,
        ),
        *("/" + "x" * 2048,),
    ],
)
def test_any_other_health_check_url_is_refused(url: object) -> None:
    assert refusal(health_check_url=url).startswith(f"health_check_url {url!r}: ")


def test_an_ipv6_host_may_be_spelt_otherwise_in_its_health_check_url() -> None:
    url = "http://[0:0:0:0:0:0:0:1]:9000/up"
    assert parse(host="::1", health_check_url=url).health_check_url == url
    assert "its host must be" in refusal(host="::1", health_check_url="http://[::2]/up")


@pytest.mark.parametrize("path", ["/health#part", "/" + "x" * 2047])
def test_whatever_path_is_taken_the_record_of_it_can_be_read_again(path: str) -> None:
    """A path with a fragment, or one that was too long as a URL, was registered. Then every reader
    skipped the record as invalid, so nobody ever saw the instance."""
    try:
        instance = parse(health_check_url=path)
    except InvalidRegistration:
        return
    assert decode(instance.key, encode(instance)) == instance


# The record

_LETTERS = string.ascii_letters + string.digits
_hosts = st.one_of(
    st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{1,5}){0,2}", fullmatch=True),
    st.ip_addresses().map(str),
)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
_bodies = st.fixed_dictionaries(
    {"host": _hosts, "port": st.integers(1, 65535)},
    optional={
        "scheme": st.sampled_from(["http", "https"]),
        "health_check_url": st.text(_LETTERS + "/?=&%.;:@!~[]#", max_size=30).map("/{}".format),
        "metadata": st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=10), _scalars, max_size=5
        ),
        "weight": st.integers(0, 1000),
        "version": st.from_regex(r"\A[1-9]\d?\.0\.[1-9](-[a-z]{1,3})?\Z").filter(str.isascii),
        "ttl": st.one_of(st.integers(1, 3600), st.floats(1, 3600)),
    },
)


@given(_bodies, st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True))
def test_a_record_reads_back_as_the_instance_that_it_was_made_of(
    body: dict[str, Any], instance_id: str
) -> None:
    try:
        instance = parse_registration("price_service", instance_id, body)
    except InvalidRegistration:
        return
    assert decode(instance.key, encode(instance)) == instance
    assert decode(instance.key, encode(instance).encode()) == instance


@pytest.mark.parametrize(
    "record", ["", "x", "null", "[]", "{}", '{"host":"h","port":0}', b"\xff", b'{"host":"h"']
)
def test_a_record_that_is_not_one_of_ours_is_refused(record: str | bytes) -> None:
    with pytest.raises(InvalidRegistration):
        decode("price_service/a1", record)


@pytest.mark.parametrize("key", ["", "price_service", "price_service/", "/a1", "P/a1", "a/b/c"])
def test_a_record_under_a_key_that_is_no_name_and_id_is_refused(key: str) -> None:
    with pytest.raises(InvalidRegistration):
        decode(key, encode(parse()))


def test_a_record_is_one_line_of_json() -> None:
    record = encode(parse(metadata={"a": "line\nline"}))
    assert "\n" not in record
    assert json.loads(record)["metadata"] == {"a": "line\nline"}


def test_another_address_or_probe_makes_another_instance_and_another_weight_does_not() -> None:
    same = parse(weight=5, metadata={"a": 1}, version="2.0.0", ttl=9)
    assert same.probed_as == parse().probed_as
    for change in ({"host": "other"}, {"port": 9}, {"scheme": "https"}, {"health_check_url": "/"}):
        assert parse(**change).probed_as != parse().probed_as


def test_only_another_address_leads_connections_elsewhere() -> None:
    one = parse(health_check_url="/")
    for change in ({"host": "other"}, {"port": 9}, {"scheme": "https"}):
        assert parse(**change).endpoint != one.endpoint
    for same in ({"metadata": {"health.statuses": "204"}}, {"health_check_url": "/up"}):
        assert parse(**{"health_check_url": "/", **same}).endpoint == one.endpoint


# How it is probed


def test_by_default_a_health_url_is_asked_and_else_a_connect_is_the_probe() -> None:
    assert parse(health_check_url="/").health_check == HealthCheck("http", ((200, 299),), b"")
    assert parse().health_check == HealthCheck("tcp")


@pytest.mark.parametrize("kind", ["tcp", "heartbeat"])
def test_another_probe_may_be_asked_for_with_a_health_url_or_without(kind: str) -> None:
    for more in ({}, {"health_check_url": "/health"}):
        assert parse(metadata={"health.probe": kind}, **more).health_check.kind == kind


@pytest.mark.parametrize(
    ("text", "expected", "unexpected"),
    [
        ("200", {200}, {199, 201}),
        ("200-299,401", {200, 250, 299, 401}, {300, 400, 402}),
        ("200 , 500-599", {200, 500, 599}, {201, 499}),
        ("204-204", {204}, {203, 205}),
    ],
)
def test_statuses_are_numbers_and_ranges_with_both_ends(
    text: str, expected: set[int], unexpected: set[int]
) -> None:
    check = parse(health_check_url="/", metadata={"health.statuses": text}).health_check
    assert {s for s in expected | unexpected if check.expects(s)} == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("health.probe", value) for value in ("", "HTTP", "ping", None, 1, True)),
        *(
            ("health.statuses", value)
            for value in (
                *("", ",", "200,", "2xx", "20", "2000", "-299", "200-", "299-200", "100", "600"),
                *("200-299-300", "٢٠٠", "200\n", None, 200, True),
            )
        ),
        *(("health.body", value) for value in ("", None, 1, True)),
        *(
            ("health.host", value)
            for value in (
                *("", "a b", "a\r\nX: y", "a/b", "a@b", "ä", "a:", "a:0", "a:65536", "a:b", "::1"),
                *("http://a", "a,b", "x" * 256, None, 1, True),
            )
        ),
    ],
)
def test_any_other_probe_is_refused_with_the_key_and_the_value(key: str, value: object) -> None:
    assert refusal(health_check_url="/", metadata={key: value}).startswith(
        f"metadata {key!r}: {value!r} "
    )


@pytest.mark.parametrize(
    "host", ["shop.example", "shop.example:8443", "a_b", "127.0.0.1:80", "[::1]", "[::1]:9000"]
)
def test_a_host_field_is_a_host_with_or_without_a_port(host: str) -> None:
    assert parse(health_check_url="/", metadata={"health.host": host}).health_check.host == host


@pytest.mark.parametrize("key", ["health.statuses", "health.body", "health.host"])
@pytest.mark.parametrize("kind", [None, "tcp", "heartbeat"])
def test_expectations_without_an_http_probe_are_refused(key: str, kind: str | None) -> None:
    metadata = {key: "200"} | ({"health.probe": kind} if kind else {})
    assert "needs an HTTP probe" in refusal(metadata=metadata)


def test_an_http_probe_needs_a_health_url() -> None:
    assert "needs a health_check_url" in refusal(metadata={"health.probe": "http"})


def test_another_expectation_makes_another_instance() -> None:
    one = parse(health_check_url="/")
    for key, value in (
        ("health.probe", "heartbeat"),
        ("health.statuses", "204"),
        ("health.body", "UP"),
        ("health.host", "shop.example"),
    ):
        assert parse(health_check_url="/", metadata={key: value}).probed_as != one.probed_as


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("/openapi.json", "http://10.0.0.5:9000/openapi.json"),
        ("http://10.0.0.5:9100/v3/api-docs?group=a", "http://10.0.0.5:9100/v3/api-docs?group=a"),
    ],
)
def test_a_document_is_named_by_a_path_or_on_the_instances_own_host(named: str, url: str) -> None:
    one = parse(host="10.0.0.5", port=9000, metadata={"openapi_url": named})
    assert one.openapi_url == url
    assert one.metadata["openapi_url"] == named


@pytest.mark.parametrize(
    "named",
    ["", "openapi.json", "//other/x", "http://other/x", "ftp://10.0.0.5/x", "/a b", "/ä", 7, True],
)
def test_any_other_document_is_refused(named: object) -> None:
    told = refusal(host="10.0.0.5", metadata={"openapi_url": named})
    assert told.startswith(f"metadata 'openapi_url' {named!r}: ")


def test_an_instance_of_a_release_without_documents_keeps_its_record() -> None:
    one = replace(parse(metadata={}), metadata={"openapi_url": "http://other/x"})
    read = decode(one.key, encode(one))
    assert read.metadata == {"openapi_url": "http://other/x"}
    assert read.openapi_url is None


def test_an_instance_without_a_document_names_none() -> None:
    assert parse(metadata={}).openapi_url is None
    assert parse(metadata={"openapi_url": None}).openapi_url is None
