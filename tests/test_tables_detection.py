"""Detectors on made-up scores: AUROC and rates as scikit-learn has them, and no leakage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scored import SHIFT, made_up
from sklearn.metrics import roc_auc_score, roc_curve

from workbench.tables.contest import contest
from workbench.tables.detection import DETECTORS, RECEIVED, detection, evaded, threshold
from workbench.tables.fits import fit_texts, one_of_each, over_fits


def line(table: pd.DataFrame, detector: str = RECEIVED, **wanted: object) -> pd.Series:
    """The one line with these values."""
    for name, value in {"detector": detector, **wanted}.items():
        table = table[table[name] == value]
    (found,) = [row for _, row in table.iterrows()]
    return found


@pytest.mark.parametrize("detector", [*DETECTORS])
def test_auroc_and_rates_are_those_of_scikit_learn(detector) -> None:
    rows, used = made_up(), DETECTORS[detector]
    half = rows[rows["index"] % 2 == 1]
    scores = np.concatenate([half[used.natural], half[used.adversarial]])
    centre = rows.loc[rows["index"] % 2 == 0, used.natural].median()
    scores = used.sign * scores if used.sign else np.abs(scores - centre)
    truth = np.repeat([0, 1], len(half))
    found = line(detection(rows), detector, among="all")
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, scores))
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    for rate in ("1", "5"):
        on_curve = np.isclose(fpr, found[f"fpr_{rate}"]) & np.isclose(tpr, found[f"tpr_{rate}"])
        assert on_curve.any()


def test_the_numbers_are_those_that_were_put_in() -> None:
    found = line(detection(made_up(40_000)), among="all")
    assert found["auroc"] == pytest.approx(norm.cdf(SHIFT / np.sqrt(2)), abs=0.01)
    assert found["tpr_5"] == pytest.approx(norm.cdf(SHIFT + norm.ppf(0.05)), abs=0.02)
    assert found["tpr_1"] == pytest.approx(norm.cdf(SHIFT + norm.ppf(0.01)), abs=0.02)
    assert found["fpr_5"] == pytest.approx(0.05, abs=0.01)
    assert found["auroc_low"] < found["auroc"] < found["auroc_high"]


def test_thresholds_know_nothing_of_what_is_measured() -> None:
    rows = made_up(200)
    odd = rows["index"] % 2 == 1
    shifted = rows.copy()
    shifted.loc[odd, "natural_mi_natural"] -= 100
    assert (
        line(detection(shifted), among="all")["tpr_5"]
        == (line(detection(rows), among="all")["tpr_5"])
    )
    assert line(detection(shifted), among="all")["fpr_5"] == 1
    elsewhere = rows.copy()
    elsewhere.loc[~odd, "natural_mi_received"] = -100  # not natural, and not measured
    pd.testing.assert_frame_equal(detection(elsewhere), detection(rows))


def test_flipped_are_those_of_the_selection() -> None:
    rows = made_up(200)
    half = rows[rows["index"] % 2 == 1]
    flipped = (half["verified"] & (half["clean_prediction"] == 0)).sum()
    assert line(detection(rows), among="flipped")["samples"] == flipped
    never = rows.assign(verified=False)
    assert set(detection(never)["among"]) == {"all"}


def test_a_critic_that_diverged_has_no_line() -> None:
    table = detection(made_up(50).assign(natural_mi_received=np.nan))
    assert not table["detector"].str.startswith(RECEIVED).any()
    assert set(table["detector"]) == {n for n in DETECTORS if not n.startswith(RECEIVED)}
    assert evaded(made_up(50).assign(natural_mi_received=np.nan)).empty


@given(st.integers(1, 300), st.sampled_from([0.01, 0.05, 0.2]))
def test_one_more_sample_of_the_same_kind_exceeds_the_threshold_rarely_enough(n, rate) -> None:
    """Of n + 1 exchangeable samples each is the last one equally often."""
    values = np.random.default_rng(n).normal(size=n + 1)
    flagged = [values[i] > threshold(np.delete(values, i), rate) for i in range(n + 1)]
    assert sum(flagged) <= rate * (n + 1) + 1e-9
    assert sum(flagged) >= rate * (n + 1) - 1


def test_what_the_detector_is_worth_by_hand() -> None:
    """Of six measured samples: one wrong from the start, two robust, three broken."""
    n = 400
    rows = made_up(n).assign(clean_prediction=0, verified=False, robust=True)
    rows["natural_mi_natural"] = np.linspace(0, 1, n)
    rows["natural_mi_received"] = 0.9
    six = rows["index"].isin([101, 103, 105, 107, 109, 111])
    rows = rows[six | (rows["index"] % 2 == 0)].copy()
    rows.loc[[101], ["clean_prediction", "verified", "robust"]] = [1, True, False]
    rows.loc[[103, 105, 107], ["verified", "robust"]] = [True, False]
    rows.loc[[101, 103, 105], "natural_mi_received"] = -3.0  # these are flagged
    found = line(evaded(rows), rate=0.05)
    assert found["samples"] == 6
    assert found["clean"] == found["clean_kept"] == pytest.approx(5 / 6)
    assert found["robust"] == pytest.approx(2 / 6)
    assert found["kept"] == pytest.approx(4 / 6)
    assert found["fallen"] == 4
    assert found["flagged"] == pytest.approx(3 / 4)
    assert np.isnan(line(evaded(rows.assign(verified=False)), rate=0.05)["flagged"])


def test_who_tries_every_attack_needs_one_sample_that_is_not_flagged() -> None:
    """Of four measured samples: robust, flagged under both, under one alone, broken by one."""
    n = 400
    rows = made_up(n).assign(clean_prediction=0, verified=False, robust=True)
    rows["natural_mi_natural"] = np.linspace(0, 1, n)
    rows["natural_mi_received"] = 0.9
    rows = rows[rows["index"].isin([101, 103, 105, 107]) | (rows["index"] % 2 == 0)].copy()
    rows.loc[[103, 105], "verified"] = True
    rows.loc[[103, 105], "natural_mi_received"] = -3.0  # these are flagged
    other = rows.assign(attack="other")
    other.loc[107, "verified"] = True
    other.loc[[105], "natural_mi_received"] = 0.9
    both = evaded(pd.concat([rows, other.sample(frac=1, random_state=0)], ignore_index=True))
    chosen = both[(both["detector"] == RECEIVED) & (both["rate"] == 0.05)].set_index("attack")
    assert chosen["robust"].tolist() == pytest.approx([2 / 4, 1 / 4, 1 / 4])
    assert chosen["kept"].tolist() == pytest.approx([4 / 4, 2 / 4, 2 / 4])
    assert chosen["flagged"].tolist() == pytest.approx([2 / 2, 1 / 3, 1 / 3])
    assert chosen["fallen"].tolist() == [2, 3, 3]
    assert np.isnan(chosen.loc["worst case", "auroc"])


def test_contest_by_hand() -> None:
    verdicts = {"base": [1, 1, 0, 0, 1], "other": [1, 0, 1, 0, 0]}
    rows = pd.DataFrame(
        [
            {"model": "m", "critic_seed": 0, "attack": a, "index": i, "robust": bool(v)}
            for a, values in verdicts.items()
            for i, v in enumerate(values)
        ]
    )
    found = contest(rows.sample(frac=1, random_state=0).sort_values("attack"), "base")
    other = found.set_index("attack").loc["other"]
    shares = other[["robust", "both", "gained", "missed"]].tolist()
    assert shares == pytest.approx([0.4, 0.2, 0.4, 0.2])
    same = found.set_index("attack").loc["base"]
    assert same["gained"] == same["missed"] == 0


def test_fits_of_a_defense_are_one_line() -> None:
    parts = [made_up(300, seed, model=f"m@{seed}", critic_seed=7) for seed in (0, 1)]
    table = detection(pd.concat(parts, ignore_index=True))
    chosen = table[(table["detector"] == RECEIVED) & (table["among"] == "all")]
    (found,) = over_fits(chosen, ["detector"], "auroc").itertuples()
    assert found.defense == "m"
    assert found.fits == 2
    assert found.mean == pytest.approx(chosen["auroc"].mean())
    assert found.std == pytest.approx(chosen["auroc"].std())
    assert found.low == pytest.approx(chosen["auroc_low"].mean())
    text = fit_texts(chosen, ["detector"], {"AUROC": "auroc", "found %": "tpr_5"})
    assert text.columns.tolist() == ["defense", "detector", "AUROC", "found %"]
    assert text["AUROC"][0].startswith(f"{found.mean:.3f} ± {found.std:.3f} [")
    assert text["found %"][0].startswith(f"{100 * chosen['tpr_5'].mean():.1f} ±")


class Titled:
    def __init__(self, title: str) -> None:
        self.title = title


def test_one_model_of_each_defense_is_its_first() -> None:
    models = [Titled(n) for n in ("a@1", "a@0", "b-l2@0", "b@0", "mine")]
    assert [m.title for m in one_of_each("Linf", models)] == ["a@1", "b@0", "mine"]
    assert [m.title for m in one_of_each("L2", models)] == ["b-l2@0"]
