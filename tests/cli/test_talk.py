"""What is shown while somebody waits; files are written whole or not at all."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import captures
from addon import replay as replay_module
from addon.store import observations
from cli import talk
from cli.talk import CountBar, OutputError, progress, write_pieces


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal_in(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in place of standard error; called by tests themselves, as pytest puts its own there before."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setattr(talk, "SHOWN_AFTER", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    return made


def test_reading_is_followed_by_assessing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_in(monkeypatch)
    with progress("Reading", 1_000_000) as bar, bar.count("Assessing") as assessing:
        for position in (0, 500_000, 1_000_000):
            bar(position)
        for done in (0, 400, 800):
            assessing(done, 900)
    shown = terminal.getvalue()
    assert "1.0/1.0 MB" in shown
    assert "900/900" in shown
    assert shown.index("Reading") < shown.index("Assessing")


def test_what_is_counted_alone_is_shown_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_in(monkeypatch)
    with CountBar("Assessing") as assessing:
        assessing(0, 900)
        assessing(400, 900)
    assert "900/900" in terminal.getvalue()


def test_what_is_interrupted_is_not_shown_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_in(monkeypatch)

    def interrupted() -> None:
        with progress("Reading", 10) as bar, bar.count("Assessing") as assessing:
            assessing(100, 900)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "100/900" in terminal.getvalue()
    assert "900/900" not in terminal.getvalue()


@pytest.mark.parametrize("fast", [True, False])
def test_a_moments_work_and_a_pipe_show_nothing(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    made = Terminal() if fast else io.StringIO()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setattr(talk, "SHOWN_AFTER", 60.0 if fast else 0.0)
    with progress("Reading", 10) as bar, bar.count("Assessing") as assessing:
        bar(10)
        assessing(1, 2)
    assert made.getvalue() == ""


def test_a_replay_tells_how_many_requests_were_assessed(store, judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observations, "_TOLD_EVERY", 5)
    told: list[tuple[int, int]] = []
    path = captures.RECORDINGS / "06_button_clicks.mitm"
    replay_module.replay(store, judge, None, [path], assessing=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(0, told[0][1], 5))
    assert {total for _, total in told} == {store.role_counts(store.sessions()[0].id)["event"]}


def test_pieces_become_one_file(tmp_path: Path) -> None:
    write_pieces(tmp_path / "report.txt", iter(("one\r\n", "", "two — end\n")))
    assert (tmp_path / "report.txt").read_bytes() == "one\r\ntwo — end\n".encode()


@pytest.mark.parametrize(("error", "raised"), [(KeyError, KeyError), (OSError, OutputError), (KeyboardInterrupt,) * 2])
def test_a_text_that_breaks_off_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], raised: type[BaseException]
) -> None:
    def broken() -> Iterator[str]:
        yield "half"
        raise error

    path = tmp_path / "report.txt"
    path.write_text("before", "utf-8")
    with pytest.raises(raised):
        write_pieces(path, broken())
    assert [found.name for found in tmp_path.iterdir()] == ["report.txt"]
    assert path.read_text("utf-8") == "before"
