"""`report`: every finding is made again, with the numbers that the commands give."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from simviz_core.cli.commands import OneLineParser, add_options
from simviz_core.cli.findings.commands import (
    _FILES,
    _NO_FILES,
    files_of_command,
    parsed_command,
    recomputed,
)
from simviz_core.errors import SettingsError
from simviz_core.findings import (
    KeptFile,
    Shown,
    findings_as_json,
    kept_numbers,
    new_finding,
    report_html,
)
from simviz_core.findings.digests import kept_files

Run = Callable[..., tuple[int, str, str]]


def test_a_report_has_the_numbers_of_the_commands_and_says_what_changed(
    small_gallery: Path, tmp_path: Path, run: Run
) -> None:
    query, match = (str(small_gallery / "chairs" / f"view_{n}.png") for n in (1, 2))
    words = {
        "pair": ["pair", query, match, "--json", "-"],
        "search": ["search", query, "--gallery", str(small_gallery), "--top", "2", "--json", "-"],
    }
    numbers = {name: json.loads(run(*command)[1]) for name, command in words.items()}
    gone = tmp_path / "gone.png"
    gone.write_bytes(Path(match).read_bytes())
    kept = [
        new_finding(
            name,
            "query=chairs%2Fview_1.png",
            f"A <b>{name}</b>",
            'note with <script>alert("1")</script>',
            [Shown(tuple(command), kept_numbers(numbers[name]))],
            kept_files([query]),
        )
        for name, command in words.items()
    ]
    lost = ["pair", query, str(gone)]
    kept.append(new_finding("pair", "", "Lost", "", [Shown(tuple(lost))], kept_files([str(gone)])))
    uploaded = KeptFile("mine.png", None, is_upload=True)
    kept.append(
        new_finding("pair", "", "Mine", "", [Shown(("pair", "mine.png", query))], [uploaded])
    )
    gone.unlink()
    file, html = tmp_path / "findings.json", tmp_path / "report.html"
    file.write_text(findings_as_json(kept))

    status, out, err = run("report", str(file), "--html", str(html), "--address", "http://me:1/a/")

    assert (status, out) == (0, "")
    assert "Lost" in err
    text = html.read_text("utf-8")
    assert f"{numbers['pair']['similarity']:.6g}" in text
    for result in numbers["search"]["results"]:
        assert f"{result['score']:.6g}" in text
    assert text.count("The same numbers as when it was kept") == 2
    assert "residual" in text
    assert "pretrained weights" in text
    assert shlex.join(["python", "-m", "simviz_core", *words["pair"]]).replace("'", "&#39;") in text
    assert 'href="http://me:1/a/pair?query=chairs%2Fview_1.png"' in text
    assert "gone.png: gone: it cannot be read any more" in text
    assert "it rests on an upload" in text
    # Nothing of a finding becomes markup, and nothing is fetched or run.
    assert "<script" not in text
    assert "A &lt;b&gt;pair&lt;/b&gt;" in text
    sources = re.findall(r'\bsrc="([^"]{0,30})', text)
    assert len(sources) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "default-src 'none'" in text

    Path(query).write_bytes(Path(small_gallery / "lamps" / "view_1.png").read_bytes())
    changed = report_html([recomputed(kept[0])], "http://localhost:8501")
    assert "changed since: its content is another" in changed
    assert "Not the same as when it was kept" in changed


def test_what_a_finding_names_as_outputs_is_not_written(
    small_gallery: Path, tmp_path: Path
) -> None:
    image = str(small_gallery / "chairs" / "view_1.png")
    outputs = [tmp_path / name for name in ("a.png", "b.json", "c.npz")]
    words = ["pair", image, image, "--figure", str(outputs[0]), "--json", str(outputs[1])]
    finding = new_finding("pair", "", "", "", [Shown((*words, "--npz", str(outputs[2])))])
    (again,) = recomputed(finding).again
    assert again.problem == ""
    assert again.numbers is not None
    assert again.numbers["similarity"] == pytest.approx(1)
    assert not any(path.exists() for path in outputs)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "it has no command"),
        (("train", "x"), "'train' is none of pair"),
        (("pair", "a.png"), "cannot be read"),
        (("pair", "a", "b", "--nonsense"), "cannot be read"),
        (("pair", "--help"), "asks for help"),
        (("pair", "a", "b", "--size", "huge"), "cannot be read"),
        (("pair", "a", "b", "--network", "file:x.py", "--allow-code"), "runs code"),
        (("pair", "nowhere.png", "nowhere.png"), "nowhere.png"),
        (("search", "a", "--gallery", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_made_again_is_a_sentence(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (again,) = recomputed(new_finding("pair", "", "", "", [Shown(words)])).again
    assert message in again.problem
    assert again.numbers is None
    assert capsys.readouterr().out == ""


def test_every_option_is_known_to_open_files_or_not() -> None:
    """Whoever adds an option says in `cli/findings/commands.py` whether its value names a file."""
    for name in _FILES:
        command = OneLineParser()
        add_options(name, command)
        options = {action.dest for action in command._actions} - {"help"}
        assert options <= {*_FILES[name], *_NO_FILES}, name
        assert set(_FILES[name]) <= options, name


def test_the_files_that_a_command_would_open() -> None:
    words = ["pair", "a", "b", "--checkpoint", "w.pth", "--relative-to", "image:c", "--json", "/x"]
    assert sorted(files_of_command(words)) == ["a", "b", "c", "w.pth"]
    assert sorted(files_of_command(["pair", "a", "b", "--against", "k"])) == ["a", "b", "k"]
    words = ["search", "a", "--gallery", "g", "--also", "b:1,2,3,4", "--without=c"]
    assert sorted(files_of_command(words)) == ["a", "b", "c", "g"]
    words = ["errors", "g", "--compare-checkpoint", "pretrained"]
    assert sorted(files_of_command(words)) == ["g"]
    words = ["checkpoints", "a", "--gallery", "g", "--run", "r", "--run", "s", "--match", "m"]
    assert sorted(files_of_command(words)) == ["a", "g", "m", "r", "s"]
    assert parsed_command(words).runs == ["r", "s"]
    with pytest.raises(SettingsError, match="runs code"):
        list(files_of_command(["pair", "a", "b", "--allow-code"]))


def test_a_bad_file_and_a_bad_address_are_one_line(tmp_path: Path, run: Run) -> None:
    file, html = tmp_path / "findings.json", tmp_path / "report.html"
    file.write_text("{}")
    status, _, err = run("report", str(file), "--html", str(html))
    assert (status, err.count("\n")) == (2, 1)
    file.write_text(findings_as_json([]))
    assert "holds no findings" in run("report", str(file), "--html", str(html))[2]
    file.write_text(findings_as_json([new_finding("", "", "", "")]))
    status, _, err = run("report", str(file), "--html", str(html), "--address", "javascript:x")
    assert (status, "no address" in err) == (2, True)
    assert not html.exists()
