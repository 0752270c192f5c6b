"""Who a session is of."""

from middlewares.auth.deciding import Identity
from middlewares.auth.ways.jwt.deciding import identifying
from middlewares.auth.ways.oidc.deciding.session import Session

_SCOPE = "scope"


def identity_of(session: Session, way: str, subject: str) -> Identity:
    """The identity of a session; `subject` names the claim. Raises BadToken if it can't be sent on."""
    return identifying.identity_of(
        {**session.claims, _SCOPE: list(session.scopes)},
        way=way,
        method="oidc",
        subject=subject,
        scopes=_SCOPE,
        ends_s=session.ends_s,
    )
