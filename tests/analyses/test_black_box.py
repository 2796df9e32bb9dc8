"""The black-box table: pairs of models, from made-up records of transferred samples."""

import io

import pandas as pd
import pytest

from analyses import black_box
from workbench.profiles import Profile, load_profile

EVERY_STEP = ":stop_at_success=false"


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two pairs, two attacks, ten samples: robust as long as the index is below a bound."""
    bounds = {
        ("a", "b", f"pgd-40{EVERY_STEP}"): 6,
        ("a", "b", "autoattack"): 8,
        ("b", "a", f"pgd-40{EVERY_STEP}"): 3,
        ("b", "a", "autoattack"): 2,
    }
    return pd.DataFrame(
        [
            {
                "model": f"fingerprint of {target}",
                "source": f"fingerprint of {source}",
                "name": target,
                "source_name": source,
                "norm": "Linf",
                "eps": "8/255",
                "attack": attack,
                "index": index,
                "label": 0,
                "clean_prediction": int(index == 9),
                "robust": index < bound,
            }
            for (source, target, attack), bound in bounds.items()
            for index in range(10)
        ]
    )


def test_a_line_per_source_and_target(frame) -> None:
    ((title, table),) = black_box.layout(black_box.table(frame)).items()
    assert title == "Linf 8/255, 10 samples"
    assert list(table) == ["source → target", "none", "pgd-40", "autoattack", "worst case"]
    assert table["source → target"].tolist() == ["a → b", "b → a"]
    assert table["pgd-40"].str.startswith(("60.0 [", "30.0 [")).all()
    assert table["worst case"].str.startswith(("60.0 [", "20.0 [")).all()


def test_the_finding_names_what_is_left(frame) -> None:
    finding = black_box.finding(black_box.table(frame))
    assert "a → b 90.0 to 60.0 %" in finding
    assert "b → a 90.0 to 20.0 %" in finding


def test_the_figure_is_drawn(frame) -> None:
    drawn = black_box.figure(frame, black_box.table(frame))
    drawn.savefig(io.BytesIO(), format="pdf")
    assert drawn.axes[0].get_title() == "Linf, ε = 8/255, 10 samples"


def test_every_model_is_a_target_of_all_others_and_of_surrogates() -> None:
    content = load_profile("demo").model_dump()
    content["surrogates"] = [{"reference": "surrogate.safetensors", "arch": "medium-cnn"}]
    runs = black_box.runs(Profile.model_validate(content))
    pairs = {(run.source_name, run.name) for run in runs}
    assert pairs == {
        ("surrogate", "natural"),
        ("surrogate", "standard-at"),
        ("natural", "standard-at"),
        ("standard-at", "natural"),
    }
