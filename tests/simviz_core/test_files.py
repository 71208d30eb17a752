import os
from pathlib import Path

import pytest

from simviz_core.files import folders_in, write_atomically


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    for content in (b"[1]", b"[]"):
        write_atomically(file, content)
        assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "numbers.json"
    write_atomically(file, b"old")

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_folders_are_separated_as_in_path_and_blanks_are_no_part_of_them() -> None:
    text = os.pathsep.join((" /data/rooms ", "", "  ", "~nobody-of-this-name/rooms", "faces"))
    assert folders_in(text) == [
        Path("/data/rooms"),
        Path("~nobody-of-this-name/rooms"),
        Path("faces"),
    ]
    assert folders_in(" ") == []
