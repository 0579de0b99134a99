"""Sequences laid out as T steps of B samples, forward or backward in time."""

import torch
from torch.nn.utils.rnn import PackedSequence


class Steps:
    """Sequences of one length, of shape ``(T, B, features)``."""

    def __init__(self, X: torch.Tensor):
        self.batch, self.indices = X.shape[1], (None, None)
        self.rows = X.shape[0] * X.shape[1]

    def spread(self, reverse):
        """Return what lays rows out as steps, the first one first, or the last one."""
        return (lambda Z: Z.flip(0)) if reverse else None

    def gather(self, H, reverse):
        """Return the states of the steps as rows in the order of the inputs."""
        return H.flip(0) if reverse else H

    def last(self, H, h0):
        """Return the state after the last step of each sample."""
        return H[-1] if len(H) else h0


class PackedSteps:
    """Sequences of a `PackedSequence`, padded at their ends in either direction.

    A packed row (t, b) stands at step t, or at step length - 1 - t backward, so that no
    state depends on padding, and the last ones stand at the same places both ways.
    """

    def __init__(self, packed: PackedSequence):
        sizes, device = packed.batch_sizes, packed.data.device
        self.steps, self.batch = len(sizes), int(sizes[0])
        self.rows = self.steps * self.batch
        self.indices = packed.sorted_indices, packed.unsorted_indices
        samples = torch.arange(self.batch)
        present = samples < sizes[:, None]
        lengths = present.sum(0)
        t, b = present.nonzero(as_tuple=True)
        places = (t * self.batch + b, (lengths[b] - 1 - t) * self.batch + b)
        self.places = [place.to(device) for place in places]
        self.ends = ((lengths - 1) * self.batch + samples).to(device)

    def spread(self, reverse):
        """Return what lays rows out as steps, the first one first, or the last one."""

        def pad(Z):
            padded = Z.new_zeros(self.steps * self.batch, Z.shape[-1])
            padded = padded.index_copy(0, self.places[reverse], Z)
            return padded.reshape(self.steps, self.batch, -1)

        return pad

    def gather(self, H, reverse):
        """Return the states of the steps as rows in the order of the inputs."""
        return H.flatten(0, 1).index_select(0, self.places[reverse])

    def last(self, H, h0):
        """Return the state after the last step of each sample."""
        return H.flatten(0, 1).index_select(0, self.ends)
