"""The explorer in headless Chromium: on its own page, and in JupyterLab."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench import figures
from workbench.explore import Explorer, explore
from workbench.explore.serve import notebook

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-sync")
SOFTWARE = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
COLUMN = "[...document.querySelectorAll('.wb-records td:nth-child(10)')].map(td => +td.innerText)"
LATE = "[anywidget] Failed to initialize model."  # in JupyterLab, where the machine is busy
ASCENDING = f"{COLUMN}.every((value, i, all) => i == 0 || all[i - 1] <= value)"
SECONDS = 90
MILLISECONDS = 1000 * SECONDS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[str]:
    """What a server has written once it has told its address; it is interrupted at the end."""
    log = folder / "log"
    apart = os.environ | {"JUPYTER_CONFIG_DIR": str(folder)}
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=folder, env=apart, stdout=file, stderr=file)
    try:
        end = time.monotonic() + SECONDS
        while not (found := re.search(r"http://localhost:\d+/\S*token=\S+", log.read_text())):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        server.send_signal(signal.SIGINT)
        if "lab" in command[2]:  # it asks whether it should stop
            server.send_signal(signal.SIGTERM)
        server.wait(30)


@contextmanager
def own_page(asked: dict[str, Any], folder: Path) -> Iterator[str]:
    """`workbench explore`."""
    command = [sys.executable, "-m", "workbench", "explore", *asked["models"], "--no-browser"]
    for name in ("arch", "data", "samples", "fit_samples", "store", "device"):
        command += [f"--{name.replace('_', '-')}", str(asked[name])]
    command += ["--eps", ",".join(asked["eps"]), "--attacks", ",".join(asked["attacks"])]
    with running([*command, "--port", str(free_port())], folder) as address:
        yield address


@contextmanager
def jupyter_lab(asked: dict[str, Any], folder: Path) -> Iterator[str]:
    """A notebook of one cell in JupyterLab."""
    nbformat.write(notebook(asked, Path.cwd()), folder / "explore.ipynb")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=localhost"]
    news = "--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    with running([*command, f"--port={free_port()}", *news], folder) as address:
        yield address.replace("/lab?", "/lab/tree/explore.ipynb?")


@pytest.fixture
def expected(asked) -> Explorer:
    return explore(**asked)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("host", [own_page, jupyter_lab])
def test_brushed_samples_are_shown_and_nothing_leaves(host, asked, expected, tmp_path) -> None:
    """Brush, see the right images, change model and ε; no error, and no request to elsewhere."""
    from playwright.sync_api import sync_playwright

    with host(asked, tmp_path) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *SOFTWARE])
        page = browser.new_page(viewport={"width": 1300, "height": 1400})
        page.set_default_timeout(MILLISECONDS)
        errors, left = watch(page)
        page.goto(address)
        if host is own_page:
            assert page.evaluate("String(AbortSignal.timeout)").startswith("(ms) =>"), "patient"
        if host is jupyter_lab:
            page.get_by_text("| Idle").first.wait_for()
            page.locator(".jp-CodeCell .cm-content").first.click()
            page.keyboard.press("Control+Enter")
        page.locator("canvas").first.wait_for()
        page.locator(".wb-card").first.wait_for()
        brush(page)
        places = shown(page)
        assert 0 < len(places) < 60
        right(page, expected, places)
        page.locator(".noUi-handle").first.press("ArrowRight")
        page.get_by_text(", Linf 0.2, ").first.wait_for()
        expected.eps.value = "0.2"
        right(page, expected, places)
        page.get_by_label("model").select_option(index=1)
        page.locator("b", has_text="smooth.safetensors").first.wait_for()
        expected.model.value = expected.model.options[1]
        right(page, expected, places)
        page.locator(".wb-card").first.click()
        page.get_by_text(f"sample {places[0]}, ").wait_for()
        page.get_by_role("tab", name="table", exact=True).click()
        page.get_by_role("button", name="margin, x̃").click()
        page.wait_for_function(f"{COLUMN}.length == {len(places)} && {ASCENDING}")
        browser.close()
    assert [error for error in errors if host is own_page or LATE not in error] == []
    assert left == []


def watch(page: Any) -> tuple[list[str], list[str]]:
    """Lists that errors on the console, and requests to other machines, will be added to."""
    errors: list[str] = []
    left: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    here = re.compile(r"(data|blob):|(https?|wss?)://(localhost|127\.0\.0\.1):")
    page.on("request", lambda asked: None if here.match(asked.url) else left.append(asked.url))
    return errors, left


def brush(page: Any) -> None:
    """Draw a lasso around the middle of the first scatter."""
    page.locator("button[title*=asso]").first.click()
    box = page.locator("canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 160, y - 120)
    page.mouse.down()
    for across, down in ((160, -120), (160, 120), (-160, 120), (-160, -115)):
        page.mouse.move(x + across, y + down, steps=8)
    page.mouse.up()
    page.wait_for_function("document.querySelectorAll('.wb-gallery')[0].children.length < 24")


def shown(page: Any) -> list[int]:
    """The samples of the cards, by their titles."""
    titles = page.locator(".wb-gallery").first.locator("strong").all_inner_texts()
    return [int(title.split()[0]) for title in titles]


def right(page: Any, expected: Explorer, places: list[int]) -> None:
    """The cards have the images that the store has, of the model and ε that are chosen."""
    view = expected._shown[0]
    images = [figures.png(view.images(place)[1]) for place in places]
    cards = page.locator(".wb-gallery").first
    cards.locator(f'img[src="{images[0]}"]').first.wait_for()
    there = cards.locator("img[alt=adversarial]").evaluate_all("all => all.map(i => i.src)")
    assert there == images
