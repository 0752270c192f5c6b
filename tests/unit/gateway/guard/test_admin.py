"""Who may change the registry, decided without a server."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.guard.admin import AdminGuard
from middlewares.failures import Forbidden, Unauthorized

TOKEN = "s3cret-token"


def request(authorization: str | None = None) -> web.Request:
    """A request as aiohttp's parser makes it."""
    headers = {} if authorization is None else {"Authorization": authorization}
    return make_mocked_request("PUT", "/services/price/instances/a", headers=headers)


@pytest.mark.parametrize(
    "authorization", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER {TOKEN}", f"Bearer  {TOKEN} "]
)
def test_the_token_lets_a_call_pass(authorization: str) -> None:
    guard = AdminGuard(TOKEN)
    guard.require(request(authorization))
    assert guard.admits(request(authorization))


@pytest.mark.parametrize(
    "authorization",
    [
        *(
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer wrong",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
        ),
        *(
            TOKEN,
            f"Basic {TOKEN}",
            f"Bearer{TOKEN}",
            f"Bearer {TOKEN.upper()}",
            "Bearer ä",
        ),
    ],
)
def test_without_it_a_call_is_unauthorized(authorization: str | None) -> None:
    guard = AdminGuard(TOKEN)
    assert not guard.admits(request(authorization))
    with pytest.raises(Unauthorized) as refused:
        guard.require(request(authorization))
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer None", f"Bearer {TOKEN}"])
def test_while_no_token_is_set_every_call_is_forbidden(
    token: str | None, authorization: str | None
) -> None:
    """An unset token must not act as a token that anybody can guess."""
    guard = AdminGuard(token)
    assert not guard.admits(request(authorization))
    with pytest.raises(Forbidden, match="no ADMIN_TOKEN is set"):
        guard.require(request(authorization))


def test_a_token_may_have_any_characters() -> None:
    assert AdminGuard("gehéim ü").admits(request("Bearer gehéim ü"))
