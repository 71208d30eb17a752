"""Notes where the numbers stand: what they rest on, and which values a picture shows."""

import io
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from page_testing import open_page, plain, until_indexed, uploader
from PIL import Image
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main

NETWORK = {"network": "timm/test_resnet", "weights": "random (untrained)"}
RESTS = "rests on 5 of the gallery's 6 images"
BLACK_AND_WHITE = "values 0 to 4095 shown as black to white"


@pytest.fixture(autouse=True)
def wide_gallery(small_gallery: Path) -> Path:
    """Pictures of 12 bits, and one that cannot be read."""
    chance = np.random.default_rng(1)
    for path in small_gallery.rglob("view_*.png"):
        path.write_bytes(wide_png(chance, 4096))
    (small_gallery / "lamps" / "view_10.png").write_bytes(b"nothing to see")
    return small_gallery


def wide_png(chance: np.random.Generator, most: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(chance.integers(0, most, (40, 60), dtype=np.uint16)).save(content, "PNG")
    return content.getvalue()


def captions(app: AppTest) -> str:
    return plain("\n".join(caption.value for caption in app.main.caption))


@pytest.mark.parametrize(
    "page", ["search", "region", "classes", "features", "trust", "search?poolings"]
)
def test_figures_of_a_part_of_a_gallery_say_so(app: AppTest, page: str) -> None:
    page, _, poolings = page.partition("?")
    link = {"compare_poolings": "true"} if poolings else {}
    link |= {"one_pair": "true"} if page == "features" else {}
    app = until_indexed(open_page(app, f"pages/{page}.py", **NETWORK, **link))
    assert RESTS in captions(app)
    assert BLACK_AND_WHITE in captions(app) or page == "trust"


def test_pair_says_so_of_its_standing(app: AppTest) -> None:
    until_indexed(open_page(app, "pages/search.py", **NETWORK))
    app.switch_page("pages/pair.py").run()
    assert f"This comparison {RESTS}" in captions(app)
    assert BLACK_AND_WHITE in captions(app)


def test_an_upload_is_read_as_the_gallery_is_and_scores_as_on_the_command_line(
    app: AppTest, wide_gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = until_indexed(open_page(app, "pages/search.py", **NETWORK))
    file = tmp_path / "mine.png"
    file.write_bytes(wide_png(np.random.default_rng(2), 900))
    uploader(app, "query").upload("mine.png", file.read_bytes()).run()
    assert not app.exception
    assert f"mine.png: {BLACK_AND_WHITE} (the gallery's: the 12 bits" in captions(app)
    options = ["--network", NETWORK["network"], "--random-weights", "--json", "-"]
    capsys.readouterr()
    assert main(["search", str(file), "--gallery", str(wide_gallery), *options]) == 0
    said = capsys.readouterr()
    assert f"mine.png: {BLACK_AND_WHITE}" in said.err
    results = json.loads(said.out)["results"]
    grid = next(c for c in app.get("bidi_component") if "-matches" in c.proto.id)
    shown = json.loads(grid.proto.json)["matches"]
    assert [match["score"] for match in shown] == [f"{found['score']:.3f}" for found in results]


def test_beside_a_gallery_of_8_bits_an_upload_has_a_range_of_its_own(
    app: AppTest, wide_gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in wide_gallery.rglob("view_*.png"):
        Image.new("RGB", (60, 40), "red").save(path)
    app = open_page(app, "pages/pair.py", **NETWORK)
    file = tmp_path / "mine.png"
    file.write_bytes(wide_png(np.random.default_rng(2), 900))
    uploader(app, "query").upload("mine.png", file.read_bytes()).run()
    assert not app.exception
    assert "mine.png: values 0 to 1023 shown as black to white" in captions(app)
    options = ["--network", NETWORK["network"], "--random-weights", "--json", "-"]
    capsys.readouterr()
    assert main(["search", str(file), "--gallery", str(wide_gallery), *options]) == 0
    assert "mine.png: values 0 to 1023 shown as black to white" in capsys.readouterr().err


def test_the_commands_of_a_pair_read_its_pictures_as_the_page_does(
    app: AppTest, capsys: pytest.CaptureFixture[str]
) -> None:
    app = open_page(app, "pages/pair.py", **NETWORK, compare_poolings="true")
    values = ["--value-range=0.0,4095.0" in code.value for code in app.code]
    assert values
    assert all(values)
    capsys.readouterr()
    words = shlex.split(app.code[0].value)[3:]
    del words[words.index("--figure") : words.index("--figure") + 2]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["query_values"]["high"] == 4095


def test_what_of_a_file_is_not_shown_is_said_once(
    app: AppTest, small_gallery: Path, wide_gallery: Path
) -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "blue")]
    for name, duration in (("view_1.png", 8), ("view_2.png", 9)):
        path = small_gallery / "chairs" / name
        frames[0].save(path, "PNG", save_all=True, append_images=frames[1:], duration=duration)
    Image.new("RGB", (60, 40)).save(
        small_gallery / "chairs" / "view_10.png", icc_profile=b"Display P3"
    )
    app = open_page(app, "pages/pair.py", **NETWORK)
    assert "view_1.png, view_2.png: the first of several frames" in captions(app)
    assert captions(app).count("several frames") == 1
    numbers = json.loads(next(iter(app.session_state["simviz_exports"].values())).content(".json"))
    assert numbers["query_note"] == "the first of several frames"
    app.get_by_key("match").set_value("chairs/view_10.png").run()
    assert "view_10.png: its colour profile is not applied" in captions(app)
