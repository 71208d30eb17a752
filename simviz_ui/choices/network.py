"""The network settings, the same on every page and part of the link."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from simviz_core.errors import CheckpointError, SimVizError
from simviz_core.images import FITS, STRETCH, Fit
from simviz_core.networks import (
    BETWEEN,
    DEFAULT_NETWORK,
    DEFAULT_SIZE,
    NETWORKS,
    OWN_POOLING,
    SIZES,
    TAILS,
    InputSize,
    NetworkReading,
    RefusedNetwork,
    allowed_programs,
    default_pooling,
    network_facts,
    size_from_text,
    size_text,
    source_names,
)
from simviz_core.networks.engines.in_use import EngineInUse
from simviz_core.networks.poolings import POOLING_CHOICES, as_it_is
from simviz_core.networks.preprocessing import CHANNEL_ORDERS, RGB, Preprocessing
from simviz_core.networks.settings import NetworkSettings
from simviz_core.networks.weights import PRETRAINED as PRETRAINED_WEIGHTS
from simviz_ui.choices.weights import upload_title, weights_choice, weights_name
from simviz_ui.choices.weights_in_use import (
    PRETRAINED,
    RANDOM,
    WHOLE,
    asked_part,
    let_go_of_weights,
    part_choice,
    show_weights,
)
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.navigation import choose_instead, hold, remember, say_instead, wanted
from simviz_ui.serving.ending import end_page
from simviz_ui.serving.resources import engine_of, network_reading_of

POOLINGS_OF_ANY = {OWN_POOLING: "Own", **POOLING_CHOICES}
"""For networks whose own pooling is found when they are loaded."""
NO_SUCH_SIZE = "This network has no input size of {asked} pixels; {shown} is taken instead."
TAIL_TITLES = {"auto": "If exact", "keep": "Keep", "drop": "Drop"}


def network_settings(is_run: bool = True) -> NetworkSettings:
    """Show the choice of network, its weights, pooling and input size, and return it.

    A network that is not of the catalogue is loaded here, to show what it does. Where it cannot
    be used, the reason is shown, and the pages say it at their place, too.

    Args:
        is_run: Whether the page runs the network, so that what runs it is to be said: that takes
            loading it.
    """
    with st.sidebar:
        st.subheader("Network")
        network = network_box()
        is_known = network in NETWORKS
        line = st.empty()
        pooling, size = pooling_choice(network), size_choice(network)
        fit = _fit(network)
        with st.expander("Weights and layers", icon=":material/tune:"):
            weights = _weights()
            tail, layer, output = _layers()
            preprocessing = _preprocessing(network, fit)
        if isinstance(weights, SimVizError):
            with line.container():
                show_error(weights)
        else:
            checkpoint, is_random = weights
            part = asked_part(checkpoint)
            settings = NetworkSettings(
                network,
                pooling,
                size,
                checkpoint,
                tail,
                layer,
                is_random,
                part=part,
                checkpoint_name=upload_title(checkpoint) if checkpoint else None,
                output=output,
                preprocessing=preprocessing,
            )
            is_plain = (
                is_known
                and (*weights, tail, layer, output) == (None, False, "auto", None, None)
                and (preprocessing is None or preprocessing.channel_order == RGB)
            )
            with line.container():
                return _plain(settings, is_run) if is_plain else _shown(settings)
    show_error(weights)
    end_page()


def as_fields(settings: NetworkSettings) -> dict[str, str | None]:
    """A network as fields of the view, for a page that is opened with it."""
    checkpoint = settings.checkpoint
    weights = RANDOM if settings.is_random else PRETRAINED
    return {
        "network": settings.network,
        "weights": weights_name(checkpoint) if checkpoint else weights,
        "checkpoint_part": settings.part,
        "pooling": settings.pooling,
        "size": size_text(settings.size),
        "tail": settings.tail,
        "layer": settings.layer,
        "output": settings.output,
        "channel_order": settings.preprocessing.channel_order if settings.preprocessing else None,
        "fit": settings.fit,
    }


def _weights() -> tuple[str | None, bool] | SimVizError:
    try:
        return weights_choice()
    except SimVizError as error:
        return error


def _plain(settings: NetworkSettings, is_run: bool) -> NetworkSettings:
    """Say what is known of a network of the catalogue as it is."""
    st.caption(NETWORKS[settings.network].description)
    settings = replace(settings, weights=PRETRAINED_WEIGHTS)
    show_weights(settings)
    if not is_run:
        return settings
    with suppress(SimVizError):  # where it cannot be had, the pages say so
        return _with_engine(settings, engine_of(settings))
    return settings


def _with_engine(settings: NetworkSettings, engine: EngineInUse) -> NetworkSettings:
    """Say what runs a network."""
    st.caption(f":material/memory: Run by {as_markdown(engine.line)}")
    return replace(settings, engine=engine.line)


def _shown(settings: NetworkSettings) -> NetworkSettings:
    """Say what was found in a network.

    Returns:
        The settings, with the pooling that it does and the weights that it has.
    """
    try:
        reading, settings = _read(settings)
    except RefusedNetwork as error:
        _show_refusal(error.reading)
        return settings
    except SimVizError as error:
        show_error(error)
        return settings
    st.caption(as_markdown(reading.line))
    if reading.note:
        st.caption(f":material/info: {as_markdown(reading.note)}")
    weights = reading.weights
    if weights is not None and settings.checkpoint_name is not None:
        weights = replace(weights, source=settings.checkpoint_name)
    settings = replace(settings, pooling=reading.pooling or settings.pooling, weights=weights)
    show_weights(settings)
    if weights is not None:
        part_choice(settings, weights)
    return _with_engine(settings, reading.engine) if reading.engine else settings


def _read(settings: NetworkSettings) -> tuple[NetworkReading, NetworkSettings]:
    """What is known of a network; by the first part of its checkpoint where it lacks the asked one.

    Raises:
        SimVizError: See `network_reading_of`.
    """
    try:
        return network_reading_of(settings), settings
    except CheckpointError as error:
        if settings.part is None:
            raise
        settings = replace(settings, part=None)
        reading = network_reading_of(settings)
        taken = reading.weights.part if reading.weights else None
        say_instead("checkpoint_part", f"{error}. The first of them is taken.", taken or WHOLE)
        choose_instead("checkpoint_part", None)
        return reading, settings


def _show_refusal(reading: NetworkReading) -> None:
    show_error(f"{reading.title} cannot be decomposed: {reading.reason}")


@st.cache_data(show_spinner="Listing the networks …", show_time=True)
def _library_names() -> list[str]:
    return source_names()


def network_box(field: str = "network") -> str:
    """Ask for a network by name.

    Args:
        field: Of the view, which holds it.

    Returns:
        The name; one that is typed need not be on offer.
    """
    offered = [*NETWORKS, *allowed_programs(), *_library_names()]
    by_title = {entry.title: entry.name for entry in NETWORKS.values()}
    asked = wanted(field)
    if asked in by_title:  # links once named a network by its title
        remember(**{field: by_title[asked]})
    elif asked and asked not in offered:
        offered.append(asked)
    chosen = st.selectbox(
        "Network",
        offered,
        format_func=lambda name: NETWORKS[name].title if name in NETWORKS else name,
        **hold(field, DEFAULT_NETWORK),
        accept_new_options=True,
        on_change=let_go_of_weights if field == "network" else None,
        label_visibility="collapsed",
        help="Type to search the networks of timm and torchvision. Two names with a "
        f"{BETWEEN} between them are an ensemble.",
    )
    return by_title.get(chosen or "", chosen or DEFAULT_NETWORK)


def pooling_choice(network: str, field: str = "pooling") -> str:
    """Ask for a pooling.

    Args:
        network: The network's name.
        field: Of the view, which holds it.

    Returns:
        Its name; "own" for a network's own that is found when it is loaded.
    """
    own = default_pooling(network)
    is_known = network in NETWORKS
    offered = POOLING_CHOICES if is_known else POOLINGS_OF_ANY
    more = "With another pooling than its own the layers after it are dropped. GeM uses p = 3."
    if is_known:
        more = (
            f"The network's own pooling is {own}; any other is exact too. GeM uses p = 3. R-MAC "
            "and CroW weigh regions, or cells and channels, by what is in the image."
        )
    chosen = st.segmented_control(
        "Pooling",
        list(offered),
        required=True,
        format_func=lambda name: offered[name],
        **hold(field, own, list(offered), key=None if is_known else f"own_{field}"),
        help=f"How the last feature map becomes the embedding. {more}",
    )
    if is_known and (label := as_it_is(chosen or own)):
        st.caption(f"Exact with the {label} in each image.")
    return chosen or own


def size_choice(network: str, field: str = "size") -> InputSize:
    """Ask for an input size; stops the page where what is typed is none.

    Args:
        network: The network's name.
        field: Of the view, which holds it.
    """
    return _size_of_catalogue(field) if network in NETWORKS else _size_of_any(network, field)


def _size_of_catalogue(field: str) -> int:
    sizes = [str(size) for size in SIZES]
    chosen = st.segmented_control(
        "Input size",
        sizes,
        required=True,
        format_func=lambda pixels: f"{pixels} px",
        **hold(field, str(DEFAULT_SIZE), sizes, instead=NO_SUCH_SIZE),
        help="The whole image is resized to a square of this side. A larger one gives a finer "
        "grid of cells and takes longer: 7 × 7 at 224, 10 × 10 at 320, 14 × 14 at 448.",
    )
    return int(chosen or DEFAULT_SIZE)


def _size_of_any(network: str, field: str) -> InputSize:
    try:
        own = network_facts(network).size
    except SimVizError as error:
        show_error(error)
        end_page()
    typed = st.text_input(
        "Input size",
        placeholder=f"{size_text(own)} (its own)",
        **hold(field, "", key=f"any_{field}"),
        help="Width and height that images are resized to, in pixels: 224, or 128x256 for width × "
        "height. Some networks take one size only.",
    )
    try:
        return size_from_text(typed) if typed else own
    except SimVizError as error:
        show_error(error)
        end_page()


def _fit(network: str) -> Fit:
    chosen = st.segmented_control(
        "How images fit",
        FITS,
        required=True,
        format_func=str.capitalize,
        **hold("fit", STRETCH, FITS),
        help="How an image becomes the network's input. Stretch takes all of it and changes its "
        "proportions. Pad keeps them and fills the rest with the network's mean colour. Crop takes "
        "its middle, as the network was trained. Maps lie on what the network sees.",
    )
    fit = chosen or STRETCH
    if fit != STRETCH and (found := _network_preprocessing(network)) is not None:
        st.caption(replace(found, fit=fit).fit_sentence)
    return fit


def _network_preprocessing(network: str) -> Preprocessing | None:
    """A network's own; None where it cannot be had, which is said in its place."""
    try:
        return network_facts(network).preprocessing
    except SimVizError:
        return None


def _preprocessing(network: str, fit: Fit) -> Preprocessing | None:
    """How images become the input, where that is not stretched in the network's own way."""
    chosen = st.segmented_control(
        "Channel order",
        list(CHANNEL_ORDERS),
        required=True,
        format_func=str.upper,
        **hold("channel_order", RGB, list(CHANNEL_ORDERS)),
        help="The order that the network sees the colours in. Networks that were trained with "
        "images as OpenCV reads them, or in Caffe, see blue first.",
    )
    order = chosen or RGB
    if (order, fit) == (RGB, STRETCH):
        return None
    own = _network_preprocessing(network)
    return own and replace(own, channel_order=order, fit=fit)


def _layers() -> tuple[str, str | None, str | None]:
    tail = st.segmented_control(
        "Layers after the pooling",
        list(TAILS),
        required=True,
        format_func=lambda name: TAIL_TITLES[name],
        **hold("tail", TAILS[0], list(TAILS)),
        help="A batch norm or a linear embedder is kept where all that follows the pooling can be "
        "decomposed exactly. Keep keeps a ReLU, too, and says how much that leaves in no cell.",
    )
    layer = st.text_input(
        "Layer to pool",
        placeholder="the last feature map",
        **hold("layer", ""),
        help="The name of a layer in the network, such as `layer3`, whose output is pooled "
        "instead of the last feature map.",
    )
    output = st.text_input(
        "Output that is the embedding",
        placeholder="the one that is found to be",
        **hold("output", ""),
        help="Of a network that returns several tensors: the name of one, such as `embedding`, or "
        "its place from `0`.",
    )
    return tail or TAILS[0], layer or None, output or None
