"""A machine for pickles that builds tensors and plain containers, and never runs code of a file.

Python's own unpickler imports what a file names and calls it. This one knows names as text only:
see `inert`. What it does and holds is bounded by the size of the file and by `MOST_STEPS`: a step
that makes something of what was kept before, so that a few bytes could ask for very much, counts
for as many steps as that is long.
"""

import codecs
import struct
from collections.abc import Callable
from typing import IO, Any

from simviz_core.checkpoints.formats.inert import Name, StandIn, make
from simviz_core.checkpoints.formats.stored import Damaged

MOST_STEPS = 5_000_000
"""Of a file; a checkpoint with its optimiser has some ten thousand."""
LONGEST_NUMBER = 1000
"""In bytes, of a whole number; Python takes long to compute with longer ones."""
LONGEST_LINE = 100_000_000
"""In bytes; Python 2 wrote arrays as lines of text."""
_PLAIN_KEYS = (str, bytes, int, float, type(None))


class Budget:
    """What may be done for a file, and for all that lie in it as files of their own.

    Attributes:
        steps: That are left.
        copies: Bytes of text that may still be copied.
    """

    def __init__(self, size: int) -> None:
        self.steps = MOST_STEPS
        self.copies = 2 * size

    def spend(self, steps: int, copies: int = 0) -> None:
        """Take from it.

        Raises:
            Damaged: It is used up.
        """
        self.steps -= steps
        self.copies -= copies
        if self.steps < 0:
            raise Damaged(f"it takes more than {MOST_STEPS:,} steps to read")
        if self.copies < 0:
            raise Damaged("it makes far more than it holds")


class PickleMachine:
    """Reads pickles from a file, one after the other.

    Attributes:
        file: Where they are read from.
        size: Of the file, in bytes.
        persistent: What stands for an identifier that a file gives: the storages of tensors.
        nested: Reads a file of `torch.save` that lies in this one.
        budget: What may be done.
    """

    def __init__(
        self,
        file: IO[bytes],
        size: int,
        persistent: Callable[[object], object],
        nested: Callable[[bytes], object],
        budget: Budget,
    ) -> None:
        self.file = file
        self.size = size
        self.persistent = persistent
        self.nested = nested
        self.budget = budget
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> object:
        """Read the next pickle.

        Returns:
            What it holds: plain values and containers, tensors, storages and `StandIn`s.

        Raises:
            Damaged: It is none, ends too soon, or takes too long.
            NamesCode: It names something that could run code.
        """
        self._stack, self._marks, self._memo = [], [], {}
        while (operation := self._read(1)) != b".":
            self.budget.spend(1)
            run = _OPERATIONS.get(operation)
            if run is None:
                raise Damaged(f"{operation!r} is no step of a pickle")
            run(self)
        return self._pop()

    def _read(self, count: int) -> bytes:
        # Compared first, so that a claim of gigabytes takes no memory.
        if count < 0 or (count > 1 and count > self.size - self.file.tell()):
            raise Damaged("it ends too soon")
        found = self.file.read(count)
        if len(found) != count:
            raise Damaged("it ends too soon")
        return found

    def _number(self, form: str) -> int:
        (number,) = struct.unpack(form, self._read(struct.calcsize(form)))
        return number

    def _line(self) -> str:
        line = self.file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise Damaged("it ends too soon")
        return line[:-1].removesuffix(b"\r").decode("latin-1")

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if not self._stack:
            raise Damaged("a step finds nothing to work on")
        return self._stack.pop()

    def _last(self) -> Any:
        if not self._stack:
            raise Damaged("a step finds nothing to work on")
        return self._stack[-1]

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        if not self._marks:
            raise Damaged("a step finds no mark")
        found, self._stack = self._stack, self._marks.pop()
        return found

    def _tuple(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(values)))

    def _keep(self, place: int) -> None:
        self._memo[place] = self._last()

    def _recall(self, place: int) -> None:
        if place not in self._memo:
            raise Damaged("a step looks for what was not kept")
        self._push(self._memo[place])

    def _append(self, values: list[Any]) -> None:
        target = self._last()
        if not isinstance(target, list | StandIn):
            raise Damaged("something is appended to what is no list")
        (target if isinstance(target, list) else target.listed).extend(values)

    def _set(self, values: list[Any]) -> None:
        target = self._last()
        if not isinstance(target, dict | StandIn) or len(values) % 2:
            raise Damaged("something is put into what is no dictionary")
        entries = target if isinstance(target, dict) else target.entries
        entries.update(_entries(values))

    def _build(self) -> None:
        state, target = self._pop(), self._last()
        if isinstance(target, StandIn):
            target.state = state

    def _make(self, arguments: object, what: object) -> None:
        for given in arguments if isinstance(arguments, tuple) else ():
            if isinstance(given, list | tuple | dict):
                self.budget.spend(len(given))
            elif isinstance(given, str | bytes):
                self.budget.spend(0, len(given))
        self._push(make(what, arguments, self.nested))

    def _global(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged("a name is no text")
        self._push(Name(module, name))

    def _text(self, count: int) -> None:
        found = self._read(count)
        try:
            self._push(found.decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            self._push(found.decode("latin-1"))

    def _integer(self) -> None:
        line = self._line()
        # Protocol 0 has no truth values of its own.
        self._push(line == "01" if line in ("00", "01") else int(line))

    def _quoted(self) -> None:
        """A text of Python 2, as its source code would write it."""
        line = self._line().strip()
        if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
            raise Damaged("a text has no quotes")
        self._push(codecs.escape_decode(line[1:-1].encode("latin-1"))[0].decode("latin-1"))

    def _long(self, count: int) -> None:
        if count > LONGEST_NUMBER:
            raise Damaged("a number has too many digits")
        self._push(int.from_bytes(self._read(count), "little", signed=True))

    def _new_with_keywords(self) -> None:
        keywords, arguments, what = self._pop(), self._pop(), self._pop()
        self._make(arguments if isinstance(arguments, tuple) else (keywords,), what)

    def _object(self) -> None:
        values = self._marked()
        self._make(tuple(values[1:]), values[0] if values else None)

    def _instance(self) -> None:
        module, name = self._line(), self._line()
        self._make(tuple(self._marked()), Name(module, name))

    def _refuse(self) -> None:
        raise Damaged("it refers to what is kept outside of it")


def _entries(values: list[Any]) -> dict[Any, Any]:
    """A dictionary of keys and values in turns; what could be no plain key is a key of its own."""
    # The hash of a deeply nested tuple would overflow the stack; of a `StandIn` it is its place.
    pairs = zip(values[::2], values[1::2], strict=True)
    return {
        (key if isinstance(key, _PLAIN_KEYS) else StandIn(type(key).__name__)): value
        for key, value in pairs
    }


Step = Callable[[PickleMachine], object]
_OPERATIONS: dict[bytes, Step] = {
    b"\x80": lambda m: m._read(1),
    b"\x95": lambda m: m._read(8),
    b"(": PickleMachine._mark,
    b"0": lambda m: m._pop(),
    b"1": lambda m: m._marked(),
    b"2": lambda m: m._push(m._last()),
    b"N": lambda m: m._push(None),
    b"\x88": lambda m: m._push(True),
    b"\x89": lambda m: m._push(False),
    b"I": PickleMachine._integer,
    b"L": lambda m: m._push(int(m._line().removesuffix("L"))),
    b"J": lambda m: m._push(m._number("<i")),
    b"K": lambda m: m._push(m._number("<B")),
    b"M": lambda m: m._push(m._number("<H")),
    b"\x8a": lambda m: m._long(m._number("<B")),
    b"\x8b": lambda m: m._long(m._number("<i")),
    b"F": lambda m: m._push(float(m._line())),
    b"G": lambda m: m._push(m._number(">d")),
    b"S": PickleMachine._quoted,
    b"T": lambda m: m._push(m._read(m._number("<i")).decode("latin-1")),
    b"U": lambda m: m._push(m._read(m._number("<B")).decode("latin-1")),
    b"V": lambda m: m._push(m._line().encode("latin-1").decode("raw-unicode-escape")),
    b"X": lambda m: m._text(m._number("<I")),
    b"\x8c": lambda m: m._text(m._number("<B")),
    b"\x8d": lambda m: m._text(m._number("<Q")),
    b"B": lambda m: m._push(m._read(m._number("<I"))),
    b"C": lambda m: m._push(m._read(m._number("<B"))),
    b"\x8e": lambda m: m._push(m._read(m._number("<Q"))),
    b"\x96": lambda m: m._push(m._read(m._number("<Q"))),
    b"]": lambda m: m._push([]),
    b"l": lambda m: m._push(m._marked()),
    b"a": lambda m: m._append([m._pop()]),
    b"e": lambda m: m._append(m._marked()),
    b"}": lambda m: m._push({}),
    b"d": lambda m: m._push(_entries(m._marked())),
    b"s": lambda m: m._set([m._pop(), m._pop()][::-1]),
    b"u": lambda m: m._set(m._marked()),
    b")": lambda m: m._push(()),
    b"t": lambda m: m._push(tuple(m._marked())),
    b"\x85": lambda m: m._tuple(1),
    b"\x86": lambda m: m._tuple(2),
    b"\x87": lambda m: m._tuple(3),
    # Sets are kept as lists: to put things into a set means to ask them for their hash.
    b"\x8f": lambda m: m._push([]),
    b"\x90": lambda m: m._append(m._marked()),
    b"\x91": lambda m: m._push(m._marked()),
    b"p": lambda m: m._keep(int(m._line())),
    b"q": lambda m: m._keep(m._number("<B")),
    b"r": lambda m: m._keep(m._number("<I")),
    b"\x94": lambda m: m._keep(len(m._memo)),
    b"g": lambda m: m._recall(int(m._line())),
    b"h": lambda m: m._recall(m._number("<B")),
    b"j": lambda m: m._recall(m._number("<I")),
    b"c": lambda m: m._global(m._line(), m._line()),
    b"\x93": lambda m: m._global(*[m._pop(), m._pop()][::-1]),
    b"R": lambda m: m._make(m._pop(), m._pop()),
    b"\x81": lambda m: m._make(m._pop(), m._pop()),
    b"\x92": PickleMachine._new_with_keywords,
    b"o": PickleMachine._object,
    b"i": PickleMachine._instance,
    b"b": PickleMachine._build,
    b"P": lambda m: m._push(m.persistent(m._line())),
    b"Q": lambda m: m._push(m.persistent(m._pop())),
    b"\x82": PickleMachine._refuse,
    b"\x83": PickleMachine._refuse,
    b"\x84": PickleMachine._refuse,
    b"\x97": PickleMachine._refuse,
    b"\x98": PickleMachine._refuse,
}
"""The steps of a pickle, by their codes; the `pickletools` of Python describe them."""
