"""A report on one network and one gallery: what was measured of its maps, in words and numbers.

Kept as JSON beside the index, so that it is there at once the next time.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from simviz_core import __version__
from simviz_core.decomposition import bias_term, similarity, similarity_map
from simviz_core.evidence.distributions import similarity_distributions
from simviz_core.evidence.games.objects import draw_pairs
from simviz_core.evidence.games.randomisation import shuffled_from_top
from simviz_core.evidence.intervals import bootstrap_mean
from simviz_core.evidence.measures import localisation
from simviz_core.evidence.methods import METHODS, ExplainedImage, Target
from simviz_core.evidence.occlusion_check import check_all_cells
from simviz_core.files import write_atomically
from simviz_core.gallery import Gallery
from simviz_core.gallery.masks import GalleryMasks, find_masks, mask_weights
from simviz_core.map_measures import pearson_correlation
from simviz_core.networks import SimilarityNetwork, require_single
from simviz_core.retrieval import EmbeddingTable, GalleryIndex

ADDS_UP = "adds up"
"""The finding that is a residual, not a share or a correlation."""
PAIRS, CHECKED, MASKED = 40, 4, 30
"""Pairs whose maps are looked at, whose cells are all blanked, and that are compared with masks."""
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was measured.

    Attributes:
        name: In two or three words.
        value: The number; None where it cannot be measured.
        low: Lower end of its 95 % interval; None where it has none.
        high: Upper end.
        count: Over how many items.
        measured: What was measured, in a sentence.
        meaning: What it means for reading the maps.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    measured: str
    meaning: str


@dataclass(frozen=True)
class TrustReport:
    """All findings on one network and one gallery.

    Attributes:
        gallery: Its folder.
        findings: In the order in which they are shown.
        distributions: Of the gallery's similarities; see `SimilarityDistributions.as_json`.
        version: Of SimViz.
    """

    gallery: str
    findings: tuple[Finding, ...]
    distributions: dict[str, Any]
    version: str

    def as_json(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


Progress = Callable[[int, int, str], None]
"""Called with how many steps are done, how many there are, and what is next; may raise to stop."""


def measure_trust(
    network: SimilarityNetwork,
    gallery: Gallery,
    index: GalleryIndex,
    on_progress: Progress | None = None,
    seed: int = 0,
) -> TrustReport:
    """Measure how far one network's maps can be trusted on one gallery.

    Args:
        network: That is asked.
        gallery: With a class of two images.
        index: Its embeddings by that network.
        on_progress: See `Progress`.
        seed: Of the pairs that are drawn.

    Raises:
        GalleryError: No class has two images.
        SettingsError: It is an ensemble, whose weights are not shuffled together.
    """
    require_single(network, "measured")
    pairs = draw_pairs(gallery, PAIRS, seed)
    masks = find_masks(gallery)
    masked = draw_pairs(gallery, MASKED, seed, masks) if masks is not None else []
    steps = len(pairs) + CHECKED + len(masked) + 1
    report = _Reporter(on_progress, steps)
    findings: list[Finding] = []
    maps = list(report.each(_looked_at(network, gallery, pairs, seed), "maps add up"))
    findings += _of_maps(maps)
    checked = report.each(_checked(network, gallery, pairs[:CHECKED]), "blanking cells")
    findings.append(_of_checks(list(checked)))
    if masks is not None:
        found = report.each(_on_objects(network, gallery, index, masks, masked), "masks")
        findings += _of_masks(list(found))
    distributions = similarity_distributions(index, seed)
    report.step("similarities of the gallery")
    return TrustReport(str(gallery.source), tuple(findings), distributions.as_json(), __version__)


class _Reporter:
    """Counts steps for a progress bar."""

    def __init__(self, on_progress: Progress | None, total: int) -> None:
        self.on_progress, self.total, self.done = on_progress, total, 0

    def step(self, name: str) -> None:
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(self.done, self.total, name)

    def each(self, values: Iterator[Any], name: str) -> Iterator[Any]:
        for value in values:
            self.step(name)
            yield value


@dataclass(frozen=True)
class _Looked:
    """What was seen of one pair: residual, and correlations of its maps."""

    residual: float
    with_self: float | None
    with_random: float | None


def _looked_at(
    network: SimilarityNetwork, gallery: Gallery, pairs: Sequence[tuple[str, str]], seed: int
) -> Iterator[_Looked]:
    shuffled = shuffled_from_top(network, 1.0, seed)
    for pair in pairs:
        pictures = [gallery.image(name).load().pixels for name in pair]
        images = network.decompose(pictures)
        i, j = images[0], images[1]
        values = similarity_map(i, j).numpy(force=True)
        own = similarity_map(i, i).numpy(force=True)
        score = similarity(i, j).item()
        residual = abs(values.sum(dtype=np.float64) + bias_term(i, j).item() - score)
        random = shuffled.decompose(pictures)
        other = similarity_map(random[0], random[1]).numpy(force=True)
        yield _Looked(
            float(residual),
            pearson_correlation(values, own),
            pearson_correlation(values, other),
        )


def _of_maps(looked: Sequence[_Looked]) -> list[Finding]:
    worst = max(found.residual for found in looked)
    return [
        Finding(
            ADDS_UP,
            worst,
            None,
            None,
            len(looked),
            "The largest difference between a map's sum, with its bias, and the cosine.",
            "Exact up to rounding: nothing of the score is missing from the map."
            if worst < 1e-4
            else "The map does not add up to the score; do not read it as a part of it.",
        ),
        _mean(
            "like the self map",
            [found.with_self for found in looked],
            "The correlation of a pair's map with the image's map with itself.",
            "Near 1 the map shows what is strong in the image rather than what the pair shares; "
            "look at the map relative to the mean or to itself.",
        ),
        _mean(
            "like shuffled weights",
            [found.with_random for found in looked],
            "The correlation of a pair's map with that of the same network of shuffled weights.",
            "Near 0 the map depends on what was learnt; near 1 it would come from the image and "
            "the architecture alone.",
        ),
    ]


def _checked(
    network: SimilarityNetwork, gallery: Gallery, pairs: Sequence[tuple[str, str]]
) -> Iterator[float | None]:
    for pair in pairs:
        pictures = [gallery.image(name).load().pixels for name in pair]
        images = network.decompose(pictures)
        yield check_all_cells(network, pictures[0], images[0], images[1]).correlation


def _of_checks(correlations: Sequence[float | None]) -> Finding:
    return _mean(
        "predicted against real",
        correlations,
        "The correlation, over the cells of an image, of what the similarity would be without a "
        "cell with what it is when the cell's pixels are blurred and the network runs again.",
        "Near 1 a cell's pixels do what its contribution says. Lower: cells see more than they "
        "cover, and a blurred patch is something new to the network.",
    )


def _on_objects(
    network: SimilarityNetwork,
    gallery: Gallery,
    index: GalleryIndex,
    masks: GalleryMasks,
    pairs: Sequence[tuple[str, str]],
) -> Iterator[dict[str, dict[str, float | None]]]:
    mean = torch.from_numpy(index.matrix.mean(0)).to(network.device)
    for query, match in pairs:
        pictures = [gallery.image(name).load().pixels for name in (query, match)]
        image, other = (ExplainedImage(network, picture) for picture in pictures)
        mask = masks.of_image(query)
        assert mask is not None
        covered = mask_weights(mask, image.grid, image.frame).numpy()
        target = Target(other.unit, mean)
        yield {
            name: localisation(METHODS[name].map(image, target)[0], covered)
            for name in ("exact map", "centre prior")
        }


def _of_masks(found: Sequence[dict[str, dict[str, float | None]]]) -> list[Finding]:
    findings = []
    for measure, words in (
        ("ROC area", "The area under the ROC of telling object cells by the map's values"),
        ("pointing game", "How often the strongest cell lies on an object"),
    ):
        prior = _mean("", [each["centre prior"][measure] for each in found], "", "")
        findings.append(
            _mean(
                f"objects: {measure}",
                [each["exact map"][measure] for each in found],
                f"{words}; {prior.value or 0:.2f} for a mere blob in the middle.",
                "Says that the map lies on objects, not that it explains the pair: on centred "
                "objects the blob does as well.",
            )
        )
    return findings


def _mean(name: str, values: Sequence[float | None], measured: str, meaning: str) -> Finding:
    known = [value for value in values if value is not None]
    found = bootstrap_mean(known)
    if found is None:
        return Finding(name, None, None, None, 0, measured, "It could not be measured here.")
    return Finding(name, found.mean, found.low, found.high, found.count, measured, meaning)


def trust_path(table: EmbeddingTable) -> Path:
    """Where the report on a gallery's embeddings lies."""
    return table.folder / f"{table.name}_trust.json"


def save_trust(report: TrustReport, table: EmbeddingTable) -> None:
    """Keep a report beside the index.

    Raises:
        OSError: The folder cannot be written.
    """
    text = json.dumps({**report.as_json(), "index": table.version}, indent=1)
    write_atomically(trust_path(table), text.encode())


def read_trust(table: EmbeddingTable) -> TrustReport | None:
    """The report on a gallery's embeddings as they are now.

    Returns:
        None where there is none, where it is of an earlier state of the index or of another
        version, or where it cannot be read.
    """
    path = trust_path(table)
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
        if (values.pop("index"), values["version"]) != (table.version, __version__):
            return None
        findings = tuple(Finding(**finding) for finding in values["findings"])
        return TrustReport(values["gallery"], findings, values["distributions"], values["version"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
