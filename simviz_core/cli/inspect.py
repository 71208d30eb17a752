"""`inspect NAME`: how a network pools, what follows, and whether it can be decomposed exactly."""

import argparse

from simviz_core.cli.options.network import (
    add_network_choices,
    add_network_details,
    asked_network,
    network_name,
)
from simviz_core.cli.options.output import add_json_option, write_json
from simviz_core.networks import ClassTokenNetwork, RefusedNetwork, network_reading
from simviz_core.networks.class_token_network import mean_shares


def add_options(inspect: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    inspect.description = (
        "Try a network on random images: how it pools, what follows, and whether its "
        "similarity can be decomposed exactly, with the largest residual that was met."
    )
    inspect.add_argument("network", metavar="NAME", type=network_name, help="of the network")
    add_network_choices(inspect)
    add_network_details(inspect)
    add_json_option(inspect)
    inspect.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    try:
        network = asked_network(options)
        reading = network_reading(network)
    except RefusedNetwork as error:
        if options.json:
            write_json(error.reading.as_json(), options.json)
        raise
    shares = mean_shares(network) if isinstance(network, ClassTokenNetwork) else []
    if options.json:
        by_layer = {"by_layer": shares} if shares else {}
        write_json(reading.as_json() | by_layer, options.json)
        return
    print(reading.line)
    if reading.weights:
        print(reading.weights.line)
    if reading.engine:
        print(f"run by {reading.engine.line}")
    print(f"largest residual {reading.residual:.1e}")
    if reading.note:
        print(reading.note)
    for each in shares:
        print(
            f"layer {each['layer']:2d}: {each['cells']:+7.1%} of the embedding in cells, "
            f"{each['no_cell']:+7.1%} in none"
        )
