"""Whether the server lives, and whether it can work."""

from fastapi import APIRouter
from sqlalchemy import text

from service.api.deps import SessionDep
from service.api.replies import errors
from service.api.schemas import HealthOut

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the server answers", responses=errors())
def healthz() -> HealthOut:
    """Answer without looking at anything else."""
    return HealthOut(status="ok")


@router.get("/readyz", summary="Whether the server can reach its database", responses=errors(503))
def readyz(session: SessionDep) -> HealthOut:
    """Ask the database; 503 when it does not answer."""
    session.execute(text("SELECT 1"))
    return HealthOut(status="ok")
