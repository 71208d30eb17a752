"""What one session does: a user's clicks, each timed, and a look whether others' things turn up."""

import asyncio
import io
import random
import re
import time
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from streamlit.proto.Alert_pb2 import Alert

from benchmarks.load.browser import LONGEST, SilentBrowser

MARK = re.compile(rb"mark(\d\d)x")
"""In the names of all that a session uploads: its number."""
PAUSE = 1.0, 3.0
"""Seconds that a user looks before the next click, from and to."""
DECK = {
    "random query": 6,
    "step": 6,
    "query by name": 2,
    "rectangle": 5,
    "random pair": 4,
    "swap": 2,
    "image uploaded": 2,
    "gallery uploaded": 1,
}
"""What a session does, and how often in a round, in an order of its own."""
PAGES = {"rectangle": "region", "random pair": "pair", "swap": "pair"}
"""Where that is; all else is done on Search."""


@dataclass
class Record:
    """What happened to one session.

    Attributes:
        number: Of the session.
        times: (what was done, seconds until the page was complete).
        errors: In words.
        foreign: What turned up that was another session's, or was its own and did not.
        regions: The regions that were seen in its link.
    """

    number: int
    times: list[tuple[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    regions: set[str] = field(default_factory=set)


class Session:
    """A user, who goes on until the time is over."""

    def __init__(self, url: str, gallery: Path, number: int, ids: Sequence[str]) -> None:
        """Prepare the session of that number; `ids` are those of the gallery's images."""
        self.record = Record(number)
        self._gallery, self._ids = str(gallery), ids
        self._browser = SilentBrowser(url, self._look)
        self._chance = random.Random(number)
        self._page, self._steps = "search", 0
        self._count = 0

    async def run(self, until: float) -> Record:
        """Open Search, and click until that time of `time.perf_counter`."""
        try:
            await self._timed("opened", lambda: self._browser.open("search", self._link))
            while time.perf_counter() < until:
                deck = [name for name, count in DECK.items() for _ in range(count)]
                self._chance.shuffle(deck)
                for name in deck:
                    await asyncio.sleep(self._chance.uniform(*PAUSE))
                    if time.perf_counter() >= until:
                        break
                    await self._do(name)
        finally:
            await self._browser.close()
        return self.record

    @property
    def _link(self) -> str:
        return f"gallery={self._gallery}&query={self._chance.choice(self._ids)}"

    async def _do(self, name: str) -> None:
        page = PAGES.get(name, "search")
        if page != self._page:
            self._page = page
            await self._timed("page switched", lambda: self._browser.turn_to(page))
        actions: dict[str, Callable[[], Awaitable[float]]] = {
            "random query": lambda: self._browser.click("query_random"),
            "step": self._step,
            "query by name": self._by_name,
            "rectangle": self._draw,
            "random pair": lambda: self._browser.click("Random, same class"),
            "swap": lambda: self._browser.click("Swap"),
            "image uploaded": self._upload_image,
            "gallery uploaded": self._upload_gallery,
        }
        await self._timed(name, actions[name])

    async def _timed(self, name: str, act: Callable[[], Awaitable[float]]) -> None:
        record, before = self.record, len(self._browser.errors)
        try:
            record.times.append((name, await act()))
        except TimeoutError:
            record.errors.append(f"{name}: not complete after {LONGEST:.0f} s")
        except Exception as error:  # whatever it is, the other sessions go on
            record.errors.append(f"{name}: {type(error).__name__}: {error}")
        record.errors += [f"{name}: {each}" for each in self._browser.errors[before:]]
        for alert in self._browser.shown("alert"):
            if alert.format == Alert.Format.ERROR:
                record.errors.append(f"{name}: the page says {alert.body}")
        record.regions |= set(self._browser.parameter("regions"))

    async def _step(self) -> float:
        self._steps += 1
        return await self._browser.tell("steps_of_query", {"counted": [self._steps, self._steps]})

    async def _by_name(self) -> float:
        (options,) = (e.options for e in self._browser.shown("selectbox") if e.label == "Query")
        return await self._browser.select("query", self._chance.choice(options))

    async def _draw(self) -> float:
        """Draw a rectangle whose upper edge tells the session."""
        self._count += 1
        box = {"left": 10 + self._count % 100, "top": 4 * self.record.number + 10}
        drawn = {"type": "LabeledRect", "label": "include 1", "width": 120, "height": 100} | box
        drawing = {"raw": {"objects": [drawn]}, "data": None}
        before = self._browser.parameter("regions")
        took = await self._browser.tell("canvas ", {"drawing": drawing})
        if self._browser.parameter("regions") in ([], before):
            self.record.foreign.append("a rectangle that was drawn is not in the link")
        return took

    async def _upload_image(self) -> float:
        self._count += 1
        name = f"mark{self.record.number:02}x{self._count}.jpg"
        took = await self._browser.upload("query_file_", name, self._picture())
        if name not in "".join(self._browser.parameter("query")):
            self.record.foreign.append(f"{name} was uploaded and is not shown")
        return took

    async def _upload_gallery(self) -> float:
        """Upload an archive, wait until its matches are there, and go back to the large gallery."""
        self._count += 1
        begun = time.perf_counter()
        name = f"mark{self.record.number:02}x{self._count}.zip"
        await self._browser.upload("gallery_file_", name, self._archive())
        while not self._browser.has("matches") and time.perf_counter() - begun < LONGEST:
            await asyncio.sleep(0.05)
        took = time.perf_counter() - begun
        query, mark = self._browser.parameter("query"), f"mark{self.record.number:02}x"
        if name not in "".join(self._browser.parameter("gallery")) or mark not in "".join(query):
            self.record.foreign.append(f"{name} was uploaded and is not shown")
        await self._browser.select("gallery", self._gallery)
        return took

    def _picture(self) -> bytes:
        """A picture that no other has: colours by chance, enlarged."""
        few = Image.frombytes("RGB", (8, 6), self._chance.randbytes(8 * 6 * 3))
        into = io.BytesIO()
        few.resize((320, 240), Image.Resampling.BICUBIC).save(into, "JPEG")
        return into.getvalue()

    def _archive(self) -> bytes:
        into = io.BytesIO()
        with zipfile.ZipFile(into, "w") as archive:
            for number in range(6):
                name = f"class{number % 2}/mark{self.record.number:02}x{number}.jpg"
                archive.writestr(name, self._picture())
        return into.getvalue()

    def _look(self, data: bytes) -> None:
        own = f"{self.record.number:02}".encode()
        for found in MARK.findall(data):
            if found != own:
                self.record.foreign.append(f"something of session {found.decode()} turned up")


def shared_regions(records: Sequence[Record]) -> list[str]:
    """Regions that are in the links of two sessions: no two of them draw the same."""
    seen: dict[str, int] = {}
    found = []
    for record in records:
        for region in record.regions:
            if region in seen:
                found.append(f"a region of session {seen[region]:02} is in {record.number:02}'s")
            seen[region] = record.number
    return found


class Indexing:
    """One more session, which has a gallery indexed and looks on."""

    def __init__(self, url: str, gallery: Path) -> None:
        """Prepare it; the gallery is not indexed."""
        self._gallery, self._browser = gallery, SilentBrowser(url)
        self.done = "nothing"

    async def run(self, until: float) -> None:
        """Have it indexed, until that time of `time.perf_counter`."""
        try:
            await self._browser.open("search", f"gallery={self._gallery}")
            await self._browser.click("index_unindexed")
            while time.perf_counter() < until and not self._browser.errors:
                await asyncio.sleep(0.5)
                self.done = self._said() or self.done
        finally:
            await self._browser.close()

    def _said(self) -> str:
        if bars := self._browser.shown("progress"):
            return str(bars[0].text)
        return "all of it" if self._browser.has("matches") else ""
