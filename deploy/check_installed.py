"""Install SimViz as `pip install .` does, and use it from another folder.

    python -m deploy.check_installed

Builds the wheel and installs it without what it depends on, which has to be there already, into a
new virtual environment. Then runs the command, explains a pair of the demo, and starts the app.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PORT = 8599
PATIENCE = 120
"""How long the app may take to answer, in seconds."""
DEMO = "from simviz_core import DEMO_GALLERY; print(DEMO_GALLERY)"
FIRST_PAGE = """
from streamlit.testing.v1 import AppTest
from simviz_core.home import HOME
app = AppTest.from_file(str(HOME / "app.py"), default_timeout=120).run()
assert not app.exception, app.exception
print(f"the first page: {app.title[0].value}")
"""


def main() -> None:
    """Check all of it; ends with an error where something fails."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        python = _installed(place)
        simviz = str(python.with_name("simviz"))
        elsewhere = place / "elsewhere"
        elsewhere.mkdir()
        assert "commands" in _run([simviz, "--help"], elsewhere)
        demo = Path(_run([str(python), "-c", DEMO], elsewhere).strip())
        assert demo.is_relative_to(place), f"not of what was installed: {demo}"
        views = [str(demo / "hotel_00" / f"view_{view}.jpg") for view in (0, 1)]
        found = _run([simviz, "pair", *views, "--figure", "pair.png", "--json", "-"], elsewhere)
        print(f"similarity {json.loads(found)['similarity']:.4f}")
        assert (elsewhere / "pair.png").stat().st_size > 10_000
        print(_run([str(python), "-c", FIRST_PAGE], elsewhere).strip())
        _start_app([simviz, "app", "--headless", "--port", str(PORT)], elsewhere)
        print("the app answers")


def _installed(place: Path) -> Path:
    """The Python of a virtual environment in which SimViz is installed."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place)]
    _run([*pip, *build, str(REPOSITORY)], place)
    (wheel,) = place.glob("simviz-*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.0f} MB")
    venv = place / "venv"
    _run(
        [sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", str(venv)], place
    )
    python = venv / "bin" / "python"
    _run([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], place)
    return python


def _run(words: Sequence[str], folder: Path) -> str:
    finished = subprocess.run(words, cwd=folder, env=_environment(folder), capture_output=True)
    assert finished.returncode == 0, finished.stderr.decode()
    return finished.stdout.decode()


def _environment(folder: Path) -> dict[str, str]:
    """This process's, without what would let the repository's own code be found."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {"SIMVIZ_CACHE": str(folder / "cache")}


def _start_app(words: Sequence[str], folder: Path) -> None:
    with (folder / "app.log").open("w") as log:
        app = subprocess.Popen(
            words, cwd=folder, env=_environment(folder), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_healthy(app, folder / "app.log")
        finally:
            app.terminate()
            app.wait(60)


def _wait_until_healthy(app: subprocess.Popen[bytes], log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and app.poll() is None:
        try:
            direct.open(f"http://127.0.0.1:{PORT}/_stcore/health", timeout=1)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"the app did not answer:\n{log.read_text()}")


if __name__ == "__main__":
    main()
