"""What the command line says of long work where there is no terminal."""

from workbench import screen
from workbench.screen import progress_bar


def test_a_log_has_a_line_each_minute(capsys, monkeypatch) -> None:
    clock = iter([0, 59, 61, 62, 130])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(clock))
    with progress_bar() as report:
        for done in range(5):
            report(done, 5, "looking")
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "2 of 5 samples, 0:01:32 left, looking",  # 61 s for two of them
        "4 of 5 samples, 0:00:32 left, looking",
    ]
