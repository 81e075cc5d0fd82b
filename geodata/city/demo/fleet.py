"""Vehicles and shifts for a made-up city, as rows of ``vehicles.csv`` and ``shifts.csv``.

The figures are plausible for a town in South-East Asia, in US dollars, and are nobody's tariff.
"""

from __future__ import annotations

Row = dict[str, str]

COMPACTOR: Row = {
    "capacity_kg": "6000", "capacity_l": "12000", "compaction": "3", "access_class": "compactor",
    "width_m": "2.4", "height_m": "3.2", "length_m": "7.6", "weight_t": "14", "mixed_streams": "no",
    "fixed_cost": "30", "cost_per_hour": "8", "cost_per_km": "0.6", "energy": "diesel", "lift_s": "20",
}  # fmt: skip
TIPPER: Row = {
    "capacity_kg": "3500", "capacity_l": "10000", "compaction": "1", "access_class": "tipper",
    "width_m": "2.1", "height_m": "2.7", "length_m": "5.8", "weight_t": "7.5", "mixed_streams": "no",
    "fixed_cost": "16", "cost_per_hour": "6", "cost_per_km": "0.35", "energy": "diesel", "lift_s": "25",
}  # fmt: skip
THREE_WHEELER: Row = {
    "capacity_kg": "700", "capacity_l": "2500", "compaction": "1", "access_class": "three_wheeler",
    "width_m": "1.4", "height_m": "1.9", "length_m": "3.4", "weight_t": "1.4", "mixed_streams": "yes",
    "speed_factor": "0.9", "fixed_cost": "5", "cost_per_hour": "3.5", "cost_per_km": "0.08",
    "energy": "electric", "range_km": "110", "lift_s": "10",
}  # fmt: skip

_SHIFT = {"compactor": ("03:00", "11:00", "07:00-09:00"), "tipper": ("03:00", "11:00", "06:30-08:30"),
          "three_wheeler": ("05:00", "13:00", "08:30-10:30")}  # fmt: skip


def mixed_fleet(
    *, compactors: int, tippers: int, three_wheelers: int, depots: list[str]
) -> tuple[list[Row], list[Row]]:
    """Return vehicles and one shift for each, spread over the depots in turn.

    Parameters
    ----------
    compactors, tippers, three_wheelers
        How many of each class.
    depots
        Ids of the depots.

    Returns
    -------
    tuple
        Rows of ``vehicles.csv`` and of ``shifts.csv``.
    """
    vehicles: list[Row] = []
    shifts: list[Row] = []
    for letter, figures, count in (
        ("C", COMPACTOR, compactors),
        ("T", TIPPER, tippers),
        ("K", THREE_WHEELER, three_wheelers),
    ):
        for number in range(count):
            vehicle = f"{letter}{number + 1}"
            vehicles.append({"id": vehicle, "depot": depots[number % len(depots)], **figures})
            start, end, rest = _SHIFT[figures["access_class"]]
            shifts.append({
                "id": f"{vehicle}-day", "vehicle": vehicle, "start": start, "end": end, "breaks": f"30min@{rest}",
                "max_overtime_s": "3600", "overtime_cost_per_hour": "6",
            })  # fmt: skip
    return vehicles, shifts
