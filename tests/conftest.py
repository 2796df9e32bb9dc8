"""Where the shared folder is: beside the checkout, where there is one."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
