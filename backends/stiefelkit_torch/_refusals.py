"""What a gradient that is derived by hand does not do, in words."""

import torch


def refuse_second_derivative(name):
    raise NotImplementedError(
        f"`{name}` has a first derivative only, which is derived by hand. Take differences "
        "of gradients for products with a Hessian, or leave `create_graph` out."
    )


def refuse_batches(call, cotangents):
    """Refuse what `is_grads_batched` and `vectorize` of `torch.autograd` give, without a rule."""
    if any(g is not None and torch._C._functorch.is_legacy_batchedtensor(g) for g in cotangents):
        raise NotImplementedError(
            f"`{call.name}` takes one cotangent at a time from `torch.autograd`. Use "
            "`torch.func.jacrev`, which batches them, or leave `is_grads_batched` or `vectorize` "
            "out."
        )
