"""Ids of instances: a new one, and the name that the registry gives to one of a service."""

import secrets

from .instance import check_id, check_name


def new_instance_id(name: str) -> str:
    """`<service>-<8 hexadecimal digits>`."""
    return f"{name}-{secrets.token_hex(4)}"


def instance_key(name: str, instance_id: str) -> str:
    """The registry's name for an instance; InvalidRegistration when one part is not of its shape."""
    check_name(name)
    check_id(instance_id)
    return f"{name}/{instance_id}"
