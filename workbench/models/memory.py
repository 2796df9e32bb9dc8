"""How much memory the reading of a file may take: a hostile one may ask for all there is."""

import glob
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

SPARE = 4 << 30  # bytes that any file may take
COPIES = 8  # of a file's bytes: as read, as parsed, as tensors, in onnxruntime, …
PER_THREAD = 16 << 20  # its stack, and what its allocator sets aside


@contextmanager
def believable_memory(path: Path) -> Iterator[None]:
    """Inside, this process may take a few times the file's size and 4 GiB, and no more.

    What asks for more fails as on a machine that has none: MemoryError, or torch's RuntimeError.
    Linux counts it; elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource  # not on every platform

    near = path.parent.glob(f"{glob.escape(path.name)}*")
    beside = sum(file.stat().st_size for file in near if file.is_file())
    threads = PER_THREAD * torch.get_num_threads()
    most = _data_bytes() + SPARE + COPIES * beside + threads
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """The private writable memory of this process, as RLIMIT_DATA counts it."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[5])
    return pages * resource.getpagesize()
