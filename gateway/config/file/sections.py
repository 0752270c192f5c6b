"""What every section of the file shares: frozen, no unknown keys, and rules on which keys go together."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from gateway.config.file.wording import nearest, quoted

T = TypeVar("T")

#: Error types of ours: their message is the whole text; the second is shown where the key stands.
AT_VALUE, AT_KEY = "wrong_value", "wrong_key"
#: Marks the kind of a value that may be of several kinds; no text of a file has a NUL.
INSIDE = "\0"
TEXT, MAPPING = f"{INSIDE}text", f"{INSIDE}mapping"
NO_MAPPING = "must be a mapping, with a line `key: value` for each of its keys"


class Wrong(NamedTuple):
    """A mistake within a section; `at_key`: it is shown where the key stands."""

    path: tuple[str | int, ...]
    message: str
    at_key: bool = False


class Section(BaseModel):
    """A mapping of the file whose keys are known.

    A key that the file leaves out has its default, and is not in `model_fields_set`. A key of
    `switched_off_by_null` that is null is None and in it; every other key refuses null.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    exactly_one: ClassVar[tuple[str, ...]] = ()
    at_most_one: ClassVar[tuple[str, ...]] = ()
    at_least_one: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    switched_off_by_null: ClassVar[frozenset[str]] = frozenset()
    #: Values for required keys that `wrong` does not read, so that it can be asked without them.
    stand_ins: ClassVar[Mapping[str, Any]] = {}
    #: What makes a value of the bytes of each file or variable that a key names (named_files.py). It is pure,
    #: and raises ValueError with what is wrong, without a word of a secret.
    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {}

    def wrong(self) -> Iterable[Wrong]:
        """What is wrong with the section although each of its keys is right."""
        return ()

    def wrong_contents(self, contents: Mapping[str, Any]) -> Iterable[Wrong]:
        """What is wrong between the section and what its files say, or between these.

        `contents` has the value of each key of `reads` that the section has. It is asked once all of them
        are right themselves, and each mistake stands at one of these keys.
        """
        return ()

    @classmethod
    def known_keys(cls) -> dict[str, bool]:
        """The section's keys as the file spells them, and whether each is required."""
        return _keys_of(cls)

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, dict):
            wrong = Wrong((), f"{NO_MAPPING}; allowed: {_listed(cls.known_keys())}")
            raise ValidationError.from_exception_data(cls.__name__, [_details(wrong)])
        found = list(map(_details, cls._wrong_keys(value)))
        if found:
            value = {key: one for key, one in value.items() if not cls._is_told(key, one)}
        try:
            made = handler(value)
        except ValidationError as error:
            # Pydantic raises errors of the sections within this one as they were made there.
            told = error.errors(include_url=False)
            again = [_again(one) for one in told if one["type"] != "missing" or len(one["loc"]) > 1]
            right = {key: value[key] for key in {*value} - {one["loc"][0] for one in told}}
            beside = cls._wrong_beside(right, handler)
            everything = [*found, *again, *beside]
            raise ValidationError.from_exception_data(cls.__name__, everything) from None
        found += map(_details, made.wrong())
        if found:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return made

    @classmethod
    def _wrong_beside(
        cls, right: Mapping[str, Any], handler: ModelWrapValidatorHandler[Self]
    ) -> Iterator[InitErrorDetails]:
        """What is wrong between the keys that are right themselves, whatever the others are."""
        try:
            made = handler({**cls.stand_ins, **right})
        except ValidationError:  # a key that it needs is not among them
            return
        yield from map(_details, made.wrong())

    @classmethod
    def _is_told(cls, key: str, value: object) -> bool:
        """Whether `_wrong_keys` says what is wrong with this key, so that pydantic need not."""
        keys = cls.known_keys()
        if key not in keys:
            return True
        return value is None and not keys[key] and key not in cls.switched_off_by_null

    @classmethod
    def _wrong_keys(cls, value: Mapping[str, object]) -> Iterator[Wrong]:
        keys = cls.known_keys()
        meant: dict[str, str] = {}
        for key in value:
            if key not in keys:
                places = _places_of(cls).get(key, [])
                meant[key] = "" if places else nearest(key, keys)
                hint = f"; it stands in {_listed(places)}" if places else ""
                hint = hint or _hint(key, meant[key], keys)
                yield Wrong((key,), f"unknown key{hint}", at_key=True)
            elif cls._is_told(key, value[key]):
                yield Wrong((key,), "is empty: give it a value, or leave the key out")
        # Where a key is mistyped, that is the mistake, and not that it is missing.
        given = {*value, *meant.values()}
        for key, required in keys.items():
            if required and key not in given:
                yield Wrong((), f"{key} is missing")
        yield from cls._wrong_together(value, given)

    @classmethod
    def _wrong_together(
        cls, value: Mapping[str, object], meant: Collection[str]
    ) -> Iterator[Wrong]:
        for group in (cls.exactly_one, cls.at_most_one):
            given = [key for key in value if key in group]
            for key in given[1:]:
                yield Wrong(
                    (key,), f"can't stand beside {given[0]}: there is one of {_listed(group)}", True
                )
        for group in (cls.exactly_one, cls.at_least_one):
            if group and not set(group) & set(meant):
                yield Wrong((), f"lacks one of {_listed(group)}")
        for key, needed in _needed(cls):
            if key in value and needed not in meant:
                yield Wrong((key,), f"needs {needed}, which is not there", True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        for key, one in schema.get("properties", {}).items():
            if key not in cls.switched_off_by_null:
                _without_null(one)
        rules: list[dict[str, Any]] = [
            {"not": {"required": list(pair)}}
            for group in (cls.exactly_one, cls.at_most_one)
            for pair in combinations(group, 2)
        ]
        rules += [
            {"anyOf": [{"required": [key]} for key in group]}
            for group in (cls.exactly_one, cls.at_least_one)
            if group
        ]
        if rules:
            schema["allOf"] = rules
        for key, needed in _needed(cls):
            schema.setdefault("dependentRequired", {}).setdefault(key, []).append(needed)
        return schema


def _needed(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Each key that needs another one, with that one."""
    for key, needed in section.needs.items():
        for one in (needed,) if isinstance(needed, str) else needed:
            yield key, one


@cache
def _keys_of(section: type[Section]) -> dict[str, bool]:
    fields = section.model_fields.items()
    return {one.alias or name: one.is_required() for name, one in fields}


@cache
def _places_of(section: type[Section]) -> dict[str, list[str]]:
    """The keys of the sections right below this one, and in which of them each stands."""
    places: dict[str, dict[str, None]] = {}
    for name, one in section.model_fields.items():
        for kind in _kinds_in(one.annotation):
            if isinstance(kind, type) and issubclass(kind, Section):
                for key in kind.known_keys():
                    places.setdefault(key, {})[one.alias or name] = None
    return {key: list(names) for key, names in places.items()}


def _kinds_in(annotation: Any) -> Iterator[Any]:
    """What a key may be: itself, and what its unions and collections are of."""
    yield annotation
    for one in get_args(annotation):
        yield from _kinds_in(one)


def _without_null(schema: dict[str, Any]) -> None:
    kinds = schema.get("anyOf", [])
    left = [one for one in kinds if one != {"type": "null"}]
    if len(left) < len(kinds):
        schema.pop("anyOf")
        schema.update(left[0] if len(left) == 1 else {"anyOf": left})


def _hint(key: str, meant: str, keys: Iterable[str]) -> str:
    secrets = [one for one in (f"{key}_file", f"{key}_env") if one in keys]
    if len(secrets) > 1:
        return f": no secret stands in the file itself; there are {' and '.join(secrets)}"
    if meant:
        return f"; did you mean {quoted(meant)}?"
    return f"; allowed: {_listed(keys)}"


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(keys)


def _details(wrong: Wrong) -> InitErrorDetails:
    kind = AT_KEY if wrong.at_key else AT_VALUE
    return InitErrorDetails(type=_custom(kind, wrong.message), loc=wrong.path, input=None)


def _again(error: Any) -> InitErrorDetails:
    """An error of pydantic's, to be raised once more."""
    kind: Any = error["type"]
    if kind in (AT_VALUE, AT_KEY):
        kind = _custom(kind, error["msg"])
    return InitErrorDetails(
        type=kind, loc=error["loc"], input=error["input"], ctx=error.get("ctx", {})
    )


def _custom(kind: str, message: str) -> PydanticCustomError:
    # Braces in a template are placeholders, so the message is put in by one.
    return PydanticCustomError(kind, "{message}", {"message": message})


def wrong_items(found: Iterable[Wrong]) -> ValidationError:
    """The error for a list some of whose items are wrong; each path begins with an index."""
    return ValidationError.from_exception_data("list", list(map(_details, found)))


def _unique(items: tuple[T, ...]) -> tuple[T, ...]:
    seen: set[T] = set()
    repeated = []
    for index, one in enumerate(items):
        if one in seen:
            repeated.append(Wrong((index,), "stands in the list already"))
        seen.add(one)
    if repeated:
        raise wrong_items(repeated)
    return items


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("must have at least one item")
    return items


#: A list without repetitions; `Some` has one item at least.
Listed = Annotated[
    tuple[T, ...], AfterValidator(_unique), Field(json_schema_extra={"uniqueItems": True})
]
Some = Annotated[
    tuple[T, ...],
    AfterValidator(_not_empty),
    AfterValidator(_unique),
    Field(json_schema_extra={"uniqueItems": True, "minItems": 1}),
]


def kind_of(value: object) -> str | None:
    """The discriminator of what may be text or a mapping; None for anything else."""
    if isinstance(value, dict):
        return MAPPING
    return TEXT if isinstance(value, str | int | float) else None
