"""Keys: equal for equal units, different for different ones."""

from dataclasses import dataclass, replace
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from workbench.specs import AttackUnit, ExperimentUnit, key, ranges, settings_of

names = st.text("abcdef0123456789", min_size=1, max_size=8)
settings = st.dictionaries(names, st.integers() | st.booleans() | st.floats(0, 1) | names)
units = st.builds(
    AttackUnit,
    model=names,
    data=names,
    start=st.integers(0, 1000),
    stop=st.integers(1001, 2000),
    attack=settings,
    norm=st.sampled_from(["Linf", "L2"]),
    epsilon=st.floats(1e-3, 1),
    seed=st.integers(0, 2**31),
    measure_version=st.integers(1, 9),
)


@given(units)
def test_the_order_of_settings_does_not_matter(unit) -> None:
    turned = replace(unit, attack=dict(reversed(unit.attack.items())))
    assert key(turned) == key(unit)


@given(units)
def test_every_field_is_part_of_the_key(unit) -> None:
    changed = [
        replace(unit, model=unit.model + "0"),
        replace(unit, data=unit.data + "0"),
        replace(unit, start=unit.start + 1),
        replace(unit, stop=unit.stop + 1),
        replace(unit, attack={**unit.attack, "another": 1}),
        replace(unit, norm="L1"),
        replace(unit, epsilon=unit.epsilon + 1),
        replace(unit, seed=unit.seed + 1),
        replace(unit, measure_version=unit.measure_version + 1),
    ]
    assert len({key(unit), *map(key, changed)}) == 1 + len(changed)


@given(st.integers(0, 500), st.integers(1, 500), st.integers(1, 100))
def test_ranges_cover_each_sample_once(start, length, size) -> None:
    parts = list(ranges(start, start + length, size))
    covered = [index for first, last in parts for index in range(first, last)]
    assert covered == list(range(start, start + length))
    assert all(0 < last - first <= size for first, last in parts)


@dataclass(frozen=True)
class Part:
    size: int


@dataclass(frozen=True)
class OtherPart:
    size: int


@dataclass(frozen=True)
class Whole:
    part: Part | OtherPart
    version: ClassVar[int] = 3


def test_settings_tell_parts_of_another_kind_apart() -> None:
    first, second = settings_of(Whole(Part(1))), settings_of(Whole(OtherPart(1)))
    assert first == {
        "name": "Whole",
        "version": 3,
        "part": {"name": "Part", "version": 0, "size": 1},
    }
    assert key(ExperimentUnit(first, 0)) != key(ExperimentUnit(second, 0))
