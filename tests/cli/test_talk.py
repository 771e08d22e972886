"""Files are written whole or not at all, also those that are made piece by piece."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.talk import OutputError, write_pieces


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
