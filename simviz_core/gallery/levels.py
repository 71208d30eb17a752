"""Which of the folders that an image lies in is its class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simviz_core.errors import SettingsError

FIRST, OWN = "1", "own"
"""The folder right below the gallery's; the one that the image itself lies in, whole path."""
COLUMN = "folder {}"
"""What a level of nested folders is called as a column: `folder 1`, `folder 2`."""
DEEPEST = 9
"""Levels that are offered and kept as columns."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
MOST_EXAMPLES = 3


@dataclass(frozen=True)
class ClassLevel:
    """What the classes would be if a level of folders were the class.

    Attributes:
        level: As `--class-level` has it: "1" for the first folder, … or "own".
        classes: How many there would be.
        images: Images that would have one; the others do not lie as deep.
        examples: Some of the classes.
    """

    level: str
    classes: int
    images: int
    examples: tuple[str, ...]

    @property
    def title(self) -> str:
        """The level in words."""
        return level_title(self.level)


def class_level(text: str) -> str:
    """A level as somebody writes it.

    Args:
        text: A number from 1 to 9, or "own".

    Raises:
        SettingsError: It is none.
    """
    plain = text.strip().lower()
    if plain == OWN or (plain.isascii() and plain.isdigit() and 1 <= int(plain) <= DEEPEST):
        return plain if plain == OWN else str(int(plain))
    raise SettingsError(
        f"{text[:40]!r} is no level of folders; write 1 for the first folder, 2 for the second "
        f"and so on up to {DEEPEST}, or own for the one that the image lies in"
    )


def level_title(level: str) -> str:
    """A level in words: "first folder", "own folder"."""
    return "own folder" if level == OWN else f"{_ORDINALS[int(level) - 1]} folder"


def label_at(image_id: str, level: str) -> str | None:
    """The class of an image.

    Args:
        image_id: Its path below the gallery's folder.
        level: As `class_level` gives it.

    Returns:
        The folder's name, of the image's own folder the whole path below the gallery's, so that
        folders of one name in different places stay apart; None where it does not lie as deep.
    """
    folders = image_id.split("/")[:-1]
    if level == OWN:
        return "/".join(folders) or None
    place = int(level) - 1
    return folders[place] if place < len(folders) else None


def class_levels(image_ids: Sequence[str]) -> tuple[ClassLevel, ...]:
    """The levels that could be the class; none where no image lies in a folder in a folder.

    Args:
        image_ids: Paths below the gallery's folder.
    """
    depth = max((image_id.count("/") for image_id in image_ids), default=0)
    if depth < 2:
        return ()
    levels = [str(number) for number in range(1, min(depth, DEEPEST) + 1)]
    return tuple(_level(image_ids, level) for level in (*levels, OWN))


def _level(image_ids: Iterable[str], level: str) -> ClassLevel:
    labels = [label for i in image_ids if (label := label_at(i, level)) is not None]
    different = list(dict.fromkeys(labels))
    return ClassLevel(level, len(different), len(labels), tuple(different[:MOST_EXAMPLES]))


def folder_columns(image_id: str, depth: int) -> dict[str, str | None]:
    """The folders that an image lies in as columns, `folder 1` to as many as there are levels."""
    return {
        COLUMN.format(number): label_at(image_id, str(number))
        for number in range(1, min(depth, DEEPEST) + 1)
    }


def levels_note(levels: Sequence[ClassLevel], chosen: str) -> str:
    """What is to be said of a gallery of nested folders; "" of any other.

    Args:
        levels: That could be the class.
        chosen: The one that is.
    """
    if not levels:
        return ""
    of = {level.level: level for level in levels}
    here = of.get(chosen)
    others = [f"the {each.title} {_count(each)}" for each in levels if each.level != chosen]
    if here is None:
        return f"no image lies as deep as the {level_title(chosen)}; {', '.join(others)}"
    return (
        f"folders are nested, and the class is the {here.title}: {_count(here)}"
        f" ({', '.join(here.examples)}{', …' if here.classes > len(here.examples) else ''}); "
        f"instead it can be {' or '.join(others)}"
    )


def _count(level: ClassLevel) -> str:
    return f"{level.classes:,} {'class' if level.classes == 1 else 'classes'}"
