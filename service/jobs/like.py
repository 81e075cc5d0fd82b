"""The search of a run: plain, or for a day like one that was planned before. Loads the solver."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlmodel import Session

from optimizer.problem.codec import decode_plan, loads
from scenarios.churn import assignment_of, plan_like, visit_micro
from scenarios.day import plan_day
from service.db.documents import unsqueeze
from service.db.driving import LikenessRow
from service.db.plans import document_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from optimizer.problem.plan import Plan
    from optimizer.search.solve import OnImprovement
    from optimizer.search.stop import Stop
    from scenarios.day import Day


def searched(
    engine: Engine, run_id: str, day: Day, *, stop: Stop, seed: int, on_improvement: OnImprovement, workers: int
) -> tuple[Day, Plan]:
    """Return a day's plan, and the day as it was searched: with its wish to be like another one, where it has one."""
    with Session(engine) as session:
        wish = session.get(LikenessRow, run_id)
        document = None if wish is None else document_of(session, wish.plan_id)
    if wish is None or document is None:
        return day, plan_day(day, stop=stop, seed=seed, on_improvement=on_improvement, workers=workers).plan
    problem, before = decode_plan(loads(unsqueeze(document)))
    found = plan_like(
        day,
        assignment_of(problem, before),
        price_micro=visit_micro(before),
        most_moved=wish.max_moved,
        stop=stop,
        seed=seed,
        on_improvement=on_improvement,
        workers=workers,
    )
    kept = "" if wish.max_moved is None or found.share <= wish.max_moved else ", more than the budget allows"
    note = (
        f"{len(found.moved)} of {found.wished} visits ({found.share:.0%}) have another shift than in plan "
        f"{wish.plan_id}{kept}."
    )
    return replace(found.day, notes=(*found.day.notes, note)), found.result.plan
