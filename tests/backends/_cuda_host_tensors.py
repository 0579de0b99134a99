"""Tensors on the CPU in the place of those on a GPU."""

from unittest import mock

import torch
from stiefelkit_cuda._torch import Torch

from ._cuda_host import Host


class HostTensors(Torch):
    """What is true of tensors on a GPU, but where they are and who runs the kernels."""

    def __init__(self):
        self.host = Host()

    def takes(self, x):
        with mock.patch.object(torch.Tensor, "is_cuda", True):
            return super().takes(x)

    def stream(self, like):
        return 0

    def capturing(self):
        return False

    def capture(self, run, like):
        return self.host.capture(run, like)

    def empty(self, shape, dtype, like):
        assert not self.host.recording, "a captured loop must not ask for memory"
        return super().empty(shape, dtype, like)

    def launch(self, module, name, blocks, threads, shared, args, like):
        self.host.launch(module, name, blocks, threads, shared, args, like)
