"""Rules for bodies, from the file to the layer's form."""

from gateway.config.compiled.transform import request_of, response_of
from gateway.config.file.transform import Request, Response
from middlewares.transform.bodies.deciding.rules import Keep, Query, Remove, Rename, Set, Wrap
from middlewares.transform.bodies.policy import Encoded
from middlewares.transform.deciding.variables import Template


def test_each_rule() -> None:
    rules = [
        {"remove": "/internal"},
        {"remove": ["/a", "/b~1c/*"]},
        {"rename": ["/usr", "/user"]},
        {"set": {"/a": {"t": [1.0, None, True, "{{x}}"]}, "/b": "{subject}"}},
        {"keep": ["/id"]},
        {"wrap": "/data"},
        {"jmespath": "a.b"},
    ]
    response = response_of([Response.model_validate({"json": tuple(rules)})])
    assert response is not None
    assert response.bodies is not None
    first, second, third, fourth, fifth, *rest = response.bodies.rules
    assert first == Remove((("internal",),))
    assert second == Remove((("a",), ("b/c", "*")))
    assert third == Rename(("usr",), "user")
    assert isinstance(fourth, Set)
    assert fourth.value.pieces == ('{"t":[1.0,null,true,"{x}"]}',)
    assert isinstance(fifth, Set)
    assert isinstance(fifth.value.pieces[0], Template)
    assert rest == [Keep((("id",),)), Wrap(("data",)), Query("a.b")]
    assert {str(one) for one in response.variables} == {"subject"}
    assert hash(response) == hash(response)


def test_each_key_is_that_of_the_most_specific_level() -> None:
    general = Request.model_validate({"json": ({"remove": "/a"},), "json_errors": "refuse"})
    special = Request.model_validate({"encoded": "plain"})
    rules = request_of([general, special])
    assert rules is not None
    assert rules.bodies is not None
    assert rules.bodies.refuses
    assert rules.bodies.encoded is Encoded.PLAIN
    off = request_of([general, Request.model_validate({"json": None})])
    assert off is not None
    assert off.bodies is None
