"""Does a drawn region find the object in it better than the whole image does?

    python -m benchmarks.regions [--network efficientnet_lite0] [--pooling average] [--size 224]

Asked are the 24 hotels of the demo gallery that are for searching, six views each. Every view in
which an object is visible is a query: "which other hotels have *this* bedspread?"

- Visible means that the object's mask covers at least 1 % of the image's pixels.
- The region is the smallest box around the mask (`--drawn box`): of two bedside lamps it spans
  what lies between them, too. `boxes` draws one box around each connected part, as a user would
  around each lamp; `mask` weighs each cell by the share of it that the mask covers. The crop is
  always that of the first.
- The query's own hotel is left out of the gallery: its other views share the room, the light and
  all the furniture, so that finding them says nothing about the object.
- Right are images of other hotels with the object's design, where it is visible. Images of those
  hotels where it is not visible are neither right nor wrong: they are left out of that query's
  gallery, like the "junk" images of the Oxford buildings (Philbin et al., CVPR 2007). All other
  images are wrong. A query without any right image is not asked.

Compared are the mean average precision of

- the whole image: the gallery ranked by the cosine with the query;
- the region: the gallery ranked by what the region contributes to that cosine, one product with
  one vector made from the cells of the query, which is decomposed already;
- the fine region: the same from a layer with twice as many rows and columns, gates as they are;
- the crop: the region's box cut out and embedded anew, which takes a run of the network;
- chance: what a random order gets on average. It is higher than the share of right images, since
  the first right image in a short gallery comes early by chance.

The interval is a bootstrap over the designs, since queries of one design resemble each other.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn.metrics import average_precision_score
from torch import Tensor

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import DecomposedImage
from simviz_core.decomposition.regions import Rectangle
from simviz_core.gallery import DEMO_GALLERY, GalleryImage, open_gallery
from simviz_core.gallery.masks import mask_weights
from simviz_core.images import WHOLE, LoadedImage, load_image
from simviz_core.networks import (
    NETWORKS,
    POOLINGS,
    FineNetwork,
    SimilarityNetwork,
)
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    GalleryIndex,
    Region,
    Vector,
    crop_to,
    fine_region_vector,
    region_vector,
    weights_on,
    whole_vector,
)

Mask = NDArray[np.bool_]

ROOMS = DEMO_GALLERY.parent
OBJECTS = ("bedspread", "headboard", "lamp", "picture")
"""What recurs in several hotels, each design in two to four of them."""
RANKINGS = ("whole image", "region", "fine region", "crop")
DRAWN = ("box", "boxes", "mask")
VISIBLE = 0.01
"""An object is visible where its mask covers this share of the image's pixels."""
SMALLEST_PART = 0.1
"""Connected parts of a mask get a box of their own if they are this share of its largest part."""
DRAWS = 10_000
"""Bootstrap samples."""


@dataclass(frozen=True)
class View:
    """One view of a hotel.

    Attributes:
        image: The image in the gallery; its label is the hotel.
        picture: The image, loaded.
        mask: The category of each pixel as a place in `rooms.json`'s list, (height, width).
        designs: The hotel's design of each category.
        decomposed: The image as the network sees it.
    """

    image: GalleryImage
    picture: LoadedImage
    mask: NDArray[np.uint8]
    designs: dict[str, str]
    decomposed: DecomposedImage


@dataclass(frozen=True)
class Answer:
    """How one query was answered.

    Attributes:
        design: The design that was asked for.
        share: The share of right images among those that could be found, 0..1.
        chance: The average precision that a random order has on average.
        precision: The average precision of each ranking.
        seconds: How long the scores of each ranking took.
    """

    design: str
    share: float
    chance: float
    precision: dict[str, float]
    seconds: dict[str, float]


def search_views(network: SimilarityNetwork) -> tuple[list[View], list[str]]:
    """The views of the hotels that are for searching, and the categories' names."""
    rooms: dict[str, Any] = json.loads((ROOMS / "rooms.json").read_text(encoding="utf-8"))
    views = []
    for image in open_gallery(DEMO_GALLERY).images:
        hotel = rooms["hotels"][image.label]
        if hotel["split"] == "search":
            picture = load_image(image.path)
            with Image.open((ROOMS / "masks" / image.id).with_suffix(".png")) as opened:
                mask = np.asarray(opened)
            decomposed = network.decompose([picture.pixels])[0]
            views.append(View(image, picture, mask, hotel["designs"], decomposed))
    return views, rooms["categories"]


def box_of(mask: Mask) -> Rectangle:
    """The smallest box around a mask, (height, width), in pixels; it holds whole pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def boxes_of(mask: Mask) -> tuple[Rectangle, ...]:
    """A box around each connected part of a mask that is not just a crumb of it."""
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    large = np.flatnonzero(areas >= SMALLEST_PART * areas.max()) + 1
    return tuple(box_of(parts == part) for part in large)


def right_and_wrong(
    query: int, hotels: NDArray[np.str_], designs: NDArray[np.str_], is_visible: Mask
) -> tuple[Mask, Mask]:
    """Which images answer a query rightly, and which wrongly; the rest is left out.

    Args:
        query: The row of the query.
        hotels: The hotel of each image, (N,).
        designs: The design of the object in each image's hotel, (N,).
        is_visible: Whether the object is visible in each image, (N,).

    Returns:
        Two masks, (N,).
    """
    has_design = designs == designs[query]
    is_elsewhere = hotels != hotels[query]
    return has_design & is_elsewhere & is_visible, ~has_design & is_elsewhere


def chance_precision(right: int, wrong: int) -> float:
    """The average precision of a random order, on average.

    The image at rank k is right with the probability R / N, and then so are, on average,
    (k − 1)(R − 1) / (N − 1) of the images before it.

    Args:
        right: R, how many images are right.
        wrong: N − R, how many are not; at least one.

    Returns:
        (h + (R − 1) (N − h) / (N − 1)) / N, with h = Σ 1/k for k = 1..N.
    """
    count = right + wrong
    harmonic = float((1 / np.arange(1, count + 1)).sum())
    return (harmonic + (right - 1) * (count - harmonic) / (count - 1)) / count


def ask(
    query: View, mask: Mask, index: GalleryIndex, fine: FineNetwork, drawn: str
) -> tuple[dict[str, Vector], dict[str, float]]:
    """The scores of every image by each ranking, and the seconds that each ranking took."""
    network, box = fine.network, Region((box_of(mask),))
    region = Region(boxes_of(mask)) if drawn == "boxes" else box
    covered = mask_weights(mask, query.decomposed.grid, WHOLE) if drawn == "mask" else None
    image = fine.image(query.picture.pixels)
    scores, clock = {}, [time.perf_counter()]

    scores["whole image"] = index.scores(whole_vector(query.decomposed))
    clock.append(time.perf_counter())

    weights = weights_on(region, query.picture, query.decomposed.grid, WHOLE)
    weights = weights if covered is None else covered
    scores["region"] = index.scores(region_vector(query.decomposed, weights))
    clock.append(time.perf_counter())

    def weights_of(grid: tuple[int, int]) -> Tensor:
        if drawn == "mask":
            return mask_weights(mask, grid, WHOLE)
        return weights_on(region, query.picture, grid, WHOLE)

    scores["fine region"] = index.scores(fine_region_vector(image, weights_of))
    clock.append(time.perf_counter())

    pixels = network.pixels([crop_to(box, query.picture)])
    scores["crop"] = index.scores(network.unit_embeddings(pixels)[0].numpy(force=True))
    clock.append(time.perf_counter())
    return scores, dict(zip(RANKINGS, np.diff(clock).tolist(), strict=True))


def answers_for(
    category: str, place: int, views: list[View], fine: FineNetwork, drawn: str
) -> list[Answer]:
    """Ask every query of one category, whose place in the list of categories is given."""
    units = np.stack([view.decomposed.unit_embedding.numpy(force=True) for view in views])
    index = GalleryIndex(tuple(view.image for view in views), units)
    hotels = np.array([view.image.label for view in views])
    designs = np.array([view.designs[category] for view in views])
    masks = [view.mask == place for view in views]
    is_visible = np.array([mask.mean() >= VISIBLE for mask in masks])
    answers = []
    for row in np.flatnonzero(is_visible).tolist():
        right, wrong = right_and_wrong(row, hotels, designs, is_visible)
        if right.any():
            scores, seconds = ask(views[row], masks[row], index, fine, drawn)
            found = right | wrong
            precision = {
                name: float(average_precision_score(right[found], scores[name][found]))
                for name in RANKINGS
            }
            chance = chance_precision(int(right.sum()), int(wrong.sum()))
            share = float(right[found].mean())
            answers.append(Answer(designs[row], share, chance, precision, seconds))
    return answers


def interval(answers: list[Answer], better: str, worse: str) -> tuple[float, float]:
    """Where 95 % of the mean differences in average precision lie if designs are resampled."""
    designs = sorted({answer.design for answer in answers})
    differences = np.array([a.precision[better] - a.precision[worse] for a in answers])
    of_design = np.array([designs.index(answer.design) for answer in answers])
    sums, counts = np.bincount(of_design, differences), np.bincount(of_design)
    drawn = np.random.default_rng(0).integers(len(designs), size=(DRAWS, len(designs)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), [0.025, 0.975])
    return float(low), float(high)


def print_row(category: str, answers: list[Answer]) -> None:
    """Print how well one category was found."""
    share = statistics.mean(answer.share for answer in answers)
    chance = statistics.mean(answer.chance for answer in answers)
    means = [statistics.mean(answer.precision[name] for answer in answers) for name in RANKINGS]
    low, high = interval(answers, "region", "whole image")
    fine = interval(answers, "fine region", "region")
    print(
        f"  {category:<10}{len(answers):>8}{share:>9.1%}{chance:>9.3f}"
        + "".join(f"{mean:>13.3f}" for mean in means)
        + f"{means[1] - means[0]:>+16.3f} ({low:+.3f} to {high:+.3f})"
        + f"{means[2] - means[1]:>+15.3f} ({fine[0]:+.3f} to {fine[1]:+.3f})"
    )


def main() -> None:
    """Ask for every object with one network."""
    parser = argparse.ArgumentParser(description="Compare region search with its alternatives.")
    parser.add_argument("--network", choices=NETWORKS, default="efficientnet_lite0")
    parser.add_argument("--pooling", choices=POOLINGS, help="default: the network's own")
    parser.add_argument("--size", type=int, default=224, help="in pixels; default: %(default)s")
    parser.add_argument("--drawn", choices=DRAWN, default="box", help="default: %(default)s")
    parser.add_argument("--checkpoint", metavar="FILE", help="default: the pretrained weights")
    options = parser.parse_args()
    pooling = options.pooling or NETWORKS[options.network].pooling
    network = load_for_settings(
        NetworkSettings(options.network, pooling, options.size, options.checkpoint)
    )
    views, categories = search_views(network)
    fine = FineNetwork(network)
    print(
        f"{network.name}, {network.pooling.name} pooling, {network.size} pixels, {len(views)} "
        f"views; drawn: {options.drawn}; mean average precision"
    )
    print(
        f"  {'':<10}{'queries':>8}{'right':>9}{'chance':>9}"
        + "".join(f"{name:>13}" for name in RANKINGS)
        + f"{'region − whole':>16} (95 % interval){'fine − region':>15} (95 % interval)"
    )
    answers = []
    for category in OBJECTS:
        place = categories.index(category)
        of_category = answers_for(category, place, views, fine, options.drawn)
        print_row(category, of_category)
        answers += of_category
    print_row("all", answers)
    whole, region, finer, crop = (
        statistics.median(a.seconds[name] for a in answers) for name in RANKINGS
    )
    print(
        f"  one query: whole image {whole * 1e3:.2f} ms, region {region * 1e3:.2f} ms, from an "
        f"image decomposed before; fine region {finer * 1e3:.1f} ms, after one run that is not "
        f"counted; crop {crop * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    main()
