"""Detection, evasion, attacks on MI, MI over ε and epochs: what tables, figures, findings say."""

import io
from fractions import Fraction
from functools import partial

import nets
import pandas as pd
import pytest
from scored import made_up

from analyses import critic_attack, detection, evasion, mi_over_epochs, mi_over_eps
from workbench import analysis
from workbench.errors import InputError
from workbench.evaluation.store import Store
from workbench.information import Fit
from workbench.profiles import load_profile
from workbench.statistics import paired_auroc

ANALYSES = [detection, evasion, critic_attack, mi_over_eps]
ATTACK = "pgd-40:stop_at_success=false"
PROFILE = """
data = "digits"
models = [{{reference = "{model}", arch = "{arch}", name = "mine"}}]
samples = 40
unit_size = 40
analyses = ["detection"]

[[threats]]
norm = "Linf"
eps = "0.1"
attacks = ["fgsm"]

[information]
norm = "Linf"
eps = "0.2"
attack = "pgd-10:stop_at_success=false"
samples = 40
fit_samples = 100
critic_seeds = [0]
"""


def frame(attacks: tuple[str, ...], **more: object) -> pd.DataFrame:
    """Two models with two critic seeds, under the profile's attack and others."""
    parts = [
        made_up(400, seed, name=f"{model}@0", attack=attack, critic_seed=seed, **more)
        for model in ("natural", "standard-at")
        for seed in (0, 1)
        for attack in (ATTACK, *attacks)
    ]
    return pd.concat(parts, ignore_index=True).drop(columns="model")


def drawn(module, rows: pd.DataFrame, numbers: pd.DataFrame):
    """The figure, which can be written."""
    figure = module.figure(rows, numbers)
    figure.savefig(io.BytesIO(), format="pdf")
    return figure


def test_detection_has_a_table_per_attack_and_kind_of_samples() -> None:
    rows = frame(("noise",))
    numbers = detection.table(rows)
    assert set(numbers["attack"]) == {"pgd-40", "noise"}
    own = 2 * 4 + 2  # two detectors know no critic, and stand there once
    assert len(numbers) == 2 * own * 3, "the control has no flipped samples"
    texts = detection.layout(numbers)
    assert [name.split(" samples")[0] for name in texts] == [
        "pgd-40, all",
        "pgd-40, flipped",
        "noise, all",
    ]
    for text in texts.values():
        assert text["defense"].tolist() == ["natural"] * 6 + ["standard-at"] * 6
    figure = drawn(detection, rows, numbers)
    assert [ax.get_title() for ax in figure.axes[::2]] == [
        "pgd-40, all samples",
        "pgd-40, flipped samples",
        "noise, all samples",
    ]


def test_the_finding_of_detection_has_oracle_and_noise_beside() -> None:
    rows = frame(("noise",))
    rows.loc[rows["attack"] == "noise", "natural_mi_received"] = 9.0
    rows["natural_mi_adversarial"] = -9.0
    finding = detection.finding(detection.table(rows))
    assert "; standard-at" in finding
    assert finding.count("(oracle 100 %, noise 0 %)") == 2
    assert "no sample flipped" in detection.finding(detection.table(rows.assign(verified=False)))


def test_evasion_says_what_each_detector_flags_of_each_attack() -> None:
    rows = frame(evasion.ATTACKS)
    rows.loc[rows["attack"] == "evasion", "natural_mi_received"] = rows["natural_mi_natural"]
    rows.loc[rows["attack"] == "evasion-highest", "natural_mi_received"] = 9.0
    numbers = evasion.table(rows)
    texts = evasion.layout(numbers)
    assert len(texts) == 4, "two detectors, two rates"
    for text in texts.values():
        assert text["attack"].tolist() == ["pgd-40", "evasion", "evasion-highest", "worst case"] * 2
    found = numbers.set_index(["detector", "attack"]).sort_index()
    assert found.loc[("natural MI of x̃", "evasion"), "auroc"].to_numpy() == pytest.approx(0.5)
    assert found.loc[("natural MI of x̃", "evasion-highest"), "flagged"].eq(0).all()
    assert found.loc[("natural MI of x̃, two-sided", "evasion-highest"), "flagged"].eq(1).all()
    finding = evasion.finding(numbers)
    assert finding.count("100 % of evasion-highest") == 2
    worst = found.loc[("natural MI of x̃, two-sided", "worst case")]
    kept = worst.loc[(worst["rate"] == 0.05) & (worst["model"] == "natural@0"), "kept"].mean()
    assert f" and {100 * kept:.0f} % left; standard-at " in finding
    without = evasion.table(rows.assign(verified=False))
    assert "nothing of evasion," in evasion.finding(without)
    assert len(drawn(evasion, rows, numbers).axes) == 2 * 2


def test_attacks_on_mi_stand_beside_the_first_and_the_control() -> None:
    rows = frame(critic_attack.ATTACKS)
    rows["robust"] = rows["attack"] != "mi-difference"
    numbers = critic_attack.table(rows)
    assert set(numbers.loc[numbers["gained"] == 1, "attack"]) == {"mi-difference"}
    lines = numbers["attack"].value_counts()
    assert lines[["pgd-40", "cross-entropy", "natural-mi"]].tolist() == [2, 2, 4], "no critic, once"
    finding = critic_attack.finding(numbers)
    assert "left by pgd-40" in finding
    assert finding.count("100.0 % (mi-difference; control 0.0 %)") == 2
    (text,) = critic_attack.layout(numbers).values()
    assert len(text) == 2 * 5
    assert len(drawn(critic_attack, rows, numbers).axes) == 2


def test_mi_over_eps_has_a_line_per_quantity_and_eps() -> None:
    parts = [
        frame((), eps=eps, epsilon=float(eps), objective="mim").assign(
            adversarial_prediction=1,
            natural_mi_adversarial=lambda f, shift=shift: f["natural_mi_natural"] - shift,
        )
        for eps, shift in (("0.2", 2.0), ("0.1", 1.0))
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["critic_seed"] == 0]
    numbers = mi_over_eps.table(rows)
    found = numbers[(numbers["quantity"] == "natural MI") & (numbers["model"] == "natural@0")]
    assert found["epsilon"].tolist() == [0.1, 0.2]
    for line in found.itertuples():
        part = rows[(rows["name"] == "natural@0") & (rows["epsilon"] == line.epsilon)]
        values = part["natural_mi_natural"].to_numpy(), part["natural_mi_adversarial"].to_numpy()
        assert line.auroc == pytest.approx(paired_auroc(*values).value)
    texts = mi_over_eps.layout(numbers)
    for text in texts.values():
        assert text["ε"].tolist() == ["0.1", "0.2"] * 2
    assert "from ε 0.1 to 0.2: natural: " in mi_over_eps.finding(numbers)
    figure = drawn(mi_over_eps, rows, numbers)
    assert figure.axes[-1].get_ylabel() == "share misclassified"
    assert len(figure.legends[0].get_texts()) == 2, "each defense once"


def test_mi_over_epochs_has_a_line_per_quantity_and_epoch() -> None:
    parts = [
        made_up(300, seed, name=f"{defense}-course after {epoch}", critic_seed=0).assign(
            adversarial_prediction=1
        )
        for defense, epochs in (("natural", (8, 1)), ("standard-at", (10, 2)))
        for seed, epoch in enumerate(epochs)
    ]
    rows = pd.concat(parts, ignore_index=True)
    numbers = mi_over_epochs.table(rows)
    found = numbers[numbers["quantity"] == "natural MI"]
    assert list(zip(found["model"], found["epoch"], strict=True)) == [
        ("natural-course", 1),
        ("standard-at-course", 2),
        ("natural-course", 8),
        ("standard-at-course", 10),
    ]
    for line in found.itertuples():
        part = rows[rows["name"] == f"{line.model} after {line.epoch}"]
        values = part["natural_mi_natural"].to_numpy(), part["natural_mi_adversarial"].to_numpy()
        assert line.auroc == pytest.approx(paired_auroc(*values).value)
    for text in mi_over_epochs.layout(numbers).values():
        assert text["epoch"].tolist() == ["1", "8", "2", "10"]
    assert "from epoch 1 to 10: natural-course: " in mi_over_epochs.finding(numbers)
    assert len(drawn(mi_over_epochs, rows, numbers).axes) == 3


def test_mi_over_epochs_asks_for_every_kept_epoch_of_a_training() -> None:
    runs = mi_over_epochs.runs(load_profile("fashion-mnist"))
    assert [run.name for run in runs][:4] == [f"natural-course after {n}" for n in (1, 2, 4, 8)]
    assert [run.model.rpartition("/")[2] for run in runs][-2:] == [
        "namid-course-epoch-4@0",
        "namid-course@0",
    ]
    with pytest.raises(InputError, match="keep"):
        mi_over_epochs.runs(load_profile("demo"))


def test_runs_ask_for_the_profile_and_for_what_each_adds() -> None:
    profile = load_profile("demo")
    wanted, models = profile.information, len(profile.models)
    seeds = len(wanted.critic_seeds)
    assert [len(module.runs(profile)) for module in ANALYSES] == [
        models * seeds,
        models * seeds,
        models * seeds,
        models * len(mi_over_eps.PARTS),
    ]
    eps = {run.eps for run in mi_over_eps.runs(profile)}
    assert {float(Fraction(e)) for e in eps} == {0.025, 0.05, 0.1, 0.2}
    assert wanted.eps in eps, "so that its units are those of other analyses"


@pytest.mark.parametrize("module", ANALYSES, ids=lambda module: module.__name__)
def test_each_runs_from_a_small_profile(tmp_path, monkeypatch, module) -> None:
    monkeypatch.setattr(analysis, "Fit", partial(Fit, units=8, steps=3, batch=16))
    model = nets.write_digits(tmp_path / "digits.safetensors")
    (tmp_path / "own.toml").write_text(PROFILE.format(model=model, arch=nets.ARCH))
    own = str(tmp_path / "own.toml")
    outcome = analysis.run(module, own, Store(tmp_path / "store"), "cpu", tmp_path / "figures")
    assert "mine" in outcome.finding
    assert all(path.exists() for path in outcome.files)
    assert all(len(text) for text in outcome.tables.values())
