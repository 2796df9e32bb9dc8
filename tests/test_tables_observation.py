"""The observation of critics that diverged, and of scores that are no MI."""

import numpy as np
import pandas as pd
import pytest

from workbench import tables
from workbench.evaluation.records import CONTRASTED_COLUMNS, INFORMATION_COLUMNS


def made_up(columns: tuple[str, ...], seeds: int = 1) -> pd.DataFrame:
    """Random scores of 30 samples under each critic seed, half of the samples flipped."""
    rng = np.random.default_rng(0)
    labels = {"model": "m", "label": 1, "clean_prediction": 1}
    names = [name for name in columns if "_mi_" in name or "_contrast_" in name or "_gap" in name]
    parts = [
        pd.DataFrame(
            {
                "adversarial_prediction": [0, 1] * 15,
                "verified": [True, False] * 15,
                **labels,
                "critic_seed": seed,
                **{name: rng.normal(size=30) for name in names},
            }
        )
        for seed in range(seeds)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("diverged", ["natural", "adversarial"])
def test_a_diverged_critic_gives_no_number_and_leaves_the_others(diverged: str) -> None:
    rows = made_up(tuple(INFORMATION_COLUMNS), seeds=3)
    whole = tables.observation(rows)
    gone = [name for name in rows if name.startswith(f"{diverged}_mi")]
    rows.loc[rows["critic_seed"] == 1, gone] = np.nan
    found = tables.observation(rows)
    lost = (found["quantity"] == f"{diverged} MI") & (found["critic_seed"] == 1)
    assert lost.sum() == 1
    pd.testing.assert_frame_equal(found[~lost], whole[~lost])
    assert found[lost].filter(regex="mean|std|auroc|cohens|order").isna().all(axis=None)
    texts = tables.observation_texts(found)
    lines = texts[texts["quantity"] == f"{diverged} MI"]
    assert list(lines["critic seed"]) == ["0", "1", "2", "mean ± std"]
    assert lines["AUROC"].iloc[1] == "diverged"
    assert "nan" not in texts.to_string()


def test_contrast_scores_are_told_under_their_own_name() -> None:
    found = tables.observation(made_up(tuple(CONTRASTED_COLUMNS)))
    assert list(found["quantity"]) == [
        "natural contrast score",
        "adversarial contrast score",
        "logit gap",
    ]
