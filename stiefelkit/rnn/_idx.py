"""Arrays in the IDX format, in which MNIST and its successors come."""

import gzip
import math
import os
import zlib

import numpy

from ._sequences import DataError

_BYTES = 8  # the code of the type uint8


def find_idx(folder: str, stem: str, axes: int) -> str:
    """Return the path of a file, compressed or not, under either of its usual names."""
    names = [f"{stem}{dot}idx{axes}-ubyte{end}" for dot in "-." for end in ("", ".gz")]
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    what = "lacks" if os.path.isdir(folder) else "is no folder with"
    raise DataError(f"`{folder}` {what} the file `{names[0]}`, plain or compressed as `.gz`.")


def read_idx(path: str, axes: int) -> numpy.ndarray:
    """Return the uint8 array of a file, which has as many axes as wanted.

    Raises
    ------
    DataError
        If the file is damaged, or holds something else.
    """
    try:
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            contents = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"`{path}` cannot be read: {error}. Fetch it again.") from error
    wanted = bytes([0, 0, _BYTES, axes])
    if contents[:4] != wanted:
        raise DataError(
            f"`{path}` is no IDX file of bytes with {axes} axes. It begins with "
            f"{contents[:4].hex() or 'nothing'}, not {wanted.hex()}."
        )
    start = 4 + 4 * axes
    shape = tuple(
        int(n) for n in numpy.frombuffer(contents[4:start], ">u4", len(contents[4:start]) // 4)
    )
    count = math.prod(shape)
    if len(shape) < axes or len(contents) != start + count:
        raise DataError(
            f"`{path}` is damaged: its header tells of {' by '.join(map(str, shape)) or 'no'} "
            f"bytes, and {max(0, len(contents) - start)} follow. Fetch it again."
        )
    return numpy.frombuffer(contents, numpy.uint8, offset=start).reshape(shape)
