"""How long a map of a gallery takes to make and to draw, and how much of it can be believed.

    python -m benchmarks.gallery_map [--sizes 2000 20000 100000] [--umap] [--no-browser]

Embeddings are synthetic: unit vectors of 1,280 components, none negative, in 200 clusters that lie
in 64 dimensions under noise. For each size are printed

- the seconds of `make_map`, those of its process on a core (which say more on a busy machine) and
  the most memory that this had, and the neighbours that are kept; with `--umap` the seconds of UMAP
  and what it keeps, where umap-learn is installed;
- the chart of the Map page: its size as JSON and the seconds to make that;
- in Chromium, with Plotly alone on a page: the seconds from the JSON to the drawn chart, from one
  zoom to the next picture, and to find the dots inside a lasso around a quarter of the chart.

Without a graphics card Chromium draws WebGL on the CPU (SwiftShader), which is the slow case.
"""

import argparse
import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import plotly
from numpy.typing import NDArray

from simviz_core.gallery import Column, GalleryImage
from simviz_core.projection import make_map, neighbours_kept
from simviz_core.retrieval import GalleryIndex
from simviz_ui.gallery_map.chart import map_chart

CLUSTERS, INNER, COMPONENTS = 200, 64, 1280
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DRAW = """async (text) => {
  const ready = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const chart = document.getElementById("chart");
  const times = {};
  const timed = async (name, act) => {
    const start = performance.now();
    await act();
    await ready();
    times[name] = (performance.now() - start) / 1000;
  };
  await timed("draw", async () => {
    const { data, layout } = JSON.parse(text);
    await Plotly.newPlot(chart, data, layout, { scrollZoom: true });
  });
  const { xaxis, yaxis } = chart._fullLayout;
  const middle = (axis, share) => {
    const [low, high] = axis.range, centre = (low + high) / 2;
    return [centre - (high - low) * share / 2, centre + (high - low) * share / 2];
  };
  const [x, y] = [middle(xaxis, 0.5), middle(yaxis, 0.5)];
  await timed("zoom", () => Plotly.relayout(chart, { "xaxis.range": x, "yaxis.range": y }));
  await timed("zoom", () => Plotly.relayout(chart, {
    "xaxis.range": middle(xaxis, 2), "yaxis.range": middle(yaxis, 2) }));
  const path = `M${x[0]},${y[0]}L${x[1]},${y[0]}L${x[1]},${y[1]}L${x[0]},${y[1]}Z`;
  await timed("lasso", () => Plotly.relayout(chart, { selections: [{ type: "path", path }] }));
  return times;
}"""


def synthetic_index(count: int) -> GalleryIndex:
    """Embeddings as they come from a network that ends in ReLUs, in clusters, without pictures."""
    chance = np.random.default_rng(0)
    clusters = chance.integers(0, CLUSTERS, count)
    centres = chance.normal(size=(CLUSTERS, INNER))
    mixing = chance.normal(size=(INNER, COMPONENTS)) / 8
    matrix = np.empty((count, COMPONENTS), dtype=np.float32)
    for start in range(0, count, 10_000):
        own = clusters[start : start + 10_000]
        inner = centres[own] + chance.normal(size=(len(own), INNER)) * 0.6
        noise = chance.normal(size=(len(own), COMPONENTS)) * 0.3
        matrix[start : start + 10_000] = np.maximum(inner @ mixing + noise, 0)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    images = tuple(
        GalleryImage(f"{label:03d}/{row}.jpg", Path(f"{label:03d}/{row}.jpg"), f"{label:03d}")
        for row, label in enumerate(clusters.tolist())
    )
    return GalleryIndex(images, matrix)


def timed(act: Callable[[], NDArray[np.float32]]) -> tuple[NDArray[np.float32], float]:
    """What a call returns, and its seconds."""
    start = time.perf_counter()
    made = act()
    return made, time.perf_counter() - start


def umap_layout(index: GalleryIndex) -> NDArray[np.float32]:
    """The same by UMAP, seeded too."""
    from umap import UMAP  # type: ignore[import-not-found]  # only where it is compared

    placed: NDArray[np.float32] = UMAP(random_state=0).fit_transform(index.matrix)
    return placed


def draw_in_browser(spec: str) -> dict[str, float]:
    """Draw a chart in Chromium, and return the seconds of each step."""
    from playwright.sync_api import sync_playwright

    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "page.html"
        page_file.write_text('<div id="chart" style="width:1000px;height:620px"></div>')
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(page_file.as_uri())
        page.add_script_tag(path=script)
        found: dict[str, float] = page.evaluate(DRAW, spec)
        browser.close()
    return found


def measure(count: int, with_umap: bool, with_browser: bool) -> None:
    """Measure one size, and print a line for each thing."""
    index = synthetic_index(count)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    placed, seconds = timed(lambda: make_map(index).points)
    kept = neighbours_kept(index.matrix, placed)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{count:,} images")
    print(
        f"  map: {seconds:.1f} s ({used.ru_utime - before:.1f} s on a core), "
        f"{used.ru_maxrss / 1024:.0f} MB in its process"
    )
    print(
        f"  of {kept.count} neighbours {kept.share:.1%} are kept, by chance {kept.chance:.2%}, "
        f"{kept.asked:,} images asked"
    )
    if with_umap:
        begun = time.process_time()
        other, seconds = timed(lambda: umap_layout(index))
        on_core, share = time.process_time() - begun, neighbours_kept(index.matrix, other).share
        print(f"  UMAP: {seconds:.1f} s ({on_core:.1f} s on a core), {share:.1%} kept")
    group = Column("class", index.classes, index.class_of)
    start = time.perf_counter()
    spec = map_chart(placed, group, None).to_json()
    assert spec is not None
    print(f"  chart: {len(spec) / 1e6:.2f} MB of JSON in {time.perf_counter() - start:.2f} s")
    if with_browser:
        found = draw_in_browser(json.dumps(json.loads(spec)))
        print("  browser: " + ", ".join(f"{name} {value:.2f} s" for name, value in found.items()))


def main() -> None:
    """Measure every size that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 20_000, 100_000])
    parser.add_argument("--umap", action="store_true", help="measure UMAP, too")
    parser.add_argument("--no-browser", action="store_true", help="leave the browser out")
    options = parser.parse_args()
    for count in options.sizes:
        measure(count, options.umap, not options.no_browser)


if __name__ == "__main__":
    main()
