"""The checks on the spot: a part is blanked and the network runs again; what a cell sees."""

import re
from pathlib import Path

import pytest
from page_testing import button, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.evidence import check_occlusion, removed_cells, removed_region
from simviz_core.images import load_image
from simviz_core.networks import load_network
from simviz_core.pairs import cell_block
from simviz_core.retrieval import Region

PAIR, REGION = "pages/pair.py", "pages/region.py"


def metric(app: AppTest, label: str) -> str:
    return next(metric.value for metric in app.metric if metric.label == label)


def texts(app: AppTest) -> str:
    return plain(" ".join(item.value for item in [*app.markdown, *app.caption]))


def test_pinned_cells_are_blanked_as_the_core_blanks_them(
    app: AppTest, small_gallery: Path
) -> None:
    open_page(app, PAIR, cell="match,2,3,4,5", occlusion="true", blank="pinned", fill="mean")
    network = load_network("efficientnet_lite0")
    query, match = (
        load_image(small_gallery / app.session_state[side]) for side in ("query", "match")
    )
    i, j = network.decompose([query.pixels, match.pixels])
    block = cell_block("match,2,3,4,5")
    removal = removed_cells(block.weights((7, 7)), network)
    check = check_occlusion(network, match.pixels, j, i, removal, "mean")
    assert check.real_change != 0
    assert float(metric(app, "Real change")) == pytest.approx(check.real_change, abs=2e-4)
    predicted = float(metric(app, "Predicted change"))
    assert predicted == pytest.approx(check.predicted_change, abs=2e-4)
    gone = float(metric(app, "Their contribution, gone"))
    assert gone == pytest.approx(-check.contribution, abs=2e-4)
    assert "rows 2–4, columns 3–5** blanked" in texts(app)


def test_the_strongest_cells_are_blanked_and_another_fill_is_another_check(app: AppTest) -> None:
    open_page(app, PAIR, occlusion="true", blanked_cells="2")
    assert "its 2 strongest cells** blanked" in texts(app)
    before = metric(app, "Predicted change"), metric(app, "Real change")
    app.get_by_key("fill").set_value("border").run()
    assert not app.exception
    assert metric(app, "Predicted change") == before[0]
    assert metric(app, "Real change") != before[1]
    app.get_by_key("blank").set_value("pinned").run()
    assert "Pin a cell of either image" in app.info[0].value


def test_all_cells_are_checked_on_request(app: AppTest) -> None:
    open_page(app, PAIR, occlusion="true")
    charts = len(app.get("plotly_chart"))
    button(app, "Check all cells").click().run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == charts + 1
    assert re.search(r"a cell of 49.*real changes: -?0\.\d\d;", texts(app))
    labels = [button.label for button in app.download_button]
    assert {"All cells (JSON)", "Occlusion check (JSON)"} <= set(labels)


def test_a_pinned_cell_says_what_it_sees(app: AppTest) -> None:
    open_page(app, PAIR, cell="query,0,0", cell_sees="true")
    assert "224 × 224" in texts(app)
    shares = re.search(r"comes from (\d+)% of the image, 90% of it from (\d+)%", texts(app))
    assert shares is not None
    assert 0 < int(shares[1]) < int(shares[2]) < 100


def test_the_drawn_region_is_blanked(app: AppTest, small_gallery: Path) -> None:
    drawn = "include:8,4,40,30"
    until_indexed(open_page(app, REGION, regions=drawn, occlusion="true")).run()
    network = load_network("efficientnet_lite0")
    query = load_image(small_gallery / app.session_state["query"])
    (words,) = [m.value for m in app.markdown if "blanked, compared with" in m.value]
    found = re.search(r"compared with (\S+): ", plain(words))
    assert found is not None
    match = load_image(small_gallery / found[1])
    i, j = network.decompose([query.pixels, match.pixels])
    removal = removed_region(Region(((8, 4, 40, 30),)), query, network, (7, 7))
    check = check_occlusion(network, query.pixels, i, j, removal)
    assert float(metric(app, "Real change")) == pytest.approx(check.real_change, abs=2e-4)
    without = float(metric(app, "Without it"))
    assert without == pytest.approx(check.without, abs=2e-4)
