import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from simviz_core.cli.index import MOST_NAMES
from simviz_core.gallery import open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.engines.in_use import by_torch
from simviz_core.retrieval import CACHE_VARIABLE, approximate, embedding_table

Run = Callable[..., tuple[int, str, str]]
IDS = [f"{label}/view_{number}.png" for label in ("chairs", "lamps") for number in (1, 2, 10)]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of embeddings for each test."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "store"))
    return tmp_path / "store"


def test_json_names_every_file(small_gallery: Path, run: Run, tmp_path: Path) -> None:
    (small_gallery / "lamps" / "text.jpg").write_text("no picture")
    status, out, _ = run("index", small_gallery, "--json", "-")
    assert status == 0
    first = json.loads(out)
    reason = first["unreadable"][0].pop("reason")
    assert "text.jpg is not an image" in reason
    assert first.pop("seconds") > 0
    assert first == {
        "images": 6,
        "added": IDS,
        "updated": [],
        "removed": [],
        "relabelled": [],
        "absent": [],
        "unreadable": [{"path": "lamps/text.jpg"}],
        "passed_over": ["chairs/notes.txt", "lamps/notes.txt"],
        "left_out": [],
        "rebuilt": False,
        "repaired": [],
        "undeleted": 0,
        "value_ranges": [],
        "weights": "pretrained weights",
        "engine": by_torch("SIMVIZ_ENGINE=torch").line,
    }
    (small_gallery / "chairs" / "view_1.png").unlink()
    Image.effect_noise((50, 40), 60).save(small_gallery / "lamps" / "view_2.png")
    Image.effect_noise((50, 40), 60).save(small_gallery / "lamps" / "view_3.png")
    status, out, _ = run("index", small_gallery, "--json", tmp_path / "report.json")
    second = json.loads((tmp_path / "report.json").read_text())
    assert (second["added"], second["updated"]) == (["lamps/view_3.png"], ["lamps/view_2.png"])
    assert (second["removed"], second["images"]) == (["chairs/view_1.png"], 6)
    assert second["unreadable"] == [{"path": "lamps/text.jpg", "reason": reason}]
    assert status == 0
    assert "6 images indexed, 2 of them now" in out, "the summary is printed beside a file"


def test_the_summary_names_files_up_to_a_limit(small_gallery: Path, run: Run) -> None:
    for number in range(MOST_NAMES + 3):
        (small_gallery / f"{number}.txt").write_text("")
    (small_gallery / "lamps" / "text.jpg").write_text("no picture")
    status, out, _ = run("index", small_gallery)
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("6 images indexed, 6 of them now, in ")
    assert lines[1] == "unreadable (1)"
    assert "lamps/text.jpg" in lines[2]
    assert lines[3] == f"passed over, not images ({MOST_NAMES + 5})"
    assert len(lines) == 4 + MOST_NAMES + 1
    assert lines[-1].strip() == "… and 5 more"


def test_damaged_embeddings_are_made_anew(small_gallery: Path, run: Run, store: Path) -> None:
    run("index", small_gallery)
    for file in store.rglob("*.lance/data/*.lance"):
        file.write_bytes(b"")
    status, out, _ = run("index", small_gallery)
    assert status == 0
    assert "6 of them now" in out
    assert "were damaged and have been made anew" in out


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_options_reach_the_table(
    precision: str, small_gallery: Path, run: Run, store: Path, network: SimilarityNetwork
) -> None:
    assert run("index", small_gallery, "--precision", precision)[0] == 0
    table = embedding_table(open_gallery(small_gallery), network.fingerprint, precision, store)
    assert set(table.images()) == set(IDS)
    assert run("index", small_gallery, "--precision", precision, "--pooling", "max")[0] == 0
    assert len(list(store.glob("*.lance"))) == 2, "another pooling, another table"


def test_a_manifest_is_a_gallery(small_gallery: Path, run: Run) -> None:
    manifest = small_gallery / "list.csv"
    manifest.write_text("path,label\nchairs/view_1.png,007\nlamps/view_1.png,\n")
    _, out, _ = run("index", manifest, "--json", "-")
    assert json.loads(out)["added"] == ["chairs/view_1.png", "lamps/view_1.png"]
    manifest.write_text("path,label\nchairs/view_1.png,7\nlamps/view_1.png,\n")
    _, out, _ = run("index", manifest)
    assert "relabelled (1)\n  chairs/view_1.png" in out


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere", "does not exist"),
        ("empty", "holds no images"),
        ("chairs/view_1.png", "is a file; name a folder"),
        ("wrong.csv", "needs a column 'path'"),
    ],
)
def test_a_wrong_gallery_is_one_line_and_status_2(
    name: str, reason: str, small_gallery: Path, run: Run
) -> None:
    (small_gallery / "empty").mkdir()
    (small_gallery / "wrong.csv").write_text("file\na.png\n")
    status, out, err = run("index", small_gallery / name, "--json", "-")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert reason in err


def test_nothing_readable_is_one_line_and_status_2(small_gallery: Path, run: Run) -> None:
    for image_id in IDS:
        (small_gallery / image_id).write_bytes(b"")
    status, out, err = run("index", small_gallery)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1, "a progress bar leaves no line"
    assert "can be read; chairs/view_1.png" in err


def test_a_folder_that_cannot_be_written_to_is_one_line_and_status_2(
    small_gallery: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(small_gallery / "chairs" / "notes.txt"))
    status, out, err = run("index", small_gallery)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert CACHE_VARIABLE in err


@pytest.mark.parametrize(
    "options", [[], ["--precision", "float64"], ["--size", "7"], ["--json", "/nowhere/a.json"]]
)
def test_a_wrong_option_is_one_line_and_status_2(
    options: list[str], small_gallery: Path, run: Run
) -> None:
    gallery = [small_gallery] if options else []
    status, out, err = run("index", *gallery, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert (options[-1] if options else "GALLERY") in err


def test_several_poolings_are_filled_in_one_run(small_gallery: Path, run: Run) -> None:
    status, out, _ = run("index", small_gallery, "--with-poolings", "max,average,rmac")
    assert status == 0
    assert "6 images indexed, 6 of them now" in out
    assert "with max pooling: 6 images indexed, 6 of them now" in out
    assert "with R-MAC pooling" in out
    assert "with average" not in out, "which is the network's own"
    status, out, _ = run("index", small_gallery, "--pooling", "max", "--json", "-")
    assert json.loads(out)["added"] == []
    status, out, _ = run("index", small_gallery, "--with-poolings", "gem", "--json", "-")
    values = json.loads(out)
    assert (values["pooling"], values["added"]) == ("average", [])
    assert values["with_poolings"]["gem"]["added"] == IDS


def test_unknown_poolings_are_named(small_gallery: Path, run: Run) -> None:
    status, _, err = run("index", small_gallery, "--with-poolings", "max,softmax")
    assert status != 0
    assert "unknown pooling 'softmax'; choose some of average, max" in err


def test_a_complete_index_may_be_read_only(
    small_gallery: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", small_gallery)

    def refused(self: FileLock, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refused)
    query = small_gallery / "chairs" / "view_1.png"
    status, out, err = run("search", query, "--gallery", small_gallery)
    assert (status, err) == (0, "")
    assert "chairs/view_2.png" in out
    Image.effect_noise((50, 40), 60).save(small_gallery / "lamps" / "new.png")
    status, _, err = run("search", query, "--gallery", small_gallery)
    assert "cannot be written to (Permission denied)" in err
    assert status != 0


def test_bad_addresses_are_found_out_at_once(small_gallery: Path, run: Run) -> None:
    pytest.importorskip("ray", reason="requirements-scale.txt is not installed")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    for place in (address, "nowhere"):
        status, _, said = run("index", small_gallery, "--engine", "ray", "--address", place)
        assert status == 2
        assert f"no Ray cluster answers at '{place}'" in said


def test_what_is_missing_is_named(
    small_gallery: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, said = run("index", small_gallery, "--workers", 2)
    assert status == 2
    assert "--address and --workers are for --engine ray" in said
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "lance", sys)
    status, _, said = run("index", small_gallery, "--engine", "ray")
    assert status == 2
    assert "needs ray, which is not installed; pip install -r requirements-scale.txt" in said


def test_an_approximate_index_is_for_many_images(small_gallery: Path, run: Run) -> None:
    status, _, err = run("index", small_gallery, "--approximate")
    assert status != 0
    assert "is for 50,000 embeddings and more; the 6 of this gallery are searched exactly" in err
    status, _, err = run(
        "search", small_gallery / IDS[0], "--gallery", small_gallery, "--approximate"
    )
    assert status != 0
    assert "has no approximate index with this network; make it with" in err


def test_an_approximate_index_is_measured_used_and_dropped(
    small_gallery: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximate, "FEWEST_APPROXIMATE", 6)
    status, out, _ = run("index", small_gallery, "--approximate", "--json", "-")
    assert status == 0
    recall = json.loads(out)["approximate"]
    assert recall == {"probes": 1, "whole": 1.0, "regions": 1.0, "queries": 6, "at": 100}
    search = "search", small_gallery / IDS[0], "--gallery", small_gallery, "--json", "-"
    exact = json.loads(run(*search)[1])
    assert exact["found_by"] == {"tier": "all embeddings in memory", "exact": True}
    _, out, err = run(*search, "--approximate")
    found = json.loads(out)
    assert found["found_by"] == {"tier": "approximate index", "exact": False, "recall": recall}
    assert found["results"] == exact["results"]
    assert "recall@100 1.0000 for whole images and 1.0000 for regions, measured" in err
    for more in (["--per-class"], ["--also", small_gallery / IDS[3]], ["--top", 101]):
        values = json.loads(run(*search, *more, "--approximate")[1])
        assert values["found_by"]["exact"]
        assert values["found_by"]["note"]
        assert values["results"] == json.loads(run(*search, *more)[1])["results"]
    assert run(*search, "--compare-poolings", "--approximate")[0] != 0

    Image.effect_noise((50, 40), 60).save(small_gallery / "lamps" / "view_3.png")
    _, _, err = run("index", small_gallery)
    assert "have changed since their approximate index was made" in err
    status, _, err = run(*search, "--approximate")
    assert status != 0
    assert "but one of an earlier state of its embeddings" in err
    assert json.loads(run("index", small_gallery, "--approximate", "--json", "-")[1])["approximate"]
    assert not json.loads(run(*search, "--approximate")[1])["found_by"]["exact"]
