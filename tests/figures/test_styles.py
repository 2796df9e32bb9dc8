"""Styles: what a reader must be able to see, in every analysis's figure, wherever it goes."""

import io
import pkgutil
from importlib import import_module
from itertools import combinations, pairwise

import drawable
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import analyses
from workbench import figures
from workbench.errors import InputError

LEAST = 6  # points
# what a dichromat sees of linear RGB: Machado, Oliveira & Fernandes (2009), severity 1
SEEN = {
    "deuteranope": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanope": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)


def linear(colour: str) -> np.ndarray:
    """Linear RGB of a colour of sRGB, as WCAG 2.1 and IEC 61966-2-1 define it."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    low, high = sorted(float(linear(colour) @ TO_XYZ[1]) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB; a difference of 2.3 is just seen."""
    t = np.array(TO_XYZ) @ rgb.clip(0, 1) / WHITE
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def settings(name: str) -> dict:
    return figures.STYLES[name].settings()


def colours(name: str) -> list[str]:
    return settings(name)["axes.prop_cycle"].by_key()["color"]


def test_widths_are_those_of_the_venues() -> None:
    widths = {name: style.width for name, style in figures.STYLES.items()}
    assert widths["icml"] == 6.75
    assert widths["icml-column"] == 3.25
    assert widths["neurips"] == 5.5
    assert figures.PAPER == figures.STYLES["icml"] == figures.style_of("icml")


@pytest.mark.parametrize("name", figures.STYLES)
def test_marks_and_text_stand_out_from_their_ground(name) -> None:
    ground = settings(name)["axes.facecolor"]
    assert min(contrast(colour, ground) for colour in colours(name)) >= 3
    assert contrast(settings(name)["text.color"], ground) >= 7
    assert len(colours(name)) == len(figures.MARKS)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("name", figures.STYLES)
def test_colour_blind_readers_tell_the_colours_apart(name, seen) -> None:
    places = [lab(np.array(SEEN[seen]) @ linear(colour)) for colour in colours(name)]
    apart = {
        pair: np.linalg.norm(np.subtract(*pair_of))
        for pair, pair_of in zip(combinations(range(8), 2), combinations(places, 2), strict=True)
    }
    assert min(apart.values()) > 9
    assert apart[0, 1] > 50, "natural and adversarial"


def test_a_style_leaves_nothing_behind() -> None:
    before = dict(mpl.rcParams)
    with figures.style(figures.STYLES["slides-dark"]):
        assert mpl.rcParams["font.size"] == 16
    assert dict(mpl.rcParams) == before


def test_a_style_takes_other_settings_and_refuses_what_nobody_can_read() -> None:
    own = figures.style_of("icml-column:width=3.5")
    assert own.width == 3.5
    assert figures.style_of(figures.style_name(own)) == own
    assert figures.style_name(figures.STYLES["slides-dark"]) == "slides-dark"
    for text, told in (
        ("nature", "use one of icml, icml-column"),
        ("icml:width=0", "between 2 and 30, not 0"),
        ("icml:text=5", "between 7 and 40, not 5"),
        ("icml:width=nan", "not nan"),
        ("icml:height=3", "no setting 'height'"),
    ):
        with pytest.raises(InputError, match=told):
            figures.style_of(text)


@pytest.fixture(scope="module")
def tables() -> dict:
    """Records and numbers of each analysis, made up once."""
    found = {}
    for name, frame in drawable.FRAMES.items():
        rows = frame()
        found[name] = rows, import_module(f"analyses.{name}").table(rows)
    return found


def test_every_analysis_has_a_frame_here() -> None:
    assert set(drawable.FRAMES) == {found.name for found in pkgutil.iter_modules(analyses.__path__)}


OTHERS = [name for name in figures.STYLES if name != "icml-column"]
CASES = [("icml-column", name) for name in drawable.FRAMES]
CASES += [(OTHERS[i % len(OTHERS)], name) for i, name in enumerate(drawable.FRAMES)]


@pytest.mark.parametrize(("style", "name"), CASES)
def test_nothing_is_small_or_cut_and_labels_stand_apart(style, name, tables) -> None:
    chosen = figures.STYLES[style]
    with figures.style(chosen):
        drawn = import_module(f"analyses.{name}").figure(*tables[name])
        drawn.canvas.draw()
    assert drawn.get_figwidth() == pytest.approx(chosen.width)
    assert to_rgb(drawn.get_facecolor()[:3]) == to_rgb(chosen.settings()["figure.facecolor"])
    shown = [text for text in drawn.findobj(Text) if text.get_visible() and text.get_text()]
    assert min(text.get_fontsize() for text in shown) >= LEAST
    page = drawn.bbox.padded(2)
    for text in [*drawn.legends, *(text for ax in drawn.axes for text in labels(ax))]:
        box = text.get_window_extent()
        cut = not (page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1))
        assert not cut, f"{text} is cut"
    for ax in drawn.axes:
        flat = [text for text in ticks(ax.xaxis) if not text.get_rotation()]
        boxes = [text.get_window_extent() for text in flat]
        assert all(a.x1 <= b.x0 for a, b in pairwise(boxes)), "labels overlap"
    plt.close(drawn)


def ticks(axis: Axis) -> list[Text]:
    """The names of the ticks that are shown."""
    low, high = sorted(axis.get_view_interval())
    inside = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text for text in inside if text.get_visible() and text.get_text()]


def labels(axes: Axes) -> list[Text]:
    """Title, names of the axes and of their ticks that are shown."""
    named = [axes.title, axes.xaxis.label, axes.yaxis.label]
    own = [text for text in named if text.get_visible() and text.get_text()]
    return [*own, *ticks(axes.xaxis), *ticks(axes.yaxis)]


@pytest.mark.parametrize("style", ["icml", "slides"])
def test_fonts_are_embedded_as_truetype(style, tables) -> None:
    file = io.BytesIO()
    with figures.style(figures.STYLES[style]), mpl.rc_context({"pdf.compression": 0}):
        drawn = import_module("analyses.mi_over_eps").figure(*tables["mi_over_eps"])
        drawn.savefig(file, format="pdf")
    plt.close(drawn)
    content = file.getvalue()
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def test_ten_series_are_all_drawn_and_look_different() -> None:
    names = [f"d{place}" for place in range(10)]
    table = pd.DataFrame({"at": "a", "series": names, "mean": 0.5, "std": 0.1})
    _, axes = plt.subplots()
    figures.level_dots(axes, table.assign(low=0.4, high=0.6), "at", "series")
    assert axes.get_legend_handles_labels()[1] == names
    assert len({figures.look(place) for place in range(64)}) == 64


def test_marks_of_eight_series_stay_at_their_place() -> None:
    names, places = [f"d{place}" for place in range(8)], ["a", "b", "c"]
    table = pd.DataFrame([{"at": at, "series": name} for name in names for at in places])
    _, axes = plt.subplots()
    figures.level_dots(axes, table.assign(mean=0.5, std=0.1, low=0.4, high=0.6), "at", "series")
    marks = np.array([container.lines[0].get_xdata() for container in axes.containers[1::2]])
    assert (np.abs(marks - np.arange(3)) < 0.45).all()
    assert (np.diff(np.sort(marks.ravel())) > 0.09).all()


def test_panels_of_many_marks_stand_below_each_other() -> None:
    with figures.style(figures.PAPER):
        few, many = (figures.panels(2, 2, each=1, marks=marks)[0] for marks in (20, 48))
    assert [axes.get_gridspec().ncols for axes in (few.axes[0], many.axes[0])] == [2, 1]
    assert len(many.axes) == 4
