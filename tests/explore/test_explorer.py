"""The explorer without a browser: what it shows is what was measured."""

import base64
import io
import re
import socket
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from workbench.attacks import attack
from workbench.cli import main
from workbench.data import load_data
from workbench.errors import InputError
from workbench.evaluation.information import mutual_information
from workbench.evaluation.store import Store
from workbench.explore import Explorer, explore
from workbench.explore.density import contours
from workbench.explore.explorer import ALL, NONE, PAGE, summary
from workbench.explore.ranges import Range
from workbench.explore.sample import logit_table, logits, neighbours, path
from workbench.explore.views import VERDICTS, verdicts
from workbench.models import load_model
from workbench.seeds import Noise
from workbench.threat import ThreatModel

SHARP, SMOOTH = 0, 1


@pytest.fixture
def explorer(asked) -> Explorer:
    return explore(**asked)


def view(explorer: Explorer):
    return explorer._shown[0]


def pixels(address: str) -> np.ndarray:
    """The image of a data URI: (h, w) levels."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))


def test_a_view_has_the_records_of_mutual_information(asked, explorer) -> None:
    told = asked
    model = load_model(told["models"][SHARP], told["arch"], "cpu", (1, 8, 8), 10)
    train, test = load_data("digits", "train"), load_data("digits", "test")
    expected = mutual_information(
        *(model, train, test, ThreatModel("Linf", "0.1"), told["attacks"][0]),
        store=Store(told["store"]),
        samples=60,
        fit_samples=told["fit_samples"],
    )
    shown = view(explorer)
    assert shown.rows.equals(expected.rows)
    points = shown.points
    assert (points["natural MI"][:60] == expected.rows["natural_mi_natural"]).all()
    after = points["adversarial MI"][60:].to_numpy()
    assert (after == expected.rows["adversarial_mi_adversarial"]).all()
    assert list(points["output"].unique()) == ["natural", "adversarial"]


def test_the_images_are_those_that_the_model_was_shown(explorer) -> None:
    shown = view(explorer)
    for place in (0, 59):
        row = shown.rows.iloc[place]
        x, x_adv = shown.images(place)
        assert np.abs(x_adv - x).max() <= 0.1 + 1e-6
        assert logits(shown, place).argmax(1).tolist() == [
            row["clean_prediction"],
            row["adversarial_prediction"],
        ]


def test_the_path_begins_and_ends_as_the_attack_did(explorer) -> None:
    shown = view(explorer)
    along = path(shown, 7)
    x, y = shown.data.batch(7, 8)
    attempt = attack(shown.attack)(shown.model, x, y, shown.threat, Noise(0, (7,)))
    assert len(along) == int(attempt.forwards)
    assert along.min() == pytest.approx(shown.rows["adversarial_margin"][7], abs=1e-4)
    assert torch.allclose(attempt.x_adv[0], torch.from_numpy(shown.images(7)[1]), atol=1e-6)


def test_neighbours_are_the_nearest_in_mi(explorer) -> None:
    shown = view(explorer)
    found = neighbours(shown, 3, 5)
    values = shown.rows[["natural_mi_adversarial", "adversarial_mi_adversarial"]].to_numpy()
    away = np.linalg.norm((values - values[3]) / values.std(0), axis=1)
    assert 3 not in found
    assert away[found].max() <= np.delete(away, [3, *found]).min()


def test_brushing_points_lists_their_samples_and_marks_both_outputs(explorer) -> None:
    panel = explorer._panels[0]
    panel._scatter.widget.selection = np.array([4, 70, 64])  # natural 4, adversarial 10 and 4
    assert explorer.selected["index"].tolist() == [4, 10]
    assert [card["place"] for card in explorer.gallery.cards] == [4, 10]
    for each in explorer._panels:
        assert set(each._scatter.widget.selection) == {4, 10, 64, 70}
    explorer.clear.click()
    assert len(explorer.selected) == 60
    assert len(explorer.gallery.cards) == PAGE


def test_cards_show_the_sample(explorer) -> None:
    explorer.brush(np.array([5]))
    (card,) = explorer.gallery.cards
    x, x_adv = view(explorer).images(5)
    shown = dict(card["images"])
    assert np.abs(pixels(shown["natural"]) / 255 - x[0]).max() <= 0.5 / 255 + 1e-6
    assert np.abs(pixels(shown["adversarial"]) / 255 - x_adv[0]).max() <= 0.5 / 255 + 1e-6
    (name,) = (name for name in shown if name.startswith("perturbation"))
    factor = float(name.split("×")[1])
    expected = 0.5 + factor * (x_adv[0] - x[0])
    assert np.abs(pixels(shown[name]) / 255 - expected).max() < 0.01
    assert pixels(shown[name]).min() == 0 or pixels(shown[name]).max() == 255


def test_filters_leave_what_they_say(explorer) -> None:
    explorer.label.value = "3"
    assert set(explorer.selected["label"]) == {3}
    explorer.label.value = ALL
    for verdict in VERDICTS:
        explorer.verdict.value = verdict
        assert set(verdicts(explorer.selected)) <= {verdict}
        hidden = np.flatnonzero(verdicts(view(explorer).rows) != verdict)
        shown = set(explorer._panels[0]._scatter.widget.filter)
        assert not shown & set(hidden)
    explorer.verdict.value = ALL
    assert len(explorer.selected) == 60


def test_the_three_verdicts_part_the_samples(explorer) -> None:
    rows = view(explorer).rows
    found = verdicts(rows)
    assert set(found) <= set(VERDICTS)
    assert ((found == "robust") == rows["robust"]).all()
    assert ((found == "wrong unattacked") == (rows["clean_prediction"] != rows["label"])).all()


def test_model_budget_and_a_second_model(explorer) -> None:
    sharp, smooth = explorer.model.options
    x_before = explorer._panels[0]._scatter.widget.points[:, 0].copy()
    explorer.eps.value = "0.2"
    assert view(explorer).threat.eps == "0.2"
    assert (explorer._panels[0]._scatter.widget.points[:, 0] != x_before).any()
    explorer.second.value = smooth
    assert [shown.model.origin for shown in explorer._shown] == [sharp, smooth]
    assert explorer._panels[1].widget.layout.display == ""
    names = [name for name, _ in explorer.gallery.cards[0]["images"]]
    assert [name.split(" ")[0] for name in names] == [
        *("natural", "perturbation", "adversarial", "perturbation", "adversarial")
    ]
    explorer.second.value = NONE
    assert explorer._panels[1].widget.layout.display == "none"


def test_a_choice_that_was_not_computed_leaves_what_was_there(explorer) -> None:
    del explorer._views[explorer.model.value, explorer.attack.value, "0.2"]
    before = view(explorer)
    explorer.eps.value = "0.2"
    assert view(explorer) is before
    assert "there is no" in explorer._failed.value


def test_the_order_and_the_pages(explorer) -> None:
    explorer.order.value = "natural MI, x̃"
    values = explorer.selected["natural_mi_adversarial"].to_numpy()
    assert (np.diff(values) >= 0).all()
    assert explorer.page.max == -(-60 // PAGE)
    explorer.page.value = 2
    places = [card["place"] for card in explorer.gallery.cards]
    assert places == explorer.selected["index"].tolist()[PAGE : 2 * PAGE]


def test_heads_of_the_table_order_the_samples(explorer) -> None:
    records = explorer.records
    assert records.columns == list(view(explorer).table)
    records.order = "margin, x̃"
    assert explorer.order.value == "margin, x̃"
    records.descending = True
    values = explorer.selected["adversarial_margin"].to_numpy()
    assert (np.diff(values) <= 0).all()
    at = records.columns.index("margin, x̃")
    assert [row[at] for row in records.rows] == [f"{value:.2f}" for value in values[:PAGE]]
    assert records.places == [card["place"] for card in explorer.gallery.cards]
    records.chosen = records.places[3]
    assert explorer.gallery.chosen == records.places[3]


def test_the_table_has_the_records(explorer) -> None:
    table, rows = view(explorer).table, view(explorer).rows
    assert table["natural MI, x̃"].equals(rows["natural_mi_adversarial"].rename("natural MI, x̃"))
    assert table["confidence"].equals(rows["clean_confidence"].rename("confidence"))
    assert table["class"].tolist() == rows["label"].astype(str).tolist()
    assert ((table["prediction of x̃"] != table["class"]) == ~rows["robust"]).all()


def test_ranges_keep_what_lies_in_all_of_them(explorer) -> None:
    margin = next(each for each in explorer.ranges if each.quantity == "margin")
    mi = next(each for each in explorer.ranges if each.quantity == "natural MI")
    rows = view(explorer).rows
    low, high = np.quantile(rows["adversarial_margin"], [0.2, 0.8])
    margin.slider.value = float(low), float(high)
    expected = rows["adversarial_margin"].between(*margin.slider.value)
    assert explorer.selected.index.tolist() == np.flatnonzero(expected).tolist()
    middle = float(rows["natural_mi_adversarial"].median())
    mi.slider.value = middle, mi.slider.max
    expected &= rows["natural_mi_adversarial"] >= mi.slider.value[0]
    assert explorer.selected.index.tolist() == np.flatnonzero(expected).tolist()
    assert 0 < expected.sum() < 40
    assert f"{expected.sum()} of 60 samples" in margin._drawn.value
    explorer.clear.click()
    assert len(explorer.selected) == 60


def test_what_lies_beyond_the_ends_of_a_range_is_kept(explorer) -> None:
    shown = view(explorer)
    values = shown.values("margin")
    inner = float(np.quantile(values, 0.3)), float(np.quantile(values, 0.7))
    narrow = Range("margin", inner, lambda: None)
    assert narrow.keeps(shown).all()
    narrow.slider.value = inner[0] + 2 * narrow.slider.step, inner[1]
    assert (narrow.keeps(shown) == (values >= narrow.slider.value[0])).all()


def test_axes_can_be_any_two_quantities(explorer) -> None:
    scatter = explorer._panels[0]._scatter
    explorer.across.value, explorer.up.value = "margin", "confidence"
    shown = scatter.x()["x"], scatter.y()["y"]
    assert shown == ("margin", "confidence")
    assert scatter.axes()["labels"] == ["margin, logits", "confidence, share"]
    explorer.eps.value = "0.2"
    assert (scatter.x()["x"], scatter.y()["y"]) == shown


def test_density_is_drawn_where_the_points_are(explorer) -> None:
    noise = np.random.default_rng(0)
    natural = noise.normal([2, -3], [0.5, 1], (20000, 2))
    adversarial = natural + np.array([0, 20])
    both = np.concatenate([natural, adversarial])
    points = pd.DataFrame(both, columns=["margin", "confidence"])
    points["output"] = np.repeat(["natural", "adversarial"], 20000)
    axes, limits = ("margin", "confidence"), ((-1.0, 5.0), (-8.0, 2.0))
    lines = contours(points, axes, limits, ["#0000ff", "#ff0000"])
    assert {tuple(line.line_color) for line in lines} == {(0, 0, 1, 1)}  # the others are outside
    for line in lines:  # each level is an ellipse around the mean
        x, y = np.array(line.vertices).T
        away = np.hypot((x - 2) / 0.5, y + 3)
        assert away.std() / away.mean() < 0.15 or away.mean() < 0.7
    explorer.density.value = True
    assert len(explorer._panels[0]._scatter.annotations()["annotations"]) >= 2
    explorer.density.value = False
    assert explorer._panels[0]._scatter.annotations()["annotations"] == []


def test_the_selection_is_saved_and_overwrites_nothing(explorer, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    explorer.brush(np.array([5, 2]))
    for number in (1, 2):
        explorer.save.click()
        saved = pd.read_csv(f"selected-{number}.csv")
        assert saved["index"].tolist() == [2, 5]
        assert f"2 records are in {tmp_path / f'selected-{number}.csv'}" in explorer._saved.value
    explorer.second.value = explorer.model.options[SMOOTH]
    explorer.save.click()
    saved = pd.read_csv("selected-3.csv")
    assert saved["index"].tolist() == [2, 5, 2, 5]
    assert saved["model"].nunique() == 2
    monkeypatch.setattr("workbench.explore.explorer.write_text", cannot)
    explorer.save.click()
    assert "the disk is full" in explorer._saved.value
    assert len(list(tmp_path.iterdir())) == 3


def cannot(*arguments: object) -> None:
    raise InputError("the disk is full")


def test_a_chosen_sample_is_shown_closely(explorer) -> None:
    explorer.gallery.chosen = 2
    assert explorer._one.value.count("<svg") == 1
    along = path(view(explorer), 2)
    assert f"{along[0]:.2f} at first, lowest {along.min():.2f}" in explorer._one.value
    found = [float(n) for n in re.findall(r">(-?\d+\.\d\d)<", explorer._one.value)]
    pairs = sorted(zip(found[::2], found[1::2], strict=True))
    assert np.allclose(pairs, sorted(zip(*logits(view(explorer), 2), strict=True)), atol=0.006)
    assert len(explorer.alike.cards) == 8
    explorer.second.value = explorer.model.options[SMOOTH]
    assert explorer._one.value.count("<svg") == 2
    explorer.alike.chosen = explorer.alike.cards[0]["place"]
    assert explorer.gallery.chosen != 2


def test_colours_and_joins(explorer) -> None:
    for by in ("class", "verdict", "output"):
        explorer.colour.value = by
        assert explorer._panels[0]._scatter.color()["by"] == by
    widget = explorer._panels[0]._scatter.widget
    assert widget.points.shape == (120, 5)
    explorer.joined.value = False
    assert explorer._panels[0]._scatter.connect()["by"] is None
    assert widget.points.shape == (120, 4), "what is not sent is not drawn after a filter"


def test_nothing_to_look_at_is_one_line() -> None:
    with pytest.raises(InputError, match="nothing to look at; the natural critic gave no values"):
        Explorer([], ["the natural critic gave no values"])


def test_views_that_cannot_be_told_apart_are_one_line(explorer) -> None:
    with pytest.raises(InputError, match="name each model once"):
        Explorer([view(explorer), view(explorer)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--arch", "nobody"], "nobody"),
        (["--eps", "0.1, x"], "eps 'x' is no number"),
        (["--attacks", "pgd-40"], "MI needs every step"),
        (["--samples", "361"], "has 360"),
    ],
)
def test_bad_input_is_one_line(words, said, asked, tmp_path, capsys) -> None:
    usual = ["--data", "digits", "--arch", asked["arch"], "--store", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main(["explore", asked["models"][0], *usual, *words])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error


def test_a_port_that_is_taken_is_one_line(capsys) -> None:
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            main(["explore", "--port", port])
    assert ended.value.code == 2
    assert f"port {port} is taken" in capsys.readouterr().err


def test_marks_are_sent_again_after_a_filter_without_telling(explorer) -> None:
    """The page forgets marks of points that are filtered out, and does not say so."""
    explorer.brush(np.array([4, 10]))
    widget, sent = explorer._panels[0]._scatter.widget, []
    widget.observe(lambda change: sent.append(len(change["new"])), "selection")
    explorer.label.value = view(explorer).data.classes[0]
    explorer.label.value = ALL
    assert sent == [0, 4] * 2
    assert explorer.selected["index"].tolist() == [4, 10]


def test_a_missing_view_leaves_what_is_shown_and_the_controls_say_so(explorer) -> None:
    views = list(explorer._views.values())
    fewer = Explorer([v for v in views if v is not views[-1]], ["a critic diverged"])
    fewer.model.value = fewer.model.options[SMOOTH]
    fewer.eps.value = "0.2"
    assert "there is no " in fewer._failed.value
    assert "a critic diverged" in fewer._failed.value
    assert (fewer.model.value, fewer.eps.value) == (fewer.model.options[SMOOTH], "0.1")
    assert view(fewer).threat.eps == "0.1"
    fewer.model.value = fewer.model.options[SHARP]
    assert "there is no " not in fewer._failed.value
    assert "a critic diverged" in fewer._failed.value


def test_names_of_classes_are_text(explorer) -> None:
    shown = view(explorer)
    evil = tuple(f"<img src=x onerror=alert({k})>" for k in range(10))
    told = logit_table(replace(shown, data=replace(shown.data, classes=evil)), 0)
    assert "<img" not in told
    assert "&lt;img" in told


def test_without_a_sample_there_is_no_share(explorer) -> None:
    assert summary([view(explorer)], np.array([], dtype=int)).count("<td>–</td>") == 5


@pytest.mark.usefixtures("short_fits")
def test_modules_and_numbers_are_looked_into_and_equal_names_are_numbered(asked, tmp_path) -> None:
    digits = load_data("digits", "test")
    model = load_model(asked["models"][SHARP], asked["arch"], "cpu", (1, 8, 8), 10)
    other = load_model(asked["models"][SMOOTH], asked["arch"], "cpu", (1, 8, 8), 10)
    few = {"samples": 20, "fit_samples": 200, "attacks": asked["attacks"][0], "device": "cpu"}
    data = digits.images, digits.labels
    found = explore([model.net, other.net], data, eps="0.1", store=tmp_path, **few)
    assert found.model.options == ("Sequential", "Sequential 2")
    with pytest.raises(InputError, match="there twice"):
        explore([model.net, model], data, store=tmp_path, **few)
    with pytest.raises(InputError, match="name each once"):
        explore(model, data, eps=["0.1", "0.1"], store=tmp_path, **few)
    with pytest.raises(InputError, match="no models for digits"):
        explore(data="digits", store=tmp_path)
