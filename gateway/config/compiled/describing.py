"""Describes the table in force: each route in the order of trial, its policies and where each comes from."""

from collections.abc import Iterator, Mapping
from typing import Any

from discovery.base.steps import Steps, slices
from gateway.config.compiled.compiling import TIMEOUT_VARIABLES, Compiled
from gateway.config.file.differences import plain
from gateway.config.file.routes import Route as RouteSection
from gateway.config.settings import GatewaySettings
from middlewares.routing.policy import RoutePolicy

ROUTE, DEFAULTS, BUILT_IN = "route", "defaults", "built in"


def described(compiled: Compiled, settings: GatewaySettings) -> Steps[list[dict[str, Any]]]:
    """The routes of the file in the order in which they are tried."""
    sections = {route.name: route for route in compiled.configuration.routes}
    told: list[dict[str, Any]] = []
    for routes in slices(compiled.matcher.order()):
        for route in routes:
            section = sections[route.id]
            told.append(
                {
                    "route": route.id,
                    "match": plain(section.match),
                    **_action(section),
                    "policies": [*_Policies(compiled, settings, section).of(route.policy)],
                }
            )
        yield
    return told


def _action(section: RouteSection) -> dict[str, Any]:
    if section.respond is not None:
        return {"respond": section.respond.status}
    if section.redirect is not None:
        return {"redirect": section.redirect.status}
    action: dict[str, Any] = {"service": section.service}
    if section.rewrite is not None:
        action["rewrite"] = plain(section.rewrite)
    return action


class _Policies:
    """The policies of one route, each with its value and its source."""

    def __init__(
        self, compiled: Compiled, settings: GatewaySettings, section: RouteSection
    ) -> None:
        self._file = compiled.configuration
        self._set = settings.model_fields_set
        self._section = section
        self._service = self._file.services.get(section.service or "")

    def of(self, policy: RoutePolicy) -> Iterator[Mapping[str, Any]]:
        if self._section.service is not None:
            for key, variable in TIMEOUT_VARIABLES.items():
                name = f"timeouts.{key.removesuffix('_s')}"
                yield _row(name, getattr(policy.timeouts, key), self._of_timeout(key, variable))
        limits = [_limit_text(limit) for limit in policy.limits]
        yield _row("limits", limits, self._from("limits", self._of_limits()))
        if policy.cors is not None:
            cors = [*policy.cors.origins]
            yield _row("cors", cors, self._from("cors", _variable("cors_origins")))
        for key in ("allow", "deny"):
            sources = getattr(self._section, key)
            if sources is not None:
                yield _row(key, [str(one) for one in sources.sources], ROUTE)
        if policy.body_bytes:
            source = self._from("max_body_bytes", _variable("max_body_bytes"))
            yield _row("max_body", policy.body_bytes, source)
        if policy.concurrent:
            yield _row("concurrent", policy.concurrent, f"services.{self._section.service}")

    def _from(self, key: str, otherwise: str) -> str:
        if key in self._section.model_fields_set:
            return ROUTE
        if self._service is not None and key in self._service.model_fields_set:
            return f"services.{self._section.service}"
        return otherwise

    def _of_timeout(self, key: str, variable: str) -> str:
        levels = [(ROUTE, self._section), (f"services.{self._section.service}", self._service)]
        for source, section in levels:
            if section is None or "timeouts" not in section.model_fields_set:
                continue
            timeouts = getattr(section, "timeouts", None)
            if timeouts is None or key in timeouts.model_fields_set:
                return source
        if variable in self._set:
            return _variable(variable)
        said = self._file.defaults
        if "timeouts" in said.model_fields_set and (
            said.timeouts is None or key in said.timeouts.model_fields_set
        ):
            return DEFAULTS
        return BUILT_IN

    def _of_limits(self) -> str:
        if "limits" in self._file.defaults.model_fields_set:
            return DEFAULTS
        if {"rate_limit_requests", "rate_limit_window"} & self._set:
            return "environment RATE_LIMIT_REQUESTS"
        return BUILT_IN


def _variable(field: str) -> str:
    return f"environment {field.upper()}"


def _row(key: str, value: Any, source: str) -> Mapping[str, Any]:
    return {"key": key, "value": value, "from": source}


def _limit_text(limit: Any) -> str:
    return f"{limit.name}: {limit.requests} in {limit.window_us / 1_000_000:g} s by {limit.by}"
