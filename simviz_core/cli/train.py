"""`train GALLERY`: train a network on a gallery, keeping checkpoints on the way."""

import argparse
from pathlib import Path

from tqdm import tqdm

from simviz_core.cli.options.gallery import (
    GALLERY_HELP,
    add_class_level_option,
    asked_gallery,
    say_values,
)
from simviz_core.cli.options.network import add_trained_network_options
from simviz_core.cli.options.output import Commands, OneLineParser, whole_numbers
from simviz_core.errors import TrainingError
from simviz_core.gallery import Gallery
from simviz_core.networks import NETWORKS
from simviz_core.runs import RunCheckpoint
from simviz_core.training import (
    BATCH_HARD,
    LEARNING_RATE,
    LEARNING_RATE_FROM_SCRATCH,
    LOSSES,
    TrainingSettings,
    choose_held_out,
    default_moments,
    train,
)


def add_to(commands: "Commands[OneLineParser]") -> None:
    """Add the command."""
    command = commands.add_parser(
        "train",
        help="train a network on a gallery",
        description="Train a network on a gallery with the triplet loss, keeping checkpoints.",
    )
    command.add_argument("gallery", metavar="GALLERY", help=GALLERY_HELP)
    command.add_argument("--run", metavar="DIR", required=True, dest="folder", help="the run")
    add_class_level_option(command)
    add_trained_network_options(command)
    _add_training_options(command)
    _add_data_options(command)
    command.set_defaults(run=_run)


def _add_training_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from-scratch", action="store_true", help="begin with random weights, not pretrained ones"
    )
    command.add_argument(
        "--iterations", type=int, default=200, metavar="N", help="batches; default: %(default)s"
    )
    command.add_argument(
        "--checkpoints",
        type=whole_numbers,
        metavar="A,B,…",
        help="iterations to keep, beside the last; default: 0, 5, 20 and 50 %% of all",
    )
    command.add_argument("--loss", choices=LOSSES, default=BATCH_HARD, help="default: %(default)s")
    command.add_argument(
        "--margin",
        type=float,
        default=TrainingSettings.margin,
        help="how much farther a wrong match should be, a distance of unit embeddings; "
        "default: %(default)s",
    )
    command.add_argument(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help=f"default: {LEARNING_RATE:g}, from scratch {LEARNING_RATE_FROM_SCRATCH:g}",
    )
    command.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    command.add_argument(
        "--resume", action="store_true", help="go on where the run was when it was stopped"
    )


def _add_data_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--classes", type=int, default=8, metavar="P", help="in a batch; default: %(default)s"
    )
    command.add_argument(
        "--images", type=int, default=4, metavar="K", help="of each class; default: %(default)s"
    )
    command.add_argument(
        "--held-out",
        metavar="WHICH",
        help="classes to measure Recall@1 on and never to train on: how many (drawn by the seed), "
        "a pattern ('hotel_?[13579]'), or a file with one label a line; default: a quarter",
    )


def _run(options: argparse.Namespace) -> None:
    gallery = asked_gallery(options)
    say_values([], gallery)
    settings = _settings(options, gallery)
    written: list[RunCheckpoint] = []

    def tell(checkpoint: RunCheckpoint) -> None:
        written.append(checkpoint)
        _print_checkpoint(checkpoint)

    try:
        train(gallery, Path(options.folder), settings, options.resume, tell)
    except KeyboardInterrupt as stop:
        raise TrainingError("stopped; the same command with --resume goes on") from stop
    if not written:
        print(f"{options.folder} was finished already")


def _settings(options: argparse.Namespace, gallery: Gallery) -> TrainingSettings:
    a_quarter = str(max(1, len(gallery.by_label) // 4))
    rate = LEARNING_RATE_FROM_SCRATCH if options.from_scratch else LEARNING_RATE
    return TrainingSettings(
        network=options.network,
        pooling=options.pooling or NETWORKS[options.network].pooling,
        size=options.size,
        from_scratch=options.from_scratch,
        iterations=options.iterations,
        checkpoints=options.checkpoints or default_moments(options.iterations),
        loss=options.loss,
        margin=options.margin,
        classes=options.classes,
        images=options.images,
        learning_rate=rate if options.learning_rate is None else options.learning_rate,
        seed=options.seed,
        held_out=choose_held_out(gallery, options.held_out or a_quarter, options.seed),
    )


def _print_checkpoint(checkpoint: RunCheckpoint) -> None:
    loss = "" if checkpoint.loss is None else f"  loss {checkpoint.loss:.4f}"
    name = checkpoint.path.name if checkpoint.path else "the pretrained weights"
    # Through tqdm, which takes its bar away for a moment.
    tqdm.write(
        f"iteration {checkpoint.iteration}{loss}  Recall@1 {checkpoint.recall_at_1:.4f}  "
        f"mAP@R {checkpoint.map_at_r:.4f}  {name}"
    )
