"""Small folders of images in the format of MNIST."""

import gzip

import numpy as np

FILES = {"images": "idx3-ubyte", "labels": "idx1-ubyte"}


def idx(array):
    """Return the contents of an IDX file of bytes."""
    lengths = np.asarray(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


def write_images(folder, count=12, shape=(3, 2), dot="-", end=""):
    """Write random images and labels 0 to 3, half as many for the test, and return them."""
    rng, arrays = np.random.default_rng(0), {}
    for part, n in (("train", count), ("t10k", count // 2)):
        arrays[part, "images"] = rng.integers(0, 256, (n, *shape))
        arrays[part, "labels"] = np.arange(n) % 4
    for (part, what), array in arrays.items():
        contents = idx(array)
        path = folder / f"{part}-{what}{dot}{FILES[what]}{end}"
        path.write_bytes(gzip.compress(contents) if end else contents)
    return arrays
