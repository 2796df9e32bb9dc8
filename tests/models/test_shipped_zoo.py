"""The models that come along: their cards are true, and the page of results says the same."""

import statistics
from pathlib import Path

import pytest

from workbench.data import describe
from workbench.models import load_model, zoo

RESULTS = Path(__file__).parents[2] / "figures" / "README.md"
NAMES = zoo.names()


def of_card(name: str, attack: str) -> float:
    """An accuracy in per cent, as a model's card has it."""
    lines = {line["attack"]: line for line in zoo.card(name)["accuracies"]}
    return 100 * lines[attack]["accuracy"]


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_those_of_the_card(name) -> None:
    card = zoo.card(name)
    assert load_model(f"zoo:{name}").fingerprint == card["fingerprint"]
    assert card["recipe"]["data"] in {known.name for known in describe()}
    assert {"versions", "commit", "machine", "device"} <= set(card["trained"])


def test_all_fits_into_the_package() -> None:
    sizes = [path.stat().st_size for path in zoo.ROOT.rglob("*") if path.is_file()]
    assert max(sizes) <= 1e6
    assert sum(sizes) <= 40e6


def test_the_page_of_results_says_what_the_cards_say() -> None:
    names = sorted({name.partition("@")[0] for name in NAMES})
    seeds = {name: [own for own in NAMES if own.partition("@")[0] == name] for name in names}
    lines = []
    for name in [name for name in names if len(seeds[name]) == 3]:
        cells = [name.partition("/")[2]]
        for attack in ("none", "pgd-40"):
            values = [of_card(own, attack) for own in seeds[name]]
            cells.append(f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    assert lines
    text = RESULTS.read_text(encoding="utf-8")
    assert not [line for line in lines if line not in text]
