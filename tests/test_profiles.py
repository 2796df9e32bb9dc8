"""Profiles: what comes along is valid; every bad entry is one line that names it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli import main
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
        ("seed = 0", "seed = 0\ntrainings = 3", "trainings"),
        ('"pgd-40:stop_at_success=false"\nsamples', '"pgd-40"\nsamples', "information.attack"),
        ("critic_seeds", 'compared = ["apgd-ce"]\ncritic_seeds', "information.compared"),
    ],
)
def test_a_bad_entry_is_named(tmp_path, old, new, named) -> None:
    assert old in DEMO
    (tmp_path / "own.toml").write_text(DEMO.replace(old, new, 1))
    with pytest.raises(InputError, match=named) as error:
        load_profile(str(tmp_path / "own.toml"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("[trainings]\nseeds = [0]", "trainings"),
        ('recipe = "epochs=3"', "trainings.0.recipe"),
        ("recipe = {estimator = 3}", "objective is a name such as"),
        ("recipe = {epochs = 2.5}", "epochs"),
        ("recipe = {lr = true, schedule = []}", "recipe"),
        ("recipe = {seed = 5}", "seed"),
        ('recipe = {base = "x"}', "base"),
        ("recipe = {rate = 1}", "rate"),
        ('defenses = [["natural"]]', "trainings.0.defenses"),
        ("defenses = 3", "trainings.0.defenses"),
    ],
)
def test_a_bad_training_is_named(tmp_path, entry, named) -> None:
    training = {
        "norm": '"Linf"',
        "eps": '"0.1"',
        "arch": '"small-cnn"',
        "seeds": "[7]",
        "defenses": '["namid"]',
    }
    if not entry.startswith("["):
        name, _, value = entry.partition(" = ")
        training[name] = value
        entry = "\n".join(["[[trainings]]", *(f"{n} = {v}" for n, v in training.items())])
    (tmp_path / "own.toml").write_text(f"{DEMO}\n{entry}\n")
    with pytest.raises(InputError, match=named) as error:
        load_profile(str(tmp_path / "own.toml"))
    assert "\n" not in str(error.value)


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="demo"):
        load_profile("dem")


def trained(**more) -> Profile:
    """A profile whose models are all trained by itself."""
    common = {"norm": "Linf", "eps": "0.1", "arch": "small-cnn", "seeds": [0, 1]}
    content = tomllib.loads(DEMO) | {"models": "trained", "namid": "alpha=1,lam=0.2"} | more
    content["trainings"] = [
        {**common, "defenses": ["standard-at", "namid-t"]},
        {**common, "defenses": {"namid-lambda-0": "namid:lam=0"}, "role": "variants"},
        {**common, "defenses": {"surrogate": "standard-at"}, "role": "surrogates"},
    ]
    return Profile.model_validate(content)


def test_trained_models_are_listed_by_their_role() -> None:
    found = trained(variants="trained")
    assert [model.title for model in found.models] == [
        *("standard-at@0", "standard-at@1", "namid-t@0", "namid-t@1"),
    ]
    assert [model.reference for model in found.variants] == [
        *("zoo:fashion-mnist/namid-lambda-0@0", "zoo:fashion-mnist/namid-lambda-0@1"),
    ]
    assert found.surrogates == ()


def test_settings_of_namid_stand_once_and_a_defense_has_its_own_beside() -> None:
    texts = [
        recipe.defense
        for training in trained().trainings
        for recipe in training.recipes("fashion-mnist").values()
        if recipe.seed == 0
    ]
    assert texts == [
        *("standard-at", "namid-t:alpha=1.0,lam=0.2", "namid:alpha=1.0,lam=0.0", "standard-at"),
    ]


@pytest.mark.parametrize("name", [name for name in names() if name != "demo"])
def test_every_model_that_a_profile_measures_is_trained_by_it(name) -> None:
    profile = load_profile(name)
    for role in ("models", "variants", "surrogates"):
        made = [t for part in profile.trainings if part.role == role for t in part.titles()]
        assert [model.title for model in getattr(profile, role)] == made
    of_namid = {"namid-sweep": 6, "namid-settings": 6, "namid-confirm": 24, "namid-confirm-l2": 24}
    assert len(profile.models) == of_namid.get(name, 3 * (8 + 7))


def test_models_that_did_not_come_along_are_one_line_that_says_how_to_train_them(
    tmp_path, capsys
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        DEMO.replace('"white_box", "black_box", "mi_distribution"', '"white_box"').replace(
            'models = ["zoo:fashion-mnist/natural", "zoo:fashion-mnist/standard-at"]',
            'models = "trained"',
        )
        + '\n[[trainings]]\nnorm = "Linf"\neps = "0.1"\narch = "small-cnn"\nseeds = [7]\n'
        'defenses = ["wmim"]\n'
    )
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", "--profile", str(own), "--store", str(tmp_path / "store")])
    assert ended.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "zoo:fashion-mnist/wmim@7" in last
    assert f"workbench reproduce --profile {own} --retrain" in last
