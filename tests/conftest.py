"""Fixtures that several rooms of the tests share."""

import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from simviz_core.networks.engines.choosing import ENGINE_VARIABLE, TORCH
from simviz_core.networks.sources.policy import SourcePolicy, set_source_policy
from simviz_core.retrieval import CACHE_VARIABLE

REPOSITORY = Path(__file__).resolve().parents[1]
PHOTOS = REPOSITORY.parent / "shared" / "photos" / "clothing_small" / "images"

# How long an example takes says more of the machine than of the code.
settings.register_profile("simviz", deadline=None)
settings.load_profile("simviz")

# Read when torch is loaded. Threads that wait for work in a loop make a network several times
# slower wherever other processes want the same cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# The tests build hundreds of small networks, which run for less time than it takes to convert them.
# What OpenVINO makes is tested in networks/engines, and by the app that the browser tests open.
os.environ.setdefault(ENGINE_VARIABLE, TORCH)

# Started in the background a program is deaf to Ctrl-C, and so is whatever it starts: tests that
# press it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is installed, as in CI, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("SIMVIZ_NO_SKIPS") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("SIMVIZ_NO_SKIPS is set, and tests were skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where embeddings go: not to the user's own, and each gallery is indexed once in a session."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="session")
def photos() -> Path:
    """A folder of class folders with real photos, which are not part of the repository."""
    if not PHOTOS.is_dir():
        pytest.skip(f"the photos are not at {PHOTOS}")
    return PHOTOS


@pytest.fixture(scope="session")
def demo_rooms() -> Path:
    """The images of the demo gallery."""
    return REPOSITORY / "demo" / "rooms" / "images"


@pytest.fixture
def apart(tmp_path: Path, demo_rooms: Path) -> tuple[Path, Path]:
    """Three hotels of two views that are asked, and two of them with three other views."""
    queries, references = tmp_path / "asked", tmp_path / "known"
    for hotel in (0, 1, 3):
        for view in range(5):
            if view >= 2 and hotel == 3:
                continue
            name = f"hotel_{hotel:02d}/view_{view}.jpg"
            path = (queries if view < 2 else references) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((demo_rooms / name).read_bytes())
    return queries, references


@pytest.fixture
def small_gallery(tmp_path: Path) -> Path:
    """Two classes of three small images each, and files that are no images of the gallery."""
    chance = np.random.default_rng(0)
    root = tmp_path / "gallery"
    for label in ("chairs", "lamps"):
        folder = root / label
        folder.mkdir(parents=True)
        for number in (1, 2, 10):
            pixels = chance.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"view_{number}.png")
        (folder / "notes.txt").write_text("not an image")
        (folder / ".hidden.png").write_bytes(b"")
    return root


@pytest.fixture(autouse=True)
def unrestricted_sources() -> Iterator[None]:
    """What the pages restrict holds for the whole process, and so for the tests after theirs."""
    yield
    set_source_policy(SourcePolicy())


@pytest.fixture(autouse=True)
def in_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as README says: from the repository's folder."""
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be downloaded: all goes through a proxy that nobody runs."""
    monkeypatch.setattr(urllib.request, "_opener", None)  # which would remember the proxy
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
