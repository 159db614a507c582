"""A task's signature: which calls fit, and how their arguments and results travel."""

import dataclasses
import functools
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING, Any, Optional

import pytest

from packhorse.domain.outcome import Retry, Skip
from packhorse.domain.signature import CallSignature, EncodedCall, encode_plain_call
from packhorse.domain.strictjson import HARD_MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, MAX_RESULT_BYTES
from packhorse.errors import PayloadError, SignatureError

if TYPE_CHECKING:
    from fractions import Fraction


class Context:
    """What a handler is given about its run."""


class OtherContext:
    """A context by another name."""


@dataclasses.dataclass
class Line:
    """A dataclass."""

    sku: str
    price: Decimal


def send(invoice_id: int, *, note: str = "") -> None:
    """A handler of JSON types."""


def book(ctx: Context, day: date, line: Line | None = None) -> Line | None:
    """A handler with a context and typed arguments."""


def late(order: "Later", amount: "Fraction | None" = None) -> "Later":
    """A handler whose annotations name what is defined below, and what only type checkers import."""
    return order


def keep(first: int, /, second: int, *days: date, due: date, **lines: Line) -> None:
    """A handler with every kind of parameter."""


def loose(ctx, value):  # type: ignore[no-untyped-def]
    """A handler without annotations."""


@dataclasses.dataclass
class Later:
    """A dataclass that is defined after the handler that names it."""

    on: date


def there_and_back(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that arrive."""
    signature = CallSignature.of(function)
    return signature.decode(*signature.encode(args, kwargs))


@pytest.mark.accepts("C12")
def test_a_call_is_stored_as_it_was_written() -> None:
    """Positional arguments as an array, keywords as an object, none as None; defaults are left to the worker."""
    signature = CallSignature.of(send)
    assert signature.encode((42,), {}) == EncodedCall("[42]", None)
    assert signature.encode((42,), {"note": "ü"}) == EncodedCall("[42]", '{"note":"ü"}')
    assert signature.encode((), {"invoice_id": 42}) == EncodedCall("[]", '{"invoice_id":42}')


@pytest.mark.accepts("C12")
def test_every_kind_of_parameter_travels_by_its_annotation() -> None:
    """Positional, starred, keyword and double-starred ones."""
    day, line = date(2026, 1, 1), Line("a", Decimal("1.50"))
    args, kwargs = there_and_back(keep, 1, 2, day, day, due=day, first=line, other=line)
    assert args == (1, 2, day, day)
    assert kwargs == {"due": day, "first": line, "other": line}
    assert there_and_back(book, day) == ((day,), {})
    assert there_and_back(book, day, line=line) == ((day,), {"line": line})


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("function", "args", "kwargs", "message"),
    [
        (send, ({"a": [0, b""]},), {}, "args[0].a[1]: is of type bytes"),
        (send, (1,), {"note": [0, 1, 2, {3}]}, "kwargs.note[3]: is of type set"),
        (send, (1,), {"note": "\0"}, "kwargs.note: contains a NUL"),
        (book, (Line("a", Decimal(1)),), {}, "args[0]: does not fit its annotation: Expected `date`, got `object`"),
        (book, (date(2026, 1, 1), Line("a", Decimal("NaN"))), {}, "args[1].price: is of type Decimal and would"),
        (book, (date(2026, 1, 1),), {"line": {"sku": "a", "price": "1"}}, "kwargs.line: is of type dict"),
        (keep, (1, 2, date(2026, 1, 1), 5), {"due": date(2026, 1, 1)}, "args[3]: does not fit its annotation"),
        (keep, (1, {"a": (1,)}), {"due": date(2026, 1, 1)}, "args[1].a: is of type tuple"),
        (keep, (1, 2), {"due": date(2026, 1, 1), "a b": 1}, 'kwargs["a b"]: does not fit its annotation'),
        (keep, (1, 2), {"due": date(2026, 1, 1), "\0": Line("", Decimal(1))}, "kwargs: has a key that contains a NUL"),
        (loose, (Decimal(1),), {}, "args[0]: is of type Decimal, which JSON does not have: annotate"),
        (late, (5, None), {}, "args[0]: does not fit its annotation"),
        (late, (Later(date(2026, 1, 1)), 1j), {}, "args[1]: is of type complex, which cannot be stored"),
    ],
)
def test_a_refusal_names_the_path(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    """From the argument down to the part that would not come back."""
    with pytest.raises(PayloadError) as caught:
        CallSignature.of(function).encode(args, kwargs)
    assert str(caught.value).startswith(message)
    assert not isinstance(caught.value, SignatureError)


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "message"),
    [
        (send, (), {}, "missing a required argument: 'invoice_id'"),
        (send, (1, 2), {}, "too many positional arguments"),
        (send, (1,), {"invoice_id": 1}, "multiple values for argument 'invoice_id'"),
        (send, (1,), {"nothing": 1}, "got an unexpected keyword argument 'nothing'"),
        (keep, (1, 2), {}, "missing a required"),
        (book, (), {}, "missing a required argument: 'day'"),
        (book, (date(2026, 1, 1),), {"ctx": 1}, "multiple values for argument 'ctx'"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_with_the_signature(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    """At enqueueing, as a TypeError too, naming the task's parameters without the context."""
    signature = CallSignature.of(function)
    with pytest.raises(SignatureError) as caught:
        signature.encode(args, kwargs)
    assert isinstance(caught.value, TypeError)
    assert str(caught.value).startswith(f"{signature}: {message}")
    assert "ctx:" not in str(signature)


@pytest.mark.accepts("C12")
@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ("{}", None, "args: is stored as dict, not as a JSON array"),
        ("5", None, "args: is stored as int, not as a JSON array"),
        ("[1", None, "args: is stored as something that is not JSON"),
        ("[1e400]", None, "args: is stored as something that is not JSON"),
        ("[1]", "[]", "kwargs: is stored as list, not as a JSON object"),
        ("[1]", "null", "kwargs: is stored as NoneType, not as a JSON object"),
        ('["2026-13-01"]', None, "args[0]: does not fit its annotation"),
        ('["2026-01-01", {"sku": "a", "price": []}]', None, "args[1].price: does not fit its annotation"),
        ('["2026-01-01"]', '{"line": 5}', "kwargs.line: does not fit its annotation"),
        ("[]", None, "book(day: datetime.date, line: "),
        ('["2026-01-01", null, 3]', None, "book(day: datetime.date, line: "),
        ('["2026-01-01"]', '{"nothing": 1}', "book(day: datetime.date, line: "),
    ],
)
def test_a_bad_row_is_a_payload_error(args: str, kwargs: str | None, message: str) -> None:
    """Whoever wrote it, and whatever the task's code became since."""
    with pytest.raises(PayloadError) as caught:
        CallSignature.of(book).decode(args, kwargs)
    assert str(caught.value).startswith(message)


@pytest.mark.accepts("C12")
def test_the_size_limit_is_for_all_arguments_together() -> None:
    """256 KiB by default, the number is an option, and 1 MiB is the end."""
    half = "x" * (MAX_PAYLOAD_BYTES // 2 - len('[""]{"note":""}') + 1)
    for signature in (CallSignature.of(send), CallSignature.of(loose)):
        name = "note" if "note" in str(signature) else "value"
        args = (half,) if name == "note" else ()
        call = signature.encode(args, {name: half})
        assert len(call.args + (call.kwargs or "")) <= MAX_PAYLOAD_BYTES
        with pytest.raises(PayloadError, match=r"^args: takes .* bytes as JSON, more than the 262,144 allowed"):
            signature.encode(args, {name: "x" * MAX_PAYLOAD_BYTES})
        with pytest.raises(PayloadError, match="more than the 100 allowed"):
            signature.encode(args, {name: half}, max_bytes=100)
        with pytest.raises(PayloadError, match="more than the 1,048,576 allowed"):
            signature.encode(args, {name: "x" * HARD_MAX_PAYLOAD_BYTES}, max_bytes=10**9)


def test_the_size_limit_counts_args_and_kwargs_to_the_byte() -> None:
    """One byte more is too much, in either of them."""
    rest = MAX_PAYLOAD_BYTES - len('[""]') - len('{"b":""}')
    assert encode_plain_call(["x" * 10], {"b": "x" * (rest - 10)})
    with pytest.raises(PayloadError):
        encode_plain_call(["x" * 11], {"b": "x" * (rest - 10)})


@pytest.mark.accepts("C12")
def test_a_call_by_name_takes_json_types_only() -> None:
    """The task's code may be elsewhere, so nothing says what else an argument could be."""
    assert encode_plain_call([1, {"a": None}], {}) == EncodedCall('[1,{"a":null}]', None)
    assert encode_plain_call((), {"a": [1.5]}) == EncodedCall("[]", '{"a":[1.5]}')
    with pytest.raises(PayloadError, match=r"^args\[1\]\.a: is of type Decimal"):
        encode_plain_call([1, {"a": Decimal(1)}], {})
    with pytest.raises(PayloadError, match=r"^kwargs\.a\[0\]: is of type date"):
        encode_plain_call([], {"a": [date(2026, 1, 1)]})
    with pytest.raises(PayloadError, match=r"^kwargs: has a key of type int"):
        encode_plain_call([], {1: 2})  # type: ignore[dict-item]


def test_annotations_may_name_what_is_defined_later() -> None:
    """They are resolved at the first use; what cannot be resolved takes JSON types."""
    signature = CallSignature.of(late)
    order = Later(date(2026, 1, 1))
    assert signature.decode(*signature.encode((order, 3), {})) == ((order, 3), {})
    with pytest.raises(PayloadError, match=r"the annotation 'Fraction \| None' cannot be resolved"):
        signature.encode((order, Decimal(1)), {})
    assert signature.decode_result(signature.encode_result(order)) == order


def test_annotations_are_resolved_where_the_function_was_written() -> None:
    """Not where it is decorated, wrapped, bound or partially applied."""
    module = ModuleType("elsewhere")
    code = "from datetime import date as Day\ndef act(on: 'Day', count: 'int' = 1): ...\n"
    code += "class Actor:\n    def act(self, on: 'Day'): ...\n    def __call__(self, on: 'Day'): ...\n"
    exec(code, module.__dict__)  # noqa: S102 - a module with names of its own

    @functools.wraps(module.act)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        module.act(*args, **kwargs)

    actor = module.Actor()
    for function in (module.act, wrapper, functools.partial(wrapper, count=3), actor.act, actor):
        assert there_and_back(function, date(2026, 1, 1)) == ((date(2026, 1, 1),), {})


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Context, True),
        ("Context", True),
        ("packhorse.Context", True),
        ("Context | None", True),
        (Context | None, True),
        (Optional[Context], True),  # noqa: UP045 - older code writes it so
        (type("Mine", (Context,), {}), False),
        (OtherContext, False),
        ("OtherContext", False),
        ("MyContext", False),
        (dict, False),
        (Any, False),
        ("list[Context]", False),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value),
)
def test_a_leading_context_is_known_by_its_annotation(annotation: Any, expected: bool) -> None:
    """By its name, as a class or as text, alone or with None."""

    def handler(first: Any) -> None: ...

    handler.__annotations__["first"] = annotation
    signature = CallSignature.of(handler)
    assert signature.takes_context is expected
    assert ("first" in str(signature)) is not expected


def test_a_given_context_class_counts_instead_of_its_name() -> None:
    """Its subclasses too; another class named Context is an argument."""

    class MyContext(OtherContext): ...

    def own(c: MyContext) -> None: ...

    def by_name(c: "OtherContext") -> None: ...

    def unresolved(c: "other.OtherContext") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def foreign(c: Context) -> None: ...

    for function in (own, by_name, unresolved):
        assert CallSignature.of(function, context_type=OtherContext).takes_context
    assert not CallSignature.of(foreign, context_type=OtherContext).takes_context


def test_without_an_annotation_the_name_ctx_makes_a_context() -> None:
    """Only as the first parameter, and only without an annotation."""

    def annotated(ctx: int) -> None: ...

    def second(value, ctx):  # type: ignore[no-untyped-def]
        ...

    def starred(*ctx): ...  # type: ignore[no-untyped-def]

    assert CallSignature.of(loose).takes_context
    assert str(CallSignature.of(loose)) == "loose(value)"
    assert not any(CallSignature.of(function).takes_context for function in (annotated, second, starred, send))


def test_a_context_anywhere_else_is_refused() -> None:
    """It would look like an argument that callers must give."""

    def second(value: int, ctx: Context) -> None: ...

    def keyword(*, ctx: Context) -> None: ...

    for function in (second, keyword):
        with pytest.raises(SignatureError, match="the context must be the first parameter"):
            CallSignature.of(function).encode((1,), {})


def test_what_tells_no_parameters_is_refused_at_once() -> None:
    """Some built-in functions have no signature."""
    with pytest.raises(SignatureError, match="does not tell its parameters"):
        CallSignature.of(max)


@pytest.mark.accepts("C12")
def test_results_travel_by_the_return_annotation() -> None:
    """Coroutine functions too; without an annotation, JSON types only."""

    async def price() -> Decimal:
        return Decimal(1)

    def skip_or_line() -> Line | Skip | Retry | None: ...

    def only_skip() -> Skip:
        return Skip()

    for function, value in (
        (price, Decimal("1.10")),
        (skip_or_line, Line("a", Decimal(1))),
        (skip_or_line, None),
        (only_skip, [1]),
        (loose, {"a": [1]}),
        (send, "anything"),
    ):
        signature = CallSignature.of(function)
        assert signature.decode_result(signature.encode_result(value)) == value


@pytest.mark.accepts("C12")
def test_results_that_would_not_come_back_are_refused() -> None:
    """By type, by value, by size: 64 KiB; and a stored one that is no JSON."""
    signature = CallSignature.of(book)
    with pytest.raises(PayloadError, match=r"^result\.price: is of type Decimal and would arrive changed"):
        signature.encode_result(Line("a", Decimal("NaN")))
    with pytest.raises(PayloadError, match=r"^result: is of type set"):
        CallSignature.of(loose).encode_result({1})
    with pytest.raises(PayloadError, match=r"^result: takes 65,537 bytes as JSON, more than the 65,536 allowed"):
        CallSignature.of(loose).encode_result("x" * (MAX_RESULT_BYTES - 1))
    assert CallSignature.of(loose).encode_result("x" * (MAX_RESULT_BYTES - 2))
    with pytest.raises(PayloadError, match=r"^result: is stored as something"):
        signature.decode_result("{")
    with pytest.raises(PayloadError, match=r"^result: does not fit its annotation"):
        signature.decode_result("5")


@pytest.mark.accepts("C12")
def test_the_interpreters_own_limit_on_digits_is_respected() -> None:
    """Where it is set lower than ours, the integer is refused, not the process surprised."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        with pytest.raises(PayloadError, match="4300 digits"):
            encode_plain_call([10**700], {})
    finally:
        sys.set_int_max_str_digits(before)
