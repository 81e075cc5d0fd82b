"""Plans as objects, the last few kept in memory: what edits and explanations work on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlmodel import Session

from optimizer.judge.evaluate import RouteEvaluation, evaluate, orders_of
from optimizer.problem.codec import decode_plan, loads
from service.db.documents import unsqueeze
from service.db.plans import document_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import Plan, RouteOrder

_KEPT: Final = 16
"""Plans in memory; those made from one another share their problem, by far the largest part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A plan with its problem, its decisions and its routes as the judge found them."""

    problem: Problem
    plan: Plan
    orders: tuple[RouteOrder, ...]
    judged: dict[RouteOrder, RouteEvaluation]


class OpenedPlans:
    """Opens stored plans, and keeps those opened last."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: OrderedDict[str, Opened] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, plan_id: str) -> Opened:
        """Return a plan; it is shared, so nothing of it may be changed.

        Raises
        ------
        NotFound
            If there is no such plan.
        """
        with self._lock:
            if plan_id in self._kept:
                self._kept.move_to_end(plan_id)
                return self._kept[plan_id]
        with Session(self._engine) as session:
            document = document_of(session, plan_id)
        problem, plan = decode_plan(loads(unsqueeze(document)))
        judged: dict[RouteOrder, RouteEvaluation] = {}
        orders = orders_of(problem, plan)
        evaluate(problem, orders, unserved=plan.unserved, known_hash=plan.problem_hash, known_routes=judged)
        opened = Opened(problem=problem, plan=plan, orders=orders, judged=judged)
        self.keep(plan_id, opened)
        return opened

    def keep(self, plan_id: str, opened: Opened) -> None:
        """Keep a plan that was just made."""
        with self._lock:
            self._kept[plan_id] = opened
            self._kept.move_to_end(plan_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
