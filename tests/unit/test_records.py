"""A record is the frozen dataclass that it was, whatever sets its fields."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle

import pytest

from tracker.records import record


@dataclasses.dataclass(frozen=True, slots=True)
class Base:
    """What records may inherit from."""

    first: int
    second: str = "two"


@record
@dataclasses.dataclass(frozen=True, slots=True)
class Record(Base):
    """With fields of its own behind them."""

    third: tuple[int, ...] = ()
    fourth: float | None = None


@record
@dataclasses.dataclass(frozen=True, slots=True)
class Empty:
    """Without any."""


def plain() -> type:
    """The same class without `record`."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class Record(Base):
        third: tuple[int, ...] = ()
        fourth: float | None = None

    return Record


def test_it_is_made_as_any_dataclass_is():
    made = Record(1, "b", (3,), 4.0)
    assert made == Record(fourth=4.0, third=(3,), second="b", first=1)
    assert Record(1) == Record(1, "two", (), None)
    assert dataclasses.astuple(made) == (1, "b", (3,), 4.0)
    assert inspect.signature(Record.__init__) == inspect.signature(plain().__init__)
    assert Empty() == Empty()


@pytest.mark.parametrize(
    ("positional", "named"), [((), {}), ((1, "b", (), None, 5), {}), ((1,), {"fifth": 5})]
)
def test_it_is_not_made_of_what_it_has_no_fields_for(positional, named):
    with pytest.raises(TypeError):
        Record(*positional, **named)


def test_it_cannot_be_changed():
    made = Record(1)
    for name in ("first", "third", "fifth"):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            setattr(made, name, 2)
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        del made.first
    assert made == Record(1)
    assert not hasattr(made, "__dict__")


def test_it_is_compared_shown_copied_and_replaced_as_before():
    made = Record(1, third=(3,))
    assert repr(made) == "Record(first=1, second='two', third=(3,), fourth=None)"
    assert hash(made) == hash(Record(1, third=(3,)))
    assert made != Record(1)
    assert dataclasses.replace(made, first=2) == Record(2, third=(3,))
    assert copy.copy(made) == pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - our own


@dataclasses.dataclass(frozen=True, slots=True)
class Factory:
    names: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Worked:
    whole: int
    half: int = dataclasses.field(init=False, default=0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    name: str

    def __post_init__(self) -> None:
        assert self.name


@pytest.mark.parametrize("kind", [Factory, Worked, Named, Checked])
def test_what_needs_more_than_setting_fields_is_refused(kind):
    with pytest.raises(TypeError, match=f"{kind.__name__}.* needs the __init__ of dataclasses"):
        record(kind)
