"""The Checkpoints page without a browser."""

import json
import os
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from page_testing import button, new_app, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.checkpoints import backbone_weights, network_weights, save_weights
from simviz_core.cli.main import main
from simviz_core.images import PAD
from simviz_core.networks import build_network, load_network
from simviz_core.networks.inspection.trunk import CutTrunk
from simviz_core.runs import Run, RunCheckpoint, open_run, write_run
from simviz_ui.checkpoints import indexes as run_index
from simviz_ui.choices import galleries
from simviz_ui.choices.allowed import FOLDERS_VARIABLE

CHECKPOINTS = "pages/checkpoints.py"


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two files of weights, each further from the pretrained ones."""
    folder = tmp_path_factory.mktemp("weights")
    trunk = build_network("efficientnet_lite0")
    files = []
    torch.manual_seed(0)
    for number in (10, 20):
        for tensor in trunk.parameters():
            tensor.data += 0.05 * tensor.std(correction=0) * torch.randn_like(tensor)
        files.append(folder / f"checkpoint_{number}.safetensors")
        save_weights(backbone_weights(trunk), files[-1])
    return files


@pytest.fixture
def run_folder(tmp_path: Path, weights: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two checkpoints, in a folder that may be opened."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    checkpoints = []
    for number, file in zip((10, 20), weights, strict=True):
        shutil.copy(file, folder)
        checkpoints.append(RunCheckpoint(number, folder / file.name))
    write_run(Run(folder, "efficientnet_lite0", "average", 224, tuple(checkpoints)))
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    return folder


def open_run_page(app: AppTest, folder: Path, **query: str) -> AppTest:
    """The page of a run, everything indexed and looked at."""
    app = until_indexed(open_page(app, CHECKPOINTS, run=str(folder), **query))
    return app.run()


def columns(app: AppTest, run: int = 0) -> list[dict]:
    """What the grid was given of a run."""
    (grid,) = [c for c in app.get("bidi_component") if "checkpoint_grid" in c.proto.id]
    return json.loads(grid.proto.json)["runs"][run]["columns"]


def test_the_figures_are_those_of_the_command_line(
    app: AppTest, run_folder: Path, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_run_page(app, run_folder)
    query = small_gallery / app.session_state["query"]
    words = ["checkpoints", query, "--gallery", small_gallery, "--run", run_folder]
    words += ["--before-training", "--json", "-"]
    assert main([str(word) for word in words]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    shown = columns(app)
    assert [column["title"] for column in shown] == [
        "0 · pretrained",
        "iteration 10",
        "iteration 20",
    ]
    assert [found["iteration"] for found in run["checkpoints"]] == [0, 10, 20]
    for column, found in zip(shown, run["checkpoints"], strict=True):
        own, *matches = column["pictures"]
        assert own["score"] == f"{found['similarity']:.3f}"
        assert f"R@1 {found['recall_at_1']:.1%}" in column["note"]
        assert f"mAP@R {found['map_at_r']:.1%}" in column["note"]
        assert [match["score"] for match in matches] == [
            f"{result['score']:.3f}" for result in found["results"]
        ]
        assert [str(small_gallery / match["id"]) for match in matches] == [
            result["path"] for result in found["results"]
        ]
        assert all(match["source"].startswith("data:image/jpeg") for match in matches)


def test_what_lies_in_the_padding_is_said_as_the_command_has_it(
    app: AppTest, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(replace(open_run(run_folder), fit=PAD))
    open_run_page(app, run_folder)
    (code,) = [block.value for block in app.code if "checkpoints" in block.value]
    words = code.split()
    words[words.index("--figure") + 1] = os.devnull
    assert main(words[3:]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    for column, found in zip(columns(app), run["checkpoints"], strict=True):
        own, *matches = column["pictures"]
        assert own["padding"] == f"{found['in_padding'] / found['similarity']:.0%} in padding"
        for match, result in zip(matches, found["results"], strict=True):
            shares = {side: part / result["score"] for side, part in result["in_padding"].items()}
            assert match["padding"] == f"{shares['match']:.0%} in padding"
            assert match["query_padding"] == f"{shares['query']:.0%} in padding"


def test_the_command_on_the_page_makes_the_same_numbers(
    app: AppTest, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_run_page(app, run_folder, follow="One pair", match="lamps/view_1.png")
    (code,) = [block.value for block in app.code if "checkpoints" in block.value]
    words = code.split()
    words[words.index("--figure") + 1] = os.devnull
    assert main(words[3:]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [f"{found['similarity']:.3f}" for found in run["checkpoints"]] == [
        column["pictures"][0]["score"] for column in columns(app)
    ]


@pytest.mark.parametrize(
    "link",
    [
        {"relative_to": "mean"},
        {"relative_to": "class", "follow": "pair", "match": "lamps/view_1.png"},
        {"relative_to": "image", "relative_image": "lamps/view_2.png", "pretrained": "false"},
    ],
)
def test_relative_maps_are_those_of_the_command_on_the_page(
    app: AppTest, run_folder: Path, link: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    open_run_page(app, run_folder, **link)
    (code,) = [block.value for block in app.code if "checkpoints" in block.value]
    words = shlex.split(code)
    words[words.index("--figure") + 1] = os.devnull
    assert main(words[3:]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    said = plain(" ".join(caption.value for caption in app.caption))
    for column, found in zip(columns(app), run["checkpoints"], strict=True):
        relative = found["relative"]
        assert relative["relative_to"].startswith(link["relative_to"])
        difference = relative["query"]["difference"]
        own, *matches = column["pictures"]
        assert own["score"] == f"{found['similarity']:.3f} ({difference:+.3f})"
        if "match" not in link:
            assert [match["score"] for match in matches] == [
                f"{result['score']:.3f} ({each['query']['difference']:+.3f})"
                for result, each in zip(found["results"], relative["results"], strict=True)
            ]
    assert relative["colours"] in said
    assert relative["measured"] in said
    assert f"difference {difference:.4f}" in said
    assert app.query_params["relative_to"] == link["relative_to"]


def test_relative_to_the_class_is_offered_where_something_is_left(
    app: AppTest, run_folder: Path
) -> None:
    open_run_page(app, run_folder, pretrained="false")
    assert "the query's own class" not in app.get_by_key("relative_to").options
    assert "class lamps" in app.get_by_key("relative_to").options
    app.get_by_key("follow").set_value("pair").run()
    assert "the query's own class" in app.get_by_key("relative_to").options


def test_one_pair_is_followed(app: AppTest, run_folder: Path) -> None:
    open_run_page(app, run_folder, follow="One pair", match="lamps/view_1.png")
    for column in columns(app):
        own, partner = column["pictures"]
        assert own["label"] == "query"
        assert partner["label"] == "lamps/view_1.png"


def test_two_runs_are_stacked(app: AppTest, run_folder: Path) -> None:
    other = run_folder.parent / "other"
    shutil.copytree(run_folder, other)
    described = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(described | {"pooling": "max"}))
    open_run_page(app, run_folder, run2=str(other))
    average, maximum = columns(app, 0), columns(app, 1)
    assert [c["place"] for c in average] == [c["place"] for c in maximum] == [1, 2, 3]
    assert average[1]["pictures"][0]["score"] != maximum[1]["pictures"][0]["score"]


def test_runs_without_a_common_iteration_end_together(app: AppTest, run_folder: Path) -> None:
    other = run_folder.parent / "other"
    other.mkdir()
    shutil.copy(run_folder / "checkpoint_20.safetensors", other / "step_300.safetensors")
    open_run_page(app, run_folder, run2=str(other))
    assert [column["place"] for column in columns(app, 0)] == [1, 2, 3]
    assert [column["place"] for column in columns(app, 1)] == [2, 3]


def test_broken_checkpoints_are_messages_beside_the_others(
    app: AppTest, run_folder: Path, weights: list[Path]
) -> None:
    (run_folder / "run.json").unlink()
    content = weights[0].read_bytes()
    (run_folder / "step_30.safetensors").write_bytes(content[: len(content) // 2])
    torch.save({"layer.weight": torch.zeros(3, 3)}, run_folder / "step_40.pth")
    torch.save(torch.nn.Linear(2, 2), run_folder / "step_50.pth")
    (run_folder / "step_60.pth").write_bytes(b"")
    open_run_page(app, run_folder)
    assert not app.error
    found = {column["title"]: column for column in columns(app)}
    assert "damaged" in found["iteration 30"]["error"]
    assert "fits only to 0%" in found["iteration 40"]["error"]
    assert "could run code" in found["iteration 50"]["error"]
    assert "is empty" in found["iteration 60"]["error"]
    for iteration in (10, 20):
        assert len(found[f"iteration {iteration}"]["pictures"]) == 4


@pytest.mark.parametrize("is_described", [True, False])
def test_a_run_of_any_network(app: AppTest, run_folder: Path, is_described: bool) -> None:
    network = load_network("timm/test_vit", pretrained=False)
    assert isinstance(network.trunk, CutTrunk)
    for file in run_folder.glob("*.safetensors"):
        save_weights(network_weights(network.trunk.network), file)
    described = run_folder / "run.json"
    if is_described:
        told = {"network": "timm/test_vit", "pooling": "class_token", "size": 160}
        described.write_text(json.dumps(json.loads(described.read_text()) | told))
        open_run_page(app, run_folder)
    else:
        described.unlink()
        open_run_page(app, run_folder, run_network="timm/test_vit", run_size="160")
        assert [box.label for box in app.text_input if box.label == "Input size"]
    # The pretrained network before them cannot be had without its hub.
    shown = {column["title"]: column for column in columns(app)}
    for iteration in (10, 20):
        assert not shown[f"iteration {iteration}"]["error"]
        assert len(shown[f"iteration {iteration}"]["pictures"]) == 4


def test_a_range_of_iterations(app: AppTest, run_folder: Path) -> None:
    open_run_page(app, run_folder)
    app.get_by_key("pretrained").set_value(False).run()
    app.get_by_key("iterations1").set_range(20, 20).run()
    assert [column["title"] for column in columns(app)] == ["iteration 20"]
    (code,) = [block.value for block in app.code if "checkpoints" in block.value]
    assert "--iterations 20" in code


def test_a_new_checkpoint_is_picked_up(app: AppTest, run_folder: Path, weights: list[Path]) -> None:
    (run_folder / "run.json").unlink()
    (run_folder / "checkpoint_20.safetensors").unlink()
    open_run_page(app, run_folder)
    assert [column["title"] for column in columns(app)] == ["0 · pretrained", "iteration 10"]
    shutil.copy(weights[1], run_folder)
    until_indexed(app.run())
    app.run()
    assert [column["title"] for column in columns(app)][-1] == "iteration 20"


def test_what_changed_most_opens_in_the_grid(app: AppTest, run_folder: Path) -> None:
    open_run_page(app, run_folder)
    ranked = list(app.session_state["most_changed"])
    assert len(ranked) == 6
    for expected in (*ranked, ranked[0]):  # from the first row, whatever was shown before
        button(app, "Changed most").click().run()
        assert app.session_state["query"] == expected
    app.get_by_key("query").set_value(ranked[3]).run()
    button(app, "Changed most").click().run()
    assert app.session_state["query"] == ranked[0]
    before = list(app.dataframe[0].value.columns)
    button(app, "Compare their maps, too").click().run()
    after = app.dataframe[0].value
    assert set(after.columns) - set(before) == {"pearson", "divergence"}
    assert after["pearson"].between(-1, 1).all()


def test_a_folder_outside_is_not_opened(app: AppTest, run_folder: Path) -> None:
    open_page(app, CHECKPOINTS, run="/etc")
    assert "outside the folders" in app.error[0].value


def test_a_folder_without_checkpoints_says_so(app: AppTest, run_folder: Path) -> None:
    empty = run_folder.parent / "empty"
    empty.mkdir()
    open_page(app, CHECKPOINTS, run=str(empty))
    assert "neither a run" in app.error[0].value


def test_without_any_run_the_page_says_how_to_begin(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simviz_ui.checkpoints import runs

    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "gallery"))
    monkeypatch.setattr(runs, "DEMO_RUNS", tmp_path / "none")
    open_page(app, CHECKPOINTS)
    assert "no run yet" in app.info[0].value
    assert "simviz_core train" in app.code[0].value


def test_a_large_gallery_is_not_indexed_unasked(
    app: AppTest, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_index, "AT_ONCE_UP_TO", 3)
    # Not among the tables that other tests have filled.
    (galleries.DEMO_GALLERY / "lamps" / "view_1.png").unlink()
    open_page(app, CHECKPOINTS, run=str(run_folder))
    assert any("have not indexed the gallery yet" in info.value for info in app.info)
    button(app, "Index them").click().run()
    until_indexed(app)
    assert len(columns(app.run())[1]["pictures"]) == 4


def test_a_gallery_without_classes(app: AppTest, run_folder: Path, small_gallery: Path) -> None:
    flat = run_folder.parents[1] / "flat"
    flat.mkdir()
    for number, file in enumerate(sorted(small_gallery.rglob("view_*.png"))):
        shutil.copy(file, flat / f"{number}.png")
    open_run_page(app, run_folder, gallery=str(flat))
    for column in columns(app):
        assert column["note"] == ""
        assert column["pictures"][0]["label"] == "query, for the nearest"
        assert column["pictures"][1]["is_hit"] is None


def test_a_gallery_of_one_image_says_what_is_missing(
    app: AppTest, run_folder: Path, small_gallery: Path
) -> None:
    alone = run_folder.parents[1] / "alone"
    alone.mkdir()
    shutil.copy(small_gallery / "chairs" / "view_1.png", alone)
    open_run_page(app, run_folder, gallery=str(alone))
    assert all("no image" in column["error"] for column in columns(app))


def test_why_the_nearest_neighbour_changed_is_that_of_the_command_line(
    app: AppTest, run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    open_run_page(app, run_folder, why_changed="true")
    for _ in range(6):
        command = next((c.value for c in app.code if "--why-changed" in c.value), None)
        if command is not None:
            break
        assert any("at both iterations" in info.value for info in app.info)
        until_indexed(app.get_by_key("query_next").click().run()).run()
    assert command is not None, "for one of the six another image is the nearest"
    words = shlex.split(command)[3:]
    words[words.index("--figure") + 1] = str(tmp_path / "why.png")
    capsys.readouterr()
    assert main(words) == 0
    (found,) = json.loads(capsys.readouterr().out)["runs"]
    shown = " ".join(element.value for element in app.markdown)
    for seen in found["why_changed"]["at"]:
        assert f"difference **{seen['difference']:+.4f}**" in shown


def test_the_errors_of_two_checkpoints_are_one_click_away(
    app: AppTest, run_folder: Path, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(run_folder, "efficientnet_lite0", "average", 224, open_run(run_folder).checkpoints)
    write_run(replace(run, held_out=("lamps", "chairs")))
    app = open_run_page(app, run_folder, pretrained="false")
    app.get_by_key("errors_between").click().run()
    assert app.title[0].value == "Errors"
    first, last = (run_folder / f"checkpoint_{number}.safetensors" for number in (10, 20))
    assert app.query_params["compared_with"] == str(last)
    words = shlex.split(app.code[0].value)
    assert words[words.index("--checkpoint") + 1] == str(first)
    assert words[words.index("--compare-checkpoint") + 1] == str(last)
    options = ["--checkpoint", str(first), "--compare-checkpoint", str(last), "--json", "-"]
    capsys.readouterr()
    assert main(["errors", str(small_gallery), *options]) == 0
    values = json.loads(capsys.readouterr().out)["compared_with"]
    offered = next(c for c in app.get("button_group") if c.key == "change").options
    shown = [re.sub(r"\D", "", option) for option in offered]
    assert [int(count) for count in shown[1:]] == [
        len(values[kind]) for kind in ("fixed", "broken", "missed")
    ]

    # Where training saw some of the classes, their images are left out there, too.
    write_run(replace(run, held_out=("lamps",)))
    app = open_run_page(new_app(), run_folder, pretrained="false")
    app.get_by_key("errors_between").click().run()
    assert any("Selection of 3 images" in text.value for text in app.markdown)


def cut_short(*_: object) -> None:
    raise RuntimeError("the run ends here")


@pytest.mark.parametrize("where", ["before the slider", "after it, which nobody hears of"])
def test_a_range_that_nobody_chose_grows_though_a_run_is_cut_short(
    app: AppTest,
    run_folder: Path,
    weights: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    app = open_run_page(app, run_folder)
    assert app.get_by_key("iterations1").value == (10, 20)
    shutil.copy(weights[0], run_folder / "checkpoint_30.safetensors")
    run = open_run(run_folder)
    third = RunCheckpoint(30, run_folder / "checkpoint_30.safetensors")
    write_run(replace(run, checkpoints=(*run.checkpoints, third)))

    with monkeypatch.context() as patch:
        if where.startswith("before"):
            patch.setattr("simviz_ui.checkpoints.choice.keep_range", cut_short)
        else:
            patch.setattr("simviz_ui.checkpoints.followed_query.followed_query", cut_short)
        assert app.run().exception
    if where.startswith("after"):
        app.get_by_key("iterations1").set_value((10, 20))  # what the browser still has
    until_indexed(app.run()).run()
    assert app.get_by_key("iterations1").value == (10, 30)
    assert "iterations1" not in app.query_params
    # What is chosen stays, also where it is what was shown before.
    app.get_by_key("iterations1").set_value((10, 20)).run()
    app.run()
    assert app.get_by_key("iterations1").value == (10, 20)
    assert app.query_params["iterations1"] == ["10", "20"]


def test_what_a_run_that_was_cut_short_showed_is_taken_back(
    app: AppTest, run_folder: Path, weights: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser hears of it late: after it has sent the value that is right again."""
    app = open_run_page(app, run_folder)
    run = open_run(run_folder)
    third = RunCheckpoint(30, run_folder / "checkpoint_30.safetensors")
    shutil.copy(weights[0], third.path)
    write_run(replace(run, checkpoints=(*run.checkpoints, third)))
    with monkeypatch.context() as patch:
        patch.setattr("simviz_ui.checkpoints.followed_query.followed_query", cut_short)
        assert app.run().exception
    assert app.get_by_key("iterations1").value == (10, 30)
    third.path.unlink()
    write_run(run)
    app.get_by_key("iterations1").set_value((10, 20)).run()
    assert app.get_by_key("iterations1").value == (10, 20)
    assert app.get_by_key("iterations1").proto.set_value  # said again, though it is what it sent
    assert "iterations1" not in app.query_params
    assert not app.run().get_by_key("iterations1").proto.set_value
