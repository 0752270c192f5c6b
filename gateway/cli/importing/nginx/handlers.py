"""What answers a location's requests: `rewrite`, `return` or `proxy_pass`, in nginx's order."""

import re
from typing import NamedTuple

from gateway.cli.importing.model import Note, Route, Value
from gateway.cli.importing.nginx.policies import host_sent, timeouts
from gateway.cli.importing.nginx.rewriting import Outcome, pattern_of, redirected, replaced
from gateway.cli.importing.nginx.scopes import Scope
from gateway.cli.importing.nginx.syntax import Directive
from gateway.cli.importing.nginx.upstreams import Upstreams

_PASS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/$?#@]+)(?P<uri>/[^$]*)?(?P<asked>\$request_uri|\$uri)?"
)
_REDIRECTS = (301, 302, 303, 307, 308)
_FLAGS = {"permanent": 301, "redirect": 302}
_WITHOUT_BODY = (204, 205, 304)
_CLOSES = 444
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+/=; -]+")


class RewrittenAway(NamedTuple):
    """A rewrite that answers with a redirect, and what it matches."""

    literal: str
    whole: bool
    outcome: Outcome


def redirect_of(rewrite: Directive) -> RewrittenAway | None:
    """The redirect that a rewrite is; None if it is another kind, or not a simple one."""
    if len(rewrite.args) < 2:
        return None
    expression, replacement = rewrite.args[:2]
    flag = rewrite.args[2] if len(rewrite.args) > 2 else ""
    leads_away = replacement.startswith(("http://", "https://", "$scheme://"))
    if flag not in _FLAGS and not leads_away:
        return None
    pattern = pattern_of(expression) if expression != "^" else pattern_of("^(.*)$")
    if pattern is None:
        return None
    target = pattern.target(replacement)
    outcome = redirected(target, _FLAGS.get(flag, 302), pattern.literal, pattern.whole)
    return None if outcome is None else RewrittenAway(pattern.literal, pattern.whole, outcome)


class Handlers:
    """Finds the handler of a location, and puts it into its route."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    def handle(self, route: Route, scope: Scope, text: str, whole: bool) -> bool:
        """Whether there is a handler that our file can have; `text` and `whole` are the location's."""
        for one in scope.named("rewrite"):
            if self._redirects(route, one, text, whole):
                return True
        for one in scope.named("return"):
            return self._returns(route, one, scope, text, whole)
        for one in scope.named("proxy_pass"):
            return self._passes(route, one, scope, text, whole)
        if any(one.args == ["all"] for one in scope.named("deny")):
            route.settings["respond"] = {"status": 403}
            return True
        if scope.named("internal"):
            route.settings["respond"] = {"status": 404}
            return True
        return False

    def _redirects(self, route: Route, one: Directive, text: str, whole: bool) -> bool:
        found = redirect_of(one)
        if found is None:
            return False
        is_same = found.whole == whole and (found.literal or "/").rstrip("/") == text.rstrip("/")
        is_all = (
            not found.whole and found.literal in ("", "/") and "prefix" not in found.outcome.value
        )
        if not is_same and not is_all:
            return False
        _redirect(route, one, found.outcome)
        return True

    def _returns(self, route: Route, one: Directive, scope: Scope, text: str, whole: bool) -> bool:
        code, body = [*one.args, "", ""][:2]
        if not code.isdecimal() or not code.isascii() or len(code) != 3:
            code, body = ("302", code) if not body else ("", "")
        status = int(code) if code else 0
        if status in _REDIRECTS and body:
            outcome = redirected(body, status, text, whole)
            if outcome is None:
                return False
            _redirect(route, one, outcome)
            return True
        if status == _CLOSES:
            closes = "return 444: nginx closes the connection, Lockgate answers 404"
            route.notes.append(Note(one.place, closes))
            status = 404
        if not 200 <= status <= 599 or "$" in body:
            return False
        answer: dict[str, Value] = {"status": status}
        if body and status not in _WITHOUT_BODY:
            kind = scope.value("default_type") or "text/plain"
            kind = kind.strip() if _TYPE.fullmatch(kind.strip()) else "text/plain"
            answer |= {"headers": {"Content-Type": kind}, "body": body}
        route.settings["respond"] = answer
        return True

    def _passes(self, route: Route, one: Directive, scope: Scope, text: str, whole: bool) -> bool:
        found = _PASS.fullmatch(one.args[0]) if one.args else None
        if found is None or (found["uri"] and found["asked"]):
            return False
        scheme, host, uri = found["scheme"], found["host"], found["uri"]
        outcome = None
        if uri is not None:
            outcome = replaced(text, whole, uri)
            if outcome is None:
                return False
        service = self._upstreams.service(scheme, host, one.place)
        if service is None:
            return False
        route.settings["service"] = service
        if outcome is None:
            outcome = _rewritten(route, scope, text, whole)
        if outcome.value:
            route.settings["rewrite"] = outcome.value
        if outcome.difference:
            route.notes.append(Note(one.place, outcome.difference))
        host_sent(route, scope, self._upstreams.has(host))
        timeouts(route, scope)
        return True


def _redirect(route: Route, one: Directive, outcome: Outcome) -> None:
    route.settings["redirect"] = outcome.value
    if outcome.difference:
        route.notes.append(Note(one.place, outcome.difference))


def _rewritten(route: Route, scope: Scope, text: str, whole: bool) -> Outcome:
    """The rewrite of `rewrite … break`; a note for each that is another one."""
    result = Outcome({})
    for one in scope.named("rewrite"):
        outcome = _of_break(one, text, whole) if not result.value else None
        if outcome is None:
            without = (
                f"{one}: not understood; without it the service gets another path than behind nginx"
            )
            route.notes.append(Note(one.place, without))
        else:
            result = outcome
    return result


def _of_break(one: Directive, text: str, whole: bool) -> Outcome | None:
    if len(one.args) != 3 or one.args[2] != "break":
        return None
    pattern = pattern_of(one.args[0])
    if pattern is None:
        return None
    if (pattern.literal or "/").rstrip("/") != text.rstrip("/"):
        return None
    replacement = pattern.target(one.args[1])
    if pattern.whole:
        return replaced(pattern.literal, True, replacement) if whole else None
    if whole or not replacement.endswith("$1"):
        return None
    return replaced(pattern.literal or "/", False, replacement.removesuffix("$1") or "/")
