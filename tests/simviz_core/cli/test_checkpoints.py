"""`checkpoints`: a query through the checkpoints of small runs that were really trained."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from simviz_core.cli.checkpoints import checkpoints_command
from simviz_core.figures import FigureStyle
from simviz_core.gallery import open_gallery
from simviz_core.runs import Run as TrainingRun
from simviz_core.runs import open_run
from simviz_core.training import TrainingSettings, train

Command = Callable[..., Any]


@pytest.fixture
def run_folder(colour_gallery: Path, tiny_network: str, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    settings = TrainingSettings(
        network=tiny_network,
        iterations=6,
        checkpoints=(0, 3),
        classes=3,
        images=2,
        learning_rate=0.02,
        held_out=("blue", "dun"),
    )
    train(open_gallery(colour_gallery), folder, settings)
    return folder


@pytest.fixture
def words(colour_gallery: Path, run_folder: Path) -> list[str]:
    query = str(colour_gallery / "blue" / "1.png")
    return ["checkpoints", query, "--gallery", str(colour_gallery), "--run", str(run_folder)]


def the_run(outcome: Any) -> dict[str, Any]:
    assert outcome.status == 0, outcome.err
    (found,) = json.loads(outcome.out)["runs"]
    return found


def test_each_checkpoint_has_its_figures_and_maps(run: Command, words: list[str]) -> None:
    found = the_run(run(*words, "--json", "-"))
    assert [c["iteration"] for c in found["checkpoints"]] == [0, 3, 6]
    assert found["checkpoints"][0]["checkpoint"] is None
    for checkpoint in found["checkpoints"]:
        assert np.sum(checkpoint["map"]) == pytest.approx(checkpoint["similarity"], abs=1e-5)
        assert checkpoint["residual"] < 1e-5
        assert 0 <= checkpoint["map_at_r"] <= checkpoint["recall_at_5"] <= 1
        assert checkpoint["queries"] == 8
        assert len(checkpoint["results"]) == 3
        for result in checkpoint["results"]:
            for side in ("query_map", "match_map"):
                assert np.sum(result[side]) == pytest.approx(result["score"], abs=1e-5)
            assert result["label"] in ("blue", "dun")
        assert len(checkpoint["neighbours"]) == 7
        assert checkpoint["mask_share"] is None
    steps = [(change["from"], change["to"]) for change in found["changes"]]
    assert steps == [(0, 3), (3, 6)]
    for change in found["changes"]:
        assert -1 <= change["pearson"] <= 1
        assert 0 <= change["jensen_shannon"] <= 1
        assert 0 <= change["neighbour_overlap"] <= 1


def test_similarity_is_the_mean_over_the_query_s_class(
    run: Command, words: list[str], run_folder: Path, tiny_network: str
) -> None:
    last = the_run(run(*words, "--json", "-"))["checkpoints"][-1]
    search = ["search", words[1], "--gallery", words[3], "--network", tiny_network]
    search += ["--checkpoint", last["checkpoint"], "--class", "blue", "--json", "-"]
    results = json.loads(run(*search).out)["results"]
    assert len(results) == 3
    mean = np.mean([result["score"] for result in results])
    assert last["similarity"] == pytest.approx(mean, abs=1e-5)


def test_a_pair_is_that_of_the_pair_command(
    run: Command, words: list[str], colour_gallery: Path, tiny_network: str
) -> None:
    match = str(colour_gallery / "fawn" / "2.png")
    found = the_run(run(*words, "--match", match, "--json", "-"))
    for checkpoint in found["checkpoints"]:
        pair = ["pair", words[1], match, "--network", tiny_network, "--json", "-"]
        if checkpoint["checkpoint"]:
            pair += ["--checkpoint", checkpoint["checkpoint"]]
        explained = json.loads(run(*pair).out)
        assert checkpoint["similarity"] == pytest.approx(explained["similarity"], abs=1e-6)
        np.testing.assert_allclose(checkpoint["map"], explained["query_map"], atol=1e-6)
        np.testing.assert_allclose(checkpoint["partner_map"], explained["match_map"], atol=1e-6)


def test_all_classes_are_searched_when_asked(run: Command, words: list[str]) -> None:
    found = the_run(run(*words, "--all-classes", "--top", "23", "--json", "-"))
    for checkpoint in found["checkpoints"]:
        assert checkpoint["queries"] == 24
        assert len({result["label"] for result in checkpoint["results"]}) == 6


def test_chosen_iterations(run: Command, words: list[str], run_folder: Path) -> None:
    found = the_run(run(*words, "--iterations", "6", "--json", "-"))
    assert [c["iteration"] for c in found["checkpoints"]] == [6]
    assert found["changes"] == []
    described = json.loads((run_folder / "run.json").read_text())
    described["checkpoints"] = described["checkpoints"][1:]
    (run_folder / "run.json").write_text(json.dumps(described))
    found = the_run(run(*words, "--iterations", "0,6", "--before-training", "--json", "-"))
    assert [c["iteration"] for c in found["checkpoints"]] == [0, 6]
    outcome = run(*words, "--iterations", "5")
    assert outcome.status == 2
    assert "no checkpoint of these" in outcome.err


def test_most_changed_is_ranked(run: Command, words: list[str]) -> None:
    changed = the_run(run(*words, "--most-changed", "5", "--json", "-"))["most_changed"]
    assert len(changed) == 5
    stayed = [query["neighbour_overlap"] for query in changed]
    assert stayed == sorted(stayed)
    assert {query["label"] for query in changed} <= {"blue", "dun"}
    assert all(-1 <= query["pearson"] <= 1 for query in changed)
    own = next((query for query in changed if query["path"] == words[1]), None)
    whole = the_run(run(*words, "--iterations", "0,6", "--json", "-"))["changes"][0]
    if own:
        assert own["neighbour_overlap"] == whole["neighbour_overlap"]
        assert own["pearson"] == pytest.approx(whole["pearson"], abs=1e-4)


def test_two_runs_make_one_figure(
    run: Command, words: list[str], run_folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(run_folder, other)
    described = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(described | {"pooling": "max"}))
    outcome = run(*words, "--run", other, "--figure", tmp_path / "f.png", "--json", "-")
    runs = json.loads(outcome.out)["runs"]
    assert [found["pooling"] for found in runs] == ["average", "max"]
    with Image.open(tmp_path / "f.png") as figure:
        assert figure.format == "PNG"
        assert min(figure.size) > 300


def test_bare_checkpoints_need_a_network(
    run: Command, words: list[str], run_folder: Path, tiny_network: str
) -> None:
    (run_folder / "run.json").unlink()
    found = the_run(run(*words, "--network", tiny_network, "--pooling", "gem", "--json", "-"))
    assert found["pooling"] == "gem"
    assert [c["iteration"] for c in found["checkpoints"]] == [3, 6]
    # All classes, since nobody knows which ones training saw.
    assert found["checkpoints"][0]["queries"] == 24


@pytest.fixture
def broken(run_folder: Path) -> list[str]:
    """Files that cannot be used, beside the run's own."""
    (run_folder / "run.json").unlink()
    content = (run_folder / "checkpoint_000003.safetensors").read_bytes()
    (run_folder / "step_30.safetensors").write_bytes(content[: len(content) // 2])
    torch.save({"conv.weight": torch.zeros(4, 4)}, run_folder / "step_40.pth")
    torch.save(torch.nn.Linear(2, 2), run_folder / "step_50.pth")
    return ["damaged", "fits only to 0%", "could run code"]


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(
    run: Command, words: list[str], broken: list[str], tiny_network: str
) -> None:
    outcome = run(*words, "--network", tiny_network, "--json", "-")
    found = the_run(outcome)
    errors = [c["error"] for c in found["checkpoints"] if "error" in c]
    for reason, error, line in zip(broken, errors, outcome.err.splitlines(), strict=True):
        assert reason in error
        assert reason in line
    assert sum("map" in c for c in found["checkpoints"]) == 2
    assert [(change["from"], change["to"]) for change in found["changes"]] == [(3, 6)]


def test_a_run_of_which_nothing_can_be_used_is_an_error(
    run: Command, words: list[str], broken: list[str], run_folder: Path, tiny_network: str
) -> None:
    for number in (3, 6):
        (run_folder / f"checkpoint_00000{number}.safetensors").unlink()
    outcome = run(*words, "--network", tiny_network)
    assert outcome.status == 2
    assert outcome.err.splitlines()[-1].startswith("simviz: none of the checkpoints in")


def test_objects_of_the_masks(run: Command, words: list[str], colour_gallery: Path) -> None:
    outcome = run(*words, "--objects", "lamp")
    assert outcome.status == 2
    assert "has no masks beside it" in outcome.err
    images = colour_gallery.parent / "with_masks" / "images"
    shutil.copytree(colour_gallery, images)
    mask = np.zeros((48, 64), dtype=np.uint8)
    mask[:, :32] = 1
    (images.parent / "masks" / "blue").mkdir(parents=True)
    Image.fromarray(mask).save(images.parent / "masks" / "blue" / "1.png")
    words[1], words[3] = str(images / "blue" / "1.png"), str(images)
    for checkpoint in the_run(run(*words, "--json", "-"))["checkpoints"]:
        values = np.abs(checkpoint["map"])
        # Of the seven columns of cells the mask covers three and a half.
        inside = values[:, :3].sum() + values[:, 3].sum() / 2
        assert checkpoint["mask_share"] == pytest.approx(inside / values.sum(), abs=1e-6)


def test_a_query_that_is_not_in_the_gallery(run: Command, words: list[str], tmp_path: Path) -> None:
    shutil.copy(words[1], tmp_path / "alone.png")
    words[1] = str(tmp_path / "alone.png")
    for checkpoint in the_run(run(*words, "--json", "-"))["checkpoints"]:
        nearest = checkpoint["results"][0]
        assert nearest["score"] == pytest.approx(1, abs=1e-5)  # the same picture in the gallery
        assert checkpoint["similarity"] == pytest.approx(nearest["score"], abs=1e-5)


def test_the_summary(run: Command, words: list[str]) -> None:
    outcome = run(*words, "--most-changed", "1")
    assert outcome.status == 0
    assert "tiny, average pooling, 224 px" in outcome.out
    assert outcome.out.count("Recall@1") == 3
    assert "of the neighbours stayed for" in outcome.out


def test_the_command_to_copy(run_folder: Path) -> None:
    described = open_run(run_folder)
    command = checkpoints_command("a b.jpg", "g", [described, described], FigureStyle(), ["--x"])
    split = shlex.split(command)
    assert split[:5] == ["python", "-m", "simviz_core", "checkpoints", "a b.jpg"]
    assert split.count("--run") == 2
    assert "--network" not in split
    bare = TrainingRun(run_folder / "none", "vgg16", "max", 320, ())
    split = shlex.split(checkpoints_command("a.jpg", "g", [bare], FigureStyle()))
    assert split[split.index("--network") + 1] == "vgg16"
    assert split[split.index("--size") + 1] == "320"


def test_why_the_nearest_neighbour_changed(
    run: Command, words: list[str], tmp_path: Path, tiny_network: str
) -> None:
    found = the_run(run(*words, "--all-classes", "--why-changed", "--json", "-"))
    nearest = {c["iteration"]: c["results"][0]["path"] for c in found["checkpoints"]}
    why = found["why_changed"]
    assert (why["before"], why["after"]) == (0, 6)
    assert (why["was"], why["now"]) == (nearest[0], nearest[6])
    changed = next(pair for pair in ((0, 6), (0, 3), (3, 6)) if len({nearest[n] for n in pair}) > 1)
    figure = tmp_path / "why.png"
    between = f"--why-changed={changed[0]},{changed[1]}"
    found = the_run(run(*words, "--all-classes", between, "--figure", figure, "--json", "-"))
    assert Image.open(figure).format == "PNG"
    first, last = found["why_changed"]["at"]
    assert first["difference"] <= 0 <= last["difference"], "k was nearer before, j is now"
    for seen in (first, last):
        total = np.sum(seen["contrast_map"]) + seen["constant"]
        assert total == pytest.approx(seen["difference"], abs=1e-5)
    status, _, err = run(*words, "--why-changed=0,7")
    assert (status, "no checkpoint of iteration 7" in err) == (2, True)
    status, _, err = run(*words, "--why-changed=6")
    assert (status, "not two iterations" in err) == (2, True)


def test_relative_maps_are_those_of_the_pair_command_at_each_checkpoint(
    run: Command, words: list[str], colour_gallery: Path, tiny_network: str, tmp_path: Path
) -> None:
    match = str(colour_gallery / "fawn" / "2.png")
    figure = tmp_path / "relative.png"
    asked = (*words, "--match", match, "--iterations", "0,6", "--relative-to", "class")
    for checkpoint in the_run(run(*asked, "--figure", figure, "--json", "-"))["checkpoints"]:
        pair = ["pair", words[1], match, "--network", tiny_network, "--relative-to", "class"]
        pair += ["--gallery", words[3], "--json", "-"]
        if checkpoint["checkpoint"]:
            pair += ["--checkpoint", checkpoint["checkpoint"]]
        explained = json.loads(run(*pair).out)["relative"]
        relative = checkpoint["relative"]
        for ours, theirs in (("query", "query"), ("partner", "match")):
            np.testing.assert_allclose(relative[ours]["map"], explained[theirs]["map"], atol=1e-6)
        assert relative["description"] == explained["description"]
        assert relative["colours"] == explained["colours"]
        total = np.sum(relative["query"]["map"]) + relative["query"]["bias"]
        expected = checkpoint["similarity"] - relative["query"]["reference_similarity"]
        assert total == pytest.approx(expected, abs=1e-5)
        assert relative["query"]["difference"] == pytest.approx(expected, abs=1e-6)
    assert Image.open(figure).format == "PNG"
    assert "difference" in run(*asked).out


def test_relative_to_what_the_query_s_map_is_drawn_for_is_refused(
    run: Command, words: list[str]
) -> None:
    outcome = run(*words, "--relative-to", "class:blue")
    assert outcome.status == 2
    assert "follow it with another image" in outcome.err
