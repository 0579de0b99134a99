"""`stiefelkit predict`."""

import argparse

import numpy

from .. import rnn
from .._xp import to_host
from ..rnn._sequences import read_arrays


def predict(options: argparse.Namespace) -> int:
    """Print one prediction a sequence, or write all to an .npz file."""
    model = rnn.load(options.checkpoint)
    arrays = read_arrays(options.file)
    d = model.cell.input_size
    inputs = arrays.get("inputs")
    if inputs is not None and inputs.ndim == 2:
        inputs = inputs[..., None]
    if inputs is None or inputs.shape[2:] != (d,) or inputs.dtype.kind not in "fiub":
        came = f"{inputs.dtype} of shape {inputs.shape}" if inputs is not None else sorted(arrays)
        raise rnn.DataError(
            f"`{options.file}` should hold numbers `inputs` of shape (T, N, {d}), as the network "
            f"was trained on. It has {came}."
        )
    if not numpy.isfinite(inputs).all():
        raise rnn.DataError(f"`{options.file}` has NaN or infinite entries. Leave them out.")
    predictions = to_host(model.predict(inputs.astype(float), arrays.get("mask")))
    if options.out:
        numpy.savez(options.out, predictions=predictions)
        return 0
    # One line a sequence, also where there is an answer for every step.
    lines = predictions if model.loss.at == "last" else numpy.moveaxis(predictions, 1, 0)
    for line in lines:
        print(*numpy.ravel(line).tolist())
    return 0
