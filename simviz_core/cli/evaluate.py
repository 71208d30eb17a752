"""`evaluate GALLERY`: how well a network retrieves the classes of a gallery."""

import argparse
import sys

from tqdm import tqdm

from simviz_core.cli.options.gallery import (
    add_condition_options,
    add_indexed_gallery,
    add_selection_option,
    asked_conditions,
    asked_gallery,
    selected_index,
)
from simviz_core.cli.options.network import asked_network
from simviz_core.cli.options.numbers import whole_number
from simviz_core.cli.options.output import add_csv_option, add_json_option, write_csv, write_json
from simviz_core.retrieval import quality_as_json, retrieval_quality


def add_options(evaluate: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    evaluate.description = (
        "Search a labelled gallery for each of its images, and print how often, and "
        "how early, images of the same class are found."
    )
    add_indexed_gallery(evaluate)
    add_condition_options(evaluate, "ask and find")
    add_selection_option(evaluate)
    evaluate.add_argument(
        "--queries",
        type=whole_number,
        metavar="N",
        help="ask N images drawn at random; default: all",
    )
    evaluate.add_argument("--seed", type=int, default=0, help="of the draw; default: %(default)s")
    add_json_option(evaluate)
    add_csv_option(evaluate, "the figures")
    evaluate.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    gallery = asked_gallery(options)
    conditions = asked_conditions(options, gallery)
    network = asked_network(options)
    index = selected_index(options, gallery, network)
    with tqdm(desc="searching", unit=" queries", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        quality = retrieval_quality(index, options.queries, options.seed, show, conditions)
    values = quality_as_json(quality)
    if options.json:
        weights = network.weights.line if network.weights else None
        engine = network.engine_in_use.line
        write_json({**values, "weights": weights, "engine": engine}, options.json)
    if options.csv:
        figures = {name: value for name, value in values.items() if isinstance(value, int | float)}
        write_csv([{"figure": name, "value": figures[name]} for name in figures], options.csv)
    if "-" not in (options.json, options.csv):
        if quality.copies_note:
            print(f"simviz: {quality.copies_note}", file=sys.stderr)
        for name, value in values.items():
            if isinstance(value, float):
                print(f"{name:<13} {value:.4f}")
            elif isinstance(value, int):
                print(f"{name:<13} {value}")
