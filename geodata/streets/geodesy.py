"""Distances on the ground, and a plane in which near distances are true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Mean radius R1 of the GRS 80 ellipsoid, 6,371,008.8 m (Moritz, "Geodetic Reference System 1980", J. Geodesy
# 74, 2000). On a sphere of this radius no distance is wrong by more than 0.6 %.
EARTH_RADIUS_M: Final = 6_371_008.8
# The web's Mercator ends here, where the map becomes a square; towards the poles the projection runs to infinity.
_MERCATOR_LAT_LIMIT: Final = 85.05


def haversine_m(
    lon_a: NDArray[np.float64], lat_a: NDArray[np.float64], lon_b: NDArray[np.float64], lat_b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Great-circle distance between points a and b, in metres, by the haversine formula.

    Source: Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984), 159. Arguments are degrees and
    broadcast.
    """
    phi_a, phi_b = np.radians(lat_a), np.radians(lat_b)
    half_phi = (phi_b - phi_a) / 2
    half_lambda = np.radians(lon_b - lon_a) / 2
    square = np.sin(half_phi) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(half_lambda) ** 2
    distance: NDArray[np.float64] = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(square, 1.0)))
    return distance


def mercator_m(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Project to spherical Mercator, float64[n, 2].

    Near a point at latitude phi every direction is stretched alike by 1 / cos(phi), so what is nearest on the
    plane is nearest on the ground, at any place of the network, however large it is.
    """
    phi = np.radians(np.clip(lat, -_MERCATOR_LAT_LIMIT, _MERCATOR_LAT_LIMIT))
    return np.column_stack((EARTH_RADIUS_M * np.radians(lon), EARTH_RADIUS_M * np.arctanh(np.sin(phi))))
