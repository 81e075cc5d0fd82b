"""Which truck profiles a city's fleet needs, and which of them may reach a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geodata.streets.rules import ACCESS_CLASSES, TruckProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geodata.city.records import VehicleRecord


def truck_profiles(vehicles: Iterable[VehicleRecord]) -> tuple[tuple[TruckProfile, ...], dict[str, str]]:
    """Find the profiles in which a fleet's vehicles differ on the streets.

    Parameters
    ----------
    vehicles
        The fleet.

    Returns
    -------
    tuple
        The profiles in order of first use, and the profile's name for each vehicle id. A profile is named after its
        access class; further ones of the same class are numbered from 2.
    """
    by_traits: dict[tuple[object, ...], TruckProfile] = {}
    profile_of: dict[str, str] = {}
    for vehicle in vehicles:
        traits = (
            vehicle.access_class,
            vehicle.width_m,
            vehicle.height_m,
            vehicle.length_m,
            vehicle.weight_t,
            vehicle.speed_factor,
        )
        if traits not in by_traits:
            same = sum(profile.access_class == vehicle.access_class for profile in by_traits.values())
            by_traits[traits] = TruckProfile(
                name=vehicle.access_class if same == 0 else f"{vehicle.access_class} {same + 1}",
                access_class=vehicle.access_class,
                width_m=vehicle.width_m,
                height_m=vehicle.height_m,
                length_m=vehicle.length_m,
                weight_t=vehicle.weight_t,
                speed_factor=vehicle.speed_factor,
            )
        profile_of[vehicle.id] = by_traits[traits].name
    return tuple(by_traits.values()), profile_of


def classes_up_to(access_class: str | None) -> tuple[str, ...]:
    """Return the access classes that may reach a container whose largest one is given; all of them for None."""
    return ACCESS_CLASSES if access_class is None else ACCESS_CLASSES[ACCESS_CLASSES.index(access_class) :]


def profiles_up_to(access_class: str | None, profiles: Sequence[TruckProfile]) -> tuple[str, ...]:
    """Return the names of the profiles that may reach a container whose largest access class is given."""
    allowed = classes_up_to(access_class)
    return tuple(profile.name for profile in profiles if profile.access_class in allowed)
