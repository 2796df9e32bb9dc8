"""Where the official files come from: each place is tried in order, said aloud, and checked."""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pooch

from workbench.data.known import Known, Package, find
from workbench.errors import InputError
from workbench.progress import Say, quiet

CONNECT_S, READ_S, PACKAGE_S = 10, 30, 300  # how long a place may keep silent
APT_OPTIONS = [f"-oAcquire::{scheme}::Timeout={CONNECT_S}" for scheme in ("http", "https")] + [
    "-oAcquire::Retries=0"
]


class Unavailable(Exception):
    """Why a place cannot give a data set: one line."""


def cache_folder() -> Path:
    """$WORKBENCH_DATA, or the platform's cache folder: ~/.cache/robustness-workbench on Linux."""
    return Path(os.environ.get("WORKBENCH_DATA") or pooch.os_cache("robustness-workbench"))


def fetch(name: str, say: Say = quiet) -> Path:
    """The folder with a known data set's official files, all of them checked by sha256.

    Raises InputError for an unknown name, and where no place has them: with every reason.
    """
    known = find(name)
    if not known.files:
        folder = bundled_folder()
        say(f"{name}: inside scikit-learn, {folder}")
        return folder
    reasons = []
    for place in PLACES:
        try:
            folder = place(known, say)
        except Unavailable as reason:
            say(f"{name}: {reason}")
            reasons.append(str(reason))
        else:
            say(f"{name}: complete and checked in {folder}")
            return folder
    raise InputError(
        f"{name} cannot be had: {'; '.join(reasons)}. "
        f"Put {', '.join(known.files)} into {cache_folder() / name} and try again"
    )


def bundled_folder() -> Path:
    """Where scikit-learn keeps its data sets."""
    return Path(str(distribution("scikit-learn").locate_file("sklearn/datasets/data")))


def from_cache(known: Known, _say: Say) -> Path:
    """The cache folder, filled earlier or by hand."""
    return _checked(cache_folder() / known.name, known)


def from_system(known: Known, _say: Say) -> Path:
    """A folder where the system's package keeps the files."""
    if known.package is None:
        raise Unavailable("no system folder is known for it")
    return _checked(known.package.folder, known)


def from_official_place(known: Known, say: Say) -> Path:
    """Downloads into the cache over HTTPS."""
    download = pooch.HTTPDownloader(progressbar=True, chunk_size=2**16, timeout=(CONNECT_S, READ_S))

    def fill(scratch: Path) -> Path:
        for file in known.files:
            say(f"{known.name}: downloading {known.url}{file}")
            download(known.url + file, str(scratch / file), None)
        return scratch

    return _into_cache(known, fill, known.url)


def from_distribution(known: Known, say: Say) -> Path:
    """Unpacks the package of Debian or Ubuntu into the cache: no root, nothing installed."""
    if known.package is None:
        raise Unavailable("no distribution's package is known for it")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unavailable(f"no apt-get and dpkg-deb here for the package {known.package.name}")
    package = known.package
    say(f"{known.name}: unpacking the distribution's package {package.name}")
    return _into_cache(known, lambda scratch: _unpacked(package, scratch), package.name)


PLACES = (from_cache, from_system, from_official_place, from_distribution)


def _checked(folder: Path, known: Known) -> Path:
    """The folder, if every official file is in it and has the right checksum."""
    for file, sha256 in known.files.items():
        found = _sha256_of_content(folder / file)
        if found != sha256:
            raise Unavailable(
                f"{folder / file} is damaged (sha256 {found[:12]}…, not {sha256[:12]}…)"
            )
    return folder


def _sha256_of_content(path: Path) -> str:
    opened = gzip.open if path.suffixes == [".gz"] else open
    try:
        with opened(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise Unavailable(f"{path} is not there") from None
    except (OSError, EOFError, zlib.error) as error:
        raise Unavailable(f"{path} is truncated or damaged ({_reason(error)})") from None


def _into_cache(known: Known, fill: Callable[[Path], Path], place: str) -> Path:
    """Let ``fill`` put the files into a scratch folder; move them in only when all are right.

    So what a download leaves when it is interrupted is never taken for the whole.
    """
    folder = cache_folder() / known.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as scratch:
            filled = _checked(fill(Path(scratch)), known)
            for file in known.files:
                (filled / file).replace(folder / file)
    except (OSError, subprocess.SubprocessError) as error:  # network errors are OSErrors
        raise Unavailable(f"{place} failed ({_reason(error)})") from None
    return folder


def _reason(error: BaseException) -> str:
    """What the first error of the chain says, in one line: a refused name, not "max retries"."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(str(error).split()) or type(error).__name__


def _unpacked(package: Package, scratch: Path) -> Path:
    """Download and unpack the package in the scratch folder; the folder with its files."""
    download = ["apt-get", *APT_OPTIONS, "download", package.name]
    try:
        _run(download, scratch)
    except Unavailable as reason:
        if os.geteuid() != 0:
            raise Unavailable(f"{reason}; run apt-get update as root if it never ran") from None
        _run(["apt-get", *APT_OPTIONS, "update"], scratch)
        _run(download, scratch)
    for file in scratch.glob("*.deb"):
        _run(["dpkg-deb", "-x", file.name, "."], scratch)
    return scratch / package.folder.relative_to("/")


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PACKAGE_S
    )
    if done.returncode:
        last = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise Unavailable(f"{command[0]} failed ({last})")
