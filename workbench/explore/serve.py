"""The explorer as a page of its own, served to this machine alone."""

import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config

from workbench.errors import InputError
from workbench.progress import Say

HOST = Path(__file__).with_name("host")  # a folder of Jupyter's kind, with the page's template
# the browser itself refuses what the page would ask of any other machine
POLICY = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; frame-ancestors 'self'"


def notebook(asked: dict[str, Any], folder: Path) -> nbformat.NotebookNode:
    """A notebook of one cell that shows `explore(**asked)`, whose paths start from a folder."""
    source = (
        f"import os\nos.chdir({str(folder)!r})\n"
        f"from workbench.explore import explore\nexplore(**{asked!r})"
    )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(source)]
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


def check_free(port: int) -> None:
    """Raises InputError where something listens on the port already."""
    with socket.socket() as probe:
        if probe.connect_ex(("localhost", port)) == 0:
            raise InputError(f"port {port} is taken; name another with --port")


def serve(asked: dict[str, Any], port: int, browser: bool, say: Say) -> None:
    """Serve the page of `explore(**asked)` on localhost, behind a token, until it is interrupted.

    asked: plain values, which a notebook can hold. browser: open it there. say: is told where.
    """
    paths = [str(HOST), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(paths)
    from voila.app import Voila  # reads JUPYTER_PATH when it is imported

    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="workbench-explore-") as folder:
        page = Path(folder) / "explore.ipynb"
        nbformat.write(notebook(asked, Path.cwd()), page)
        settings = {
            "ip": "localhost",
            "port": port,
            "port_retries": 0,
            "open_browser": browser,
            "token": token,
            "log_level": "ERROR",
            "tornado_settings": {"headers": {"Content-Security-Policy": POLICY}},
        }
        say(f"http://localhost:{port}/?token={token} is the page; Ctrl-C ends it")
        config = Config({"Voila": settings, "VoilaConfiguration": {"template": "workbench"}})
        if os.name == "posix":  # of sockets, only files are closed to the machine's other users
            config.KernelManager.transport = "ipc"
        Voila.launch_instance([str(page)], config=config)
