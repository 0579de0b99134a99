"""What recurrent layers share: shapes, layers, directions, packed sequences."""

import numpy
import torch
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence

from .._call import _own_dtype
from .._orthogonal import orthogonal
from .._rng import generator
from ._recurrence import Recurrence
from ._start import set_leaves
from ._steps import PackedSteps, Steps


class Recurrent(torch.nn.Module):
    """Layers of recurrences, called like `torch.nn.RNN`.

    A cell of stiefelkit draws the parameters of each layer and direction, and says how its matrix
    is applied; `names` are those of its leaves, and those of the module.
    """

    def __init__(self, sizes, num_layers, batch_first, dropout, bidirectional, names):
        super().__init__()
        self.input_size, self.hidden_size = sizes
        self.num_layers, self.batch_first = num_layers, batch_first
        self.dropout, self.bidirectional = float(dropout), bidirectional
        for name in ("input_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` is at least 1. Got {getattr(self, name)}.")
        for option, given in (("batch_first", batch_first), ("bidirectional", bidirectional)):
            if not isinstance(given, bool):
                raise TypeError(f"`{option}` is True or False. Got {given!r}.")
        if not 0 <= self.dropout <= 1:
            raise ValueError(f"`dropout` is a probability. Got {dropout}.")
        suffixes = ("", "_reverse") if bidirectional else ("",)
        self._places = [f"_l{i}{suffix}" for i in range(num_layers) for suffix in suffixes]
        self._names, self._loops = names, []
        # The class that `parametrize` makes has a name of its own.
        self._name = type(self).__name__

    def _register(self, make_cell, like, orthogonal_map, use_trivialization=True):
        """Make the parameters, of values that are still to be drawn."""
        n, directions = self.hidden_size, 1 + self.bidirectional
        for k, place in enumerate(self._places):
            name, eye = "weight_hh" + place, torch.eye(n, device=like.device, dtype=like.dtype)
            self.register_parameter(name, torch.nn.Parameter(eye))
            options = {"use_trivialization": use_trivialization, "rng": 0}
            orthogonal(self, name, orthogonal_map, **options)
            width = self.input_size if k < directions else n * directions
            map_ = self.parametrizations[name][0].parametrization
            cell = make_cell(width, map_)
            self._loops.append(Recurrence(cell, name, map_))
            for key, leaf in cell.init(rng=0, like=like).items():
                if key in self._names:
                    parameter = torch.nn.Parameter(torch.empty_like(leaf))
                    self.register_parameter(self._names[key] + place, parameter)
            if "c" in self._names:
                zeros = torch.zeros(n, device=like.device, dtype=like.dtype)
                self.register_parameter("bias_hh" + place, torch.nn.Parameter(zeros))

    @torch.no_grad()
    def reset_parameters(self, rng: int | numpy.random.Generator | None = None) -> None:
        """Draw all parameters anew.

        Parameters
        ----------
        rng : int or numpy.random.Generator, optional
            By default a seed drawn by PyTorch, so that `torch.manual_seed` decides.
        """
        self._draw(generator(rng))

    def _draw(self, rng):
        for place, loop in zip(self._places, self._loops, strict=True):
            leaves = loop.cell.init(rng=rng, like=getattr(self, "weight_ih" + place).detach())
            for key, name in self._names.items():
                if key in leaves:
                    getattr(self, name + place).copy_(leaves[key])
            if "c" in self._names:
                getattr(self, "bias_hh" + place).zero_()
            if parametrize.is_parametrized(self, loop.name):
                set_leaves(self, loop.name, leaves["recurrent"])
            else:
                getattr(self, loop.name).copy_(loop.map.matrix(leaves["recurrent"]))

    def flatten_parameters(self) -> None:
        """Do nothing, as there is no other layout: for code that is written for `torch.nn.RNN`."""

    def forward(self, input, hx=None):
        """Return the states of the last layer at all steps, and the last ones of all layers."""
        packed = isinstance(input, PackedSequence)
        X = self._cast(input.data if packed else input)
        if hx is not None and not _fits(hx, X):
            raise ValueError(
                f"`{self._name}` has states of {X.dtype}. Got first states of {hx.dtype}; cast "
                "them."
            )
        with _own_dtype([X]):
            if packed:
                X, h_n = self._layers(X, hx, PackedSteps(input))
                return PackedSequence(self._output(X), *input[1:]), h_n
            return self._unpacked(X, hx)

    def _unpacked(self, X, hx):
        if X.ndim not in (2, 3):
            shape = f"({'B, T' if self.batch_first else 'T, B'}, {self.input_size})"
            raise ValueError(
                f"`{self._name}` takes sequences of shape {shape}, one of two axes, or a "
                f"PackedSequence. Got {tuple(X.shape)}."
            )
        if X.ndim == 2:
            if hx is not None and hx.ndim != 2:
                raise ValueError(
                    f"`{self._name}` takes first states of two axes with one sequence. "
                    f"Got {tuple(hx.shape)}."
                )
            output, h_n = self._unpacked_steps(X[:, None], None if hx is None else hx[:, None])
            return output[:, 0], h_n[:, 0]
        output, h_n = self._unpacked_steps(X.transpose(0, 1) if self.batch_first else X, hx)
        return output.transpose(0, 1) if self.batch_first else output, h_n

    def _unpacked_steps(self, X, hx):
        output, h_n = self._layers(X, hx, Steps(X))
        return self._output(output), h_n

    def _cast(self, X):
        """Return inputs in the dtype of the weights; real ones may meet complex weights."""
        weight = self.weight_ih_l0
        if X.shape[-1] != self.input_size:
            raise ValueError(
                f"`{self._name}` was built for {self.input_size} input features. Got {X.shape[-1]}."
            )
        if not _fits(X, weight):
            raise ValueError(
                f"`{self._name}` has weights of {weight.dtype}. Got inputs of {X.dtype}; cast "
                "them, or build the module with `dtype`."
            )
        return X.to(weight.dtype)

    def _layers(self, X, hx, steps):
        hx = self._first_states(hx, steps, X)
        directions, ends = 1 + self.bidirectional, []
        for layer in range(self.num_layers):
            outputs = []
            for reverse in range(directions):
                k = layer * directions + reverse
                H, end = self._direction(X, hx[k], steps, k, bool(reverse))
                outputs.append(H)
                ends.append(end)
            X = torch.cat(outputs, -1) if self.bidirectional else outputs[0]
            if layer < self.num_layers - 1:
                X = self._drop(X)
        h_n = torch.stack(ends)
        unsorted = steps.indices[1]
        return X, h_n if unsorted is None else h_n.index_select(1, unsorted)

    def _direction(self, X, h0, steps, k, reverse):
        place, bias = self._places[k], None
        run = self._loops[k].prepare(self, steps, X)
        if "c" in self._names:
            bias = getattr(self, "bias_ih" + place) + getattr(self, "bias_hh" + place)
        b = getattr(self, "bias_activation" + place, None)
        if X.is_complex() and b is not None:  # `Module.to` makes real parameters complex
            b = b.real.to(X.real.dtype)
        H, end = run(X, getattr(self, "weight_ih" + place), bias, h0, b, steps.spread(reverse))
        return steps.gather(H, reverse), steps.last(H, h0) if end is None else end

    def _first_states(self, hx, steps, X):
        shape = (len(self._places), steps.batch, self.hidden_size)
        if hx is None:
            return self._starts(X, shape)
        if tuple(hx.shape) != shape:
            raise ValueError(
                f"`{self._name}` takes first states of shape {shape}: layers times "
                f"directions, samples, units. Got {tuple(hx.shape)}."
            )
        hx = hx.to(X.dtype)
        return hx if steps.indices[0] is None else hx.index_select(1, steps.indices[0])

    def _starts(self, X, shape):
        return X.new_zeros(shape)

    def _output(self, X):
        return X

    def _drop(self, X):
        if not X.is_complex():
            return functional.dropout(X, self.dropout, self.training)
        # One draw for both parts: a unit is there or not.
        return X * functional.dropout(torch.ones_like(X.real), self.dropout, self.training)

    def _get_name(self):
        return self._name

    def extra_repr(self):
        """Return the sizes and options that are not the default."""
        shown = [f"{self.input_size}, {self.hidden_size}"]
        for name, default in (
            ("num_layers", 1),
            ("batch_first", False),
            ("dropout", 0.0),
            ("bidirectional", False),
        ):
            if getattr(self, name) != default:
                shown.append(f"{name}={getattr(self, name)}")
        return ", ".join(shown)


def _fits(X, like):
    """Say whether numbers can be taken for those of a dtype: real ones for complex ones, too.

    Autocast makes numbers of other precision, but none real.
    """
    if X.dtype in (like.dtype, like.real.dtype):
        return True
    kind = X.is_floating_point() or (X.is_complex() and like.is_complex())
    return kind and torch.is_autocast_enabled(X.device.type)
