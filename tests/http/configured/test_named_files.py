"""Files that the configuration file names, with a gateway and with the commands."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.configured.test_reload_command import at
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.passwords import basic, htpasswd

FILE = """
    discover: false
    auth:
      ops: {type: basic, users_file: users}
    defaults:
      auth: {any_of: [ops]}
    routes:
      - {name: a, match: {prefix: /a}, service: order_service}
"""
ALICE, BOB = basic("alice", "one"), basic("bob", "two")


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_bytes(htpasswd(alice="one"))
    return path


def replace(path: Path, content: bytes) -> None:
    other = path.with_name("other")
    other.write_bytes(content)
    other.replace(path)


def mount(folder: Path) -> None:
    for name, users in (("1", htpasswd(alice="one")), ("2", htpasswd(bob="two"))):
        (folder / name).mkdir()
        (folder / name / "users").write_bytes(users)
    (folder / "data").symlink_to("1")
    (folder / "users").symlink_to(Path("data", "users"))


async def changed(configured: Configured, change: Callable[[], None]) -> None:
    """Make a change, and wait until it is in force."""
    configuration = configured.gateway.gateway.configuration
    assert configuration is not None
    before = configuration.in_force
    change()
    await eventually(lambda: configuration.in_force is not before)


async def who_may(configured: Configured) -> list[int]:
    return [(await configured.ask("/a", line)).status for line in (ALICE, BOB)]


async def test_a_changed_one_is_in_force_within_moments(
    start_configured: StartConfigured, users: Path
) -> None:
    configured = await start_configured(FILE)
    assert await who_may(configured) == [200, 401]
    await changed(configured, lambda: replace(users, htpasswd(bob="two")))
    assert await who_may(configured) == [401, 200]


async def test_a_link_that_is_replaced_is_a_change(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    """As Kubernetes mounts files: `users` is a link into a folder's link."""
    mount(tmp_path)
    configured = await start_configured(FILE)
    assert await who_may(configured) == [200, 401]
    (tmp_path / "data.new").symlink_to("2")
    await changed(configured, lambda: os.replace(tmp_path / "data.new", tmp_path / "data"))
    assert await who_may(configured) == [401, 200]


async def test_the_command_takes_it_although_the_file_is_the_same(
    start_configured: StartConfigured, tmp_path: Path, users: Path
) -> None:
    configured = await start_configured(FILE)
    replace(users, htpasswd(bob="two"))
    reloaded = await configured.gateway.admin("POST", "/config/reload")
    differences = json.loads(reloaded.body)["differences"]
    assert differences in (["auth.ops.users_file: what it names has another content"], [])
    assert await who_may(configured) == [401, 200]
    status, out, error = await lockgate(tmp_path, "reload", *at(configured))
    assert (status, error) == (0, "")
    assert out.startswith("nothing is different")


async def test_a_broken_one_keeps_the_old_in_force_and_says_why(
    start_configured: StartConfigured, tmp_path: Path, users: Path
) -> None:
    configured = await start_configured(FILE)
    replace(users, b"alice:$apr1$x$y\n")
    status, out, error = await lockgate(tmp_path, "reload", *at(configured))
    assert (status, out) == (1, "")
    assert f"{configured.file}:4:" in error
    assert f"auth.ops.users_file: what is in {users} can't be used: line 1" in error
    assert "$apr1$" not in error
    assert await who_may(configured) == [200, 401]
    state = json.loads((await configured.gateway.admin("GET", "/status")).body)["config"]
    assert state["current"] is False


async def test_a_gateway_does_not_start_with_a_broken_one(
    start_configured: StartConfigured,
) -> None:
    with pytest.raises(Exception, match="users can't be read: No such file or directory"):
        await start_configured(FILE)


async def test_check_config_needs_no_gateway_and_tells_of_each(tmp_path: Path, users: Path) -> None:
    text = FILE.replace("users}", "users}\n      other: {type: basic, users_file: none}")
    (tmp_path / "lockgate.yaml").write_text(text)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    status, _, error = await lockgate(elsewhere, "check-config", str(tmp_path / "lockgate.yaml"))
    assert status == 1
    assert "auth.other.users_file: " in error
    assert str(tmp_path / "none") in error
    assert "auth.ops" not in error


async def test_diff_looks_for_them_beside_the_file_in_force(
    start_configured: StartConfigured, tmp_path: Path, users: Path
) -> None:
    configured = await start_configured(FILE)
    (tmp_path / "new").mkdir()
    new = tmp_path / "new" / "lockgate.yaml"
    new.write_text(FILE.replace("/a", "/b"))
    status, out, error = await lockgate(tmp_path, "diff", str(new), *at(configured))
    assert (status, error) == (0, "")
    assert "route a: match.prefix" in out
    new.write_text(FILE.replace("users_file: users", "users_file: none"))
    status, out, error = await lockgate(tmp_path, "diff", str(new), *at(configured))
    assert (status, out) == (1, "")
    assert str(tmp_path / "none") in error
