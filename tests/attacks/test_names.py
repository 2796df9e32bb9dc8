"""Names of attacks: what they mean, and that each attack has one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.attacks import ATTACKS, PGD, attack, label
from workbench.errors import InputError


@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_of_the_table_is_its_attacks_label(name) -> None:
    assert label(attack(name)) == name


@given(st.integers(1, 100), st.floats(0.01, 2.0), st.integers(1, 9), st.booleans(), st.booleans())
def test_a_label_names_the_same_attack(steps, step, restarts, start, stop) -> None:
    wanted = PGD(steps, step, restarts, start, stop)
    assert attack(label(wanted)) == wanted


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pgd-4o", "pgd-40"),
        ("", "fgsm"),
        ("pgd-40:stepz=3", "steps, step"),
        ("pgd-40:steps=three", "steps needs a value"),
        ("pgd-40:steps", "steps needs a value"),
        ("pgd-40:stop_at_success=maybe", "stop_at_success needs a value"),
        ("pgd-40:steps=0", "steps ≥ 1"),
        ("pgd-40:step=inf", "finite step"),
        ("autoattack:steps=3", "it has none"),
        ("cw:steps=-3", "CW needs"),
        ("cw:searches=0", "CW needs"),
        ("cw:step=nan", "CW needs"),
        ("ddn:steps=0", "DDN needs"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_way_out(name, hint) -> None:
    with pytest.raises(InputError, match=hint) as error:
        attack(name)
    assert "\n" not in str(error.value)
