"""What names in a pickle stand for: tensors and plain containers are made, all else is inert.

Nothing is ever imported by a name that a file gives, nor called: a name is looked up in the tables
here, and whatever is not in them becomes a `StandIn` that keeps what it was given and does nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from simviz_core.checkpoints.formats.stored import Damaged, StoredTensor, Unusable, view

OLD_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg", "torch.tensor": "torch._tensor"}
"""What modules were called in Python 2 and in old versions of PyTorch."""
_CODE_MODULES = (
    "os posix nt subprocess sys importlib imp runpy shutil socket ctypes pty popen2 webbrowser "
    "pickle _pickle cPickle marshal multiprocessing threading asyncio urllib requests pip timeit "
    "pdb bdb tempfile pydoc"
)
CODE_MODULES = frozenset(_CODE_MODULES.split())
"""Modules that no weights need: a file that names them is refused, though none is ever called."""
_CODE_BUILTINS = (
    "eval exec execfile compile open input __import__ breakpoint globals locals vars setattr "
    "delattr exit quit"
)
CODE_BUILTINS = frozenset(_CODE_BUILTINS.split())
DTYPES = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
STORAGES: dict[str, torch.dtype | None] = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
    "QInt8Storage": None,
    "QUInt8Storage": None,
    "QInt32Storage": None,
    "QUInt4x2Storage": None,
    "QUInt2x4Storage": None,
}
QUANTISED_BYTES = {"QInt32Storage": 4}
"""Of a number of the kinds that have no dtype here; one for the others."""


class NamesCode(Exception):
    """A file names something that could run code; the message is the name."""


class Name:
    """A class or function by its name, which is all that is known of it."""

    __slots__ = ("full",)

    def __init__(self, module: str, name: str) -> None:
        module = OLD_MODULES.get(module, module)
        root = module.partition(".")[0]
        self.full = f"{module}.{name}"
        if root in CODE_MODULES or (root == "builtins" and name in CODE_BUILTINS):
            raise NamesCode(self.full)


class StandIn:
    """Stands for an object of a class that is not known; keeps what it was made of.

    Attributes:
        name: Of its class, or of the function that would have made it.
        arguments: What it was made with.
        state: What was to become its attributes.
        entries: What was put into it by key.
        listed: What was appended to it.
    """

    __slots__ = ("arguments", "entries", "listed", "name", "state")

    def __init__(self, name: str, arguments: object = ()) -> None:
        self.name = name
        self.arguments = arguments
        self.state: object = None
        self.entries: dict[Any, Any] = {}
        self.listed: list[Any] = []


def make(what: object, arguments: object, nested: Callable[[bytes], object]) -> object:
    """What a file asks to be made of a name and arguments.

    Args:
        what: A `Name`, or anything else that a file asks to call.
        arguments: A tuple.
        nested: Reads a file of `torch.save` that lies in this one.

    Returns:
        A tensor, a plain container, or a `StandIn`.

    Raises:
        Damaged: The arguments are not those of what is asked for.
    """
    if not isinstance(arguments, tuple):
        raise Damaged("something is made of what are no arguments")
    if not isinstance(what, Name):
        return StandIn(what.name if isinstance(what, StandIn) else type(what).__name__, arguments)
    if what.full == "torch.storage._load_from_bytes":
        (content,) = _take(arguments, 1)
        if not isinstance(content, bytes):
            raise Damaged("a storage is no bytes")
        return nested(content)
    maker = _MAKERS.get(what.full)
    return StandIn(what.full, arguments) if maker is None else maker(arguments)


def storage_kind(what: object) -> tuple[torch.dtype | None, int]:
    """The dtype of a storage's class, and the bytes of a number.

    Raises:
        Damaged: It is no storage's class.
    """
    kind = what.full.rpartition(".")[2] if isinstance(what, Name) else ""
    if kind not in STORAGES:
        raise Damaged("a storage is of no kind that is known")
    dtype = STORAGES[kind]
    return dtype, QUANTISED_BYTES.get(kind, 1) if dtype is None else dtype.itemsize


def _take(arguments: Sequence[Any], least: int) -> Sequence[Any]:
    if len(arguments) < least:
        raise Damaged("something is made of too few arguments")
    return arguments[:least]


def _tensor(arguments: tuple[Any, ...]) -> object:
    storage, offset, shape, strides = _take(arguments, 4)
    return view(storage, offset, shape, strides)


def _tensor_with_dtype(arguments: tuple[Any, ...]) -> object:
    named = _take(arguments, 7)[6]
    dtype = DTYPES.get(named.full) if isinstance(named, Name) else None
    if dtype is None:
        return Unusable("is of a kind of number that is not known")
    storage, offset, shape, strides = arguments[:4]
    return view(storage, offset, shape, strides, dtype)


def _parameter(arguments: tuple[Any, ...]) -> object:
    (data,) = _take(arguments, 1)
    is_tensor = isinstance(data, StoredTensor | Unusable)
    return data if is_tensor else StandIn("torch.nn.parameter.Parameter", arguments)


def _from_type(arguments: tuple[Any, ...]) -> object:
    """A tensor of a subclass: what its own function makes of its own arguments."""
    function, _, inner = _take(arguments, 3)
    maker = _MAKERS.get(function.full) if isinstance(function, Name) else None
    if maker in (_tensor, _tensor_with_dtype, _parameter) and isinstance(inner, tuple):
        return maker(inner)
    return Unusable("is of a class of its own")


def _mapping(arguments: tuple[Any, ...]) -> object:
    """A dictionary, empty, of another one, or of pairs; Python 2 wrote ordered ones so."""
    given = arguments[-1] if arguments else None
    if isinstance(given, dict):
        return dict(given)
    pairs = given if isinstance(given, list) else []
    return {
        pair[0]: pair[1]
        for pair in pairs
        if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
    }


def _listed(arguments: tuple[Any, ...]) -> object:
    given = arguments[0] if arguments else ()
    return list(given) if isinstance(given, list | tuple) else []


def _encoded(arguments: tuple[Any, ...]) -> object:
    """How Python 3 writes bytes for Python 2 to read."""
    text = arguments[0] if arguments else ""
    encoding = arguments[1] if len(arguments) > 1 else "latin1"
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        return StandIn("_codecs.encode", arguments)
    return text.encode("latin-1")


_MAKERS: dict[str, Callable[[tuple[Any, ...]], object]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_with_dtype,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.nn.parameter.Buffer": _parameter,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch._utils._rebuild_sparse_tensor": lambda _: Unusable("is sparse"),
    "torch._utils._rebuild_sparse_csr_tensor": lambda _: Unusable("is sparse"),
    "torch._utils._rebuild_nested_tensor": lambda _: Unusable("is nested"),
    "torch._utils._rebuild_qtensor": lambda _: Unusable("is quantised"),
    "torch._utils._rebuild_meta_tensor_no_storage": lambda _: Unusable("has no numbers (meta)"),
    "torch._utils._rebuild_wrapper_subclass": lambda _: Unusable("is of a class of its own"),
    "torch._utils._rebuild_device_tensor_from_numpy": lambda _: Unusable(
        "was saved from another device as a NumPy array"
    ),
    "torch.Size": lambda arguments: tuple(arguments[0]) if _is_row(arguments) else (),
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": lambda arguments: _mapping(arguments[1:]),
    "collections.Counter": _mapping,
    "builtins.dict": _mapping,
    "builtins.list": _listed,
    "builtins.tuple": lambda arguments: tuple(arguments[0]) if _is_row(arguments) else (),
    "builtins.set": _listed,
    "builtins.frozenset": _listed,
    "_codecs.encode": _encoded,
}


def _is_row(arguments: tuple[Any, ...]) -> bool:
    return bool(arguments) and isinstance(arguments[0], list | tuple)
