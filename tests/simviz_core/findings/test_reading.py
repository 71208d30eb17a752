"""A file of findings goes out and in without loss, and what is wrong in one is said."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simviz_core.errors import FindingsError
from simviz_core.findings import (
    Finding,
    KeptFile,
    Shown,
    findings_as_json,
    new_finding,
    picture_uri,
    read_findings,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NUMBERS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)
DIGESTS = st.none() | st.text("0123456789abcdef", min_size=64, max_size=64)
FILES = st.lists(st.builds(KeptFile, TEXTS, DIGESTS), max_size=2).map(tuple)


def jpeg(size: tuple[int, int] = (8, 6)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "JPEG")
    return buffer.getvalue()


PICTURE = picture_uri(jpeg())


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    shown = draw(
        st.lists(
            st.builds(
                Shown,
                st.lists(TEXTS, max_size=3).map(tuple),
                st.none() | NUMBERS,
                st.sampled_from(["", PICTURE]),
            ),
            max_size=2,
        )
    )
    made = draw(st.builds(new_finding, st.just("pair"), st.just("query=a&top=6"), TEXTS, TEXTS))
    return Finding(
        **{**vars(made), "shown": tuple(shown), "images": draw(FILES), "weights": draw(FILES)}
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(findings(), max_size=3))
def test_a_file_goes_out_and_in_without_loss(kept: list[Finding]) -> None:
    text = findings_as_json(kept)
    assert read_findings(text.encode()) == kept
    assert findings_as_json(read_findings(text)) == text


@pytest.fixture
def values() -> dict[str, Any]:
    """A file with one finding, as values."""
    shown = Shown(("pair", "a.png", "b.png"), {"similarity": 0.5}, PICTURE)
    finding = new_finding("pair", "query=a.png", "Pair", "", [shown], [KeptFile("a.png", "0" * 64)])
    return json.loads(findings_as_json([finding]))


def uri(content: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()


def finding_with(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda values: values["findings"][0].update(fields)


def shown_with(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda values: values["findings"][0]["shown"][0].update(fields)


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.update(format="coco"), "no file of findings"),
        (lambda values: values.update(version=2), "version 2"),
        (lambda values: values.update(version=True), "version True"),
        (lambda values: values.update(more=1), "the file: more is not known"),
        (lambda values: values.pop("findings"), "findings is missing"),
        (lambda values: values["findings"].append(values["findings"][0]), "the same id"),
        (lambda values: values.update(findings={}), "is not a list"),
        (lambda values: values["findings"].append(7), "finding 2: '7' is not an object"),
        (lambda values: values["findings"][0].pop("note"), "finding 1: note is missing"),
        (finding_with(id="../../etc"), "id: '../../etc' is not 32"),
        (finding_with(page="../pair"), "is not the name of a page"),
        (finding_with(link="no parameter"), "link: 'no parameter' is not parameters"),
        (finding_with(kept="yesterday"), "is not a time"),
        (finding_with(note=5), "note: '5' is not a text"),
        (finding_with(note="n" * 10_001), "10,001 letters"),
        (finding_with(title="a\0"), "zero byte"),
        (finding_with(title="\ud800"), "half a letter"),
        (finding_with(images=[{"path": "a"}]), "sha256 is missing"),
        (
            finding_with(images=[{"path": "a", "sha256": "abc", "is_upload": False}]),
            "64 hexadecimal digits",
        ),
        (
            finding_with(images=[{"path": "a/b", "sha256": None, "is_upload": True}]),
            "bare name",
        ),
        (shown_with(command="pair a b"), "is not a list"),
        (shown_with(command=[1]), "command: '1' is not a text"),
        (shown_with(numbers=[1]), "is not an object, or null"),
        (shown_with(numbers=nested(20)), "nested more than"),
        (shown_with(numbers={"a": [0] * 100_001}), "more than 100,000 values"),
        (shown_with(picture="https://example.org/a.jpg"), "is not a JPEG"),
        (shown_with(picture="data:image/svg+xml;base64,PHN2Zz4="), "is not a JPEG"),
        (shown_with(picture=uri(b"no image")), "is not a JPEG"),
        (shown_with(picture=uri(jpeg((700, 10)))), "is not a JPEG"),
        (shown_with(picture=uri(jpeg()[:200])), "is not a JPEG"),
    ],
)
def test_what_is_wrong_is_said(
    values: dict[str, Any], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    change(values)
    with pytest.raises(FindingsError) as error:
        read_findings(json.dumps(values))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff\xfe", b"no json", b"[]", b"null", b'{"format": NaN}', b'{"a": 1, "a": 2}'),
        b"[" * 100_000,
        b" " * 32_000_001,
    ],
    ids=range(9),
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(FindingsError):
        read_findings(content)


def test_a_kept_picture_is_small() -> None:
    figure = io.BytesIO()
    Image.effect_noise((3000, 1000), 60).save(figure, "PNG")
    content = base64.b64decode(picture_uri(figure.getvalue()).partition(",")[2])
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        assert image.size == (640, 213)
