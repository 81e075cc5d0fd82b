"""Who may do what, as data: which roles a permission takes. Which permission a route takes stands in ``rules``."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is in a city, or on the whole installation."""

    ADMINISTRATOR = "administrator"
    PLANNER = "planner"
    DISPATCHER = "dispatcher"
    VIEWER = "viewer"
    DRIVER = "driver"
    DEVICE = "device"


class Permission(StrEnum):
    """What may be done."""

    PUBLIC = "public"
    """Anybody, without a credential."""
    KNOWN = "known"
    """Everybody with a credential that holds; the endpoint shows each what is theirs."""
    LOOK = "look"
    PLAN = "plan"
    """Ask for plans, change drafts, cancel runs."""
    PUBLISH = "publish"
    DISPATCH = "dispatch"
    """The running day: re-plan it, hand routes over to drivers."""
    DRIVE = "drive"
    """One shift: fetch its route, report what happened."""
    REPORT = "report"
    """Send readings."""
    SENSORS = "sensors"
    """Register sensors, settle what was put aside."""
    STUDY = "study"
    IMPORT = "import"
    PEOPLE = "people"
    """Accounts, keys and the audit log; what drivers left, exported or erased."""
    MONITOR = "monitor"


_STAFF: Final = frozenset({Role.ADMINISTRATOR, Role.PLANNER, Role.DISPATCHER})

ROLES_OF: Final[dict[Permission, frozenset[Role]]] = {
    Permission.PUBLIC: frozenset(Role),
    Permission.KNOWN: frozenset(Role),
    Permission.LOOK: _STAFF | {Role.VIEWER},
    Permission.PLAN: _STAFF,
    Permission.PUBLISH: _STAFF,
    Permission.DISPATCH: _STAFF,
    Permission.DRIVE: _STAFF | {Role.DRIVER},
    Permission.REPORT: _STAFF | {Role.DEVICE},
    Permission.SENSORS: _STAFF,
    Permission.STUDY: frozenset({Role.ADMINISTRATOR, Role.PLANNER}),
    Permission.IMPORT: frozenset({Role.ADMINISTRATOR}),
    Permission.PEOPLE: frozenset({Role.ADMINISTRATOR}),
    Permission.MONITOR: frozenset({Role.ADMINISTRATOR, Role.VIEWER}),
}

PEOPLES_ROLES: Final = _STAFF | {Role.VIEWER}
"""What an account may be; drivers come by a link, devices by a key."""
KEYS_ROLES: Final = _STAFF | {Role.VIEWER, Role.DEVICE}
