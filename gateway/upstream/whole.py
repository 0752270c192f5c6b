"""A response that came in one piece; mypyc compiles no subclass of tuple, so it has a module of its own."""

from gateway.upstream.messages import End, ResponseHead


class Whole(tuple[ResponseHead, bytes, End]):
    """The head, the body and the end of a response that came in one piece."""

    __slots__ = ()
