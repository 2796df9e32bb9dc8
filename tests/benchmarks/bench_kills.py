"""20 random `kill -9`, of the command or of one of its 2 workers, against an undisturbed run.

Prints what was killed, whether the records are the same bytes, and how many forward passes were
done twice. Usage: python tests/benchmarks/bench_kills.py [kills] [seed]
"""

import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import nets
from kills import Battery, disturb

ATTACKS = [f"pgd-40:steps={n},restarts=3,stop_at_success=false" for n in range(40, 50)]


def main(kills: int = 20, seed: int = 0) -> None:
    """Compare both; exits with 1 where they differ."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = nets.write_digits(root / "digits.safetensors")
        whole = Battery(model, root / "whole", ATTACKS, 10)
        whole.run(workers=1)
        killed = Battery(model, root / "killed", ATTACKS, 10)
        done = random.Random(seed).choices(["command", "worker"], [2, 3], k=kills)
        disturb(killed, done, seed)
        killed.run(workers=2)
        units, extra = killed.look(), killed.forwards() - whole.forwards()
        allowed = killed.lost * whole.forwards() / units * 1.15
        same = killed.files() == whole.files()
        print(
            f"{kills} kills ({done.count('command')} of the command, {done.count('worker')} of a "
            f"worker), {units} units: records {'the same bytes' if same else 'DIFFER'}; "
            f"{extra} of {whole.forwards()} forwards done again, {killed.lost} units in flight "
            f"are at most {allowed:.0f}"
        )
        if not same or extra > allowed:
            sys.exit(1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
