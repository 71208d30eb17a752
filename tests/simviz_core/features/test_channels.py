import numpy as np
import pytest
import torch

from simviz_core.decomposition import similarity, similarity_map
from simviz_core.errors import SettingsError
from simviz_core.features import (
    channel_table,
    channels_as_json,
    excitation_map,
    strongest_channels,
)
from simviz_core.gallery import Gallery
from simviz_core.images import WHOLE, Frame, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex


def pair(network: SimilarityNetwork, rooms: Gallery):
    return [network.decompose([load_image(i.path).pixels])[0] for i in rooms.images[:2]]


def test_all_channels_add_up_to_the_pair(
    network: SimilarityNetwork, rooms: Gallery, rooms_index: GalleryIndex
) -> None:
    i, j = pair(network, rooms)
    channels = strongest_channels(i, j, rooms_index, 1280, 1)
    assert len(channels) == 1280
    score = similarity(i, j).item()
    assert sum(found.contribution for found in channels) == pytest.approx(score, abs=1e-5)
    assert sum(found.share or 0 for found in channels) == pytest.approx(1, abs=1e-4)
    query = sum(found.query_map.astype(np.float64) for found in channels)
    np.testing.assert_allclose(query, similarity_map(i, j).numpy(), atol=1e-5)
    for found in channels[:5]:
        assert found.query_map.sum() == pytest.approx(found.contribution, abs=1e-6)
        assert found.match_map.sum() == pytest.approx(found.contribution, abs=1e-6)
    values = [found.contribution for found in channels]
    assert values == sorted(values, reverse=True)


def test_images_that_excite_a_channel_most(
    network: SimilarityNetwork, rooms: Gallery, rooms_index: GalleryIndex
) -> None:
    i, j = pair(network, rooms)
    (found,) = strongest_channels(i, j, rooms_index, 1, 3)
    column = rooms_index.matrix[:, found.channel]
    assert [match.score for match in found.excited] == sorted(column.tolist(), reverse=True)[:3]
    image = network.decompose([load_image(found.excited[0].image.path).pixels])[0]
    values = excitation_map(image, found.channel)
    assert values.shape == (7, 7)
    assert values.sum() == pytest.approx(found.excited[0].score, abs=1e-5)
    (as_json,) = channels_as_json([found])
    assert as_json["channel"] == found.channel
    assert len(as_json["excited_most"]) == 3
    assert np.shape(as_json["query_map"]) == (7, 7)


def test_what_lies_in_the_padding_is_said_of_both_maps(
    network: SimilarityNetwork, rooms: Gallery, rooms_index: GalleryIndex
) -> None:
    i, j = pair(network, rooms)
    frame = Frame(0, -1, 1, 2)  # the picture is the middle third
    channels = strongest_channels(i, j, rooms_index, 2, 1, (frame, WHOLE))
    for found, row in zip(channels_as_json(channels), channel_table(channels), strict=True):
        expected = frame.in_padding(np.array(found["query_map"], np.float32))
        assert found["in_padding"] == {"query": pytest.approx(expected), "match": 0}
        assert row["query_in_padding"] == found["in_padding"]["query"]
        assert row["match_in_padding"] == 0
    plain = strongest_channels(i, j, rooms_index, 1, 1)
    assert "in_padding" not in channels_as_json(plain)[0]
    assert "query_in_padding" not in channel_table(plain)[0]


def test_another_network_s_index_is_refused(
    network: SimilarityNetwork, rooms: Gallery, rooms_index: GalleryIndex
) -> None:
    i, j = pair(network, rooms)
    narrow = GalleryIndex(rooms_index.images, rooms_index.matrix[:, :64].copy())
    with pytest.raises(SettingsError, match="have 64 components, the pair's 1,280"):
        strongest_channels(i, j, narrow, 1, 1)


def test_a_pair_without_similarity_has_no_shares(rooms_index: GalleryIndex) -> None:
    from simviz_core.decomposition import AveragePooling, decompose
    from simviz_core.features import pair_line

    i = decompose(torch.eye(2)[0].expand(2, 2, 2), AveragePooling())
    j = decompose(torch.eye(2)[1].expand(2, 2, 2), AveragePooling())
    index = GalleryIndex(rooms_index.images[:2], np.eye(2, dtype=np.float32))
    assert [found.share for found in strongest_channels(i, j, index, 2, 1)] == [None, None]
    assert pair_line(i, j, "x") is None
    assert pair_line(i, i, "x") is not None
