"""What a worker of a cluster does: read, decode and embed pieces of a gallery, and write them."""

from contextlib import nullcontext
from dataclasses import dataclass

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.errors import ClusterError
from simviz_core.gallery import GalleryImage
from simviz_core.networks import SimilarityNetwork, allowing
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import EmbeddingTable, StoredImage
from simviz_core.retrieval.indexing import chosen_rows, embedded_batches


@dataclass(frozen=True)
class Order:
    """What a worker needs to know: names and numbers, from which it builds the networks itself.

    Attributes:
        settings: Of the network that the command loaded.
        allows_code: Whether it may be a program of the user's.
        networks: The pooling and the fingerprint of each network that shares its trunk.
        tables: Where the embeddings by each of them go.
    """

    settings: NetworkSettings
    allows_code: bool
    networks: tuple[tuple[str, str], ...]
    tables: tuple[EmbeddingTable, ...]

    def load(self) -> list[SimilarityNetwork]:
        """Build the networks.

        Raises:
            ClusterError: One of them is not what it is on the machine of the command.
            SimVizError: See `load_for_settings`.
        """
        with allowing(self.settings.network) if self.allows_code else nullcontext():
            loaded = load_for_settings(self.settings)
        found = []
        for pooling, fingerprint in self.networks:
            network = loaded
            if network.fingerprint != fingerprint:
                network = loaded.with_pooling(pooling)
            if network.fingerprint != fingerprint:
                raise ClusterError(
                    f"a worker's {self.settings.network} has other weights or settings than that "
                    "of this machine; all machines need the same files and versions"
                )
            found.append(network)
        return found


@dataclass(frozen=True)
class Chunk:
    """What a worker does at once, and loses when it is killed.

    Attributes:
        images: Those to embed.
        wanted: For each table, the ids of those that it is to be given.
    """

    images: tuple[GalleryImage, ...]
    wanted: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Written:
    """What has been written for one table, and is not yet part of it.

    Attributes:
        rows: The rows.
        fragments: As `EmbeddingTable.append_fragments` takes them.
    """

    rows: tuple[StoredImage, ...]
    fragments: tuple[str, ...]


class Worker:
    """Embeds chunks as `embed_here` does, and writes each to the tables' files.

    Embeddings leave the machine only for where they are stored.
    """

    def __init__(self, order: Order) -> None:
        """Only keep the order: what goes wrong in `load` is told better."""
        self.order = order
        self.networks: list[SimilarityNetwork] = []

    def load(self) -> None:
        """Build the networks.

        Raises:
            SimVizError: See `Order.load`.
        """
        self.networks = self.order.load()

    def embed(self, chunk: Chunk) -> tuple[Written, ...]:
        """Embed one chunk.

        Returns:
            What was written for each table.

        Raises:
            NetworkError: An embedding is NaN or infinite.
            StoreError: The disk is full, say.
        """
        batches = list(embedded_batches(chunk.images, self.networks))
        written = []
        for place, table in enumerate(self.order.tables):
            rows, embeddings = chosen_rows(batches, place, chunk.wanted[place], table.dimension)
            fragments = table.write_fragment(rows, embeddings) if rows else ()
            written.append(Written(tuple(rows), fragments))
        return tuple(written)
