"""Whether who asks may do what they ask: one dependency of every route, decided by ``rules``.

Another city's things and things that are not there get the same answer, word for word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from service.auth.principal import Principal
from service.auth.roles import ROLES_OF, Permission
from service.auth.rules import IN_ANY_CITY, OWNERS, ROUTES
from service.ingest.report import Item, Report
from service.problems import NotAuthenticated, NotFound, NotPermitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

_REFUSED: Final = "This is nothing that {who} may do: {operation}."


async def permit(request: Request) -> None:
    """Let a request pass to its endpoint, or refuse it.

    Raises
    ------
    NotAuthenticated
        If it is not known who asks.
    NotPermitted
        If their role does not go so far.
    NotFound
        If it concerns a city in which they have no role, or a shift that is not theirs.
    """
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is not None and principal.kind == "local":
        return
    operation = f"{request.method} {request.scope['route'].path_format}"
    permission = ROUTES.get(operation)
    if permission is Permission.PUBLIC:
        return
    if principal is None:
        raise NotAuthenticated("This address needs a token or an API key; POST /v1/session gives a token.")
    if permission is None or not await _allowed(request, principal, permission, operation):
        raise NotPermitted(_REFUSED.format(who=_called(principal), operation=operation))


async def _allowed(request: Request, principal: Principal, permission: Permission, operation: str) -> bool:
    if permission is Permission.KNOWN:
        return True
    city_id = await _city_of(request, principal)
    if city_id is None:
        if operation in IN_ANY_CITY:
            return principal.may_somewhere(permission)
        return principal.everywhere in ROLES_OF[permission]
    path = request.path_params
    if principal.shift is not None and (path.get("date"), path.get("shift")) != principal.shift:
        if permission is Permission.DRIVE:
            raise NotFound(f"There is no shift {path.get('shift')!r} on {path.get('date')} in city {city_id!r}.")
        return False
    if principal.device is not None and path.get("device", principal.device) != principal.device:
        return False
    return principal.may(permission, city_id)


async def _city_of(request: Request, principal: Principal) -> str | None:
    """Return the city that a path concerns, None if it concerns none; NotFound where who asks has no role in it."""
    path = request.path_params
    if "city_id" in path:
        city_id: str = path["city_id"]
        if principal.role_in(city_id) is None:
            raise NotFound(f"There is no city {city_id!r}.")
        return city_id
    for parameter, (word, _) in OWNERS.items():
        if parameter in path:
            found = await run_in_threadpool(_asked, request.app.state.engine, parameter, path[parameter])
            if found is None or principal.role_in(found) is None:
                raise NotFound(f"There is no {word} {path[parameter]!r}.")
            return found
    return None


def _asked(engine: Engine, parameter: str, name: str) -> str | None:
    with Session(engine) as session:
        return OWNERS[parameter][1](session, name)


def _called(principal: Principal) -> str:
    roles = {role.value for role in (principal.everywhere, *principal.roles.values()) if role is not None}
    return f"a {'/'.join(sorted(roles))}" if roles else "an account without a role"


def speaks_for_itself(request: Request, items: Sequence[Item]) -> None:
    """Let readings pass, unless the key that brings them is bound to a sensor and they are another's.

    Raises
    ------
    NotPermitted
        If one of them is not that sensor's.
    """
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is not None and principal.device is not None:
        for item in items:
            if isinstance(item, Report) and item.device != principal.device:
                raise NotPermitted(f"This key speaks for the sensor {principal.device!r} alone.")


def _principal(request: Request) -> Principal:
    found: Principal | None = getattr(request.state, "principal", None)
    assert found is not None, "Only a public route is reached without a principal; it asks for none."
    return found


PrincipalDep = Annotated[Principal, Depends(_principal)]
