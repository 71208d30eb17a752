"""From a name to a similarity network."""

from dataclasses import replace

from torch import nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks.catalogue import NETWORKS, for_inference, load_trunk, network_entry
from simviz_core.networks.ensembles import BETWEEN, EnsembleNetwork, ensemble, joined_reading
from simviz_core.networks.inspection.adapting import (
    Adapted,
    NetworkChoices,
    adapt,
    verified_reading,
)
from simviz_core.networks.inspection.reading import REFUSED, NetworkReading
from simviz_core.networks.poolings import OWN_POOLING, pooling_by_name
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.similarity_network import SimilarityNetwork
from simviz_core.networks.sizes import (
    DEFAULT_SIZE,
    SIZES,
    InputSize,
    checked_size,
    height_and_width,
    input_size,
)
from simviz_core.networks.sources.programs import is_program_name
from simviz_core.networks.sources.registry import is_source_name, named_source


def load_network(
    name: str,
    pooling: str | None = None,
    size: InputSize | None = None,
    pretrained: bool = True,
    tail: str = "auto",
    layer: str | None = None,
) -> SimilarityNetwork:
    """Load a network by name.

    Args:
        name: One of `NETWORKS`, or one of a library: "timm/resnet50.a1_in1k"; or several, with
            a "+" between them, for an ensemble.
        pooling: One of `POOLINGS`; None and `OWN_POOLING` take the network's own.
        size: Width and height of its images, in pixels; None takes the network's own. Networks of
            the catalogue take one of `SIZES`.
        pretrained: Whether to load its pretrained weights; otherwise they are random.
        tail: Whether to "keep" or "drop" the layers after the pooling; "auto" keeps those that
            are known to be affine, if all are, and the pooling is the network's own.
        layer: The name of the layer whose output is pooled; None for the last feature map.

    Returns:
        The network, ready for inference.

    Raises:
        SettingsError: A name or a size that is not on offer.
        NetworkError: The weights cannot be had or do not fit, or the network cannot be decomposed.
    """
    if BETWEEN in name and not is_program_name(name):
        members = name.split(BETWEEN)
        size = size or known_of(members[0])[2]
        asked = (pooling, size, pretrained, tail, layer)
        return ensemble(name, [load_network(member, *asked) for member in members])
    pooling = None if pooling == OWN_POOLING else pooling
    choices = NetworkChoices(pooling, tail, layer)
    if name in NETWORKS and tail == "auto" and layer is None:
        return catalogue_network(name, load_trunk(name, pretrained), pooling, size)
    network = build_network(name, size, pretrained)
    return similarity_network(name, network, size, choices)


def catalogue_network(
    name: str, trunk: nn.Module, pooling: str | None, size: InputSize | None
) -> SimilarityNetwork:
    """A network of the catalogue with a trunk that is built already.

    Raises:
        SettingsError: A name or a size that is not on offer.
    """
    entry = network_entry(name)
    rule = pooling_by_name(pooling or entry.pooling)
    size = size or DEFAULT_SIZE
    if size not in SIZES:
        raise SettingsError(f"unknown size {size}; choose one of {', '.join(map(str, SIZES))}")
    return SimilarityNetwork(name, trunk, entry.preprocessing, rule, size)


def build_network(name: str, size: InputSize | None = None, pretrained: bool = True) -> nn.Module:
    """Build a whole network without its classifier, ready for inference.

    Args:
        name: One of `NETWORKS` (which gives its trunk), or one of a library.
        size: What it will be run on, since some have to be built for it; None for its own.
        pretrained: Whether to load its pretrained weights.

    Returns:
        (N, 3, height, width) to its embedding, (N, D), or to a feature map.

    Raises:
        SettingsError: A name or size that is not on offer.
        NetworkError: The weights cannot be had.
    """
    if not is_source_name(name):
        return load_trunk(name, pretrained)
    source = named_source(name)
    asked = source.size if size is None else height_and_width(checked_size(size))
    return for_inference(source.build(pretrained, asked))


def similarity_network(
    name: str, network: nn.Module, size: InputSize | None, choices: NetworkChoices
) -> SimilarityNetwork:
    """Make a similarity network of a whole one, by what is known and what is found of it.

    Args:
        name: As for `build_network`, which made it.
        network: With its weights; it is not changed.
        size: As for `load_network`.
        choices: What to do otherwise than the network itself does.

    Returns:
        The network, its cells verified to make its embedding.

    Raises:
        SettingsError: A choice that is not on offer.
        NetworkError: It cannot be decomposed; the message says why and what to choose instead.
    """
    title, preprocessing, own_size = known_of(name)
    asked = own_size if size is None else checked_size(size)
    return adapted_network(name, title, network, preprocessing, asked, choices)


def known_of(name: str) -> tuple[str, Preprocessing, InputSize]:
    """What is known of a network before it is built: title, preprocessing, own input size.

    Raises:
        SettingsError: There is none of that name.
    """
    if BETWEEN in name and not is_program_name(name):
        members = [known_of(member) for member in name.split(BETWEEN)]
        return " + ".join(title for title, _, _ in members), *members[0][1:]
    if is_source_name(name):
        source = named_source(name)
        return source.title, source.preprocessing, input_size(*source.size)
    entry = network_entry(name)
    return entry.title, entry.preprocessing, DEFAULT_SIZE


def own_size(name: str) -> InputSize:
    """The input size that a network was made for, in pixels.

    Raises:
        SettingsError: There is none of that name.
    """
    return known_of(name)[2]


def adapted_network(
    name: str,
    title: str,
    network: nn.Module,
    preprocessing: Preprocessing,
    size: InputSize,
    choices: NetworkChoices,
) -> SimilarityNetwork:
    """Make a similarity network of any module, ready for inference, whose output is its embedding.

    Raises:
        SettingsError: A choice that is not on offer.
        NetworkError: It cannot be decomposed; the message says why and what to choose instead.
    """
    found = adapt(network, title, height_and_width(size), choices)
    if not isinstance(found, Adapted):
        raise RefusedNetwork(found)
    return SimilarityNetwork(
        name, found.trunk, preprocessing, found.pooling, size, found.tail, found.reading
    )


class RefusedNetwork(NetworkError):
    """A network that cannot be decomposed as it is.

    Attributes:
        reading: What was found of it.
    """

    def __init__(self, reading: NetworkReading) -> None:
        super().__init__(f"{reading.title} cannot be decomposed: {reading.reason}")
        self.reading = reading


def network_reading(network: SimilarityNetwork) -> NetworkReading:
    """What is known of a loaded network, found out now for a network of the catalogue."""
    if isinstance(network, EnsembleNetwork):
        return joined_reading([network_reading(member) for member in network.members])
    if network.reading is not None:
        return network.reading
    blank = NetworkReading(
        network_entry(network.name).title, height_and_width(network.size), REFUSED
    )
    own = network_entry(network.name).pooling
    return replace(verified_reading(network.trunk, network.pooling, blank), own_pooling=own)
