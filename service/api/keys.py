"""API keys of a city: for its data platform, its gateways, its sensors."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, Field

from service.api.deps import CitiesDep, CityId, IdentitiesDep, SessionDep
from service.api.replies import errors
from service.api.schemas import In, Out
from service.auth import keys
from service.auth.permit import PrincipalDep
from service.auth.roles import Role
from service.db.people import ApiKeyRow
from service.ingest.report import device_id

router = APIRouter(prefix="/v1/cities/{city_id}/keys", tags=["people"])

KeyId = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="The key's id, as it stands in the key.")]


class KeyIn(In):
    """A key to be made."""

    label: str = Field(min_length=1, max_length=100, description="What it is for; it stands in the audit log.")
    role: Role = Field(default=Role.DEVICE, strict=False, description="device sends readings; viewer reads.")
    device: str | None = Field(
        default=None, min_length=1, max_length=200, description="The only sensor that it may speak for."
    )
    signed: bool = Field(default=False, description="The device signs with it; see docs/operations.md.")


class KeyOut(Out):
    """A key, without itself."""

    id: str
    label: str
    role: Role
    device: str | None
    signed: bool
    created_at: AwareDatetime
    created_by: str
    revoked_at: AwareDatetime | None


class NewKeyOut(KeyOut):
    """A key that was just made; it is not shown again."""

    key: str = Field(description="For Authorization: Bearer; of a signed one the secret, in hexadecimal.")


class KeyList(Out):
    """The keys of a city, the newest first, those that were revoked among them."""

    keys: list[KeyOut]


@router.get("", summary="List the keys", responses=errors(404, 422))
def list_keys(city_id: CityId, session: SessionDep, cities: CitiesDep) -> KeyList:
    """Return every key of a city, without the keys themselves."""
    cities.current(session, city_id)
    return KeyList(keys=[KeyOut.model_validate(_shown(row)) for row in keys.of_city(session, city_id)])


@router.post("", summary="Make a key", status_code=HTTPStatus.CREATED, responses=errors(400, 404, 413, 422))
def add_key(
    city_id: CityId,
    body: KeyIn,
    request: Request,
    session: SessionDep,
    cities: CitiesDep,
    principal: PrincipalDep,
) -> NewKeyOut:
    """Make a key; what is stored cannot be turned back into it, so keep what is answered."""
    cities.current(session, city_id)
    row, plain = keys.add(
        session,
        role=body.role,
        city_id=city_id,
        label=body.label,
        by=principal.name,
        device=None if body.device is None else device_id(body.device),
        server_secret=request.app.state.secret if body.signed else None,
    )
    shown = _shown(row)
    request.state.audit = {"key": shown["id"], "label": body.label, "role": body.role.value}
    session.commit()
    return NewKeyOut.model_validate({**shown, "key": plain})


@router.delete("/{key_id}", summary="Revoke a key", responses=errors(404, 422))
def revoke_key(city_id: CityId, key_id: KeyId, session: SessionDep, identities: IdentitiesDep) -> KeyOut:
    """End a key at once; its line stays, so that what was done with it can be told."""
    found = KeyOut.model_validate(_shown(keys.revoke(session, key_id, city_id=city_id)))
    session.commit()
    identities.forget()
    return found


def _shown(row: ApiKeyRow) -> dict[str, object]:
    return {
        "id": row.id,
        "label": row.label,
        "role": row.role,
        "device": row.device,
        "signed": row.secret_hash is None,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "revoked_at": row.revoked_at,
    }
