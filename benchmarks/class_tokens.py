"""Maps of a class token against those of the mean of patch tokens, on the demo's masks.

    python -m benchmarks.class_tokens --runs runs/class_tokens

trains a small vision transformer on the demo's training hotels twice from random weights, once by
its class token and once by the mean of its patch tokens, with the same settings and batches, and
plays the games of `python -m simviz_core faithfulness` with both, with the patch tokens of the
first, and with the demo's own network from scratch. A run that was stopped goes on; one that is
finished is taken as it is. Each training takes ten minutes or more on one core.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import CLASS_TOKEN
from simviz_core.evidence import GameTable, Plan, Progress, measure_faithfulness
from simviz_core.gallery import DEMO_GALLERY, Gallery, GalleryImage, open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import embedding_table, index_gallery, load_index
from simviz_core.runs import DEMO_RUNS, RunCheckpoint, checkpoint_settings, open_run
from simviz_core.training import BATCH_ALL, TrainingSettings, choose_held_out, split_gallery, train
from simviz_core.training.measure import held_out_quality

NETWORK, SIZE = "timm/test_vit", 160
"""Six layers of 64 components, 10 × 10 patches: 0.3 million weights."""
HELD_OUT = "hotel_?[13579]"
"""The hotels that the demo's runs are measured on."""
METHODS = ("exact map", "relative to the mean", "Grad-CAM", "self map", "centre prior", "random")
PLAN = Plan(collages=60, pairs=100, twins="demo/twins", methods=METHODS)
BATCH = 48


@dataclass(frozen=True)
class Case:
    """A network whose maps are measured.

    Attributes:
        title: In the table.
        settings: Of the network.
    """

    title: str
    settings: NetworkSettings


def trained(gallery: Gallery, folder: Path, pooling: str, iterations: int, seed: int) -> Path:
    """Train the transformer, if that is not done yet.

    Returns:
        Its last checkpoint.
    """
    settings = TrainingSettings(
        network=NETWORK,
        pooling=pooling,
        size=SIZE,
        from_scratch=True,
        iterations=iterations,
        checkpoints=(iterations // 2,),
        loss=BATCH_ALL,
        learning_rate=1e-3,
        seed=seed,
        held_out=choose_held_out(gallery, HELD_OUT, 0),
    )

    def tell(checkpoint: RunCheckpoint) -> None:
        print(f"{folder}: {checkpoint.iteration}, Recall@1 {checkpoint.recall_at_1:.3f}")

    path = train(gallery, folder, settings, resume=True, on_checkpoint=tell).checkpoints[-1].path
    assert path is not None
    return path


def tables_of(network: SimilarityNetwork, gallery: Gallery) -> list[GameTable]:
    """Play the games."""
    table = embedding_table(gallery, network.fingerprint)
    index_gallery(gallery, network, table)
    index = load_index(gallery, table)
    with tempfile.TemporaryDirectory() as folder, tqdm(file=sys.stderr, leave=False) as bar:

        def show(progress: Progress) -> None:
            bar.total = progress.total
            bar.update(progress.done - bar.n)

        return measure_faithfulness(PLAN, gallery, network, index, Path(folder), show)


def share_in_no_cell(network: SimilarityNetwork, images: list[GalleryImage]) -> float:
    """The mean of b · e / |e|² over images: what of the embedding lies in no cell."""
    shares = []
    for start in range(0, len(images), BATCH):
        pixels = [image.load().pixels for image in images[start : start + BATCH]]
        found = network.decompose(pixels)
        shares.append((found.constant * found.embedding).sum(-1) / found.norm**2)
    return float(torch.cat(shares).mean())


def report(case: Case, gallery: Gallery, measured: list[GalleryImage]) -> None:
    """Print how well a network finds, and how well its maps did in each game."""
    network = load_for_settings(case.settings)
    quality, share = held_out_quality(network, measured), share_in_no_cell(network, measured)
    print(f"\n### {case.title}\n\nRecall@1 {quality.recall_at[1]:.3f}, ", end="")
    print(f"mAP@R {quality.map_at_r:.3f}, {share:.0%} in no cell\n")
    tables = tables_of(network, gallery)
    print("| ROC area | " + " | ".join(f"{t.game} ({t.items})" for t in tables) + " |")
    print("|---|" + "---|" * len(tables))
    for name in METHODS:
        rows = [next((row for row in t.rows if row.method == name), None) for t in tables]
        values = [str(row.measures.get("ROC area")) if row else "–" for row in rows]
        print(f"| {name} | " + " | ".join(values) + " |", flush=True)


def main() -> None:
    """Train what is not trained yet, and print the tables."""
    parser = argparse.ArgumentParser(description="Compare class tokens with patch tokens.")
    parser.add_argument("--runs", type=Path, required=True, help="the folder of the two runs")
    parser.add_argument("--iterations", type=int, default=1600, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    options = parser.parse_args()
    gallery = open_gallery(DEMO_GALLERY)
    asked = options.iterations, options.seed
    token = trained(gallery, options.runs / "class_token", CLASS_TOKEN, *asked)
    patches = trained(gallery, options.runs / "patch_tokens", "average", *asked)
    settings = NetworkSettings(NETWORK, CLASS_TOKEN, SIZE, str(token))
    scratch = open_run(DEMO_RUNS / "scratch")
    of_patches = replace(settings, pooling="average")
    cases = [
        Case("Class token", settings),
        Case("Mean of the same network's patch tokens", of_patches),
        Case("Trained by the mean of patch tokens", replace(of_patches, checkpoint=str(patches))),
        Case(
            "EfficientNet-Lite0 from scratch, demo/runs/scratch",
            checkpoint_settings(scratch, scratch.checkpoints[-1]),
        ),
    ]
    held_out = TrainingSettings(held_out=choose_held_out(gallery, HELD_OUT, 0))
    _, measured = split_gallery(gallery, held_out)
    for case in cases:
        report(case, gallery, measured)


if __name__ == "__main__":
    main()
