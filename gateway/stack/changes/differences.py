"""Describes how a running process differs from the one that is asked for."""

from collections.abc import Mapping

from gateway.stack.changes.variables import defaults_of, is_same, shown
from gateway.stack.plan import ProcessSpec


def differences(running: ProcessSpec, asked: ProcessSpec) -> list[str]:
    """One text for each reason to restart the process; empty: it can stay."""
    if not running.code and asked.code:  # its code is not recorded
        return ["started by an earlier version of Lockgate"]
    return [*_code(running, asked), *_settings(running, asked)]


def summary(found: Mapping[str, list[str]]) -> list[str]:
    """Each difference once, with the processes that have it."""
    concerned: dict[str, list[str]] = {}
    for process, texts in found.items():
        for text in texts:
            concerned.setdefault(text, []).append(process)
    return [f"{text} ({', '.join(processes)})" for text, processes in concerned.items()]


def changed_value(variable: str, before: str, now: str) -> str:
    return f"{variable}: {shown(variable, before) or 'unset'} → {shown(variable, now) or 'unset'}"


def _code(running: ProcessSpec, asked: ProcessSpec) -> list[str]:
    found = []
    before, now = running.code.partition(" ")[0], asked.code.partition(" ")[0]
    if before != now:
        found.append(f"Lockgate {before} → {now}")
    elif running.code != asked.code:
        found.append("code or libraries have changed since the start")
    if running.command != asked.command:
        found.append(f"command now `{' '.join(asked.command)}`")
    return found


def _settings(running: ProcessSpec, asked: ProcessSpec) -> list[str]:
    """Settings that differ; a default written out equals none, and a return to the default counts."""
    defaults = defaults_of(running.service)
    found = []
    for variable in sorted({*running.environment, *asked.environment}):
        default = defaults.get(variable, "")
        before = running.environment.get(variable, default)
        now = asked.environment.get(variable, default)
        if not is_same(variable, before, now):
            back = "" if variable in asked.environment or not default else ", the default"
            found.append(changed_value(variable, before, now) + back)
    return found
