"""Travel times of which only the legs of a plan are known: stored with a large day's plan, and judged from there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from random_days import OnDemand, random_day

from optimizer.judge.evaluate import check
from optimizer.problem.codec import decode_plan, dumps, encode_plan, encode_problem, loads, problem_hash
from optimizer.problem.errors import InvalidProblem
from optimizer.problem.legs import KnownLegs, Legs
from optimizer.search.solve import solve
from optimizer.search.stop import StepLimit

if TYPE_CHECKING:
    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan


@pytest.fixture(scope="module")
def large() -> Problem:
    day = random_day(4, visits=60, vehicles=1, optional=0.3)
    return replace(day, matrix=OnDemand(day.matrix))


@pytest.fixture(scope="module")
def plan(large: Problem) -> Plan:
    return solve(large, stop=StepLimit(3), seed=1).plan


@pytest.fixture
def document(large: Problem, plan: Plan) -> dict[str, Any]:
    return loads(dumps(encode_plan(large, plan)))


def test_a_stored_plan_of_a_large_day_is_judged_anew(large: Problem, plan: Plan, document: dict[str, Any]) -> None:
    """Read back it is the same plan, of a problem with the same hash; the judge passes it; it is written as before."""
    problem, stored = decode_plan(document)
    assert isinstance(problem.matrix, KnownLegs)
    assert plan.routes
    assert plan.unserved
    assert stored == plan
    assert problem_hash(problem) == problem_hash(large) == stored.problem_hash
    assert check(problem, stored) == ()
    assert encode_plan(problem, stored) == document


def test_a_leg_that_was_changed_is_found_by_the_judge(large: Problem, plan: Plan, document: dict[str, Any]) -> None:
    """Other seconds of one leg that is driven make the judge compute another plan."""
    problem, stored = decode_plan(document)
    (profile,) = {large.vehicle_by_id[route.vehicle].profile for route in plan.routes}
    first, second = plan.routes[0].steps[:2]
    known = problem.matrix._legs[profile]  # type: ignore[attr-defined]
    duration_s = known.duration_s.copy()
    duration_s[(known.origin == first.node) & (known.destination == second.node)] += 1
    others = {name: problem.matrix._legs[name] for name in problem.matrix.profiles}  # type: ignore[attr-defined]
    changed = KnownLegs(problem.matrix.n, others | {profile: replace(known, duration_s=duration_s)})
    assert check(replace(problem, matrix=changed), stored)


def test_the_rest_of_a_large_day_is_not_known(document: dict[str, Any]) -> None:
    """What the file does not hold is refused with a sentence, never guessed; what it holds comes as a block too."""
    problem, plan = decode_plan(document)
    vehicle = problem.vehicle_by_id[plan.routes[0].vehicle]
    nodes = [step.node for step in plan.routes[0].steps if step.kind == "visit"]
    with pytest.raises(InvalidProblem, match=f"from node {nodes[0]} to node {nodes[0]} .* is not known"):
        problem.matrix.legs(vehicle.profile, [0, nodes[0]], [1, nodes[0]])
    seconds, metres = problem.matrix.block(vehicle.profile, [0, 1], [1, 0])
    assert seconds.shape == metres.shape == (2, 2)
    assert seconds[0, 1] == seconds[1, 0] == 0


def test_a_document_without_the_legs_of_its_plan_is_refused(large: Problem, document: dict[str, Any]) -> None:
    """A plan whose legs are missing from its file is refused when it is read, with the route and the leg."""
    document["problem"] = loads(dumps(encode_problem(large)))
    with pytest.raises(InvalidProblem, match=r"plan\.routes\[0\]: The way from node .* is not known"):
        decode_plan(document)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "outside": ({"destination": [1, 5]}, "lead outside the 5 places"),
    "twice": ({"origin": [1, 1], "destination": [2, 2]}, "sorted by origin and destination, each once"),
    "negative": ({"duration_s": [3, -2]}, "hold -2; only -1 may be negative"),
    "of two minds": ({"distance_m": [7, -1]}, "disagree on where a path exists"),
    "standing still": ({"destination": [1, 3]}, "must be 0 from a place to itself"),
    "speed": ({"fastest_m_per_s": float("nan")}, "fastest_m_per_s of profile 'truck' must be a number of at least 0"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_legs_that_contradict_themselves_are_refused(name: str) -> None:
    """Each thing that legs must keep is refused with a sentence that names the profile."""
    change, sentence = BROKEN[name]
    good: dict[str, Any] = {"origin": [0, 3], "destination": [1, 2], "duration_s": [3, 4], "distance_m": [7, 8]}
    arrays = {key: np.array(value, dtype=np.int32) for key, value in (good | change).items() if key in good}
    speed = change.get("fastest_m_per_s", 9.0)
    with pytest.raises(InvalidProblem, match=sentence):
        KnownLegs(5, {"truck": Legs(**arrays, fastest_m_per_s=speed, fingerprint={})})


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (("n",), 5, "compactor.n is 5, but the problem has 62 locations"),
        (("fastest_m_per_s",), 9, "fastest_m_per_s must be a number with a fraction"),
        (("legs", "encoding"), "raw", "legs.encoding is 'raw'"),
        (("legs", "count"), -1, "legs.count is -1; 62 places have 0 to 3844 legs"),
        (("legs", "count"), 1, "legs.data must hold 16 bytes .1 x 4 int32. and holds more"),
        (("sha256",), 1, "sha256 must be a text"),
        (("more",), 1, "has more, which version 1 does not know"),
    ],
)
def test_a_document_with_broken_legs_is_refused(
    document: dict[str, Any], place: tuple[str, ...], value: Any, sentence: str
) -> None:
    """A field of the legs that is not what it must be is refused with its path."""
    entry = document["problem"]["matrix"]["compactor"]
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    with pytest.raises(InvalidProblem, match=sentence):
        decode_plan(document)
