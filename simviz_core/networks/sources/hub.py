"""Weights that are downloaded: whether their host answers, and what to say where it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from simviz_core.errors import NetworkError

SECONDS_TO_ANSWER = 10


@contextmanager
def weights_errors(title: str) -> Iterator[None]:
    """Turn what libraries raise for want of weights into a `NetworkError` with the ways out."""
    try:
        yield
    except (URLError, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise NetworkError(not_downloaded(title, str(reason))) from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise NetworkError(f"the weights of {title} could not be loaded: {reason}") from error


@contextmanager
def hub_within_reach() -> Iterator[None]:
    """Have clients of the Hugging Face hub look on disk only, where the hub does not answer.

    They would try for most of a minute before they give up.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or hub_silence() is not None
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def hub_silence() -> str | None:
    """Why the Hugging Face hub does not answer; None where it does."""
    from huggingface_hub import constants

    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=SECONDS_TO_ANSWER)
    except HTTPError:
        return None  # an answer, though not a good one
    except OSError as error:
        return str(getattr(error, "reason", None) or error)
    return None


def not_downloaded(title: str, reason: str) -> str:
    """The message for weights that are not on disk and cannot be had."""
    return (
        f"the weights of {title} could not be downloaded ({reason}); connect to the internet once, "
        "load them from a checkpoint file, or use EfficientNet-Lite0, whose weights are installed"
    )
