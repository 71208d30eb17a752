"""A browser session without a browser: it speaks Streamlit's protocol, and draws nothing.

Thirty pages of Chromium would need more of two cores than the server that they are to measure.
"""

import asyncio
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

COMPLETE = {
    ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY,
    ForwardMsg.ScriptFinishedStatus.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
}
"""How a run ends that is not followed by another one at once."""
LONGEST = 120.0
"""Seconds to wait for a page."""
ADDRESS = "address "
"""Begins the keys of the components that replace the address."""


@dataclass
class SilentBrowser:
    """One session.

    Attributes:
        url: Of the app.
        on_message: Called with each message of the server as it came.
        elements: What the page shows, by its place.
        link: The parameters of the address.
        errors: What went wrong, in words.
    """

    url: str
    on_message: Any = field(default=lambda data: None)
    elements: dict[tuple[int, ...], Element] = field(default_factory=dict)
    link: str = ""
    errors: list[str] = field(default_factory=list)
    _connection: ClientConnection | None = None
    _listener: asyncio.Task[None] | None = None
    _timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _seen: dict[str, ForwardMsg] = field(default_factory=dict)
    _pages: dict[str, str] = field(default_factory=dict)
    _page: str = ""
    _run: str = ""
    _replaced: int = 0
    _is_complete: bool = False
    _of_run: dict[tuple[int, ...], tuple[str, str]] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _addresses: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    _http: requests.Session = field(default_factory=requests.Session)

    async def open(self, page: str, link: str = "") -> float:
        """Open a page by its address; returns the seconds until it is complete."""
        begun = time.perf_counter()
        found = await asyncio.to_thread(
            self._http.get, f"{self.url}/_stcore/health"
        )  # gives the cookie
        found.raise_for_status()
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self._connection = await connect(
            address,
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            proxy=None,
        )
        self._listener = asyncio.create_task(self._listen())
        message = BackMsg()
        message.rerun_script.query_string = self.link = link
        message.rerun_script.page_name = page
        await self._send_and_wait(message)
        return time.perf_counter() - begun

    async def close(self) -> None:
        """End the session."""
        for task in (*self._timers.values(), self._listener):
            if task is not None:
                task.cancel()
        if self._connection is not None:
            await self._connection.close()
        self._http.close()

    async def turn_to(self, page: str) -> float:
        """Open another page from the sidebar; returns the seconds until the page is complete."""
        message = self._message()
        message.rerun_script.query_string = ""
        message.rerun_script.page_script_hash = self._pages[page]
        return await self._send_and_wait(message)

    async def click(self, key: str) -> float:
        """Click on a button, named by its key or label; returns the seconds, as all of these."""
        return await self._change(WidgetState(id=self._id_of(key), trigger_value=True))

    async def select(self, key: str, value: str) -> float:
        """Choose in a list."""
        return await self._change(WidgetState(id=self._id_of(key), string_value=value))

    async def tell(self, key: str, state: dict[str, Any]) -> float:
        """Have a component tell its state, named by its key or how that begins."""
        told = WidgetState(id=self._id_of(key), json_value=json.dumps(state))
        return await self._change(told)

    async def upload(self, key: str, name: str, content: bytes) -> float:
        """Put a file into a box."""
        begun = time.perf_counter()
        message = BackMsg()
        message.file_urls_request.request_id = name
        message.file_urls_request.file_names.append(name)
        await self._send(message)
        place = (await asyncio.wait_for(self._addresses.get(), LONGEST)).file_urls[0]
        token = self._http.cookies.get("_streamlit_xsrf") or ""
        put = await asyncio.to_thread(
            self._http.put,
            f"{self.url}{place.upload_url}",
            files={"file": (name, content)},
            headers={"X-Xsrftoken": token},
        )
        put.raise_for_status()
        state = WidgetState(id=self._id_of(key))
        file = state.file_uploader_state_value.uploaded_file_info.add()
        file.name, file.size, file.file_id = name, len(content), place.file_id
        file.file_urls.CopyFrom(place)
        await self._change(state)
        return time.perf_counter() - begun

    def shown(self, kind: str) -> list[Any]:
        """The elements of a kind that the page shows."""
        return [getattr(e, kind) for e in self.elements.values() if e.WhichOneof("type") == kind]

    def has(self, key: str) -> bool:
        """Whether the page is complete and has a widget of that key."""
        return self._is_complete and any(
            widget.endswith(f"-{key}") for widget, _ in self._widgets()
        )

    def parameter(self, name: str) -> list[str]:
        """A parameter of the address."""
        return parse_qs(self.link).get(name, [])

    def _widgets(self) -> Iterable[tuple[str, str]]:
        """Ids and labels of the widgets that the page shows."""
        for element in self.elements.values():
            found = getattr(element, element.WhichOneof("type") or "empty")
            if getattr(found, "id", ""):
                yield found.id, getattr(found, "label", "")

    def _id_of(self, name: str) -> str:
        widgets = list(self._widgets())
        for is_it in (
            lambda widget, label: widget.endswith(f"-{name}"),
            lambda widget, label: label == name,
            lambda widget, label: f"-{name}" in widget,
        ):
            if found := [widget for widget, label in widgets if is_it(widget, label)]:
                return found[0]
        raise LookupError(f"the page has no widget {name}")

    async def _change(self, state: WidgetState) -> float:
        message = self._message()
        message.rerun_script.widget_states.widgets.append(state)
        for place, element in self.elements.items():
            if (
                getattr(getattr(element, element.WhichOneof("type") or "empty"), "id", "")
                == state.id
            ):
                message.rerun_script.fragment_id = self._of_run[place][1]
        return await self._send_and_wait(message)

    def _message(self) -> BackMsg:
        message = BackMsg()
        message.rerun_script.query_string = self.link
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.cached_message_hashes.extend(self._seen)
        return message

    async def _send(self, message: BackMsg) -> None:
        assert self._connection is not None
        await self._connection.send(message.SerializeToString())

    async def _send_and_wait(self, message: BackMsg) -> float:
        begun = time.perf_counter()
        self._begun.clear()
        self._settled.clear()
        await self._send(message)
        await asyncio.wait_for(self._settled.wait(), LONGEST)
        return time.perf_counter() - begun

    async def _listen(self) -> None:
        assert self._connection is not None
        async for data in self._connection:
            assert isinstance(data, bytes)
            self.on_message(data)
            message = ForwardMsg.FromString(data)
            if message.HasField("ref_hash"):
                metadata, kept = message.metadata, self._seen[message.ref_hash]
                message = ForwardMsg()
                message.CopyFrom(kept)
                message.metadata.CopyFrom(metadata)
            elif message.metadata.cacheable:
                self._seen[message.hash] = message
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind, run = message.WhichOneof("type"), message.metadata.run
        if kind == "new_session":
            self._run = run.script_run_id
            self._begun.add(self._run)
            self._is_complete = False
            self._page = message.new_session.page_script_hash
            if not run.fragment_ids:
                self._stop_timers()
        elif kind == "navigation":
            self._pages = {p.url_pathname: p.page_script_hash for p in message.navigation.app_pages}
            self._page = message.navigation.page_script_hash
        elif kind == "delta":
            self._draw(message)
        elif kind == "page_info_changed":
            self.link = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            self._addresses.put_nowait(message.file_urls_response)
        elif kind == "auto_rerun":
            self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "script_finished" and message.script_finished in COMPLETE:
            self._finish(run.script_run_id, list(run.fragment_ids))

    def _draw(self, message: ForwardMsg) -> None:
        place, delta = tuple(message.metadata.delta_path), message.delta
        if delta.WhichOneof("type") != "new_element":
            return
        self.elements[place] = element = delta.new_element
        self._of_run[place] = self._run, delta.fragment_id
        if element.WhichOneof("type") == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message}")
        bidi = element.bidi_component
        if element.WhichOneof("type") == "bidi_component" and f"-{ADDRESS}" in bidi.id:
            told = json.loads(bidi.json or bidi.mixed.json)
            if told["number"] > self._replaced:  # each is said once, or again
                self._replaced, self.link = told["number"], told["link"]

    def _finish(self, run: str, fragments: list[str]) -> None:
        for place, (drawn_in, fragment) in list(self._of_run.items()):
            if drawn_in != run and (not fragments or fragment in fragments):
                del self.elements[place], self._of_run[place]
        self._is_complete = run == self._run
        if run in self._begun:
            self._settled.set()

    def _start_timer(self, fragment: str, interval: float) -> None:
        async def tick() -> None:
            while True:
                await asyncio.sleep(interval)
                message = self._message()
                message.rerun_script.fragment_id = fragment
                message.rerun_script.is_auto_rerun = True
                with suppress(Exception):
                    await self._send(message)

        if fragment not in self._timers:
            self._timers[fragment] = asyncio.create_task(tick())

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
