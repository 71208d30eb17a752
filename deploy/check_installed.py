"""Install SimViz as the Dockerfile does, and use it from another folder.

    python -m deploy.check_installed

No container engine is needed: the steps are run in a new virtual environment, beside what SimViz
depends on, which has to be there already. Then the command is run, a pair of the demo explained,
and the app started.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PORT = 8599
NOT_HERE = ("--index-url", "find /usr/local", "useradd", "mkdir -p /galleries", "chown")
"""What stands in steps that are for a container alone; torch is there already."""
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
    """The Python of a virtual environment in which the Dockerfile's steps were run."""
    venv, build = place / "venv", place / "build"
    _run([sys.executable, "-m", "venv", "--system-site-packages", str(venv)], place)
    _copy_context(build / "source")
    for file in ("requirements.txt", "constraints.txt"):
        shutil.copy(REPOSITORY / file, build)
    for step in _steps():
        if any(part in step for part in NOT_HERE):
            print(f"not run here: {step}")
            continue
        words = step.replace("/tmp/simviz", str(build))
        _run(["bash", "-c", f'PATH="{venv}/bin:$PATH"; {words}'], place)
    return venv / "bin" / "python"


def _copy_context(folder: Path) -> None:
    """What the Dockerfile copies: all that .dockerignore lets through."""
    lines = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in (line[1:] for line in lines if line.startswith("!")):
        source, target = REPOSITORY / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _steps() -> list[str]:
    """The commands of the Dockerfile's RUN lines, one by one."""
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.removeprefix("RUN ") for line in text.splitlines() if line.startswith("RUN ")]
    return [" ".join(step.split()) for line in lines for step in line.split("&&")]


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
            url = f"http://127.0.0.1:{PORT}/_stcore/health"
            wait_until_healthy(app, folder / "app.log", url)
        finally:
            app.terminate()
            app.wait(60)


def wait_until_healthy(server: "subprocess.Popen[bytes]", log: Path, url: str) -> None:
    """Wait until a server answers.

    Args:
        server: Its process.
        log: Its output, which is shown where it does not.
        url: What it is asked for.

    Raises:
        SystemExit: It has ended, or does not answer.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            direct.open(url, timeout=1)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"{url} did not answer:\n{log.read_text()}")


if __name__ == "__main__":
    main()
