"""The fields that tell of a deprecated version."""

from email.utils import formatdate

from middlewares.versions.policy import Deprecated


def deprecation_fields(one: Deprecated) -> tuple[tuple[str, str], ...]:
    """Deprecation (RFC 9745), Sunset (RFC 8594) and the links (RFC 8288), as far as the file has them."""
    fields = [("Deprecation", f"@{one.since_s}")]
    if one.sunset_s is not None:
        fields.append(("Sunset", formatdate(one.sunset_s, usegmt=True)))
    fields += [("Link", f'<{url}>; rel="{relation}"') for relation, url in one.links]
    return tuple(fields)
