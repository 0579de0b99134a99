"""Files of arrays: read without unpickling, written whole or not at all."""

import os
import zipfile

import numpy


def read_npz(path: str) -> dict[str, numpy.ndarray]:
    """Return every array of an .npz file.

    Raises
    ------
    ValueError
        With the reason, if the file is damaged or something else.
    """
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no .npz archive, or only part of one")
        # Opened here, since `numpy.load` leaves a file open that it cannot read.
        with open(path, "rb") as file, numpy.load(file, allow_pickle=False) as members:
            arrays = {name: members[name] for name in members.files}
    except Exception as error:  # of a damaged file there is hardly one that does not come
        raise ValueError(str(error) or type(error).__name__) from error
    others = [name for name, value in arrays.items() if not isinstance(value, numpy.ndarray)]
    if others:
        raise ValueError(f"its member `{others[0]}` is no array")
    return arrays


def write_npz(path: str, arrays: dict[str, numpy.ndarray]) -> None:
    """Write an .npz file beside its final place, flush it, and rename it."""
    # One name for all, so that what a killed run leaves is overwritten by the next one.
    temporary = f"{path}.tmp"
    try:
        with open(temporary, "wb") as file:
            numpy.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
