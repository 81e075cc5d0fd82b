"""The plan as an SVG picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from geodata.maps.picture import plan_picture

if TYPE_CHECKING:
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan
    from scenarios.day import Day

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def picture(day: Day, planned: tuple[Problem, Plan]) -> ET.Element:
    problem, plan = planned
    text = plan_picture(problem, plan, day.network, day.places, title="Town & <day>", attribution="© the mappers")
    return ET.fromstring(text)


def texts(picture: ET.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def test_picture_is_well_formed_and_small(day: Day, planned: tuple[Problem, Plan]) -> None:
    """The picture is well-formed XML below 400 KB, whatever its title holds."""
    problem, plan = planned
    text = plan_picture(problem, plan, day.network, day.places, title='a < b & "c"', attribution="x")
    assert ET.fromstring(text).findtext(f"{SVG}title") == 'a < b & "c"'
    assert len(text.encode()) < 400_000


def test_legend_names_every_route(picture: ET.Element, planned: tuple[Problem, Plan]) -> None:
    """Every route stands in the legend with its vehicle and kilometres, and the attribution is there."""
    shown = texts(picture)
    for route in planned[1].routes:
        assert route.vehicle in shown
        assert f"{route.distance_m / 1000:,.1f}" in shown
    assert "© the mappers" in shown
    assert "Town & <day>" in shown


def test_far_landfill_is_pointed_at_and_does_not_shrink_the_town(picture: ET.Element) -> None:
    """A landfill far outside is named with its distance at the edge, while the stops fill most of the picture."""
    assert any(re.fullmatch(r".+, 2\d km|.+, 1\d km", text) for text in texts(picture))
    inner = picture.find(f"{SVG}svg")
    assert inner is not None
    width, height = (float(number) for number in inner.attrib["viewBox"].split()[2:])
    circles = list(inner.iter(f"{SVG}circle"))
    crosses = next(e for e in inner.iter(f"{SVG}path") if e.attrib.get("stroke") == "#c0152f").attrib["d"]
    x = [float(circle.attrib["cx"]) for circle in circles] + [float(n) for n in re.findall(r"M(-?\d+) ", crosses)]
    y = [float(circle.attrib["cy"]) for circle in circles] + [float(n) for n in re.findall(r"M-?\d+ (-?\d+)", crosses)]
    assert min(x) > -60
    assert max(x) < width
    assert min(y) > -60
    assert max(y) < height
    assert max((max(x) - min(x)) / width, (max(y) - min(y)) / height) > 0.75


def test_nothing_to_draw_is_said(day: Day, planned: tuple[Problem, Plan]) -> None:
    """A plan without any visit on a street is refused with a sentence."""
    problem, plan = planned
    empty = type(plan)(routes=(), unserved=(), cost=plan.cost, problem_hash=plan.problem_hash)
    with pytest.raises(ValueError, match="nothing to draw"):
        plan_picture(problem, empty, day.network, day.places, title="x", attribution="y")
