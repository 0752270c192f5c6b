"""The scripts use only commands that Redis 6.2, the oldest supported version, has."""

import re

import pytest

from tests.redis.test_access import ACL_FILE
from tests.support.documents import ROOT

OLDEST = (6, 2)
#: Every command that a script calls, with the version of Redis that added it (redis.io/commands).
#: Valkey began as Redis 7.2 and has all of them.
SINCE = {
    "DEL": (1, 0),
    "GET": (1, 0),
    "HDEL": (2, 0),
    "HEXISTS": (2, 0),
    "HGET": (2, 0),
    "HINCRBY": (2, 0),
    "HKEYS": (2, 0),
    "HLEN": (2, 0),
    "HMGET": (2, 0),
    "HSET": (2, 0),
    "HSETNX": (2, 0),
    "INFO": (1, 0),
    "LINDEX": (1, 0),
    "LLEN": (1, 0),
    "LPOP": (1, 0),
    "LSET": (1, 0),
    "PEXPIRE": (2, 6),
    "RPUSH": (1, 0),
    "SET": (1, 0),
    "TIME": (2, 6),
    "TYPE": (1, 0),
    "UNLINK": (4, 0),
    "XADD": (5, 0),
    "XDEL": (5, 0),
    "XRANGE": (5, 0),
    "XREVRANGE": (5, 0),
    "ZADD": (1, 2),
    "ZCARD": (1, 2),
    "ZCOUNT": (2, 0),
    "ZRANGE": (1, 2),
    "ZRANGEBYLEX": (2, 8),
    "ZRANGEBYSCORE": (1, 0),
    "ZREM": (1, 2),
    "ZREMRANGEBYSCORE": (1, 2),
    "ZSCORE": (1, 2),
}
#: Options that these commands got after 6.2.
TOO_NEW = {"PEXPIRE": {"NX", "XX", "GT", "LT"}}
SCRIPTS = [
    *sorted((ROOT / "discovery" / "store" / "lua").iterdir(), key=lambda script: script.name),
    *sorted((ROOT / "gateway").rglob("*.lua")),
    *sorted((ROOT / "middlewares").rglob("*.lua")),
]
_CALL = re.compile(r"redis\.p?call\(([^)]*)")
_WORD = re.compile(r"""['"]([A-Za-z]+)['"]""")


def calls(text: str) -> list[list[str]]:
    """The literal words of each call: the command, then its options."""
    return [_WORD.findall(call) for call in _CALL.findall(text)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_command_is_older_than_the_oldest_server(script) -> None:  # type: ignore[no-untyped-def]
    text = script.read_text("utf-8")
    for command, *options in calls(text):
        assert SINCE[command] <= OLDEST
        assert not TOO_NEW.get(command, set()) & set(options)
    # No other function of the server is called, and no command is put together at run time.
    assert set(re.findall(r"redis\.(\w+)", text)) <= {"call", "pcall"}
    assert len(calls(text)) == len(re.findall(r"""redis\.p?call\(\s*['"][A-Z]+['"]""", text))


def test_the_list_and_the_gateways_rights_hold_no_more_than_what_is_called() -> None:
    called = {call[0] for script in SCRIPTS for call in calls(script.read_text("utf-8"))}
    assert called == SINCE.keys()
    (line,) = [one for one in ACL_FILE.read_text().splitlines() if "lockgate_gateway" in one]
    granted = {word[1:].upper() for word in line.split() if word.startswith("+")}
    by_the_client = {"PING", "SELECT", "ROLE", "EVAL", "EVALSHA", "SCRIPT|LOAD", "XREAD", "HMGET"}
    assert granted == called | by_the_client
