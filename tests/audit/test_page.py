"""report.html in headless Chromium: it renders, sorts, and asks the network for nothing."""

import shutil
from functools import partial
from pathlib import Path

import nets
import pytest

from workbench.audit import AuditRequest, audit, claims, content, report
from workbench.audit.request import DEPTHS, Depth
from workbench.data import load_data
from workbench.evaluation.store import Store
from workbench.models import build, load_model
from workbench.models.classifier import Classifier
from workbench.threat import ThreatModel

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
COLOURS = """all => all.map(element => {
    const ground = e => e ? getComputedStyle(e).backgroundColor : "rgb(255, 255, 255)";
    let below = element;
    while (below && ground(below) === "rgba(0, 0, 0, 0)") below = below.parentElement;
    return [getComputedStyle(element).color, ground(below)];
})"""
WIDTHS = """all => Promise.all(all.map(image => {
    image.loading = "eager";
    return image.decode().then(() => image.naturalWidth);
}))"""
QUIET = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-sync")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """The report of a small audit with a second model, MI, and a contradicted claim."""
    folder = tmp_path_factory.mktemp("page")
    images = load_data("digits", "test")
    shape = images.shape, len(images.classes)
    weights = str(nets.write_digits(folder / "<b>digits.safetensors"))
    load = partial(load_model, weights, nets.ARCH, "cpu", *shape)
    with pytest.MonkeyPatch.context() as patch:
        shallow = Depth(
            "apgd-ce:steps=5",
            "apgd-t:targets=1,steps=5",
            ("random-noise", "square:queries=20"),
            False,
            150,
            (0,),
        )
        patch.setitem(DEPTHS, "fast", shallow)
        request = AuditRequest(
            *(load(), load, images, ThreatModel("Linf", "0.1"), 30),
            claims=tuple(claims("clean=1")),
            train=load_data("digits", "train"),
            against=Classifier(build("small-cnn", *shape), "<i>untrained"),
        )
        found = audit(request, store=Store(folder / "store"))
        report.write(found, content(found, "workbench audit …"), folder)
    return folder / "report.html"


def test_names_are_no_html(written) -> None:
    text = written.read_text(encoding="utf-8")
    assert "<b>digits" not in text
    assert "<i>untrained" not in text
    assert "&lt;b&gt;digits" in text


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield found
        found.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_renders_sorts_and_stays_on_the_machine(browser, written, scheme) -> None:
    page = browser.new_page(color_scheme=scheme)
    requests, problems = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(written.as_uri())
    assert page.locator("h1").inner_text().startswith("Audit of")
    assert "contradicted" in page.locator(".verdict").inner_text()
    assert page.locator("figure svg").count() == 2
    loaded = page.locator(".samples img").evaluate_all(WIDTHS)
    assert loaded
    assert all(width > 0 for width in loaded)
    status = page.locator("#checks th", has_text="status")
    for direction, worst in (("ascending", 0), ("descending", -1)):
        status.locator("button").press("Enter")
        assert status.get_attribute("aria-sort") == direction
        shown = page.locator("#checks td.status").all_inner_texts()
        order = [("✗", "!", "–", "✓").index(text[0]) for text in shown]
        assert order == sorted(order, reverse=direction == "descending")
        assert shown[worst].endswith("fail")
    assert problems == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(browser, written, scheme) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.goto(written.as_uri())
    colours = page.locator("p, td, th button, dt, dd, span, summary, strong").evaluate_all(COLOURS)
    least = min(_contrast(_rgb(text), _rgb(ground)) for text, ground in colours)
    assert least >= 4.5  # WCAG 2.2, level AA


def _rgb(text: str) -> list[float]:
    return [float(part) for part in text[text.index("(") + 1 : -1].split(",")[:3]]


def _contrast(first: list[float], second: list[float]) -> float:
    """The ratio of the relative luminances (WCAG 2.2)."""
    light, dark = sorted(map(_luminance, (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: list[float]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
