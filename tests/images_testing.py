"""Files of more than 8 bits, written byte by byte, since Pillow does not write most of them."""

import struct
import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

KINDS = {"u": 1, "i": 2, "f": 3}
"""Of TIFF's tag SampleFormat."""


def planes(values: NDArray[Any]) -> bytes:
    """An uncompressed TIFF whose colours lie in one plane after the other."""
    return tiff(values, is_planar=True)


def tiff(
    values: NDArray[Any],
    order: Literal["<", ">"] = "<",
    *,
    is_planar: bool = False,
    **tags: tuple[int, str, float],
) -> bytes:
    """An uncompressed TIFF of one strip; other tags as (number, struct's letter, value)."""
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    bits = values.dtype.itemsize * 8
    laid_out = np.moveaxis(values, -1, 0) if is_planar else values
    data = laid_out.astype(values.dtype.newbyteorder(order)).tobytes()
    photometric = 2 if channels > 2 else 1
    entries: dict[int, tuple[str, tuple[float, ...]]] = {
        256: ("L", (width,)),
        257: ("L", (height,)),
        258: ("H", (bits,) * channels),
        259: ("H", (1,)),
        262: ("H", (photometric,)),
        273: ("L", (8,)),
        277: ("H", (channels,)),
        278: ("L", (height,)),
        279: ("L", (len(data),)),
        339: ("H", (KINDS[values.dtype.kind],) * channels),
    }
    if channels == 4:
        entries[338] = ("H", (2,))
    if is_planar:
        each = len(data) // channels
        entries[273] = ("L", tuple(8 + each * channel for channel in range(channels)))
        entries[279] = ("L", (each,) * channels)
        entries[284] = ("H", (2,))
    entries |= {number: (letter, (value,)) for number, letter, value in tags.values()}
    place = 8 + len(data) + len(data) % 2
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HL", 42, place)
    directory, beyond = b"", b""
    after = place + 2 + 12 * len(entries) + 4
    types = {"H": 3, "L": 4, "f": 11, "d": 12, "h": 8}
    for number, (letter, numbers) in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        if len(packed) > 4:
            field = struct.pack(order + "L", after + len(beyond))
            beyond += packed
        else:
            field = packed.ljust(4, b"\0")
        directory += struct.pack(order + "HHL", number, types[letter], len(numbers)) + field
    count = struct.pack(order + "H", len(entries))
    return head + data.ljust(place - 8, b"\0") + count + directory + bytes(4) + beyond


def png(values: NDArray[np.uint16], *chunks: tuple[bytes, bytes], filter: int = 0) -> bytes:
    """A PNG of 16 bits: grey, grey with opacity, colour, or colour with opacity."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    lines = np.frombuffer(values.astype(">u2").tobytes(), np.uint8).reshape(height, -1)
    if filter == 1:  # each byte less the one a pixel before
        moved = np.pad(lines, ((0, 0), (2 * channels, 0)))[:, : lines.shape[1]]
        lines = lines - moved
    rows = b"".join(bytes([filter]) + line.tobytes() for line in lines)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    content += b"".join(chunk(kind, data) for kind, data in chunks)
    return content + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
