"""Writes docs/configuration-file.md from the models: `python -m gateway.config.file.reference`."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from gateway.config.file.schema import annotated_schema

_INTRODUCTION = """\
# The configuration file

<!-- Written by `python -m gateway.config.file.reference > docs/configuration-file.md`. -->

`GATEWAY_CONFIG` names a YAML file with routes and policies. Without one every registered service has its
route by name, and the policies are those of the environment. A small one:

```yaml
# yaml-language-server: $schema=lockgate.schema.json
limits:
  default: {requests: 100, window: 60s}

defaults:
  limits: [default]

routes:
  - name: shop
    match: {host: "*.example.com", prefix: /shop}
    service: shop_service
    rewrite: {strip: /shop}
```

[`examples/lockgate.yaml`](examples/lockgate.yaml) has every key with a comment.

- `lockgate check-config FILE` says all that is wrong with a file, each mistake in one line with its place and
  what is allowed. It needs no registry and no gateway. `-` reads standard input, `--json` prints JSON.
- `lockgate config schema > lockgate.schema.json` writes the JSON Schema, with which editors complete and explain
  keys. A file names it in its first line, as above.
- `lockgate routes --file FILE` prints the routes of a file in the order in which they are tried, with every
  policy and where it comes from; without `--file`, those in force.
- `lockgate diff FILE` says what a file would change, and which of the last requests would go elsewhere, be refused
  or be admitted. `RECENT_REQUESTS` of them are kept, with the names of their headers and of the members of their
  query, and without values: `perhaps` stands where a value decides.

## Putting a file in force

Start the gateway with `GATEWAY_CONFIG=lockgate.yaml`. A file with a mistake ends it with status 2, and all
mistakes on its standard error.

A changed file is put in force while requests flow, within a second of the change. `lockgate reload` does it at
once and prints what is different. `SIGHUP` does it at once too, and the log has the differences in the event
`config.changed`. Requests, streams and tunnels under way keep the routes that they began with. Connections,
health and what counts for limits stay.

A file with a mistake changes nothing: the event `config.rejected` and `GET /status` have the mistakes,
`lockgate_config_last_reload_successful` is 0, and `lockgate reload` exits with 1. So does a file that is gone,
after five seconds, so that it can be replaced.

The files that it names, such as keys, certificates and passwords, are part of it: a change of one of them is a
change of the file, also by a replaced symbolic link, and one that can't be used changes nothing. Their relative paths
begin in the folder of the file, those of standard input in the current one, and those of `lockgate diff` in the
folder of the file in force.

## Rules for the whole file

- **YAML 1.2.** `yes`, `no`, `on`, `off` and dates are text. Text that looks like a number, `true` or `null`
  needs quotes, and so does text that begins with `*`, `&`, `!`, `%`, `@` or a backtick, has `: ` in it, or has
  `{ } [ ] ,` in it within a `{…}` or `[…]`. Anchors and aliases are allowed: `&name` before a value, `*name` in
  place of another one. Tags and merge keys (`<<`) are not, nor is a key that stands twice.
- **Values.** A duration is `250ms`, `2s`, `5m`, `1h`, `1d` or a number of seconds. A size is `64KiB`, `1MiB`,
  `1GiB` or a number of bytes. A name is a lower-case letter and up to 62 of `a-z 0-9 _ -`.
- **Paths** are written as in a URL and compared segment by segment, each decoded once: `/a%20b` and `/café` are
  fine. They have no empty segments, no `.`, `..` or `*`, no backslash and no semicolon.
- **Levels.** What a route says wins over what its service says below `services`, and that over `defaults`, key by
  key. Variables such as `UPSTREAM_TIMEOUT` win over `defaults` alone. `RATE_LIMIT_REQUESTS` and `RATE_LIMIT_WINDOW`
  are those of the limit `default`, which is there even if the file does not have it. `null` switches off what a key
  would inherit, where its type has `null` in the tables below. Every other key that is not used is left out.
- **Secrets** never stand in the file: keys that end in `_file` name a file, and keys that end in `_env` a variable.
  A file with a secret must not be readable by others (mode 600, or 400 where Kubernetes mounts it).
- **All or nothing.** A file with one mistake is not used. Unknown keys are mistakes.
- **Size.** At most 8 MiB, 32 levels, and 1,000,000 values with what aliases repeat.

## Which route takes a request

1. The endpoints of the gateway itself come first, except `/`; with `ADMIN_LISTEN` only `/health` and `/ready` do.
2. An exact host comes before a `*.` one, a longer `*.` one before a shorter, and that before no host.
3. An exact path or a template comes before a prefix, then more literal segments before fewer.
4. Then a route with methods, then more headers, then more members of the query, then the one that stands first.

A registered service counts as a route on any host with the prefix `/api/NAME`; of two with as many segments, the
file's wins. [Decision 15](decisions/0015-which-route-takes-a-request.md) has the rest, and which paths are
answered with 400 `ambiguous_path` because a service could read them as those of another route.

## Keys
"""
_ANCHOR = re.compile(r"[^\w -]")


def reference() -> str:
    """The page."""
    schema = annotated_schema()
    sections = {name: path for path, name in _sections(schema)}
    parts = [_INTRODUCTION, _table(schema, sections)]
    for name, path in sections.items():
        section = schema["$defs"][name]
        parts += [f"### `{path}`\n\n{section['description']}\n", _table(section, sections)]
    return "\n".join(parts)


def _sections(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each section's first place in a file, and its name, in the order of the keys."""
    seen: set[str] = set()

    def below(section: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
        for key, one in section["properties"].items():
            for name, place in _references(one, f"{path}{key}"):
                if name not in seen:
                    seen.add(name)
                    yield f"{place}{_of_type(schema['$defs'][name])}", name
                    yield from below(schema["$defs"][name], f"{place}.")

    return below(schema, "")


def _references(one: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if "$ref" in one:
        yield one["$ref"].rpartition("/")[2], path
    for kind in (*one.get("anyOf", ()), *one.get("oneOf", ())):
        yield from _references(kind, path)
    if isinstance(one.get("items"), dict):
        yield from _references(one["items"], f"{path}[]")
    if value := _value_of_mapping(one):
        yield from _references(value, f"{path}.NAME")


def _of_type(section: dict[str, Any]) -> str:
    """What tells a section from others at the same place."""
    allowed = section["properties"].get("type", {}).get("enum", ())
    return f" of type {allowed[0]}" if len(allowed) == 1 else ""


def _value_of_mapping(one: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of the values of a mapping from names."""
    if "patternProperties" in one:
        (value,) = one["patternProperties"].values()
        return dict(value)
    value = one.get("additionalProperties")
    return value if isinstance(value, dict) else None


def _table(section: dict[str, Any], sections: dict[str, str]) -> str:
    required = section.get("required", ())
    rows = ["| key | value | default | meaning | example |", "| --- | --- | --- | --- | --- |"]
    for key, one in section["properties"].items():
        default = "required" if key in required else _default(one)
        example = _code(_inline(one["examples"][0]))
        cells = (f"`{key}`", _words(one, sections), default, one["description"], example)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n" + _together(section)


def _together(section: dict[str, Any]) -> str:
    """Sentences on the keys that go together, from the schema's rules."""
    lines = []
    at_least = [
        key
        for rule in section.get("allOf", ())
        for kind in rule.get("anyOf", ())
        for key in kind["required"]
    ]
    pairs = [rule["not"]["required"] for rule in section.get("allOf", ()) if "not" in rule]
    among = [pair for pair in pairs if set(pair) <= set(at_least)]
    if among and _keys_of(among) == at_least:
        lines.append(f"There must be exactly one of {_codes(at_least)}.")
        pairs = [pair for pair in pairs if pair not in among]
        at_least = []
    if pairs:
        lines.append(f"There may be one of {_codes(_keys_of(pairs))}.")
    if at_least:
        lines.append(f"There must be at least one of {_codes(at_least)}.")
    needing: dict[str, list[str]] = {}
    for key, all_needed in section.get("dependentRequired", {}).items():
        for needed in all_needed:
            needing.setdefault(needed, []).append(key)
    lines += [
        f"Only beside `{needed}` may there be {_codes(keys)}." for needed, keys in needing.items()
    ]
    return "\n" + " ".join(lines) + "\n" if lines else ""


def _keys_of(pairs: list[list[str]]) -> list[str]:
    return list(dict.fromkeys(key for pair in pairs for key in pair))


def _words(one: dict[str, Any], sections: dict[str, str]) -> str:
    if "x-words" in one:
        return str(one["x-words"])
    if "$ref" in one:
        path = sections[one["$ref"].rpartition("/")[2]]
        return f"[{path}](#{_anchor(path)})"
    if kinds := one.get("anyOf") or one.get("oneOf"):
        return " or ".join(_words(kind, sections) for kind in kinds)
    if one["type"] == "array":
        return f"list: {_words(one['items'], sections)}"
    if one["type"] == "object":
        return f"mapping: {_words(_value_of_mapping(one) or {}, sections)}"
    return f"`{one['type']}`"


def _anchor(path: str) -> str:
    """The anchor that renderers of Markdown make of a heading."""
    return _ANCHOR.sub("", path).lower().replace(" ", "-")


def _default(one: dict[str, Any]) -> str:
    return _code(_inline(one["default"])) if "default" in one else ""


def _inline(value: Any) -> str:
    """The value as YAML on one line."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_inline(key)}: {_inline(one)}" for key, one in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str) and not re.fullmatch(
        r"[A-Za-z0-9/][A-Za-z0-9/._-]*|[0-9]+[a-z]+", value
    ):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.replace(".", "").isdigit():
        return json.dumps(value)
    return value if isinstance(value, str) else json.dumps(value)


def _code(text: str) -> str:
    return f"`{text}`"


def _codes(keys: list[str]) -> str:
    return ", ".join(map(_code, keys))


if __name__ == "__main__":
    sys.stdout.write(reference())
