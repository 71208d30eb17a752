"""What the files in a ZIP archive are called: old archives do not say how names are encoded."""

import re
import struct
import zipfile
import zlib
from collections.abc import Sequence

IS_UTF8 = 0x800
"""Bit of a member's flags that states the encoding."""
UNICODE_PATH = 0x7075
"""Extra field with the name in UTF-8 beside the old one."""
LATIN, SHARP_S = 0xC0, 0xE1
"""Where the letters of cp1252 begin; and the one byte among them that is a letter of cp437, too."""
KANA = re.compile("[\u3040-\u30ff]")


def member_names(members: Sequence[zipfile.ZipInfo]) -> tuple[list[str], str | None]:
    """The names of an archive's members.

    A stated encoding counts. Other names are UTF-8 where all of them can be, Japanese (cp932) where
    that gives kana, Western European (cp1252) where every other letter would be a frame or a Greek
    one, else cp437 as the format has it.

    Args:
        members: As `zipfile` lists them.

    Returns:
        The names, in the order of the members; and the encoding that those that state none were
        read in, None where all of those are ASCII.
    """
    stated = [_stated_name(member) for member in members]
    raw = [member.filename.encode("cp437", "replace") for member in members]
    unsure = [name for name, known in zip(raw, stated, strict=True) if known is None]
    encoding = None if all(name.isascii() for name in unsure) else _encoding_of(unsure)
    names = [
        member.filename
        if known is None and encoding in (None, "cp437")
        else known or name.decode(encoding or "ascii")
        for member, known, name in zip(members, stated, raw, strict=True)
    ]
    return names, encoding


def _stated_name(member: zipfile.ZipInfo) -> str | None:
    if member.flag_bits & IS_UTF8:
        return member.filename
    extra = member.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        data, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == UNICODE_PATH and len(data) > 5 and data[0] == 1:
            old = zlib.crc32(member.orig_filename.encode("cp437", "replace"))
            if struct.unpack("<L", data[1:5])[0] == old:
                return data[5:].decode("utf-8", "replace")
    return None


def _encoding_of(names: Sequence[bytes]) -> str:
    for encoding in ("utf-8", "cp932"):
        try:
            decoded = [name.decode(encoding) for name in names]
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or any(KANA.search(name) for name in decoded):
            return encoding
    letters = {byte for name in names for byte in name if byte > 0x7F}
    if min(letters) >= LATIN and letters != {SHARP_S}:
        return "cp1252"
    return "cp437"
