"""How to reach JAX, and its gradients."""

import jax
import jax.numpy as jnp

from stiefelkit import Backend


def _devices():
    # The default one first, which is JAX's own order.
    found = jax.devices()
    host = [] if found[0].platform == "cpu" else jax.devices("cpu")
    return [f"{d.platform}:{d.id}" for d in [*found, *host]]


def _asarray(host, device=None):
    if str(host.dtype) in ("float64", "complex128") and not jax.config.jax_enable_x64:
        raise ValueError(
            f"JAX makes no {host.dtype} arrays unless it is told to. Set the environment variable "
            "JAX_ENABLE_X64=1, or use float32."
        )
    return jnp.asarray(host, device=None if device is None else _find(device))


def _find(name):
    platform, _, index = name.partition(":")
    return jax.devices(platform)[int(index or 0)]


def _synchronize():
    # JAX has no such call; work on a device runs in order, so a last piece waits for the rest.
    for device in jax.local_devices():
        jax.device_put(0.0, device).block_until_ready()


def value_and_grad(fun):
    """Return a function that gives the value of `fun` and its gradient, by JAX.

    The gradient is by the first argument, an array or a tree of arrays. JAX's own is the
    conjugate of the one with dL = Re<g, dz>, which is returned.
    """
    transformed = jax.value_and_grad(fun)

    def evaluate(x, /, *args, **options):
        value, grads = transformed(x, *args, **options)
        return value, jax.tree.map(_conj, grads)

    return evaluate


def _conj(g):
    return jnp.conj(g) if jnp.iscomplexobj(g) else g


BACKEND = Backend(
    name="jax",
    namespace="jax.numpy",
    version=jax.__version__,
    devices=_devices,
    asarray=_asarray,
    synchronize=_synchronize,
    value_and_grad=value_and_grad,
)
