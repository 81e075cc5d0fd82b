"""What a planner's page needs beside: the changes as JSON Schema, whether a study could be made, going on with one."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from geodata.city.dataset import CityDataset
from service.api.deps import CitiesDep, CityId, SessionDep, SettingsDep, StudiesDep, StudyId
from service.api.replies import errors
from service.api.schemas import Out
from service.api.studies import StudyIn, StudyOut, checked, found_study
from service.jobs.studies import change
from service.problems import Conflict, FieldError, InvalidRequest

router = APIRouter(prefix="/v1", tags=["studies"])


class StudyCheckOut(Out):
    """Whether a study could be made."""

    days: int = Field(description="That it would plan: scenarios x days x seeds; 0 where something is wrong.")
    wrong: list[FieldError] = Field(description="What the study would be refused for, as the errors of a 422.")


@router.get("/cities/{city_id}/changes", summary="What a scenario may change", responses=errors(404, 409, 422))
def get_changes(city_id: CityId, session: SessionDep, cities: CitiesDep) -> dict[str, Any]:
    """Return the JSON Schema of one change to this city: a kind and its fields, with what they may name."""
    from scenarios.changes.schema import changes_schema  # noqa: PLC0415 - as in studies.py

    return changes_schema(_city(city_id, session, cities))


@router.post(
    "/cities/{city_id}/studies/check",
    summary="Check a study",
    status_code=HTTPStatus.OK,
    responses=errors(400, 404, 409, 413, 422),
)
def check_study(
    city_id: CityId, wanted: StudyIn, session: SessionDep, cities: CitiesDep, settings: SettingsDep
) -> StudyCheckOut:
    """Say what is wrong with a study, and where, without asking for it; changes are tried on the city."""
    from scenarios.changes.check import scenario_problems  # noqa: PLC0415 - as in studies.py

    city = _city(city_id, session, cities)
    wrong = [
        FieldError(place="/".join(map(str, ("body", *place))), message=why, value="")
        for place, why in scenario_problems(wanted.scenario, city)
    ]
    if wrong:
        return StudyCheckOut(days=0, wrong=wrong)
    try:
        _, asked = checked(wanted, settings)
    except InvalidRequest as error:
        return StudyCheckOut(days=0, wrong=list(error.errors))
    return StudyCheckOut(days=len(asked["scenario"]) * len(asked["days"]) * asked["seeds"], wrong=[])


@router.post("/studies/{study_id}/resume", summary="Go on with a study", responses=errors(404, 409, 422))
def resume_study(study_id: StudyId, request: Request, session: SessionDep, studies: StudiesDep) -> StudyOut:
    """Queue a study that was cancelled or has failed again: days that are planned are not planned twice."""
    found = found_study(session, study_id)
    session.rollback()  # its own look at the row must not keep the change out
    again = {"status": "queued", "error": None, "started_at": None, "finished_at": None, "lease_until": None}
    if not change(request.app.state.engine, study_id, ("cancelled", "failed"), **again):
        raise Conflict(f"Study {study_id!r} is {found.status}; only one that was cancelled or has failed can go on.")
    studies.wake()
    session.expire_all()
    return found_study(session, study_id)


def _city(city_id: str, session: SessionDep, cities: CitiesDep) -> CityDataset:
    version = cities.current(session, city_id)
    assert version.id is not None
    return cities.dataset(version.id, version.content_hash)
