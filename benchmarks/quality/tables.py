"""Rows from runs: medians over seeds, beside each peer's, and what the protocol asks of all cases together."""

from __future__ import annotations

from statistics import mean, median_low
from typing import TYPE_CHECKING, Any, Final

from benchmarks.quality.engines import NAMES, OURS, absent
from benchmarks.quality.growth import growth_rows
from benchmarks.quality.rows import row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.quality.cases import Case
    from benchmarks.quality.engines import Run
    from benchmarks.quality.rows import Row

MEAN_GAP_PERCENT: Final = {"cvrp_x": 0.65, "solomon": 0.5}
"""Most that the mean gap to the best known may be."""

_MEAN_RATIO: Final = 0.95
"""Of cost beside the best peer, from ``_FROM_VISITS`` on."""

_FROM_VISITS: Final = 300
_WORST_RATIO: Final = 1.005
_WASTE: Final = ("demo", "no-breaks", "single-trip")

_KIM_PEER: Final = "Kim et al. 2006, clustering-based insertion"
_KIM_PUBLISHED: Final = {"102": (3, 205.1), "277": (3, 527.3), "444": (11, 87.0), "804": (5, 769.5)}
"""Vehicles and miles of the clustering-based algorithm, from the paper's table of results (second-hand)."""

_KIM_GOALS: Final = {"102": (3, 175.0), "277": (3, 447.0), "444": (11, 78.5), "804": (5, 565.0), "1599": (13, None)}
"""Most vehicles, and miles with as many vehicles as that."""


def rows_of(case: Case, runs: Mapping[str, Sequence[Run]]) -> list[Row]:
    """Return the rows of one case."""
    ours = middle(runs[OURS])
    if case.kind == "growth":
        return growth_rows(case, ours)
    if case.kind == "kim2006":
        return _kim_rows(case, ours, runs)
    if case.kind in MEAN_GAP_PERCENT:
        return _published_rows(case, runs)
    return _waste_rows(case, ours, runs)


def middle(runs: Sequence[Run]) -> Run:
    """Return the run of the median cost, the lower of two; a run with violations counts as the dearest."""
    ranked = sorted(runs, key=lambda one: (not one.legal, one.cost_micro))
    return ranked[median_low(range(len(ranked)))]


def summary_rows(rows: Sequence[Row]) -> list[Row]:
    """Return means and worst cases over the rows of all cases."""
    found = []
    for kind in _WASTE:
        costs = [one for one in rows if one["metric"] == "cost" and one["case"].startswith(f"{kind}/")]
        compared = [one for one in costs if one["comparable"]]
        large = [one["ratio"] for one in compared if int(one["case"].split("/")[1]) >= _FROM_VISITS]
        if large:
            name = f"mean cost beside the best peer, {len(large)} cases from {_FROM_VISITS}"
            found.append(row(kind, name, "ratio", round(mean(large), 4), goal=(None, _MEAN_RATIO)))
        if compared:
            worst = max(compared, key=lambda one: float(one["ratio"]))
            name = f"worst of {len(compared)}: {worst['case']}"
            found.append(row(kind, name, "ratio", worst["ratio"], goal=(None, _WORST_RATIO)))
        if len(compared) < len(costs):
            name = "cases where the best peer has no complete plan"
            found.append(row(kind, name, "cases", len(costs) - len(compared)))
    for kind, goal in MEAN_GAP_PERCENT.items():
        gaps = [one for one in rows if one["metric"] == "gap" and one["case"].startswith(f"{kind}/")]
        if gaps:
            peers = [one["peer"] for one in gaps]
            peer = None if None in peers else round(mean(peers), 3)
            ours = round(mean(one["ours"] for one in gaps), 3)
            name = f"mean gap of {len(gaps)}"
            found.append(row(kind, name, "%", ours, peer=peer, peer_name=gaps[0]["peer_name"], goal=(None, goal)))
    return found


def _waste_rows(case: Case, ours: Run, runs: Mapping[str, Sequence[Run]]) -> list[Row]:
    peers = {engine: middle(found) for engine, found in runs.items() if engine != OURS}
    found = [
        row(case.name, "cost of", "currency", _cost(ours), peer_name=NAMES[engine], why=absent(engine))
        for engine in case.engines
        if engine not in runs
    ]
    ranked = sorted(peers, key=lambda engine: (not peers[engine].legal, peers[engine].cost_micro))
    for rank, engine in enumerate(ranked):
        peer = peers[engine]
        more: dict[str, Any] = {"peer_name": NAMES[engine]}
        if peer.why or not peer.legal:
            more["why"] = peer.why or f"no plan: {peer.violations[0]}"
        elif peer.required_left:
            more["why"] = f"leaves {peer.required_left} required visits out"
        # Beside a plan that serves less, a ratio of costs says how high the penalty is, and nothing else.
        comparable = peer.legal and peer.required_left == ours.required_left
        metric = "cost, other peer" if rank else "cost"
        goal = (None, _WORST_RATIO) if comparable and not rank else (None, None)
        cost = row(case.name, metric, "currency", _cost(ours), peer=_cost(peer), goal=goal, goal_on="ratio", **more)
        if not comparable:
            cost["ratio"] = None
        curves = {"curve": ours.curve, "peer_curve": peer.curve}
        found.append({**cost, "comparable": comparable, **curves, "peer_taken_s": peer.taken_s})
    fewest = min((peer.required_left for peer in peers.values()), default=None)
    beside: dict[str, Any] = {}
    if ranked:
        beside = {"peer": peers[ranked[0]].routes, "peer_name": NAMES[ranked[0]]}
    return [
        *found,
        row(case.name, "routes", "routes", ours.routes, **beside),
        row(case.name, "required unserved", "visits", ours.required_left, peer=fewest, goal=(None, fewest)),
    ]


def _published_rows(case: Case, runs: Mapping[str, Sequence[Run]]) -> list[Row]:
    assert case.best_known is not None
    best_known, micro = case.best_known
    gaps: dict[str, float | None] = {}
    for engine in case.engines:
        one = middle(runs[engine]) if engine in runs else None
        legal = one is not None and one.legal and not one.left
        gaps[engine] = round(100 * (one.cost_micro / micro / best_known - 1), 3) if one is not None and legal else None
    ours = middle(runs[OURS])
    peer = case.engines[1]
    more: dict[str, Any] = {"why": absent(peer)} if peer not in runs else {}
    return [
        row(case.name, "distance", "units", ours.cost_micro / micro, peer=best_known, peer_name="best known"),
        {**row(case.name, "gap", "%", gaps[OURS], peer=gaps[peer], peer_name=NAMES[peer], **more), "curve": ours.curve},
        row(case.name, "stops unserved", "stops", ours.left, goal=(None, 0)),
    ]


def _kim_rows(case: Case, ours: Run, runs: Mapping[str, Sequence[Run]]) -> list[Row]:
    name = case.name.partition("/")[2]
    most, miles = _KIM_GOALS.get(name, (None, None))
    known = _KIM_PUBLISHED.get(name, (None, None))
    peer: dict[str, Any] = {"peer_name": _KIM_PEER if name in _KIM_PUBLISHED else None}
    if ours.left and name in _KIM_PUBLISHED:
        # Fewer vehicles and miles for fewer stops are no better a plan.
        known = (None, None)
        peer["why"] = f"not comparable: {ours.left} stops are left out"
    fewer = most is not None and ours.routes < most
    found = [
        row(case.name, "vehicles", "vehicles", ours.routes, peer=known[0], goal=(None, most), **peer),
        {
            **row(
                case.name,
                "distance",
                "miles",
                ours.audit["miles"],
                peer=known[1],
                goal=(None, None if fewer else miles),
                **peer,
            ),
            "curve": ours.curve,
        },
        row(case.name, "rules broken", "rules", ours.audit["rules broken"] + len(ours.violations), goal=(None, 0)),
        row(case.name, "stops unserved", "stops", ours.left, goal=(None, 0)),
    ]
    if "pyvrp" in runs:
        other = middle(runs["pyvrp"])
        beside = f"{NAMES['pyvrp']}; lunch as a shorter day"
        served = other.legal and not other.left
        why: dict[str, Any] = {} if served else {"why": other.why or f"leaves {other.left} stops out"}
        found += [
            row(
                case.name,
                "vehicles",
                "vehicles",
                ours.routes,
                peer=other.routes if served else None,
                peer_name=beside,
                **why,
            ),
            row(
                case.name,
                "distance",
                "miles",
                ours.audit["miles"],
                peer=other.audit["miles"] if served else None,
                peer_name=beside,
                **why,
            ),
        ]
    return found


def _cost(one: Run) -> float | None:
    return one.cost_micro / 1e6 if one.legal else None
