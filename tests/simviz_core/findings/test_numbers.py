from pathlib import Path

import pytest

from simviz_core.findings import compared, kept_numbers, named_files, state_of
from simviz_core.findings.digests import kept_files

SEARCH = {
    "query": "a.png",
    "checkpoint": "weights/w.pth",
    "regions": [[0, 0, 10, 20]],
    "results": [
        {"path": "b.png", "label": "lamps", "score": 0.75, "match_map": [[0.5, 0.25]]},
        {"path": "c.png", "label": "chairs", "score": 0.5, "match_map": [[0.5, 0.0]]},
    ],
    "curve": list(range(100)),
    "version": "0.1.0",
}


def test_maps_and_curves_are_left_out_and_the_rest_is_kept() -> None:
    kept = kept_numbers(SEARCH)
    assert kept["regions"] == [[0, 0, 10, 20]]
    assert kept["results"][1] == {"path": "c.png", "label": "chairs", "score": 0.5}
    assert "curve" not in kept


def test_paths_are_kept_from_the_working_folder() -> None:
    assert kept_numbers({"path": str(Path.cwd() / "a" / "b.png")}) == {"path": "a/b.png"}
    assert kept_numbers({"path": "/elsewhere/b.png"}) == {"path": "/elsewhere/b.png"}


def test_the_files_that_numbers_name() -> None:
    assert named_files(SEARCH) == (["a.png", "b.png", "c.png"], ["weights/w.pth"])


def test_the_same_numbers_are_the_same() -> None:
    found = compared(kept_numbers(SEARCH), SEARCH)
    assert found.is_same
    assert found.count == 6
    assert "6 compared" in found.sentence


def changed(**fields: object) -> dict[str, object]:
    first = {**SEARCH["results"][0], **fields}
    return {**SEARCH, "results": [first, SEARCH["results"][1]]}


def test_rounding_is_the_same_and_more_is_not() -> None:
    kept = kept_numbers(SEARCH)
    assert compared(kept, changed(score=0.75 + 1e-7)).is_same
    found = compared(kept, changed(score=0.8))
    assert not found.is_same
    assert "results 1 score by 0.05" in found.sentence
    assert not compared(kept, changed(score=float("nan"))).is_same


def test_another_match_another_number_of_them_and_a_missing_one_are_said() -> None:
    kept = kept_numbers(SEARCH)
    assert "results 1 path was b.png, is d.png" in compared(kept, changed(path="d.png")).sentence
    fewer = compared(kept, {**SEARCH, "results": SEARCH["results"][:1]})
    assert "number of results was 2, is 1" in fewer.sentence
    assert (
        "checkpoint was weights/w.pth, is missing"
        in compared(
            kept, {name: value for name, value in SEARCH.items() if name != "checkpoint"}
        ).sentence
    )


def test_of_a_long_list_the_beginning_is_kept() -> None:
    long = {"misses": [{"path": f"{n}.png"} for n in range(1000)]}
    kept = kept_numbers(long)
    assert len(kept["misses"]) == 200
    assert compared(kept, long).is_same
    assert not compared(kept, {"misses": long["misses"][:100]}).is_same


def test_one_file_by_two_names_is_the_same() -> None:
    assert compared({"path": "a/b.png"}, {"path": str(Path.cwd() / "a" / "b.png")}).is_same


def test_what_became_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("same", "changed", "gone"):
        Path(name).write_text(name)
    files = kept_files(["same", "changed", "gone", "never", "same", "a\0b"])
    Path("changed").write_text("otherwise")
    Path("gone").unlink()
    assert [file.path for file in files] == ["same", "changed", "gone", "never", "a\0b"]
    states = [state_of(file) for file in files]
    assert states == ["same", "changed", "gone", "unknown", "unknown"]
