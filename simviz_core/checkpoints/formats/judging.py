"""What kind of file something is, by its first bytes: endings tell little."""

import struct
import zipfile
from pathlib import Path

ARCHIVE, PICKLE, SAFETENSORS, INDEX = "archive", "pickle", "safetensors", "index"
"""The kinds that weights can be read from."""
PROGRAM = (
    "is a TorchScript program, which could run code when loaded; save its state_dict() instead"
)
OLD_FILE = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""How the one file of older versions of `torch.save` begins."""
_UNPACK = "is a compressed or packed file; unpack it, and choose the checkpoint in it"
_BEGINNINGS = (
    (b"\x89HDF", "is an HDF5 file, as Keras writes them; SimViz reads weights of PyTorch"),
    (b"\x1f\x8b", _UNPACK),
    (b"BZh", _UNPACK),
    (b"\xfd7zXZ", _UNPACK),
    (b"7z\xbc\xaf", _UNPACK),
    (b"Rar!", _UNPACK),
    (b"\x28\xb5\x2f\xfd", _UNPACK),
    (b"GGUF", "is a GGUF file of a language model; SimViz reads weights of PyTorch"),
    (b"\x93NUMPY", "is a NumPy array; save the network's state_dict() with torch.save"),
    (b"version https://git-lfs", "is a pointer of Git LFS, not the file; run `git lfs pull`"),
    (b"<", "is a web page or XML, no checkpoint; download the file itself"),
)
_ONNX = (
    "is an ONNX network, which SimViz does not read; choose the checkpoint that it was exported "
    "from, or make a PyTorch program of it (the package onnx2torch, then torch.export.save to a "
    ".pt2 file) and load that as file:PROGRAM"
)
_ONNX_SIGNS = (b"pytorch", b"onnx", b"tf2onnx", b"paddle", b"keras", b"mxnet", b"Conv", b"graph")


def kind_of(path: Path) -> tuple[str | None, str]:
    """What kind of file this is.

    Args:
        path: An existing file of at least one byte.

    Returns:
        One of the kinds above; or None, and what it is instead and what to do.
    """
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith(b"PK\x03\x04") or start.startswith(b"PK\x05\x06"):
        return _kind_of_archive(path)
    if _is_safetensors(start, path.stat().st_size) or path.suffix.lower() == ".safetensors":
        return SAFETENSORS, ""
    for beginning, words in _BEGINNINGS:
        if start.lstrip()[: len(beginning)] == beginning:
            return None, words
    if start[257:262] == b"ustar":
        if b"storages" in start or b"pickle" in start[:100]:
            return None, "was saved by PyTorch 0.1; load it there, and save it again"
        return None, _UNPACK
    if path.suffix.lower() == ".onnx" or _is_onnx(start):
        return None, _ONNX
    if start.lstrip()[:1] == b"{" and b"weight_map" in path.read_bytes()[:100_000]:
        return INDEX, ""
    return PICKLE, ""


def is_plainly_weights(path: Path) -> bool:
    """Whether a file's first bytes can only be those of weights; a plain pickle may be anything.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_archive(path)[0] == ARCHIVE
    return start.startswith(OLD_FILE) or _is_safetensors(start, path.stat().st_size)


def _is_safetensors(start: bytes, size: int) -> bool:
    """Whether it begins with the length of a header in JSON."""
    if len(start) < 9 or start[8:9] != b"{":
        return False
    (length,) = struct.unpack("<Q", start[:8])
    return length <= size - 8


def _is_onnx(start: bytes) -> bool:
    # A protocol buffer: the version of the format first, then the program that wrote it.
    return (
        len(start) > 4
        and start[0] == 0x08
        and start[1] < 0x40
        and start[2] in (0x12, 0x1A, 0x22, 0x3A, 0x42)
        and any(sign in start for sign in _ONNX_SIGNS)
    )


def _kind_of_archive(path: Path) -> tuple[str | None, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None, "is damaged or no checkpoint; copy it again, or choose another file"
    inside = {name.partition("/")[2] for name in names}
    if any(name.startswith("code/") for name in inside) or "constants.pkl" in inside:
        return None, PROGRAM
    if any("exported_program" in name or name.startswith("models/") for name in inside):
        return None, (
            "is an exported program, which could run code when loaded; save the network's "
            "state_dict() instead, or load it as file:PROGRAM"
        )
    if "data.pkl" in inside or "data.pkl" in names:
        return ARCHIVE, ""
    if names and all(name.endswith(".npy") for name in names):
        return None, "is an archive of NumPy arrays; save the network's state_dict() instead"
    if any(name.endswith(("weights.h5", "saved_model.pb")) for name in names):
        return None, "is a network of Keras; SimViz reads weights of PyTorch"
    weights = [name for name in names if name.endswith((".pth", ".pt", ".safetensors", ".ckpt"))]
    return None, _UNPACK if weights else "is an archive, but no checkpoint; choose another file"
