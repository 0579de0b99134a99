"""PyTorch: its tensors and streams, with NVRTC and the launcher of `cuda.core`."""

import functools

import torch

from . import _sources


class _Stream:
    """A stream of PyTorch in the protocol of `cuda.core`."""

    def __init__(self, stream):
        self._stream = stream

    def __cuda_stream__(self):
        return 0, self._stream.cuda_stream


class Torch:
    """Tensors of PyTorch."""

    xp = torch
    captures_products = True

    def takes(self, x):
        if torch.compiler.is_compiling() or not x.is_cuda:
            return False
        if torch.is_grad_enabled() and x.requires_grad:
            return False
        if torch._C._len_torch_dispatch_stack() > 0:  # such as a tracer, or a counter of flops
            return False
        # Neither below `torch.func` nor in forward mode, where a tensor is more than its memory.
        return (
            type(x) in (torch.Tensor, torch.nn.Parameter)
            and torch.autograd.forward_ad._current_level < 0
            and not torch._C._functorch.is_functorch_wrapped_tensor(x)
        )

    def address(self, x):
        return x.data_ptr()

    def empty(self, shape, dtype, like):
        return torch.empty(shape, dtype=dtype, device=like.device)

    def contiguous(self, x):
        return x.detach().resolve_conj().resolve_neg().contiguous()

    def copy(self, x, shape):
        out = torch.empty(shape, dtype=x.dtype, device=x.device)
        return out.copy_(x.detach())

    def from_host(self, x, like):
        return torch.tensor(x, device=like.device)

    def stream(self, like):
        return torch.cuda.current_stream(like.device).cuda_stream

    def capturing(self):
        return torch.cuda.is_current_stream_capturing()

    def capture(self, run, like):
        with torch.cuda.device(like.device), torch.no_grad():
            # The first run, on a stream beside, sets up cuBLAS and compiles the kernels.
            current, beside = torch.cuda.current_stream(), torch.cuda.Stream()
            beside.wait_stream(current)
            with torch.cuda.stream(beside):
                run()
            current.wait_stream(beside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                run()
        return graph.replay

    def launch(self, module, name, blocks, threads, shared, args, like):
        from cuda.core import Device, LaunchConfig, launch  # which CPU tensors do without

        with torch.cuda.device(like.device):
            device = Device(like.device.index)
            device.set_current()
            stream = device.create_stream(_Stream(torch.cuda.current_stream()))
            config = LaunchConfig(grid=blocks, block=threads, shmem_size=shared)
            launch(stream, config, _kernel(*module, name, like.device.index), *args)


@functools.cache
def _kernel(source, dtype, name, index):
    from cuda.core import Program, ProgramOptions

    major, minor = torch.cuda.get_device_capability(index)
    options = ProgramOptions(std="c++17", arch=f"sm_{major}{minor}")
    program = Program(_sources.text(source), "c++", options)
    return program.compile("cubin", name_expressions=(name,)).get_kernel(name)


LIBRARY = Torch()
