"""Where the shared folder is: beside the checkout, where there is one."""

import os
from pathlib import Path

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

# several test processes share the machine: threads that wait for each other's cores are slow
os.environ.setdefault("OMP_NUM_THREADS", "1")
