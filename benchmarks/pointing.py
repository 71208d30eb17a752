"""How long it takes from a move of the pointer to the map that is drawn, in Chromium.

    streamlit run app.py --server.headless true &
    python -m benchmarks.pointing [--url http://localhost:8501] [--moves 200]

The mouse is moved from cell to cell of the query on the Pair page; every move makes the map of
that cell on the match. Two times are taken in the browser: what the page's own handler takes, and
from the event's time stamp to just after the frame that shows the map has been drawn, which
includes waiting for the next frame (up to 17 ms at 60 frames a second).
Also counted is what the server sends meanwhile.
"""

import argparse
import random
import shutil
import statistics

from playwright.sync_api import Page, sync_playwright

LINK = "pair?query=hotel_00/view_2.jpg&match=hotel_00/view_4.jpg"
GRIDS = {"224 px": 7, "448 px": 14}
"""Cells along each side of the grid, by input size."""
WATCH = """(picture) => {
  const times = window.pointing = { handler: [], drawn: [] };
  const handle = picture.onpointermove;
  picture.onpointermove = (event) => {
    const start = performance.now();
    handle(event);
    times.handler.push(performance.now() - start);
    // A message that is sent from a frame's callback arrives after that frame has been drawn.
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => times.drawn.push(performance.now() - event.timeStamp);
      channel.port2.postMessage(0);
    });
  };
}"""


def measure(page: Page, url: str, size: str, moves: int) -> dict[str, list[float]]:
    """Milliseconds of each move, at one input size, and the bytes that the server sent."""
    received: list[float] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))),
    )
    page.goto(f"{url}/{LINK}&size={size.replace(' ', '+')}")
    picture = page.locator(".picture[data-side=query]")
    picture.wait_for(timeout=120_000)
    page.wait_for_timeout(5000)
    picture.scroll_into_view_if_needed()
    picture.evaluate(WATCH)
    box = picture.bounding_box()
    assert box is not None
    received.clear()
    cells, chance, last = GRIDS[size], random.Random(0), (-1, -1)
    for _ in range(moves):
        cell = last
        while cell == last:
            cell = chance.randrange(cells), chance.randrange(cells)
        x, y = ((place + chance.uniform(0.1, 0.9)) / cells for place in cell)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_timeout(40)
        last = cell
    times: dict[str, list[float]] = page.evaluate("window.pointing")
    return times | {"received": received}


def report(size: str, times: dict[str, list[float]]) -> None:
    """Print the median and the 95th percentile of both times."""
    cells = GRIDS[size]
    for name, title in (("handler", "handler"), ("drawn", "move to drawn map")):
        values = times[name]
        high = statistics.quantiles(values, n=20)[-1]
        print(
            f"{cells} × {cells}  {title:18} {len(values):4} moves  "
            f"median {statistics.median(values):5.1f} ms  95th percentile {high:5.1f} ms"
        )
    print(f"{cells} × {cells}  the server sent {sum(times['received']):.0f} bytes meanwhile")


def main() -> None:
    """Measure both grids."""
    parser = argparse.ArgumentParser(description="Time pointing at cells in Chromium.")
    parser.add_argument("--url", default="http://localhost:8501", help="default: %(default)s")
    parser.add_argument("--moves", type=int, default=200, help="default: %(default)s")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for size in GRIDS:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            report(size, measure(page, options.url, size, options.moves))
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
