"""The report on a city's streets: figures that agree with the network, and spots where something is wrong."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
from streets_samples import COMPACTOR, HANDCART, banned, sample_extract

from geodata.streets.report import StreetReport, report_picture, street_report
from geodata.streets.roads import RoadNetwork, build_roads
from geodata.streets.snap import snap

STREET = {"highway": "residential"}


def reported() -> tuple[RoadNetwork, StreetReport]:
    """Report on a street with a long dead end, an island, a restriction that cannot be placed, and three containers."""
    nodes = {1: (0.0, 0.0), 2: (0.001, 0.0), 3: (0.004, 0.0), 4: (0.001, 0.02), 5: (0.01, 0.01), 6: (0.011, 0.01)}
    ways = [
        (10, [1, 2], STREET),
        (20, [2, 3], STREET),
        (30, [2, 4], {**STREET, "name": "Canal & Co"}),
        (40, [5, 6], {**STREET, "maxweight:conditional": "none @ destination"}),
    ]
    extract = sample_extract(
        nodes, ways, {1: {"highway": "turning_circle"}}, [banned(10, 99, 20, restriction="no_u_turn")]
    )
    network = build_roads(extract, [COMPACTOR, HANDCART], driving_side="right")
    lon, lat = [0.0005, 0.002, 0.5], [-1e-5, 7e-4, 0.5]
    profiles = [["compactor"]] * 3
    places = snap(network, lon, lat, profiles=profiles)
    return network, street_report(extract, network, places, names=["A", "B", "C"], profiles=profiles)


def test_the_report_counts_what_the_network_holds() -> None:
    """Lengths, pieces, restrictions, unread tags and distances of containers are those of the network."""
    network, report = reported()
    text = "\n".join(report.lines)
    summary = network.summary()["compactor"]
    assert f"compactor: {summary.usable_km:,.1f} of" in text
    assert f"{summary.largest_part_km:,.1f} km hang together, 2 pieces" in text
    assert "turn restrictions: 0 kept, 1 dropped" in text
    assert "the extract lacks its node" in text
    assert "maxweight:conditional of way 40" in text
    assert "containers: 2 of 3 on a usable street" in text
    assert "1 up to 5 m" in text
    assert "1 up to 100 m" in text


def test_the_spots_are_those_that_need_a_look() -> None:
    """Shown are the island, the dead ends without a turning place, and the two containers; not the turning circle."""
    network, report = reported()
    kinds = sorted((spot.kind, round(spot.lon, 4), round(spot.lat, 4)) for spot in report.spots)
    assert ("cut off", 0.01, 0.01) in kinds
    assert ("long dead end", 0.004, 0.0) in kinds
    assert ("long dead end", 0.001, 0.02) in kinds
    assert ("container without a street", 0.5, 0.5) in kinds
    assert any(kind == "container far from its street" for kind, _, _ in kinds)
    assert not any(kind == "long dead end" and lon == 0.0 for kind, lon, _ in kinds)
    picture = ET.fromstring(report_picture(network, report))
    titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == len(report.spots)
    assert any(title is not None and "Canal & Co" in title for title in titles)
    assert np.isfinite([spot.lon for spot in report.spots]).all()
