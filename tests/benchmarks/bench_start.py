"""How long the command line takes to start: processor seconds, and ratios to importing all verbs.

Usage: python tests/benchmarks/bench_start.py [rounds]
"""

import resource
import subprocess
import sys

ALL = "from workbench import cli; [cli.command(name) for name in cli.VERBS]"
SIDES = {
    "all verbs imported": ["-c", ALL],
    "--help": ["-m", "workbench", "--help"],
    "evaluate --help": ["-m", "workbench", "evaluate", "--help"],
    "figures --list": ["-m", "workbench", "figures", "--list"],
    "import torch": ["-c", "import torch"],
}


def seconds(arguments: list[str]) -> float:
    """Processor time of a process, with the system's part."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int = 3) -> None:
    """The least time of each side, which take turns."""
    least = dict.fromkeys(SIDES, float("inf"))
    for _ in range(rounds):
        for name, arguments in SIDES.items():
            least[name] = min(least[name], seconds(arguments))
    for name, value in least.items():
        print(f"{name:20} {value:5.2f} s, {value / least['all verbs imported']:.2f} × all verbs")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
