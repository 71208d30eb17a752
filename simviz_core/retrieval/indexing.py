"""Embed a gallery: only what is new or changed, in batches, and so that a kill loses little.

Threads read and resize the images while the network runs on those that are ready; OpenVINO is given
a second batch while one is run, so that it never waits for what stands around it. Batches are cut
from the list of files before any is read, and only whole batches are committed; a run that goes on
after a kill therefore forms the same batches, and stores the same numbers, as one that was never
interrupted.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simviz_core.errors import (
    DamagedStoreError,
    GalleryError,
    ImageError,
    SimVizError,
    StoreError,
)
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval.planning import IndexPlan, file_state, plan_index, range_key
from simviz_core.retrieval.ranking import GalleryIndex, load_index
from simviz_core.retrieval.storing.rows import StoredImage
from simviz_core.retrieval.storing.table import EmbeddingTable, embedding_table

BATCH = {"cpu": 16, "cuda": 128}
"""Images that the network sees at once, by the kind of device."""
BATCHES_AHEAD = 3
"""Batches that are being read while the network runs."""
RUNS_AT_ONCE = 2
"""Batches that OpenVINO is given at once. It runs them one after the other; pixels are normalised
and maps pooled meanwhile. PyTorch is given one: not every network is made for threads."""
SECONDS_PER_COMMIT = 4.0
"""Embeddings are written this often: what a kill can lose."""
TOGETHER_BYTES = 1_000_000_000
"""Of the weights of networks for which images are read once, in `index_each`."""

Batch = list[tuple[StoredImage, NDArray[np.uint8] | None]]
"""What was read of the images of one batch: the row, and the pixels for the network."""
Target = tuple[SimilarityNetwork, EmbeddingTable]
"""A network, and where its embeddings go."""
EmbeddedBatch = tuple[Batch, list[NDArray[np.float32]]]
"""A batch, and its unit embeddings (N, D) by each network; see `embedded_batches`."""
Part = TypeVar("Part")
"""What is embedded at once, in whatever form it is stored."""


@dataclass(frozen=True)
class IndexProgress:
    """How far indexing has come.

    Attributes:
        done: Images that are finished, the unreadable among them.
        total: Images that there are to do.
        rate: Images per second, since the network was first run.
        seconds_left: At that rate.
    """

    done: int
    total: int
    rate: float
    seconds_left: float


@dataclass(frozen=True)
class IndexReport:
    """What indexing did.

    Attributes:
        images: Images whose embedding is now in the table.
        added: Ids of those that were embedded for the first time.
        updated: Ids of those whose file had changed.
        removed: Ids of those that are no longer in the gallery.
        relabelled: Ids of those whose class is now another.
        unreadable: (id, reason) of every file that cannot be read.
        passed_over: Files in the gallery's folder that are no images.
        seconds: How long it took.
        was_cancelled: Whether it was cancelled before everything was done.
        was_rebuilt: Whether damaged embeddings had to be thrown away first.
        repaired: Ids of images whose stored embedding was damaged and has been made anew.
        left_out: (name, reason) of what may be images and is not listed, see `Gallery.left_out`.
        absent: Ids of images whose file is not there now, and whose embedding is kept.
        undeleted: Files that are of no use, and that the store does not delete: they take room and
            are no part of the table.
    """

    images: int
    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    passed_over: tuple[str, ...]
    seconds: float
    was_cancelled: bool = False
    was_rebuilt: bool = False
    repaired: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    absent: tuple[str, ...] = ()
    undeleted: int = 0


Embed = Callable[
    [
        Sequence[GalleryImage],
        Sequence[Target],
        Sequence[set[str]],
        Callable[[IndexProgress], None],
        Callable[[], bool],
    ],
    Iterator[tuple[int, list[StoredImage]]],
]
"""Embeds images and stores them, see `embed_here`."""


def open_index(
    gallery: Gallery,
    network: SimilarityNetwork,
    folder: Path | None = None,
    on_progress: Callable[[IndexProgress], None] = lambda progress: None,
) -> GalleryIndex:
    """The embeddings of a gallery in memory, after what is new or changed has been embedded.

    Args:
        gallery: The gallery.
        network: The network.
        folder: Where embeddings are kept; None takes what `embedding_table` does.
        on_progress: Called after every batch.

    Returns:
        The index; `coverage.note` says how many files cannot be read and are not in it.

    Raises:
        StoreError: Another process is indexing this gallery, or the table cannot be written.
        GalleryError: No image of the gallery can be read.
    """
    table = embedding_table(gallery, network.fingerprint, folder=folder)
    index_gallery(gallery, network, table, on_progress)
    return load_index(gallery, table)


def index_gallery(
    gallery: Gallery,
    network: SimilarityNetwork,
    table: EmbeddingTable,
    on_progress: Callable[[IndexProgress], None] = lambda progress: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> IndexReport:
    """Bring a table up to date with its gallery.

    Args:
        gallery: The gallery.
        network: The network, whose fingerprint the table was opened with.
        table: Where the embeddings go.
        on_progress: Called after every batch.
        is_cancelled: Asked before every batch; what is done by then is kept.

    Returns:
        What was done.

    Raises:
        StoreError: Another process is indexing this gallery, or the table cannot be written.
        GalleryError: No image of the gallery can be read.
    """
    return index_together(gallery, [(network, table)], on_progress, is_cancelled)[0]


def index_together(
    gallery: Gallery,
    targets: Sequence[Target],
    on_progress: Callable[[IndexProgress], None] = lambda progress: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    embed: Embed | None = None,
) -> list[IndexReport]:
    """The same for several networks: images are read once for all, and run once for each trunk.

    Args:
        gallery: The gallery.
        targets: Networks with the same input, such as the poolings of one feature map
            (`SimilarityNetwork.with_pooling`) or the checkpoints of a run, each with the table that
            was opened with its fingerprint.
        on_progress: Called after every batch.
        is_cancelled: Asked before every batch; what is done by then is kept.
        embed: Where the network is run; None for this process, `embed_here`.

    Returns:
        What was done, for each table.

    Raises:
        StoreError: Another process is indexing one of them, or a table cannot be written.
        GalleryError: No image of the gallery can be read.
        ValueError: The networks see images differently.
    """
    if not all(network.reads_as(targets[0][0]) for network, _ in targets):
        raise ValueError("networks that are run together need one input")
    start = time.perf_counter()
    if (settled := _settled(gallery, [table for _, table in targets])) is not None:
        return settled
    with ExitStack() as locks:
        targets = [(network, locks.enter_context(table.locked())) for network, table in targets]
        left = [table.drop_orphans() if table.hold and table.version else 0 for _, table in targets]
        plans = [_begun(gallery, table) for _, table in targets]
        pending = [{image.id for image in (*plan.new, *plan.changed)} for plan, _ in plans]
        todo = [image for image in gallery.images if any(image.id in ids for ids in pending)]
        finished: list[list[StoredImage]] = [[] for _ in targets]
        embedded = (embed or embed_here)(todo, targets, pending, on_progress, is_cancelled)
        for place, rows in embedded:
            finished[place] += rows
        for (plan, _), rows, (_, table) in zip(plans, finished, targets, strict=True):
            if (rows or plan.removed or plan.changed) and table.version:
                table.compact()
    seconds = time.perf_counter() - start
    return [
        _report(gallery, plan, was_rebuilt, rows, seconds, undeleted)
        for (plan, was_rebuilt), rows, undeleted in zip(plans, finished, left, strict=True)
    ]


def index_each(
    gallery: Gallery,
    wanted: Sequence[Callable[[], Target]],
    on_progress: Callable[[IndexProgress], None] = lambda progress: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[IndexReport | SimVizError]:
    """The same for any networks: images are read once for as many as fit into memory together.

    Args:
        gallery: The gallery.
        wanted: What loads each network, with its table. Those that follow one another with the same
            input are held together, up to `TOGETHER_BYTES`; not those with nothing to do.
        on_progress: Called after every batch; counts the images for the networks at hand.
        is_cancelled: Asked before every batch; what is done by then is kept.

    Returns:
        What was done for each, or why it could not be: one that fails does not keep the others from
        being indexed.
    """
    found: dict[int, IndexReport | SimVizError] = {}
    together: dict[int, Target] = {}

    def index(targets: Sequence[Target]) -> list[IndexReport | SimVizError]:
        try:
            return [*index_together(gallery, targets, on_progress, is_cancelled)]
        except SimVizError as error:
            if len(targets) == 1:
                return [error]
        # It may be one network's fault. What is embedded by now is not embedded again.
        return [result for target in targets for result in index([target])]

    def finish() -> None:
        found.update(zip(together, index([*together.values()]), strict=True))
        together.clear()

    for place, load in enumerate(wanted):
        try:
            target = load()
            settled = _settled(gallery, [target[1]])
        except SimVizError as error:
            found[place] = error
            continue
        if settled is not None:
            [found[place]] = settled
            continue
        if together and not _fit_together([*together.values(), target]):
            finish()
        together[place] = target
    if together:
        finish()
    return [found[place] for place in range(len(wanted))]


def _fit_together(targets: Sequence[Target]) -> bool:
    trunks = {id(network.trunk): network for network, _ in targets}
    total = sum(network.weights_bytes for network in trunks.values())
    first = targets[0][0]
    one_input = all(network.reads_as(first) for network, _ in targets)
    return one_input and (len(trunks) == 1 or total <= TOGETHER_BYTES)


def _settled(gallery: Gallery, tables: Sequence[EmbeddingTable]) -> list[IndexReport] | None:
    """The reports where all tables are up to date: then nothing need be locked, or be writable.

    Raises:
        GalleryError: No image can be read.
    """
    start, plans = time.perf_counter(), []
    try:
        for table in tables:
            plan = plan_index(gallery, table)
            if not plan.is_empty or not table.version or table.damaged():
                return None
            plans.append(plan)
    except StoreError:
        return None  # it will be made anew, or named
    seconds = time.perf_counter() - start
    return [_report(gallery, plan, False, (), seconds) for plan in plans]


def _begun(gallery: Gallery, table: EmbeddingTable) -> tuple[IndexPlan, bool]:
    """What is to do for a table, once what it no longer needs is gone."""
    plan, was_rebuilt = _plan_or_rebuild(gallery, table)
    # A changed file is as good as a new one from here on: its old embedding is of no use.
    if gone := [*plan.removed, *(image.id for image in plan.changed)]:
        table.remove(gone)
    if plan.relabelled:
        table.relabel({image_id: gallery.by_id[image_id].label for image_id in plan.relabelled})
    return plan, was_rebuilt


def _report(
    gallery: Gallery,
    plan: IndexPlan,
    was_rebuilt: bool,
    finished: Sequence[StoredImage],
    seconds: float,
    undeleted: int = 0,
) -> IndexReport:
    """What was done for one table.

    Raises:
        GalleryError: No image can be read.
    """
    unreadable = tuple(
        (row.id, row.error) for row in (*plan.unreadable, *finished) if row.error is not None
    )
    if len(unreadable) == len(gallery.images):
        image_id, reason = unreadable[0]
        raise GalleryError(f"no image of {gallery.source} can be read; {image_id}: {reason}")
    readable = {row.id for row in finished if row.error is None}
    unfinished = len(plan.new) + len(plan.changed) - len(finished)
    return IndexReport(
        images=len(gallery.images) - len(unreadable) - unfinished,
        added=tuple(image.id for image in plan.new if image.id in readable),
        updated=tuple(
            image.id
            for image in plan.changed
            if image.id in readable and image.id not in plan.damaged
        ),
        removed=plan.removed,
        relabelled=plan.relabelled,
        unreadable=unreadable,
        passed_over=gallery.passed_over,
        seconds=seconds,
        was_cancelled=unfinished > 0,
        was_rebuilt=was_rebuilt,
        repaired=tuple(image_id for image_id in plan.damaged if image_id in readable),
        left_out=gallery.left_out,
        absent=plan.absent,
        undeleted=undeleted,
    )


def _plan_or_rebuild(gallery: Gallery, table: EmbeddingTable) -> tuple[IndexPlan, bool]:
    """The plan; a damaged table is thrown away, since everything in it can be made again."""
    try:
        return plan_index(gallery, table, set(table.damaged())), False
    except DamagedStoreError:
        table.discard()
        return plan_index(gallery, table), True


def embed_here(
    todo: Sequence[GalleryImage],
    targets: Sequence[Target],
    pending: Sequence[set[str]],
    on_progress: Callable[[IndexProgress], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[tuple[int, list[StoredImage]]]:
    """Embed images batch by batch and store them.

    Args:
        todo: The images.
        targets: Networks with one input, each with its table, which is locked.
        pending: For each table, the ids of the images that it is to be given.
        on_progress: Called after every batch.
        is_cancelled: Asked before every batch.

    Yields:
        The place of a table, and the rows of it that are finished.
    """
    networks = [network for network, _ in targets]

    def store(waiting: Sequence[EmbeddedBatch]) -> Iterator[tuple[int, list[StoredImage]]]:
        for place, (_, table) in enumerate(targets):
            rows, embeddings = chosen_rows(waiting, place, pending[place], table.dimension)
            # Unreadable files alone do not tell how long an embedding is: they are tried again
            # next time.
            if rows and embeddings.shape[1]:
                table.append(rows, embeddings)
            yield place, rows

    batches = embedded_batches(todo, networks, is_cancelled)
    counted = ((len(embedded[0]), embedded) for embedded in batches)
    yield from stored_on_the_way(counted, len(todo), store, on_progress)


def stored_on_the_way(
    counted: Iterable[tuple[int, Part]],
    total: int,
    store: Callable[[Sequence[Part]], Iterator[tuple[int, list[StoredImage]]]],
    on_progress: Callable[[IndexProgress], None],
) -> Iterator[tuple[int, list[StoredImage]]]:
    """Store what is embedded every `SECONDS_PER_COMMIT`, and the rest at the end.

    Args:
        counted: How many images a part has, and the part, as they are embedded.
        total: Images that there are to do.
        store: Stores parts; yields the place of each table, and the rows of it that are finished.
        on_progress: Called after every part.

    Yields:
        What `store` does.
    """
    start = committed = time.perf_counter()
    done, waiting = 0, list[Part]()
    for count, part in counted:
        waiting.append(part)
        done += count
        now = time.perf_counter()
        rate = done / (now - start)
        on_progress(IndexProgress(done, total, rate, (total - done) / rate))
        if now - committed > SECONDS_PER_COMMIT:
            yield from store(waiting)
            waiting, committed = [], now
    yield from store(waiting)


def embedded_batches(
    todo: Sequence[GalleryImage],
    networks: Sequence[SimilarityNetwork],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[EmbeddedBatch]:
    """Read images ahead, and run the network on each batch.

    Args:
        todo: The images.
        networks: With one input; each trunk is run once.
        is_cancelled: Asked before every batch; those that are begun are finished.

    Yields:
        What was read of a batch, and its embeddings by each network, (N, D): zeros of unreadable
        images; (N, 0) where none can be read.
    """
    if not todo:
        return  # images went, say; no engine need be settled for that
    batches = _read_ahead(todo, networks[0], is_cancelled)
    if not all(network.engine_in_use.is_openvino for network in networks):
        for batch in batches:
            yield batch, _embed_batch(batch, networks)
        return
    running: deque[tuple[Batch, Future[list[NDArray[np.float32]]]]] = deque()
    with ThreadPoolExecutor(RUNS_AT_ONCE, "simviz-embed") as threads:
        for batch in batches:
            running.append((batch, threads.submit(_embed_batch, batch, networks)))
            if len(running) == RUNS_AT_ONCE:
                batch, made = running.popleft()
                yield batch, made.result()
        for batch, made in running:
            yield batch, made.result()


def chosen_rows(
    batches: Sequence[EmbeddedBatch], place: int, ids: Collection[str], dimension: int
) -> tuple[list[StoredImage], NDArray[np.float32]]:
    """What one table is to be given of embedded batches.

    Args:
        batches: As `embedded_batches` makes them.
        place: Of the table's network among those of the batches.
        ids: Of the images that the table is to be given.
        dimension: Components of its embeddings, D; 0 while that is not known.

    Returns:
        The rows, M of them, and their embeddings, (M, D); (M, 0) where no image could be read and
        the dimension is not known.
    """
    rows = [row for batch, _ in batches for row, _ in batch if row.id in ids]
    parts = [made[place] for _, made in batches]
    width = max((part.shape[1] for part in parts), default=0) or dimension
    kept = [[row.id in ids for row, _ in batch] for batch, _ in batches]
    chosen = [_widened(part, width)[k] for part, k in zip(parts, kept, strict=True)]
    return rows, np.concatenate(chosen or [np.zeros((0, width), dtype=np.float32)])


def _embed_batch(batch: Batch, networks: Sequence[SimilarityNetwork]) -> list[NDArray[np.float32]]:
    """Unit embeddings (N, D) of each network; every trunk is run once."""
    is_read = [pixels is not None for _, pixels in batch]
    resized = [pixels for _, pixels in batch if pixels is not None]
    if not resized:
        return [np.zeros((len(batch), 0), dtype=np.float32) for _ in networks]
    found: dict[int, NDArray[np.float32]] = {}
    for places in _by_trunk(networks):
        first = networks[places[0]]
        pixels = first.normalised(resized)
        if len(places) == 1:
            made = [first.unit_embeddings(pixels)]
        else:
            F = first.run_trunk(pixels)
            made = [networks[place].unit_embeddings_of(F) for place in places]
        for place, units in zip(places, made, strict=True):
            found[place] = np.zeros((len(batch), units.shape[1]), dtype=np.float32)
            found[place][is_read] = units.numpy(force=True)
    return [found[place] for place in range(len(networks))]


def _by_trunk(networks: Sequence[SimilarityNetwork]) -> list[list[int]]:
    """The places of networks that make the same feature map, trunk by trunk."""
    groups: list[list[int]] = []
    for place, network in enumerate(networks):
        same = (group for group in groups if network.sees_as(networks[group[0]]))
        group = next(same, None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return groups


def _widened(part: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    return part if part.shape[1] else np.zeros((len(part), width), dtype=np.float32)


def _read_ahead(
    todo: Sequence[GalleryImage], network: SimilarityNetwork, is_cancelled: Callable[[], bool]
) -> Iterator[Batch]:
    """Batches of images, read by threads a few batches ahead of their use."""
    size = BATCH.get(network.device.type, BATCH["cpu"])
    batches = deque(todo[start : start + size] for start in range(0, len(todo), size))
    ahead: deque[list[Future[tuple[StoredImage, NDArray[np.uint8] | None]]]] = deque()
    with ThreadPoolExecutor(os.cpu_count(), "simviz-read") as threads:
        try:
            while batches or ahead:
                while batches and len(ahead) < BATCHES_AHEAD:
                    images = batches.popleft()
                    ahead.append([threads.submit(_read, image, network) for image in images])
                if is_cancelled():
                    return
                yield [future.result() for future in ahead.popleft()]
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _read(
    image: GalleryImage, network: SimilarityNetwork
) -> tuple[StoredImage, NDArray[np.uint8] | None]:
    """One image's row and its pixels for the network; None where the file cannot be read."""
    file_size, modified = file_state(image.path)
    row = StoredImage(image.id, image.label, 0, 0, file_size, modified, None)
    try:
        loaded = image.load(image.id)
    except ImageError as error:
        return replace(row, error=str(error)), None
    row = replace(row, width=loaded.width, height=loaded.height, values=range_key(image, loaded))
    return row, network.resized(loaded.pixels)
