"""From a name to a similarity network.

`load_network` does it in one go: `build_network` makes the module with its weights, and
`adapt_network` makes a similarity network of a module. Whoever has other weights puts them in
between (`checkpoints.load_checkpoint`), and whoever has `NetworkSettings`, as the pages and the
commands have, calls `checkpoints.loading.load_for_settings`, which knows all of it.
"""

from dataclasses import dataclass, replace

from torch import nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks.catalogue import (
    NETWORKS,
    NetworkEntry,
    build_trunk,
    for_inference,
    network_entry,
)
from simviz_core.networks.class_token_network import ClassTokenNetwork
from simviz_core.networks.engines.choosing import TrunkEngine
from simviz_core.networks.ensembles import BETWEEN, EnsembleNetwork, ensemble, joined_reading
from simviz_core.networks.inspection.adapting import (
    Adapted,
    NetworkChoices,
    adapt,
    verified_reading,
)
from simviz_core.networks.inspection.class_tokens.trunk import ClassTokenTrunk
from simviz_core.networks.inspection.own_head import own_pooling_words
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
from simviz_core.networks.weights import PRETRAINED, PROGRAM, RANDOM


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of a network before it is built.

    Attributes:
        title: As it is shown.
        preprocessing: How it expects its pixels.
        size: The input size that it was made for, in pixels.
    """

    title: str
    preprocessing: Preprocessing
    size: InputSize


def load_network(
    name: str,
    pooling: str | None = None,
    size: InputSize | None = None,
    pretrained: bool = True,
    tail: str = "auto",
    layer: str | None = None,
    output: str | None = None,
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
        output: Which of the network's outputs is its embedding, where it has several ("embedding",
            "0"); None for the one that is found to be.

    Returns:
        The network, ready for inference.

    Raises:
        SettingsError: A name or a size that is not on offer.
        NetworkError: The weights cannot be had or do not fit, or the network cannot be decomposed.
    """
    if BETWEEN in name and not is_program_name(name):
        members = name.split(BETWEEN)
        size = size or network_facts(members[0]).size
        asked = (pooling, size, pretrained, tail, layer, output)
        joined = ensemble(name, [load_network(member, *asked) for member in members])
        return replace(joined, weights=PRETRAINED if pretrained else RANDOM)
    pooling = None if pooling == OWN_POOLING else pooling
    built = build_network(name, size, pretrained)
    network = adapt_network(name, built, size, NetworkChoices(pooling, tail, layer, output))
    weights = PRETRAINED if pretrained else RANDOM
    return replace(network, weights=PROGRAM if is_program_name(name) else weights)


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
        return build_trunk(name, pretrained)
    source = named_source(name)
    asked = source.size if size is None else height_and_width(checked_size(size))
    return for_inference(source.build(pretrained, asked))


def adapt_network(
    name: str,
    network: nn.Module,
    size: InputSize | None = None,
    choices: NetworkChoices | None = None,
    facts: NetworkFacts | None = None,
) -> SimilarityNetwork:
    """Make a similarity network of a module that is built already, with whatever weights.

    Args:
        name: As for `build_network`, which made it; or any, with `facts`.
        network: With its weights; it is not changed. Its output is its embedding, or, for one of
            `NETWORKS`, its feature map.
        size: As for `load_network`.
        choices: What to do otherwise than the network itself does.
        facts: What is known of the network; None for what `network_facts` knows by its name.

    Returns:
        The network, its cells verified to make its embedding; a trunk of the catalogue needs no
        verifying where its pooling is all that is chosen.

    Raises:
        SettingsError: A choice that is not on offer.
        NetworkError: It cannot be decomposed; the message says why and what to choose instead.
    """
    choices = choices or NetworkChoices()
    if name in NETWORKS and facts is None and choices == NetworkChoices(choices.pooling):
        return _with_trunk(NETWORKS[name], network, size or DEFAULT_SIZE, choices.pooling)
    facts = facts or network_facts(name)
    size = facts.size if size is None else checked_size(size)
    found = adapt(network, facts.title, height_and_width(size), choices)
    if not isinstance(found, Adapted):
        raise RefusedNetwork(found)
    reading = found.reading
    if name in NETWORKS and choices.layer is not None:
        own = pooling_by_name(NETWORKS[name].pooling)
        asked = (found.pooling, found.tail, height_and_width(size))
        reading = replace(reading, own_head=own_pooling_words(found.trunk, network, own, *asked))
    rest = facts.preprocessing, found.pooling, size, found.tail, reading
    if isinstance(found.trunk, ClassTokenTrunk):
        return ClassTokenNetwork(name, found.trunk, *rest)
    engine = TrunkEngine(name, found.trunk)
    return SimilarityNetwork(name, found.trunk, *rest, engine=engine)


def _with_trunk(
    entry: NetworkEntry, trunk: nn.Module, size: InputSize, pooling: str | None
) -> SimilarityNetwork:
    rule = pooling_by_name(pooling or entry.pooling)
    if size not in SIZES:
        raise SettingsError(f"unknown size {size}; choose one of {', '.join(map(str, SIZES))}")
    engine = TrunkEngine(entry.name, trunk)
    return SimilarityNetwork(entry.name, trunk, entry.preprocessing, rule, size, engine=engine)


def network_facts(name: str) -> NetworkFacts:
    """What is known of a network before it is built.

    Args:
        name: As for `load_network`. Of an ensemble, preprocessing and size are the first one's.

    Raises:
        SettingsError: There is none of that name.
    """
    if BETWEEN in name and not is_program_name(name):
        members = [network_facts(member) for member in name.split(BETWEEN)]
        return replace(members[0], title=" + ".join(member.title for member in members))
    if is_source_name(name):
        source = named_source(name)
        return NetworkFacts(source.title, source.preprocessing, input_size(*source.size))
    entry = network_entry(name)
    return NetworkFacts(entry.title, entry.preprocessing, DEFAULT_SIZE)


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
        joined = joined_reading([network_reading(member) for member in network.members])
        return replace(joined, weights=network.weights, engine=network.engine_in_use)
    if network.reading is not None:
        return replace(network.reading, weights=network.weights, engine=network.engine_in_use)
    entry, size = network_entry(network.name), height_and_width(network.size)
    blank = NetworkReading(entry.title, size, REFUSED)
    reading = verified_reading(network.trunk, network.pooling, blank)
    words = None
    if network.pooling.name != entry.pooling:
        own = pooling_by_name(entry.pooling)
        words = own_pooling_words(network.trunk, network.trunk, own, network.pooling, (), size)
    return replace(
        reading,
        own_pooling=entry.pooling,
        own_head=words,
        weights=network.weights,
        engine=network.engine_in_use,
    )
