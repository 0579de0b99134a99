"""Retractions: from a point along a tangent vector to a new point, by four maps."""

from ._base import AbstractRetraction as AbstractRetraction
from ._cayley import CayleyRetraction as CayleyRetraction
from ._exponential import ExponentialRetraction as ExponentialRetraction
from ._polar import PolarRetraction as PolarRetraction
from ._qr import QRRetraction as QRRetraction
