"""How long it takes from the mouse that is let go of to the ranking, and to all of its maps.

    streamlit run app.py --server.headless true &
    python -m benchmarks.region_page [--url http://localhost:8501] [--queries 3]

On the Region page a rectangle is drawn around the lower half of a query of the demo gallery, with
the mouse, in Chromium. Two times are taken in the browser, from the event that ends the drag: until
the region's matches are there, and until every match has its map. Each query is asked twice: cold,
when the network has not seen most of the region's matches, and warm, when it has seen all of them.
"""

import argparse
import shutil
import statistics
from collections.abc import Sequence

from playwright.sync_api import Page, sync_playwright

QUERIES = tuple(f"hotel_{number:02d}/view_0.jpg" for number in (33, 8, 15, 3, 18, 40, 1, 21, 29))
CANVAS = "canvas.upper-canvas"
CORNERS = ((0.3, 0.5), (0.95, 0.95))
"""Of the rectangle, as shares of the picture's width and height."""
LONGEST = 600_000
"""Milliseconds to wait for a page; the gallery may have to be indexed first."""
ALL = """(selector) => {
  const found = [];
  const walk = (root) => {  // components have a document of their own
    found.push(...root.querySelectorAll(selector));
    for (const element of root.querySelectorAll("div, section"))
      if (element.shadowRoot) walk(element.shadowRoot);
  };
  walk(document.querySelector("[data-testid=stMain]"));
  return found;
}"""
COMPLETE = f"""() => {{
  const pictures = ({ALL})(".card img:not(.heat)");
  const isBusy = document.querySelector("[data-testid=stProgress], [data-testid=stSpinner]");
  return pictures.length > 0 && !isBusy
    && pictures.every((picture) => picture.alt.includes("similarity map"));
}}"""
WATCH = f"""() => {{
  const all = {ALL}, complete = {COMPLETE};
  const before = all(".card").length;
  window.regionTimes = new Promise((resolve) => {{
    const times = {{}};
    let end = null;
    for (const name of ["pointerup", "mouseup"])
      window.addEventListener(name, () => {{ end ??= performance.now(); }}, true);
    const look = () => {{
      if (end !== null) {{
        const isThere = all(".card").length > before;
        if (isThere) times.ranking ??= performance.now() - end;
        if (isThere && complete()) {{
          times.maps = performance.now() - end;
          resolve(times);
          return;
        }}
      }}
      setTimeout(look, 10);
    }};
    look();
  }});
}}"""


def measure(page: Page, url: str, query: str) -> dict[str, float]:
    """Seconds from the end of a drag to the ranking and to all maps."""
    page.goto(f"{url}/region?query={query}")
    page.locator(CANVAS).wait_for(timeout=LONGEST)
    page.wait_for_function(COMPLETE, timeout=LONGEST, polling=200)
    page.wait_for_timeout(1500)
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    (x0, y0), (x1, y1) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in CORNERS
    )
    page.evaluate(WATCH)
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=8)
    page.mouse.up()
    times: dict[str, float] = page.evaluate("window.regionTimes")
    return {name: value / 1000 for name, value in times.items()}


def report(title: str, found: Sequence[dict[str, float]]) -> None:
    """Print the median and the extremes of both times."""
    for name in ("ranking", "maps"):
        values = [times[name] for times in found]
        print(
            f"{title:5} {name:8} median {statistics.median(values):.2f} s, "
            f"{min(values):.2f} to {max(values):.2f}, of {len(values)}"
        )


def main() -> None:
    """Measure every query, cold and warm."""
    parser = argparse.ArgumentParser(description="Time drawing a region in Chromium.")
    parser.add_argument("--url", default="http://localhost:8501", help="default: %(default)s")
    parser.add_argument("--queries", type=int, default=3, help="at most 9; default: %(default)s")
    options = parser.parse_args()
    cold: list[dict[str, float]] = []
    warm: list[dict[str, float]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for query in QUERIES[: options.queries]:
            for found in (cold, warm):
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                found.append(measure(page, options.url, query))
                page.close()
        browser.close()
    report("cold", cold)
    report("warm", warm)


if __name__ == "__main__":
    main()
