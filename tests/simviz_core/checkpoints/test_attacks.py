"""Files made by hand to harm whoever reads them, step by step of the pickle."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
import torch

from simviz_core.checkpoints import open_checkpoint, read_checkpoint
from simviz_core.errors import CheckpointError

NUMBERS = struct.pack("<6f", *range(6))
STEPS = 200_000
"""As many as the bombs may take here."""
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(words: str) -> bytes:
    content = words.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def number(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def row(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def identifier(
    key: bytes = text("0"), count: bytes = number(6), kind: bytes = b"ctorch\nFloatStorage\n"
) -> bytes:
    return row(text("storage"), kind, key, text("cpu"), count)


def tensor(
    storage: bytes = identifier() + b"Q",
    offset: bytes = number(0),
    shape: bytes = row(number(2), number(3)),
    strides: bytes = row(number(3), number(1)),
) -> bytes:
    return REBUILD + row(storage, offset, shape, strides, b"\x89", b"}") + b"R"


def dictionary(**entries: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


def archived(content: bytes, path: Path, **more: bytes) -> Path:
    """The archive that torch.save would have written around a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02" + content + b".")
        archive.writestr("model/version", b"3\n")
        archive.writestr("model/data/0", NUMBERS)
        for name, entry in more.items():
            archive.writestr(name, entry)
    return path


def test_the_pickle_made_by_hand_is_read(tmp_path: Path) -> None:
    read = read_checkpoint(archived(dictionary(w=tensor()), tmp_path / "model.pth"))
    assert torch.equal(read["w"], torch.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("protocol", [0, 2, 5, 77])
@pytest.mark.parametrize(
    "steps",
    [
        b"\x82\x01",
        b"\x83\x01\x00",
        b"\x84\x01\x00\x00\x00",
        b"\x97",
        b"N\x98",
        b"Pstorage\n",
        b"P0\n",
        b"NQ",
        b"K\x01Q",
        b")Q",
        b"]Q",
        b"}Q",
        row(text("storage")) + b"Q",
        row(text("file"), text("/etc/passwd"), text("0"), text("cpu"), number(1)) + b"Q",
        identifier(text("../version")) + b"Q",
        identifier(text("/etc/passwd")) + b"Q",
        identifier(number(0)) + b"Q",
        identifier(b"N") + b"Q",
        identifier(count=number(-1)) + b"Q",
        identifier(count=number(7)) + b"Q",
        identifier(count=number(2**70)) + b"Q",
        identifier(count=b"\x88") + b"Q",
        identifier(count=text("6")) + b"Q",
        identifier(kind=b"cos\nsystem\n") + b"Q",
        identifier(kind=b"ctorch\nHugeStorage\n") + b"Q",
        identifier(kind=text("FloatStorage")) + b"Q",
    ],
    ids=repr,
)
def test_what_is_outside_of_a_file_is_never_looked_up(
    steps: bytes, protocol: int, tmp_path: Path
) -> None:
    """Extensions, buffers out of band, persistent identifiers of all kinds."""
    content = b"\x80" + bytes([protocol]) + b"}" + text("w") + steps + b"s"
    with pytest.raises(CheckpointError):
        open_checkpoint(archived(content, tmp_path / "model.pth"))
    (tmp_path / "plain.pth").write_bytes(content + b".")
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path / "plain.pth")


@pytest.mark.parametrize(
    "changed",
    [
        {"offset": number(-1)},
        {"offset": number(1)},
        {"offset": number(2**63)},
        {"offset": b"\x88"},
        {"offset": text("0")},
        {"strides": row(number(-3), number(1))},
        {"strides": row(number(3), number(2))},
        {"strides": row(number(2**61), number(1))},
        {"strides": row(number(2**80), number(1))},
        {"strides": row(number(1))},
        {"strides": number(1)},
        {"shape": row(number(-2), number(-3))},
        {"shape": row(number(2**61), number(2**61))},
        {"shape": row(number(2), b"G" + struct.pack(">d", 3.0))},
        {"shape": row(*[number(1)] * 40), "strides": row(*[number(1)] * 40)},
        {"shape": row(number(2**40), number(3)), "strides": row(number(0), number(1))},
        {"storage": b"N"},
        {"storage": text("0")},
        {"storage": b"}"},
    ],
    ids=repr,
)
def test_tensors_never_reach_beyond_their_numbers(
    changed: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(archived(dictionary(w=tensor(**changed)), tmp_path / "model.pth"))


@pytest.mark.parametrize(
    "strides", [(0, 1), (1, 0), (0, 0), (1, 1)], ids=lambda strides: f"strides {strides}"
)
def test_tensors_that_lie_over_themselves_are_read_or_refused_as_torch_has_them(
    strides: tuple[int, int], tmp_path: Path
) -> None:
    content = dictionary(w=tensor(strides=row(*map(number, strides))))
    read = read_checkpoint(archived(content, tmp_path / "model.pth"))
    assert torch.equal(read["w"], torch.arange(6.0).as_strided((2, 3), strides))


CALLS = [
    b"cbuiltins\ngetattr\n",
    b"coperator\nattrgetter\n",
    b"cfunctools\npartial\n",
    b"ctorch\nload\n",
    b"ctorch.hub\nload\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"csimviz_core.files\nwrite_atomically\n",
    b"cbuiltins\nprint\n",
    b"\x8c\x07pathlib\x8c\x0fPath.write_bytes\x93",
    text("write_bytes"),
    b"K\x01",
    b"N",
    REBUILD + b")\x81",
]


@pytest.mark.parametrize("how", [b"R", b"\x81", b"}\x92"], ids=["reduce", "new", "new with words"])
@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_nothing_is_called_whatever_it_is_called_with(
    call: bytes, how: bytes, tmp_path: Path
) -> None:
    """What is made of an unknown name is inert, also when it is called, built and put into."""
    harm = tmp_path / "harm"
    made = call + row(text(str(harm)), text("w")) + how
    built = made + dictionary(path=text(str(harm))) + b"b"
    called = built + row(text(str(harm))) + b"R"
    content = dictionary(x=built, y=called, w=tensor())
    try:
        read = read_checkpoint(archived(content, tmp_path / "model.pth"))
    except CheckpointError:  # arguments that a tensor cannot be made of
        read = {}
    assert read.keys() <= {"w"}
    assert not harm.exists()


def test_state_is_kept_and_never_set(tmp_path: Path) -> None:
    """`__setstate__`, `__dict__` and slots of anything: BUILD only notes what was given."""
    state = row(dictionary(__class__=text("x")), dictionary(__setstate__=b"cmine\ncall\n"))
    stand_in = b"cmine\nThing\n)\x81" + state + b"b"
    plain = b"}" + dictionary(__class__=text("x")) + b"b"
    content = dictionary(thing=stand_in, plain=plain, listed=b"]Nb", w=tensor())
    contents = open_checkpoint(archived(content, tmp_path / "model.pth"))
    assert contents.strangers == ("mine.Thing",)
    state = state.replace(b"cmine\ncall\n", b"cos.path\njoin\n")
    with pytest.raises(CheckpointError, match="could run code"):
        open_checkpoint(archived(dictionary(x=state), tmp_path / "other.pth"))


def remembered(content: bytes, place: int = 1) -> bytes:
    return content + b"q" + bytes([place])


BOMBS = {
    "a list copied and copied": b"(" + b"N" * 50_000 + b"l" + b"q\x010"
    b"(" + b"cbuiltins\nlist\nh\x01\x85R" * 200 + b"t",
    "a text encoded and encoded": text("x" * 1_000_000) + b"q\x010"
    b"(" + b"c_codecs\nencode\nh\x01\x85R" * 1000 + b"t",
    "files in a file, again and again": b"B" + struct.pack("<I", 200_001) + b"N" * 200_000 + b"."
    b"q\x010(" + b"ctorch.storage\n_load_from_bytes\nh\x01\x85R" * 100 + b"t",
    "a number of a megabyte": b"\x8b" + struct.pack("<i", 1_000_000) + b"\x01" * 1_000_000,
    "a number of a megabyte in digits": b"L" + b"9" * 1_000_000 + b"L\n",
    "more steps than any checkpoint has": b"N0" * STEPS + b"N",
    "gigabytes of text, claimed": b"T" + struct.pack("<i", 2**31 - 1),
    "exabytes of text, claimed": b"\x8d" + struct.pack("<Q", 2**60),
    "exabytes of bytes, claimed": b"\x96" + struct.pack("<Q", 2**60),
    "a text of a length below zero": b"T" + struct.pack("<i", -5),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused(bomb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simviz_core.checkpoints.formats.pickles.MOST_STEPS", STEPS)
    content = dictionary(x=BOMBS[bomb], w=tensor())
    with pytest.raises(CheckpointError, match="damaged or no checkpoint") as caught:
        read_checkpoint(archived(content, tmp_path / "model.pth"))
    assert len(str(caught.value)) < 500


def test_a_key_that_doubles_forty_times_is_never_written_out(tmp_path: Path) -> None:
    """Kept in forty tuples; as a text it would have a billion letters and more."""
    doubled = remembered(row(text("0"), text("0")))
    for _ in range(40):
        doubled += b"h\x01\x86" + b"q\x01"
    content = b"}" + text("w") + tensor(identifier(doubled) + b"Q") + b"s"
    with pytest.raises(CheckpointError, match="key of a storage"):
        open_checkpoint(archived(content, tmp_path / "model.pth"))


@pytest.mark.parametrize(
    "nest",
    [
        b"]" * 200_000 + b"a" * 199_999,
        b")" + b"\x85" * 200_000,
        b"(" * 200_000 + b"t" * 200_000,
        b"}K\x01" * 100_000 + b"N" + b"s" * 100_000,
        b"cmine\nThing\n)\x81" + b"cmine\nThing\n)\x81q\x010h\x01" * 1000,
        b"]q\x02h\x02ah\x02a",
        b"}q\x02" + text("self") + b"h\x02s",
    ],
    ids=["lists", "tuples", "marks", "dictionaries", "objects", "itself", "itself by name"],
)
def test_however_deep_things_are_nested_the_weights_are_found(nest: bytes, tmp_path: Path) -> None:
    read = read_checkpoint(archived(dictionary(x=nest, w=tensor()), tmp_path / "model.pth"))
    assert read.keys() == {"w"}


def test_dictionaries_that_hold_one_another_are_looked_at_once(tmp_path: Path) -> None:
    """Each of forty holds the next one twice, and all lie under a name of a megabyte."""
    inner = remembered(dictionary(w=tensor()), 1)
    for _ in range(40):
        inner = inner + b"0" + remembered(b"}(" + text("a") + b"h\x01" + text("b") + b"h\x01u", 1)
    content = b"}(" + text("k" * 1_000_000) + inner + text("plain") + dictionary(w=tensor()) + b"u"
    parts = open_checkpoint(archived(content, tmp_path / "model.pth")).parts
    assert [part.name for part in parts] == ["plain"]


def test_many_names_for_one_tensor_are_refused(tmp_path: Path) -> None:
    names = b"".join(text(f"{n}.weight") + b"h\x01" for n in range(60_000))
    content = b"}" + text("w") + remembered(tensor()) + b"s(" + names + b"u"
    with pytest.raises(CheckpointError, match="more than 50,000 tensors"):
        open_checkpoint(archived(content, tmp_path / "model.pth"))


def test_tensors_that_share_their_numbers_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = torch.zeros(1000)
    weights = {f"layer{n}.weight": shared for n in range(100)}
    torch.save(weights, tmp_path / "model.pth")
    assert len(read_checkpoint(tmp_path / "model.pth")) == 100
    monkeypatch.setattr("simviz_core.checkpoints.reading.MOST_BYTES_BEYOND", 1000)
    with pytest.raises(CheckpointError, match=r"claims 0 MB of weights, far more than it holds"):
        read_checkpoint(tmp_path / "model.pth")


def test_an_archive_without_its_whole_index_is_refused(tmp_path: Path) -> None:
    whole = archived(dictionary(w=tensor()), tmp_path / "model.pth").read_bytes()
    begin = whole.index(b"PK\x01\x02")
    for end in range(begin, len(whole) - 1, 7):
        (tmp_path / "cut.pth").write_bytes(whole[:end])
        with pytest.raises(CheckpointError, match="damaged or no checkpoint"):
            read_checkpoint(tmp_path / "cut.pth")


@pytest.mark.parametrize("place", ["local", "size", "offset", "checksum"])
def test_an_index_that_lies_is_noticed(place: str, tmp_path: Path) -> None:
    path = archived(dictionary(w=tensor()), tmp_path / "model.pth")
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")  # of the numbers
    if place == "local":
        content[content.rindex(b"PK\x03\x04")] = 0
    where = {"local": 0, "checksum": 16, "size": 24, "offset": 42}[place]
    if where:
        content[entry + where : entry + where + 4] = struct.pack("<I", 77_777)
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "name",
    ["../model/data/0", "/etc/passwd", "model/../../data/0", "C:\\data\\0", "model/data/0/"],
)
def test_names_in_an_archive_lead_nowhere(name: str, tmp_path: Path) -> None:
    """Nothing is unpacked; what is not called `data/KEY` in its folder is not there."""
    before = set(tmp_path.iterdir())
    path = tmp_path / "model.pth"
    archived(dictionary(w=tensor()), path, **{name: bytes(24)})
    assert torch.equal(read_checkpoint(path)["w"], torch.arange(6.0).reshape(2, 3))
    assert set(tmp_path.iterdir()) - before == {path}
    odd = io.BytesIO()
    with zipfile.ZipFile(odd, "w") as archive:
        archive.writestr("../data.pkl", b"\x80\x02" + dictionary(w=tensor()) + b".")
        archive.writestr(name, NUMBERS)
    path.write_bytes(odd.getvalue())
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_of_two_entries_of_one_name_the_last_counts_as_with_torch(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    with pytest.warns(UserWarning, match="Duplicate name"):
        archived(dictionary(w=tensor()), path, **{"model/data/0": bytes(24)})
    assert not read_checkpoint(path)["w"].any()
