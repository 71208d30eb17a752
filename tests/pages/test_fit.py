"""How images fit into the network's input, on the pages."""

import json
from pathlib import Path

import pytest
from page_testing import new_app, open_page, plain, sum_check, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main

PAIR, REGION = "pages/pair.py", "pages/region.py"


def said(app: AppTest) -> str:
    return plain("\n".join(caption.value for caption in app.caption))


def test_a_padded_pair_is_shown_and_said_as_the_command_has_it(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = open_page(app, PAIR, fit="pad")
    paths = [str(small_gallery / app.session_state[key]) for key in ("query", "match")]
    assert main(["pair", *paths, "--fit", "pad", "--json", "-"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert sum_check(app)[0] == f"{values['similarity']:.4f}"
    assert f"In the padding, on no picture: {values['in_padding']['query']:.4f}" in said(app)
    assert "shown as the network saw them: padded" in said(app)
    (shown,) = (c for c in app.get("bidi_component") if "cells" in c.proto.id)
    cells = json.loads(shown.proto.json)
    assert cells["query"]["width"] == cells["query"]["height"]  # of a picture of 64 × 48
    assert "--fit pad" in app.code[0].value
    app.get_by_key("fit").set_value("crop").run()
    assert not app.exception
    assert "87.5% of what there is room for" in said(app)
    assert "In the padding" not in said(app)


def test_a_region_outside_the_crop_says_so(app: AppTest) -> None:
    app = until_indexed(open_page(app, REGION, fit="crop", regions="include:1,3,21,45"))
    assert "50.0% of the region lies outside what the network sees" in said(app)
    beside = open_page(new_app(), REGION, fit="crop", regions="include:0,0,8,48")
    assert any("outside what the network sees of" in error.value for error in beside.error)
