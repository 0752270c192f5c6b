"""Ids of instances, and their keys in the registry."""

import secrets

from .instance import check_id, check_name


def new_instance_id(name: str) -> str:
    """A new id: `<service>-<8 hexadecimal digits>`."""
    return f"{name}-{secrets.token_hex(4)}"


def instance_key(name: str, instance_id: str) -> str:
    """The registry's key for an instance; InvalidRegistration when the name or the id is not valid."""
    check_name(name)
    check_id(instance_id)
    return f"{name}/{instance_id}"
