"""Does a drawn quarter of a collage find the class of the photo in it, coarse, fine and cropped?

    python -m benchmarks.collage_regions GALLERY [--collages 40] [--size 224]

Each collage shows four photos of four classes; each quarter is a query for the images of its class,
the photo itself left out. Compared are the mean average precisions of the whole collage, the drawn
quarter from the last feature map, the same from a layer with twice as many rows and columns (gates
as they are), and the quarter cut out and embedded anew. The interval is a bootstrap over collages.
"""

import argparse

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from tqdm import tqdm

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import region_weights
from simviz_core.evidence import bootstrap_mean
from simviz_core.evidence.games.collages import Collage, draw_collages
from simviz_core.gallery import open_gallery
from simviz_core.networks import NETWORKS, POOLINGS, FineNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    GalleryIndex,
    embedding_table,
    fine_region_vector,
    index_gallery,
    load_index,
    region_vector,
    whole_vector,
)

RANKINGS = ("whole collage", "region", "fine region", "crop")


def quarter_scores(
    collage: Collage, place: int, fine: FineNetwork, index: GalleryIndex
) -> dict[str, np.ndarray]:
    """The scores of every image by each ranking, for one quarter of a collage."""
    network, size = fine.network, fine.network.size
    side = size if isinstance(size, int) else min(size)
    picture = collage.picture(side, side)
    query = network.decompose([picture])[0]
    x, y = place % 2, place // 2
    box = (x, y, x + 1, y + 1)

    def weights(grid: tuple[int, int]) -> torch.Tensor:
        return region_weights([box], grid, (2, 2))

    half = side // 2
    crop = picture.crop((x * half, y * half, (x + 1) * half, (y + 1) * half))
    vectors = {
        "whole collage": whole_vector(query),
        "region": region_vector(query, weights(query.grid)),
        "fine region": fine_region_vector(fine.image(picture), weights),
        "crop": network.unit_embeddings(network.pixels([crop]))[0].numpy(force=True),
    }
    return {name: index.scores(vector) for name, vector in vectors.items()}


def main() -> None:
    """Ask for every quarter with one network."""
    parser = argparse.ArgumentParser(description="Compare ways to search for a quarter.")
    parser.add_argument("gallery", help="a folder of class folders")
    parser.add_argument("--network", choices=NETWORKS, default="efficientnet_lite0")
    parser.add_argument("--pooling", choices=POOLINGS, help="default: the network's own")
    parser.add_argument("--size", type=int, default=224, help="in pixels; default: %(default)s")
    parser.add_argument("--collages", type=int, default=40, help="default: %(default)s")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the pretrained weights")
    options = parser.parse_args()
    gallery = open_gallery(options.gallery)
    pooling = options.pooling or NETWORKS[options.network].pooling
    network = load_for_settings(
        NetworkSettings(options.network, pooling, options.size, options.checkpoint)
    )
    table = embedding_table(gallery, network.fingerprint)
    index_gallery(gallery, network, table)
    index, fine = load_index(gallery, table), FineNetwork(network)
    labels = np.array([image.label for image in index.images])
    found: dict[str, list[float]] = {name: [] for name in RANKINGS}
    groups = []
    for collage in tqdm(draw_collages(gallery, options.collages, 0), unit=" collages"):
        for place, part in enumerate(collage.parts):
            kept = np.ones(len(labels), dtype=bool)
            kept[index.row[part.id]] = False
            right = labels[kept] == part.label
            for name, scores in quarter_scores(collage, place, fine, index).items():
                found[name].append(float(average_precision_score(right, scores[kept])))
            groups.append(collage.name)
    print(f"{gallery.source.name}: {network.name}, {options.size} pixels, {len(groups)} quarters")
    for name, values in found.items():
        print(f"  {name:<14}{bootstrap_mean(values, groups)}")
    gains = (np.array(found["fine region"]) - np.array(found["region"])).tolist()
    print(f"  fine − region {bootstrap_mean(gains, groups)}")


if __name__ == "__main__":
    main()
