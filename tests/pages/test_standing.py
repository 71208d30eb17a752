"""Where a score stands, on the Pair and the Search page."""

from pathlib import Path

import pytest
from page_testing import new_app, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.evidence import similarity_distributions, standing_sentence
from simviz_core.gallery import open_gallery
from simviz_core.networks import load_network
from simviz_core.retrieval import embedding_table, load_index
from simviz_ui.choices import galleries

PAIR, SEARCH = "pages/pair.py", "pages/search.py"


def captions(app: AppTest) -> str:
    return plain(" ".join(caption.value for caption in app.caption))


def test_a_score_is_placed_once_the_gallery_is_indexed(app: AppTest, small_gallery: Path) -> None:
    open_page(app, PAIR)
    assert "Is that high? Once the gallery is indexed" in captions(app)
    assert len(app.get("plotly_chart")) == 2
    app.switch_page(SEARCH).run()
    until_indexed(app).run()
    gallery = open_gallery(small_gallery)
    table = embedding_table(gallery, load_network("efficientnet_lite0").fingerprint)
    found = similarity_distributions(load_index(gallery, table))
    assert found.same.sum() == 2 * 3
    assert found.different.sum() == 3 * 3
    assert "Best match: " in captions(app)
    app.switch_page(PAIR).run()
    score = float(app.metric[0].value)
    expected = standing_sentence(found.standing(score), has_classes=True)
    assert expected.split(" is above ")[1] in captions(app)
    assert found.equal_error is not None
    assert f"At {found.equal_error[0]:.3f} both errors are equal" in captions(app)
    assert "From all 15 pairs of the gallery's 6 images" in captions(app)
    assert len(app.get("plotly_chart")) == 4


def test_without_classes_it_is_compared_with_all_pairs(
    small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "DEMO_GALLERY", small_gallery / "chairs")
    app = until_indexed(open_page(new_app(), SEARCH)).run()
    assert "of the gallery's pairs." in captions(app)
    assert "no classes with two images" in captions(app)
    assert len(app.get("plotly_chart")) == 1
