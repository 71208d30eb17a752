"""`train GALLERY`: train a network on a gallery, keeping checkpoints on the way."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from simviz_core.cli.options.gallery import (
    GALLERY_HELP,
    add_class_level_option,
    asked_gallery,
    say_values,
)
from simviz_core.cli.options.network import add_network_options
from simviz_core.cli.options.numbers import whole_number, whole_numbers
from simviz_core.errors import SettingsError, TrainingError
from simviz_core.gallery import Gallery
from simviz_core.networks import default_pooling, network_facts
from simviz_core.runs import RunCheckpoint
from simviz_core.training import (
    BATCH_HARD,
    LEARNING_RATE,
    LEARNING_RATE_FROM_SCRATCH,
    LOSS_LEARNING_RATE,
    TRIPLET_LOSSES,
    TrainingSettings,
    choose_held_out,
    default_moments,
    train,
)
from simviz_core.training.library import (
    LOSSES,
    MINERS,
    OPTION,
    options_from_text,
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    command.description = "Train a network on a gallery, keeping checkpoints on the way."
    command.add_argument("gallery", metavar="GALLERY", help=GALLERY_HELP)
    command.add_argument("--run", metavar="DIR", required=True, dest="folder", help="the run")
    add_class_level_option(command)
    add_network_options(command)
    _add_training_options(command)
    _add_loss_options(command)
    _add_data_options(command)
    command.set_defaults(run=_run)


def _add_training_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--embedding-size",
        type=whole_number,
        metavar="D",
        help="train a fully connected layer after the pooling, too, which makes embeddings of D "
        "components; default: none",
    )
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


def _add_loss_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--loss",
        metavar="NAME",
        default=BATCH_HARD,
        help=f"{', '.join(TRIPLET_LOSSES)}, or one of pytorch-metric-learning, such as "
        "ProxyAnchorLoss; `losses` lists them; default: %(default)s",
    )
    command.add_argument(
        "--margin",
        type=float,
        help="of the triplet losses: how much farther a wrong match should be, a distance of unit "
        f"embeddings; default: {TrainingSettings.margin}",
    )
    command.add_argument(
        "--loss-learning-rate",
        type=float,
        default=LOSS_LEARNING_RATE,
        metavar="RATE",
        help="of the weights that a loss has itself, such as its proxies; default: %(default)g",
    )
    command.add_argument(
        "--miner",
        metavar="NAME",
        help="one of pytorch-metric-learning, such as MultiSimilarityMiner; default: none",
    )
    for part in ("loss", "miner"):
        command.add_argument(
            f"--{part}-option",
            metavar="KEY=VALUE",
            action="append",
            default=[],
            dest=f"{part}_options",
            help=f"an argument of the {part}, as its class names it; can be given again",
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
    if options.margin is not None and options.loss not in TRIPLET_LOSSES:
        raise SettingsError(
            f"--margin is of the triplet losses; give that of {options.loss} as --loss-option"
        )
    rate = LEARNING_RATE_FROM_SCRATCH if options.from_scratch else LEARNING_RATE
    return TrainingSettings(
        network=options.network,
        pooling=options.pooling or default_pooling(options.network),
        size=options.size or network_facts(options.network).size,
        embedding_size=options.embedding_size,
        from_scratch=options.from_scratch,
        iterations=options.iterations,
        checkpoints=options.checkpoints or default_moments(options.iterations),
        loss=options.loss,
        margin=TrainingSettings.margin if options.margin is None else options.margin,
        loss_options=_named_options(LOSSES, options.loss, options.loss_options),
        miner=options.miner,
        miner_options=_named_options(MINERS, options.miner, options.miner_options),
        loss_learning_rate=options.loss_learning_rate,
        classes=options.classes,
        images=options.images,
        learning_rate=rate if options.learning_rate is None else options.learning_rate,
        seed=options.seed,
        held_out=choose_held_out(gallery, options.held_out or a_quarter, options.seed),
    )


def _named_options(package: str, name: str | None, texts: Sequence[str]) -> dict[str, OPTION]:
    if not texts:
        return {}
    if name is None or name in TRIPLET_LOSSES:
        raise SettingsError(
            f"{texts[0]!r} is an option of nothing: {name or 'no miner'} has none; "
            "`python -m simviz_core losses` lists those of others"
        )
    return options_from_text(package, name, texts)


def _print_checkpoint(checkpoint: RunCheckpoint) -> None:
    loss = "" if checkpoint.loss is None else f"  loss {checkpoint.loss:.4f}"
    name = checkpoint.path.name if checkpoint.path else "the pretrained weights"
    # Through tqdm, which takes its bar away for a moment.
    tqdm.write(
        f"iteration {checkpoint.iteration}{loss}  Recall@1 {checkpoint.recall_at_1:.4f}  "
        f"mAP@R {checkpoint.map_at_r:.4f}  {name}"
    )
