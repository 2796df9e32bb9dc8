"""Peak memory of evaluating 10000 images against 1000, each in a process of its own.

Prints the two peaks and their ratio, which is to stay below 1.2; exits with 1 where it does not.
Usage: python tests/benchmarks/bench_memory.py [samples]
"""

import resource
import subprocess
import sys
import tempfile

import workbench as wb

MOST = 1.2


def evaluate(samples: int) -> None:
    """Evaluate so many images and print this process's peak memory in MiB."""
    model = wb.load_model("zoo:fashion-mnist/natural")
    data, threat = wb.load_data("fashion-mnist"), wb.ThreatModel("Linf", "0.1")
    with tempfile.TemporaryDirectory() as folder:
        store = wb.Store(folder)
        found = wb.evaluate(model, data, threat, ["fgsm", "pgd-10"], store=store, samples=samples)
    assert len(found.rows) == 2 * samples
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (2**20 if sys.platform == "darwin" else 2**10))


def main(samples: int = 10000) -> None:
    """Compare both."""
    peaks = []
    for number in (samples // 10, samples):
        command = [sys.executable, __file__, "--one", str(number)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(float(ended.stdout))
        print(f"{number} images: {peaks[-1]:.0f} MiB at the peak")
    print(f"ratio {peaks[1] / peaks[0]:.3f}")
    if peaks[1] > MOST * peaks[0]:
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        evaluate(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:2]))
