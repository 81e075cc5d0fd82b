"""The people of a city, and what was done in it."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, Field
from sqlmodel import Session, col, select

from service.api.deps import CitiesDep, CityId, IdentitiesDep, SessionDep
from service.api.replies import errors
from service.api.schemas import In, Out
from service.auth import accounts
from service.auth.passwords import LONGEST
from service.auth.permit import PrincipalDep
from service.auth.principal import Principal
from service.auth.roles import PEOPLES_ROLES, Role
from service.db.people import AccountRow, AuditRow, MembershipRow
from service.problems import FieldError, InvalidRequest, NotFound, NotPermitted

router = APIRouter(prefix="/v1/cities/{city_id}", tags=["people"])

AccountName = Annotated[str, Path(pattern="^[^/\\x00-\\x1f\\x7f]{1,80}$", description="The account's name.")]


class PersonIn(In):
    """What somebody is in a city."""

    role: Role = Field(strict=False, description="administrator, planner, dispatcher or viewer.")
    password: str | None = Field(
        default=None,
        max_length=LONGEST,
        description="Of a new account, or a new one for an account of this city alone; none for an account that "
        "signs in at the server's provider of identities.",
    )


class PersonOut(Out):
    """Somebody with a role in a city."""

    name: str
    role: Role


class PersonList(Out):
    """Everybody with a role of their own in a city, by name."""

    people: list[PersonOut]


class AuditOut(Out):
    """Something that was done."""

    id: int
    at: AwareDatetime
    kind: str = Field(description="account, key, driver, local (nobody was asked) or command (on the server).")
    who: str = Field(description="The account's name, the key's label or the driver's shift.")
    operation: str = Field(description="The method and the route, or the command.")
    target: dict[str, Any] = Field(description="The parameters of its path.")
    detail: dict[str, Any] | None = Field(description="What else is worth telling.")
    status: int
    request_id: str | None


class AuditList(Out):
    """What was done in a city, the newest first."""

    entries: list[AuditOut]
    more: bool = Field(description="There are older ones; ask for them with before = the last one's id.")


@router.get("/people", summary="List the people", responses=errors(404, 422))
def list_people(city_id: CityId, session: SessionDep, cities: CitiesDep) -> PersonList:
    """Return everybody with a role in this city; those with a role in every city are not among them."""
    cities.current(session, city_id)
    return PersonList(
        people=[PersonOut(name=one.name, role=Role(one.roles[city_id])) for one in accounts.everybody(session, city_id)]
    )


@router.put(
    "/people/{name}",
    summary="Give somebody a role",
    responses=errors(400, 404, 409, 413, 422) | {201: {"model": PersonOut, "description": "The account is new."}},
)
def put_person(
    city_id: CityId,
    name: AccountName,
    body: PersonIn,
    request: Request,
    response: Response,
    session: SessionDep,
    principal: PrincipalDep,
    identities: IdentitiesDep,
) -> PersonOut:
    """Give somebody a role in this city, and an account if there is none of that name."""
    if body.role not in PEOPLES_ROLES:
        message = f"An account is no {body.role}; drivers come by a link, and devices by a key."
        raise InvalidRequest([FieldError(place="body/role", message=message)])
    outside = request.app.state.provider is not None
    row, is_new = accounts.add(session, name, role=body.role, city_id=city_id, password=body.password, outside=outside)
    if body.password is not None and not is_new:
        _may_set_password(session, row, city_id, principal)
        accounts.set_password(session, row, body.password)
    found = PersonOut(name=row.name, role=body.role)
    request.state.audit = {"role": body.role.value, "password": body.password is not None}
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    session.commit()
    identities.forget()
    return found


@router.delete(
    "/people/{name}", summary="Take somebody's role", status_code=HTTPStatus.NO_CONTENT, responses=errors(404, 422)
)
def delete_person(city_id: CityId, name: AccountName, session: SessionDep, identities: IdentitiesDep) -> None:
    """Take somebody's role in this city; an account without any role is removed."""
    try:
        row = accounts.find(session, name)
    except (NotFound, InvalidRequest) as error:
        raise NotFound(_NOBODY.format(name=name, city=city_id)) from error
    if session.get(MembershipRow, (row.id, city_id)) is None:
        raise NotFound(_NOBODY.format(name=name, city=city_id))
    accounts.remove(session, row, city_id=city_id)
    session.commit()
    identities.forget()


_NOBODY = "Nobody called {name!r} has a role in city {city!r}."


@router.get("/audit", summary="Who changed what", responses=errors(404, 422))
def get_audit(
    city_id: CityId,
    session: SessionDep,
    cities: CitiesDep,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> AuditList:
    """Return what was changed in a city and by whom, the newest first."""
    cities.current(session, city_id)
    asked = select(AuditRow).where(AuditRow.city_id == city_id)
    if before is not None:
        asked = asked.where(col(AuditRow.id) < before)
    rows = session.exec(asked.order_by(col(AuditRow.id).desc()).limit(limit + 1)).all()
    return AuditList(
        entries=[AuditOut.model_validate(row.model_dump(exclude={"city_id"})) for row in rows[:limit]],
        more=len(rows) > limit,
    )


def _may_set_password(session: Session, account: AccountRow, city_id: str, principal: Principal) -> None:
    """Refuse to set the password of somebody who can do more elsewhere than whoever asks can."""
    if principal.everywhere is Role.ADMINISTRATOR:
        return
    elsewhere = session.exec(
        select(MembershipRow).where(col(MembershipRow.account_id) == account.id, col(MembershipRow.city_id) != city_id)
    ).first()
    if account.role is not None or elsewhere is not None:
        raise NotPermitted(f"{account.name!r} has roles elsewhere; they change their password themselves.")
