"""The last requests are kept without values, and within bounds."""

import sys

import orjson
import pytest

from middlewares.routing.recent import RecentRequest, RecentRequests, of_plain, to_plain

SECRET = "s3cr3t"


def kept(
    path: str = "/a", query: str = "", host: bytes = b"a.example", fields: tuple[bytes, ...] = ()
) -> RecentRequest:
    recent = RecentRequests(1)
    recent.add("GET", host, path, b",".join(fields), query, "a")
    (one,) = recent
    return one


def test_names_are_kept_without_values() -> None:
    one = kept("/orders/7", f"a={SECRET}&b=%20&a=2", b"a.example:80", (b"Authorization", b"X-A"))
    assert one == ("GET", b"a.example:80", "/orders/7", b"Authorization,X-A", ("a", "b", "a"), "a")


@pytest.mark.parametrize(
    "query",
    [SECRET, f"{SECRET}=", f"{SECRET}==", f"a=1&{SECRET}", f"{SECRET}&a=1", f"{SECRET * 9}=1"],
)
def test_a_member_that_may_itself_be_a_value_is_not_kept_but_that_there_is_one(query: str) -> None:
    one = kept(query=query)
    assert SECRET not in repr(one)
    assert "" in one.members


@pytest.mark.parametrize("path", [f"/a;jsessionid={SECRET}/b", f"/a/;{SECRET}"])
def test_parameters_of_a_path_are_not_kept(path: str) -> None:
    one = kept(path)
    assert SECRET not in one.path
    assert ";" in one.path  # which makes it ambiguous


def test_a_user_in_the_authority_is_not_kept() -> None:
    assert kept(host=f"user:{SECRET}@a.example".encode()).host == b"a.example"


def test_a_request_takes_no_more_than_so_many_bytes() -> None:
    recent = RecentRequests(2)
    fields = b"x" * 60_000
    for _ in range(5):
        recent.add("M" * 9999, b"h" * 9999, "/é" * 9999, fields, f"{'q' * 40}=1&" * 9999, "a")
    assert len(recent) == 2
    for one in recent:
        parts = (one.method, one.host, one.path, one.fields, *one.members)
        assert sum(map(sys.getsizeof, parts)) < 4096


def test_the_oldest_goes_first() -> None:
    recent = RecentRequests(2)
    for path in ("/a", "/b", "/c"):
        recent.add("GET", b"h", path, b"", "", None)
    assert [one.path for one in recent] == ["/b", "/c"]


def test_requests_reach_another_worker_as_they_are() -> None:
    odd = kept("/caf\xe9\udcff", "\udcfe=1&b=2", b"a.\xff", (b"X-\xfe", b"B"))

    assert [*of_plain(orjson.loads(orjson.dumps(to_plain([odd]))))] == [odd]
