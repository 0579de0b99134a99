"""`stiefelkit info`."""

import argparse
import importlib.metadata
import platform

from .. import __version__
from .._dispatch import ops
from .._kernels import backends, kernel_for


def info(options: argparse.Namespace) -> int:
    """Print versions, the libraries and devices that can be used, and the kernels found."""
    print(f"stiefelkit {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name in ("numpy", "scipy", "array-api-compat", "array-api-extra"):
        print(f"  {name} {importlib.metadata.version(name)}")
    for name, load in sorted(backends().items()):
        try:
            backend = load()
        except ImportError as error:
            print(f"{name}: not usable. {error}")
            continue
        devices = ", ".join(backend.devices()) or "none"
        print(f"{name} {backend.version}: devices {devices}")
        every = [f"{op}{part}" for op in sorted(ops()) for part in ("", ".forward", ".backward")]
        found = [op for op in every if kernel_for(name, op)]
        print(f"  kernels: {', '.join(found) or 'none'}")
    return 0
