"""Who is asking: what a credential that holds says of its bearer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from service.auth.roles import ROLES_OF, Permission, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody who asks.

    Parameters
    ----------
    kind
        ``account``, ``key``, ``driver`` (a link of one shift), ``local`` (nobody is asked who they are) or
        ``command`` (whoever may use the command line of the server's machine).
    id
        Of the account, key or link.
    name
        As the audit log writes it.
    everywhere
        Their role in every city, also in those to come.
    roles
        Their role in each of their cities.
    device
        The only sensor that the key may speak for, None for all of the city.
    shift
        The only service date (ISO 8601) and shift that the link opens.
    session
        The session of an account that signed in.
    """

    kind: Literal["account", "key", "driver", "local", "command"]
    id: str
    name: str
    everywhere: Role | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    device: str | None = None
    shift: tuple[str, str] | None = None
    session: str | None = None

    def role_in(self, city_id: str) -> Role | None:
        """Return their role in a city, None if they have none there."""
        return self.everywhere or self.roles.get(city_id)

    def may(self, permission: Permission, city_id: str) -> bool:
        """Whether they may do something in a city."""
        return self.role_in(city_id) in ROLES_OF[permission]

    def may_somewhere(self, permission: Permission) -> bool:
        """Whether they may do something in one city at least, or everywhere."""
        return any(role in ROLES_OF[permission] for role in (self.everywhere, *self.roles.values()))


LOCAL: Final = Principal(kind="local", id="local", name="local", everywhere=Role.ADMINISTRATOR)
"""Whoever reaches a server that asks nobody who they are (``SAMRAM_AUTH=off``)."""
COMMAND: Final = Principal(kind="command", id="command", name="command line", everywhere=Role.ADMINISTRATOR)
