"""Profiles: what comes along is valid; every bad entry is one line that names it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.profiles import FOLDER, Profile, load_profile, names

DEMO = (FOLDER / "demo.toml").read_text()


@pytest.mark.parametrize("name", names())
def test_profiles_that_come_along_are_valid(name) -> None:
    assert load_profile(name).analyses


def test_a_profile_from_a_file(tmp_path) -> None:
    (tmp_path / "own.toml").write_text(DEMO.replace("samples = 500", "samples = 7"))
    assert load_profile(str(tmp_path / "own.toml")).samples == 7


@given(st.integers(1, 10_000), st.integers(0, 2**31), st.floats(1e-6, 1.0))
def test_what_is_written_is_what_is_read(samples, seed, eps) -> None:
    content = tomllib.loads(DEMO) | {"samples": samples, "seed": seed}
    content["information"]["eps"] = repr(eps)
    profile = Profile.model_validate(content)
    assert (profile.samples, profile.seed) == (samples, seed)
    assert profile.information.threat.epsilon == eps
    assert Profile.model_validate(profile.model_dump()) == profile


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("samples = 500", "samples = 0", "samples"),
        ("samples = 500", "samples = 500\nsample = 3", "sample"),
        ('norm = "L2"', 'norm = "L7"', "threats.1"),
        ('eps = "1.5"', 'eps = "-1"', "threats.1"),
        ('"cw"', '"cv"', "threats.1.attacks"),
        ("critic_seeds = [0, 1, 2]", "critic_seeds = []", "information.critic_seeds"),
        ("critic_seeds = [0, 1, 2]", "critic_seeds = [0, 0]", "information.critic_seeds"),
        ('"zoo:fashion-mnist/standard-at"', '"zoo:fashion-mnist/natural"', "twice"),
        ('"ddn"', '"cw:steps=20"', "threats.1.attacks"),
        ('data = "fashion-mnist"', "", "data"),
        ("seed = 0", "seed = ", "TOML"),
    ],
)
def test_a_bad_entry_is_named(tmp_path, old, new, named) -> None:
    assert old in DEMO
    (tmp_path / "own.toml").write_text(DEMO.replace(old, new, 1))
    with pytest.raises(InputError, match=named) as error:
        load_profile(str(tmp_path / "own.toml"))
    assert "\n" not in str(error.value)


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="demo"):
        load_profile("dem")
