"""What the command line says of long work where there is no terminal."""

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
