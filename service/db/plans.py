"""Stored plans: their documents put together, and the line of plans that edits made from one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from service.db.documents import squeeze, unsqueeze
from service.db.models import CityVersionRow, PlanRow
from service.db.publication import NO_DOCUMENT, hold, states_of
from service.problems import Conflict, NotFound

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

_PROBLEM = b',"problem":{'


def find_plan(session: Session, plan_id: str) -> tuple[PlanRow, CityVersionRow]:
    """Return a plan without its documents, and the version of the city that it is for; NotFound if there is none."""
    found = session.exec(
        select(PlanRow, CityVersionRow)
        .join(CityVersionRow, col(CityVersionRow.id) == col(PlanRow.city_version_id))
        .where(PlanRow.id == plan_id)
        .options(*NO_DOCUMENT)
    ).first()
    if found is None:
        raise NotFound(f"There is no plan {plan_id!r}.")
    return found


def document_of(session: Session, plan_id: str) -> bytes:
    """Return a plan's whole document as gzip, with the problem of the plan that it was made from where it shares one.

    Raises
    ------
    NotFound
        If there is no such plan.
    """
    asked = select(PlanRow.document, PlanRow.problem_from)
    found = session.exec(asked.where(PlanRow.id == plan_id)).first()
    if found is None:
        raise NotFound(f"There is no plan {plan_id!r}.")
    document, problem_from = found
    if problem_from is None:
        return document
    whole = unsqueeze(session.exec(select(PlanRow.document).where(PlanRow.id == problem_from)).one())
    # Quotes inside a JSON text are escaped, so this is the key, and it is the last one of the document.
    problem = whole[whole.index(_PROBLEM) :]
    return squeeze(unsqueeze(document)[:-1] + problem)


def successor_of(session: Session, plan_id: str) -> str | None:
    """Return the plan that was made from this one by edits and not discarded; None if there is none."""
    asked = select(PlanRow.id).where(PlanRow.parent_id == plan_id, col(PlanRow.discarded_at).is_(None))
    return session.exec(asked).first()


def discard(session: Session, plan_id: str, now: dt.datetime) -> None:
    """Mark a draft as discarded, so that the plan before it can be edited anew; the caller commits.

    Raises
    ------
    NotFound
        If there is no such plan.
    Conflict
        If it is or was published, or was edited itself: what came of it has to be discarded first.
    """
    plan, city = find_plan(session, plan_id)
    hold(session, city.city_id)
    if plan_id in states_of(session, city.city_id, plan.service_date):
        raise Conflict(f"Plan {plan_id!r} was published; it stays.")
    if (newer := successor_of(session, plan_id)) is not None:
        raise Conflict(f"Plan {plan_id!r} was edited; plan {newer!r} came of it and has to be discarded first.")
    if plan.discarded_at is None:
        plan.discarded_at = now
        session.add(plan)
        session.flush()


def line_of(session: Session, plan: PlanRow) -> Sequence[PlanRow]:
    """Return the plans that led to this one by edits, and those made from it that are not discarded, in order."""
    line = [plan]
    while line[0].parent_id is not None:
        line.insert(0, find_plan(session, line[0].parent_id)[0])
    while (after := successor_of(session, line[-1].id)) is not None:
        line.append(find_plan(session, after)[0])
    return line
