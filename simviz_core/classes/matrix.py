"""How similar classes are to one another, and in which order that shows.

The similarity of two classes is the mean cosine over all the pairs of an image of the one and an
image of the other: the product of their mean unit embeddings. No pair is ever computed.
"""

import numpy as np
from numpy.typing import NDArray

from simviz_core.classes.maps import ClassSums


def class_similarities(sums: ClassSums, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean similarity of the images of each two classes.

    Args:
        sums: Of the gallery.
        places: Of the classes, K of them, in `index.classes`.

    Returns:
        (K, K), −1..1. On the diagonal an image is not compared with itself: it is the mean over
        the pairs of different images of the class; NaN for a class of one image.
    """
    means = sums.means[places]
    similarities = means @ means.T
    sizes = sums.sizes[places].astype(np.float64)
    own = (sums.vectors[places] ** 2).sum(1) - sums.squares[places]
    with np.errstate(invalid="ignore"):
        np.fill_diagonal(similarities, own / (sizes * (sizes - 1)))
    return similarities


def closest_classes(sums: ClassSums, label: str) -> list[tuple[str, float]]:
    """The other classes, by their mean similarity to one.

    Args:
        sums: Of the gallery.
        label: The one.

    Returns:
        Label and mean similarity of each other class, the most similar one first.

    Raises:
        GalleryError: There is no such class.
    """
    own = sums.place(label)
    similarities = sums.means @ sums.means[own]
    order = np.argsort(-similarities, kind="stable")
    classes = sums.index.classes
    return [(classes[place], float(similarities[place])) for place in order if place != own]


def order_in_blocks(similarities: NDArray[np.float64]) -> NDArray[np.int64]:
    """An order of classes in which similar ones stand together, so that blocks show.

    Args:
        similarities: Of each two of K classes, (K, K), symmetric; the diagonal does not matter.

    Returns:
        A permutation of 0..K−1: the leaves of their average-linkage clustering, turned so that
        neighbours are as similar as the tree allows.

    Source: Bar-Joseph, Gifford, Jaakkola, "Fast optimal leaf ordering for hierarchical
        clustering", Bioinformatics 2001.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    count = len(similarities)
    if count < 3:
        return np.arange(count)
    distances = np.clip(1 - (similarities + similarities.T) / 2, 0, None)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
    return leaves_list(tree).astype(np.int64)
