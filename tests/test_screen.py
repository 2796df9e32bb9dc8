"""What the command line says of long work, on a terminal and where there is none."""

from types import SimpleNamespace

from workbench import screen
from workbench.screen import progress_bar


def test_a_log_has_a_line_each_minute(capsys, monkeypatch) -> None:
    clock = iter([0, 0, 59, 61, 62, 130])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(clock))
    with progress_bar() as report:
        for done in range(5):
            report(done, 5, "looking")
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "2 of 5 samples, 0:01:32 left, looking",  # 61 s for two of them
        "4 of 5 samples, 0:00:32 left, looking",
    ]


def test_other_work_is_estimated_by_its_own_time(capsys, monkeypatch) -> None:
    clock = iter([0, 1000, 1000, 1090])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(clock))
    with progress_bar() as report:
        report(4, 4, "attacking")
        report(0, 3, "training")
        report(1, 3, "training")
    assert capsys.readouterr().err.splitlines()[1] == "1 of 3 samples, 0:03:00 left, training"


def test_a_terminal_counts_down_to_the_estimated_end_between_jobs_as_well(monkeypatch) -> None:
    ends = screen._estimates(1000)
    shown = []
    for now, done in ((1000, 0), (1060, 1), (1090, None), (1240, 4), (1600, None)):
        monkeypatch.setattr(screen.time, "monotonic", lambda now=now: now)
        if done is not None:
            task = SimpleNamespace(fields={"end": ends(now, done, 8)})
        shown.append(screen._TimeLeft().render(task).plain)
    assert shown == [
        f"{time} left" for time in ("-:--:--", "0:07:00", "0:06:30", "0:04:00", "0:00:00")
    ]
