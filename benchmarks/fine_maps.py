"""Are maps of finer cells, gates as they are, better than those of the last feature map?

    python -m benchmarks.fine_maps GALLERY [--collages 20] [--size 224]

Fine regions rank well (`benchmarks.regions`). Each fine cell is a region, too, and all of them add
up to the embedding, so that they make a map. Here it plays the game of the collages: a query of
four photos of four classes, matched with another photo of each. Beside it the map of the last
feature map. The interval is a bootstrap over collages.
"""

import argparse
import statistics
from functools import partial

import numpy as np
import torch
from tqdm import tqdm

from simviz_core.decomposition import region_weights, vector_map
from simviz_core.evidence import bootstrap_mean
from simviz_core.evidence.games.collages import Collage, draw_collages, quarters_of
from simviz_core.evidence.measures import quarter_measures
from simviz_core.gallery import open_gallery
from simviz_core.networks import NETWORKS, FineImage, FineNetwork, height_and_width, load_network
from simviz_core.retrieval import embedding_table, index_gallery, load_index

MEASURES = ("ROC area", "best quarter")


def cell_parts(image: FineImage) -> torch.Tensor:
    """The part of the embedding that comes from each fine cell, (H, W, D)."""
    rows, columns = image.network.grid

    def weights(row: int, column: int, grid: tuple[int, int]) -> torch.Tensor:
        return region_weights([(column, row, column + 1, row + 1)], grid, (columns, rows))

    parts = [
        image.part(partial(weights, row, column))
        for row in range(rows)
        for column in range(columns)
    ]
    return torch.stack(parts).reshape(rows, columns, -1)


def maps_of(
    collage: Collage, fine: FineNetwork, mean: torch.Tensor
) -> tuple[dict[tuple[str, str], dict[int, np.ndarray]], float]:
    """Each map of each match, by what it is relative to and its cells; and the residual."""
    network = fine.network
    height, width = height_and_width(network.size)
    image = fine.image(collage.picture(width, height))
    coarse = network.decompose_feature_map(image.F)
    parts = cell_parts(image)
    e = coarse.embedding
    residual = float((parts.sum((0, 1)) - e).norm() / e.norm())
    units = network.unit_embeddings(
        network.pixels([match.load().pixels for match in collage.matches])
    )
    found: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    for right, unit in enumerate(units):
        for name, vector in (("similarity", unit), ("relative to the mean", unit - mean)):
            values = (parts @ vector / coarse.norm).numpy(force=True)
            found.setdefault((name, "fine"), {})[right] = values
            values = vector_map(coarse, vector).numpy(force=True)
            found.setdefault((name, "coarse"), {})[right] = values
    return found, residual


def main() -> None:
    """Play the collages with one network."""
    parser = argparse.ArgumentParser(description="Compare maps of fine cells with the usual ones.")
    parser.add_argument("gallery", help="a folder of class folders")
    parser.add_argument("--network", choices=NETWORKS, default="efficientnet_lite0")
    parser.add_argument("--size", type=int, default=224, help="in pixels; default: %(default)s")
    parser.add_argument("--collages", type=int, default=20, help="default: %(default)s")
    options = parser.parse_args()
    gallery = open_gallery(options.gallery)
    network = load_network(options.network, None, options.size)
    table = embedding_table(gallery, network.fingerprint)
    index_gallery(gallery, network, table)
    mean = torch.from_numpy(load_index(gallery, table).matrix.mean(0))
    fine = FineNetwork(network)
    measured: dict[tuple[str, str, str], list[float]] = {}
    groups, cancelled, worst = list[str](), list[float](), 0.0
    for collage in tqdm(draw_collages(gallery, options.collages, 0), unit=" collages"):
        maps, residual = maps_of(collage, fine, mean)
        worst = max(worst, residual)
        groups += [collage.name] * len(collage.matches)
        for key, of_matches in maps.items():
            for right, values in of_matches.items():
                result = quarter_measures(values, quarters_of(values.shape), right)
                for measure in MEASURES:
                    measured.setdefault((*key, measure), []).append(float(result[measure] or 0))
        cancelled += [
            float(np.abs(values).sum() / abs(values.sum()))
            for values in maps["similarity", "fine"].values()
        ]
    print(f"{gallery.source.name}: {network.name}, {options.size} pixels, {len(groups)} matches")
    for (name, cells, measure), numbers in measured.items():
        print(f"  {name:<22}{cells:<8}{measure:<14}{bootstrap_mean(numbers, groups)}")
    for name in ("similarity", "relative to the mean"):
        areas = (np.array(measured[name, cells, "ROC area"]) for cells in ("fine", "coarse"))
        gains = np.subtract(*areas).tolist()
        print(f"  {name}: fine − coarse {bootstrap_mean(gains, groups)}")
    print(
        f"  fine cells: worst residual {worst:.0e}; their sizes add up to "
        f"{statistics.median(cancelled):.1f} times what they add up to"
    )


if __name__ == "__main__":
    main()
