"""What a tensor has to be for work outside the sight of PyTorch."""

import torch


def plain(*tensors):
    """Say whether all are ordinary tensors, of which nobody watches the operations."""
    tensors = [x for x in tensors if x is not None]
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return False
    return ordinary(tensors)


def ordinary(tensors):
    """Say whether nobody but autograd watches the operations of tensors."""
    if torch.compiler.is_compiling() or torch.autograd.forward_ad._current_level >= 0:
        return False
    if torch._C._len_torch_dispatch_stack() > 0:  # such as a tracer, or a counter of flops
        return False
    return all(
        type(x) in (torch.Tensor, torch.nn.Parameter)
        and not torch._C._functorch.is_functorch_wrapped_tensor(x)
        for x in tensors
    )
