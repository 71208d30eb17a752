"""Embed a gallery on a Ray cluster: workers embed and write, this process adds it to the tables.

A chunk of images goes to a worker, which writes its rows to files of the tables; this process
appends what has been written every few seconds. A worker that is killed costs a chunk, which is
done again; where this process is killed, the next run finds what was appended in the tables,
deletes the rest, and goes on from there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from simviz_core.distributed.cluster import connected, written_chunks
from simviz_core.distributed.worker import Chunk, Order, Written
from simviz_core.errors import ClusterError
from simviz_core.gallery import GalleryImage
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import EmbeddingTable, IndexProgress, StoredImage
from simviz_core.retrieval.indexing import Target, stored_on_the_way
from simviz_core.retrieval.planning import file_state

SHORTEST_CHUNK, LONGEST_CHUNK = 128, 2048
"""Images; whole batches for any device, so that they are the same as on one machine."""
CHUNKS = 1000
"""Into which a gallery is cut, unless they would be too short or too long."""


@dataclass(frozen=True)
class ClusterEmbedder:
    """Embeds on a cluster in place of `embed_here`.

    Attributes:
        settings: With which the network was loaded that the others share their trunk with.
        allows_code: Whether it may be a program of the user's, in the workers as well.
        address: Of the cluster; None for `RAY_ADDRESS`, or else one on this machine for the time.
        workers: Processes that embed; None for as many as the cluster has room for.
    """

    settings: NetworkSettings
    allows_code: bool = False
    address: str | None = None
    workers: int | None = None

    def __call__(
        self,
        todo: Sequence[GalleryImage],
        targets: Sequence[Target],
        pending: Sequence[set[str]],
        on_progress: Callable[[IndexProgress], None],
        is_cancelled: Callable[[], bool],
    ) -> Iterator[tuple[int, list[StoredImage]]]:
        """Embed images and store them; see `embed_here`, also for what it is given.

        Yields:
            The place of a table, and the rows of it that are finished.

        Raises:
            ClusterError: Ray is not installed, the cluster cannot be reached, a worker does not
                see what this machine sees, or dies time and again.
            SimVizError: As of `embed_here`.
        """
        if not todo:
            return
        tables = tuple(replace(table, folder=table.folder.absolute()) for _, table in targets)
        of_workers = tuple(replace(table, hold=None) for table in tables)
        order = Order(
            _anywhere(self.settings),
            self.allows_code,
            tuple((network.pooling.name, network.fingerprint) for network, _ in targets),
            of_workers,
        )
        files = {image.id: image for image in todo}

        def counted() -> Iterator[tuple[int, tuple[Written, ...]]]:
            for written in written_chunks(order, _chunks(todo, pending), self.workers):
                if is_cancelled():
                    return
                _require_same_files(written, files)
                yield len({row.id for part in written for row in part.rows}), written

        def store(
            waiting: Sequence[tuple[Written, ...]],
        ) -> Iterator[tuple[int, list[StoredImage]]]:
            for place, table in enumerate(tables):
                yield place, _append(table, [written[place] for written in waiting])

        with connected(self.address):
            for (network, _), table in zip(targets, tables, strict=True):
                if not table.version:
                    table.create(_dimension(network))
                elif table.hold is None:  # else it is done, see `index_together`
                    table.drop_orphans()
            yield from stored_on_the_way(counted(), len(todo), store, on_progress)


def _anywhere(settings: NetworkSettings) -> NetworkSettings:
    """The same for processes that are in another folder."""
    if settings.checkpoint is None:
        return settings
    return replace(settings, checkpoint=str(Path(settings.checkpoint).absolute()))


def _append(table: EmbeddingTable, parts: Sequence[Written]) -> list[StoredImage]:
    """Make what was written part of its table; returns the rows."""
    if fragments := [fragment for part in parts for fragment in part.fragments]:
        table.append_fragments(fragments)
    return [row for part in parts for row in part.rows]


def _chunks(todo: Sequence[GalleryImage], pending: Sequence[set[str]]) -> list[Chunk]:
    """The images in pieces; workers need nothing that only the manifest says of them."""
    length = _chunk_length(len(todo))
    pieces = [todo[start : start + length] for start in range(0, len(todo), length)]
    return [
        Chunk(
            tuple(replace(image, path=image.path.absolute(), columns={}) for image in piece),
            tuple(frozenset(image.id for image in piece if image.id in ids) for ids in pending),
        )
        for piece in pieces
    ]


def _chunk_length(images: int) -> int:
    length = min(max(images // CHUNKS, SHORTEST_CHUNK), LONGEST_CHUNK)
    return length - length % SHORTEST_CHUNK


def _dimension(network: SimilarityNetwork) -> int:
    """Components of an embedding."""
    picture = network.resized(Image.new("RGB", (8, 8), "grey"))
    return network.unit_embeddings(network.normalised([picture])).shape[-1]


def _require_same_files(written: Sequence[Written], files: dict[str, GalleryImage]) -> None:
    """Refuse rows of a worker that lacks the gallery: its images would count as unreadable.

    Raises:
        ClusterError: A file that is here is not there.
    """
    for row in (row for part in written for row in part.rows if row.file_size < 0):
        path = files[row.id].path
        if file_state(path) != (row.file_size, row.modified):
            raise ClusterError(
                f"a worker does not find {path}, which is there on this machine; all machines "
                "need the gallery at the same place"
            )
