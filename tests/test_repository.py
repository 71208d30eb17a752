"""What README promises, and which way the rooms of the code may look."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from simviz_core.cli.commands import COMMANDS
from simviz_core.cli.main import main
from simviz_ui.choices.galleries import ARCHIVE
from simviz_ui.choices.image_picker import PHOTO
from simviz_ui.choices.weights import CHECKPOINT

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMAND_LINE = (REPOSITORY / "docs" / "command-line.md").read_text(encoding="utf-8")
PAGES_OF_TEXT = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for pattern in ("README.md", "demo/README.md", "docs/*.md")
    for path in REPOSITORY.glob(pattern)
)


def is_module(name: str) -> bool:
    """Whether a module of the project has this name."""
    path = REPOSITORY / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def imports(folder: str) -> set[tuple[str, str]]:
    """Every import below a folder, as (file, module)."""
    found = set()
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                submodules = [f"{node.module}.{name.name}" for name in node.names]
                names = [node.module or "", *filter(is_module, submodules)]
            found |= {(path.relative_to(REPOSITORY).as_posix(), name) for name in names}
    return found


def below(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def test_decomposition_imports_nothing_of_the_project() -> None:
    outside = {
        (file, module)
        for file, module in imports("simviz_core/decomposition")
        if below(module, "simviz_core", "simviz_ui", "pages")
        and not below(module, "simviz_core.decomposition")
    }
    assert not outside


def test_the_core_knows_nothing_of_the_pages() -> None:
    upward = {
        (file, module)
        for file, module in imports("simviz_core")
        if below(module, "streamlit", "simviz_ui", "pages")
    }
    assert not upward


CORE_FLOORS = (
    (
        "simviz_core",
        "simviz_core.errors",
        "simviz_core.files",
        "simviz_core.home",
        "simviz_core.installation",
        "simviz_core.tables",
        "simviz_core.decomposition",
    ),
    ("simviz_core.images", "simviz_core.map_measures"),
    ("simviz_core.networks", "simviz_core.gallery"),
    ("simviz_core.checkpoints", "simviz_core.retrieval"),
    (
        "simviz_core.runs",
        "simviz_core.pairs",
        "simviz_core.misses",
        "simviz_core.distributed",
    ),
    ("simviz_core.figures",),
    (
        "simviz_core.classes",
        "simviz_core.features",
        "simviz_core.following",
        "simviz_core.projection",
    ),
    ("simviz_core.findings",),
    ("simviz_core.evidence",),
    ("simviz_core.training", "simviz_core.configuration"),
    ("simviz_core.api", "simviz_core.cli"),
    ("simviz_core.__main__",),
)
"""Rooms of the core, from the ground floor up; a room may look into those below it."""
UI_FLOORS = (
    ("simviz_ui.chosen", "simviz_ui.view", "simviz_ui.serving", "simviz_ui.display"),
    ("simviz_ui.components",),
    ("simviz_ui.navigation",),
    ("simviz_ui.choices",),
    ("simviz_ui.retrieval", "simviz_ui.checks"),
    ("simviz_ui.overview", "simviz_ui.pair", "simviz_ui.search", "simviz_ui.region"),
    (
        "simviz_ui.classes",
        "simviz_ui.features",
        "simviz_ui.checkpoints",
        "simviz_ui.trust",
        "simviz_ui.gallery_map",
    ),
    ("simviz_ui.findings",),
    ("simviz_ui.errors",),
    ("simviz_ui.every_page",),
    ("pages",),
)
MOST_FILES = 15
"""In a folder of the two packages."""


def module_name(file: str) -> str:
    """The module that a file is."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def floor_of(module: str, floors: tuple[tuple[str, ...], ...]) -> int | None:
    """The floor of a module's room; None where it is none of theirs."""
    rooms = {room: number for number, rooms in enumerate(floors) for room in rooms}
    for length in range(module.count(".") + 1, 0, -1):
        name = ".".join(module.split(".")[:length])
        if name in rooms and (name != "simviz_core" or module == name):
            return rooms[name]
    return None


@pytest.mark.parametrize(
    ("folders", "floors"), [(("simviz_core",), CORE_FLOORS), (("simviz_ui", "pages"), UI_FLOORS)]
)
def test_no_room_looks_up(folders: tuple[str, ...], floors: tuple[tuple[str, ...], ...]) -> None:
    upward = set()
    for file, module in (found for folder in folders for found in imports(folder)):
        if not below(module, *folders):
            continue
        own, other = floor_of(module_name(file), floors), floor_of(module, floors)
        assert own is not None, f"{file} is on no floor"
        assert other is not None, f"{module} is on no floor"
        if other > own and (file, module) != ("simviz_core/__init__.py", "simviz_core.api"):
            upward.add((file, module))
    assert not upward


@pytest.mark.parametrize("package", ["simviz_core", "simviz_ui"])
def test_no_file_imports_itself_round_a_corner(package: str) -> None:
    uses: dict[str, set[str]] = {}
    for file, module in imports(package):
        uses.setdefault(module_name(file), set()).add(module)
    # Python finishes the packages around a module first; they do not count as a circle.
    waiting = {
        name: {other for other in found if other in uses and not below(name, other)}
        for name, found in uses.items()
    }
    while ready := {name for name, found in waiting.items() if not found & waiting.keys()}:
        waiting = {name: found for name, found in waiting.items() if name not in ready}
    assert not waiting


@pytest.mark.parametrize("package", ["simviz_core", "simviz_ui"])
def test_no_folder_grows_flat(package: str) -> None:
    crowded = {
        folder.relative_to(REPOSITORY).as_posix()
        for folder in [REPOSITORY / package, *(REPOSITORY / package).rglob("*/")]
        if sum(path.is_file() and path.suffix != ".pyc" for path in folder.iterdir()) > MOST_FILES
    }
    assert not crowded


def test_pages_hold_no_mathematics() -> None:
    mathematics = {
        (file, module) for file, module in imports("pages") if below(module, "torch", "numpy")
    }
    assert not mathematics


def test_fragments_are_made_in_one_place() -> None:
    # One that is not does not hear of clicks, and takes older values of widgets for choices.
    files = [*(REPOSITORY / "simviz_ui").rglob("*.py"), *(REPOSITORY / "pages").glob("*.py")]
    makers = {path.name for path in files if re.search(r"st\.fragment\b", path.read_text("utf-8"))}
    assert makers == {"navigation.py"}


def test_the_python_example_in_readme_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    finished = subprocess.run(
        [sys.executable, "-c", example], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    score, total = (float(value) for value in re.findall(r"tensor\(([\d.]+)\)", finished.stdout))
    assert score == pytest.approx(total, abs=1e-4)


def sections(text: str, mark: str) -> dict[str, str]:
    """The sections of a page under headings of one depth, by heading without its ticks."""
    parts = re.split(rf"^{mark} (.*)$", text, flags=re.MULTILINE)
    return {title.strip("`"): body for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def options_in(text: str) -> set[str]:
    return set(re.findall(r"--[a-z][a-z-]*", text)) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_and_docs_name_every_command(command: str) -> None:
    assert f"python -m simviz_core {command} " in README
    assert f"python -m simviz_core {command} " in sections(COMMAND_LINE, "##")[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_docs_name_every_option_where_it_is_looked_for(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    options = options_in(capsys.readouterr().out)
    parts = sections(COMMAND_LINE, "##")
    shared = options_in(parts["Options that several commands share"])
    missing = sorted(options - shared - options_in(parts[command]))
    gone = sorted(options_in(parts[command]) - options)
    assert (missing, gone) == ([], []), "not in docs/command-line.md, and gone but still there"


def test_readme_is_no_reference() -> None:
    assert len(README.splitlines()) < 220


def test_pictures_in_readme_exist() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (REPOSITORY / picture).stat().st_size > 10_000


def anchors(text: str) -> set[str]:
    """What links may name of a page, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES_OF_TEXT)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)(.*?)\)", text):
        name, _, anchor = link.partition("#")
        path = (REPOSITORY / page).parent / name if name else REPOSITORY / page
        assert path.is_file(), link
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), link


def test_versions_are_pinned_and_torch_has_its_torchvision() -> None:
    pinned = pins("requirements.txt")
    minor = {name: int(pinned[name].split(".")[1]) for name in ("torch", "torchvision")}
    assert minor["torchvision"] - minor["torch"] == 14, "torch 2.N goes with torchvision 0.(N + 14)"


def pins(file: str) -> dict[str, str]:
    lines = (REPOSITORY / file).read_text().splitlines()
    named = (line.split("==") for line in lines if line and line[0] not in "#-")
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in named}


def test_constraints_are_of_the_versions_that_are_named() -> None:
    named = pins("requirements.txt") | pins("requirements-extras.txt")
    named |= pins("requirements-scale.txt")
    assert named.items() <= pins("constraints.txt").items(), "python -m deploy.constraints --write"
    sizes = (REPOSITORY / "docs" / "installing.md").read_text("utf-8")
    for name in ("torch", "torchvision"):
        assert f"{name}=={named[name]}" in sizes


def test_the_server_takes_what_the_pages_offer() -> None:
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())
    offered = [kind.megabytes for kind in (PHOTO, ARCHIVE, CHECKPOINT)]
    assert config["server"]["maxUploadSize"] > max(offered), "what frames a file counts, too"


def test_usage_statistics_are_off() -> None:
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())
    assert config["browser"]["gatherUsageStats"] is False


def test_clicks_are_heard_in_their_order_and_messages_sent_whole() -> None:
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())
    assert config["runner"]["fastReruns"] is False
    largest = config["server"]["maxUploadSize"] * 1e6
    assert config["global"]["minCachedMessageSize"] > largest


@pytest.mark.parametrize("page", ["security", "faults"])
def test_tests_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", (REPOSITORY / f"docs/{page}.md").read_text("utf-8")))
    tests = (path.read_text("utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))
    assert named - {name for text in tests for name in re.findall(r"def (test_\w+)", text)} == set()
