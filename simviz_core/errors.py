"""The errors that a user can cause; their messages are shown as they are, in one line."""


class SimVizError(Exception):
    """Base of every error whose message is meant for the user."""


class ImageError(SimVizError):
    """An image that cannot be read."""


class GalleryError(SimVizError):
    """A gallery, or an image of it, that cannot be found or used."""


class StoreError(SimVizError):
    """Stored embeddings that cannot be read, written or had at this moment."""


class DamagedStoreError(StoreError):
    """Stored embeddings that are not what was stored, and have to be made again."""


class ClusterError(SimVizError):
    """A cluster that cannot be reached, or whose machines do not see the same."""


class NetworkError(SimVizError):
    """A network that cannot be loaded or decomposed."""


class SettingsError(SimVizError):
    """A setting outside what is offered, or settings that do not fit together."""


class CheckpointError(SimVizError):
    """A file of weights that cannot be read, would need code to load, or does not fit."""


class RunError(SimVizError):
    """A folder of checkpoints that cannot be found, read or written as a run."""


class TrainingError(SimVizError):
    """Training that cannot begin, go on or be resumed."""


class ProjectionError(SimVizError):
    """A map of a gallery that cannot be laid out."""


class FindingsError(SimVizError):
    """A file of findings that cannot be read, or a finding that cannot be kept or made again."""
