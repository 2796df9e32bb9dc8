"""Levels and separation of made-up scores, against bare numpy."""

import made_up_scores
import numpy as np
import pandas as pd
import pytest

from workbench import tables
from workbench.statistics import paired_auroc

LEVELS = (4.0, 2.0, 1.0, 3.0)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    parts = [
        made_up_scores.scored(f"natural@{m}", s, "mim", LEVELS) for m in (0, 1) for s in (0, 1)
    ]
    return pd.concat(parts, ignore_index=True).assign(group="a")


def test_the_interval_is_that_of_each_samples_mean(rows) -> None:
    line = tables.levels(rows, ["group"], {"natural_mi_natural": {"quantity": "q"}}).iloc[0]
    own = rows.groupby("index")["natural_mi_natural"].mean().to_numpy()
    half = 1.959964 * own.std(ddof=1) / np.sqrt(len(own))
    assert line["mean"] == pytest.approx(own.mean())
    assert line[["low", "high"]].tolist() == pytest.approx([own.mean() - half, own.mean() + half])
    assert (line["group"], line["quantity"]) == ("a", "q")


def test_fits_that_agree_are_no_more_samples(rows) -> None:
    one = rows[(rows["name"] == "natural@0") & (rows["critic_seed"] == 0)]
    copies = pd.concat([one.assign(critic_seed=seed) for seed in range(9)])
    scores = {"natural_mi_natural": {}}
    single, many = (tables.levels(part, ["group"], scores).iloc[0] for part in (one, copies))
    assert many["high"] - many["low"] == pytest.approx(single["high"] - single["low"])
    assert many["std"] == pytest.approx(0)
    assert np.isnan(single["std"])
    assert tables.level_text(single).count("±") == 0


def test_a_mean_says_how_many_fits_it_is_of_where_some_diverged(rows) -> None:
    lost = rows.assign(
        natural_mi_natural=rows["natural_mi_natural"].where(rows["critic_seed"] == 0)
    )
    line = tables.levels(lost, ["group"], {"natural_mi_natural": {}}).iloc[0]
    assert tables.level_text(line).endswith("] of 2 of 4 fits")


def test_separation_is_the_mean_over_fits(rows) -> None:
    found = tables.separation(rows).set_index("quantity")
    assert found.index.tolist() == ["natural MI", "adversarial MI"]
    fits = [part for _, part in rows.groupby(["name", "critic_seed"])]
    aurocs = [
        paired_auroc(
            -part["natural_mi_adversarial"].to_numpy(), -part["natural_mi_natural"].to_numpy()
        )
        for part in fits
    ]
    line = found.loc["natural MI"]
    assert line["auroc"] == pytest.approx(np.mean([a.value for a in aurocs]))
    assert line["auroc_std"] == pytest.approx(np.std([a.value for a in aurocs], ddof=1))
    assert line["auroc_low"] == pytest.approx(np.mean([a.low for a in aurocs]))
    assert line["flipped"] == 900
