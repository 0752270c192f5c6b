"""What the record of a request is made of, also where it is compiled."""

from middlewares import exchange
from middlewares.exchange import Exchange


def test_no_default_is_one_that_compiled_code_loses() -> None:
    """mypyc sets no default of the class for an attribute whose type is a Protocol of the same module."""
    protocols = [
        name
        for name, one in vars(exchange).items()
        if getattr(one, "_is_protocol", False) and one.__module__ == exchange.__name__
    ]
    assert protocols
    lost = [
        attribute
        for attribute, kind in Exchange.__annotations__.items()
        if any(name in str(kind) for name in protocols)
    ]
    assert lost == []
