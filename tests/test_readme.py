"""The README and the page of results say what the committed tables say."""

import re
from pathlib import Path

import pandas as pd
import pytest

from workbench import tables

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "README.md", ROOT / "figures" / "README.md"
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
ROWS = {line.replace("−", "-") for line in TEXT.splitlines() if line.startswith("|")}
EXACT = "cascade-exact"


def once(name: str, profile: str = "fashion-mnist") -> pd.DataFrame:
    """The numbers of an analysis of a profile, a line per threat model, defense and attack."""
    table = pd.read_csv(ROOT / "figures" / profile / f"{name}.csv", keep_default_na=True)
    table["attack"] = table["attack"].fillna(tables.CLEAN)
    return table.drop_duplicates(["norm", "defense", "attack"])


def gain(row: pd.Series) -> list[str]:
    """The gain over standard AT as the README has it: in points, and its two intervals."""
    names = ("gain_low", "gain_high"), ("gain_trained_low", "gain_trained_high")
    ends = [f"[{100 * row[low]:.1f}, {100 * row[high]:.1f}]" for low, high in names]
    return [tables.points(row["mean_gain"], row["std_gain"]), *ends]


def as_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("analysis", ["white_box", "black_box"])
def test_rows_of_the_demo_are_those_of_its_tables(analysis) -> None:
    table = (ROOT / "figures" / "demo" / f"{analysis}.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("|") and "[" in line]
    assert len(rows) >= 2
    told = [row for row in rows if "points" not in row and row in ROWS]
    assert len(told) == {"white_box": 4, "black_box": 2}[analysis]


def test_namid_against_standard_at() -> None:
    table = once("white_box").set_index(["norm", "eps", "attack", "defense"])
    for norm, eps in (("Linf", 0.1), ("L2", 1.5)):
        for attack in (tables.CLEAN, "pgd-40", EXACT):
            base, namid = (table.loc[(norm, eps, attack, d)] for d in ("standard-at", "namid"))
            means = [tables.spread(100 * row["mean"], 100 * row["std"], 1) for row in (base, namid)]
            row = as_row(f"{norm} {eps}, {attack}", *means, *gain(namid), f"{namid['mean_p']:.3f}")
            assert row in ROWS


@pytest.mark.parametrize(
    ("defense", "critics"), [("namid", "Eq. 4"), ("namid-contrast", "contrast")]
)
def test_eight_seeds_that_chose_nothing(defense, critics) -> None:
    table = once("white_box", "namid-confirm").set_index(["attack", "defense"])
    for attack in (tables.CLEAN, "pgd-40", EXACT):
        base, row = (table.loc[(attack, name)] for name in ("standard-at", defense))
        means = [tables.spread(100 * own["mean"], 100 * own["std"], 1) for own in (base, row)]
        cells = critics, attack, *means, *gain(row), tables.p_text(row["holm_p"])
        assert as_row(*cells) in ROWS
        assert row["seeds"] == 8


@pytest.mark.parametrize("defense", ["trades", "mart", "wmim", "namid", "namid-t", "namid-m"])
def test_every_defense_against_standard_at(defense) -> None:
    table = once("white_box").set_index(["norm", "attack", "defense"])
    cells = [defense]
    for norm in ("Linf", "L2"):
        row = table.loc[(norm, EXACT, defense)]
        cells += [*gain(row), tables.p_text(row["holm_p"])]
    assert as_row(*cells) in ROWS


def test_parts_and_critics_of_namid() -> None:
    named = {
        "namid": "whole, critics by Eq. 4",
        "namid-no-adversarial": "without adversarial MI",
        "namid-no-natural": "without natural MI",
        "namid-lambda-0": "λ = 0",
        "namid-contrast": "whole, critics by contrast (Eq. 5, bounded)",
    }
    both = pd.concat([once("ablation"), once("defense_by_estimator")])
    found = both[both["attack"] == EXACT].drop_duplicates("defense").set_index("defense")
    assert [
        name for name, text in named.items() if as_row(text, *gain(found.loc[name])) in ROWS
    ] == [*named]


def test_alpha_and_lambda_of_namid() -> None:
    table = once("sweep", "namid-sweep")
    grid = table[table["attack"] == EXACT].dropna(subset="alpha").sort_values(["lam", "alpha"])
    for _, row in grid.iterrows():
        ends = f"[{100 * row['difference_low']:.1f}, {100 * row['difference_high']:.1f}]"
        longer = [tables.points(row["difference"], row["difference_std"]), ends]
        places = f"{row['alpha']:g}", f"{row['lam']:g}"
        holm = [tables.p_text(row[name]) for name in ("holm_p", "difference_holm")]
        assert as_row(*places, *gain(row), holm[0], *longer, holm[1]) in ROWS
    assert len(grid) == 9
    longer = table[(table["attack"] == EXACT) & (table["defense"] == "standard-at-longer")].iloc[0]
    own = [*gain(longer), tables.p_text(longer["holm_p"])]
    assert as_row("standard AT, 10 epochs", "", *own, "", "", "") in ROWS


def anchor(title: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert len(links) > 10
    for link in links:
        if link.startswith("https://"):
            continue
        name, _, part = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if part:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in map(anchor, titles), link
