"""Moving links into SQLite, and their keys out."""

from __future__ import annotations

from typing import Final, final

from extauth.adapters.sql.conditional_writes import repeated
from extauth.adapters.sqlite import import_statements as statements
from extauth.adapters.sqlite.linking import Execute
from extauth.adapters.sqlite.row import instant_to_micros
from extauth.adapters.sqlite.rows import (
    Values,
    account_parameters,
    failure_parameters,
    key_parameters,
    origin_parameters,
    provider_parameters,
    token_parameters,
)
from extauth.adapters.sqlite.unseen import Parameters
from extauth.domain.imports import Added, AddOutcome, AlreadyThere, ImportedLink
from extauth.domain.link import LinkKey
from extauth.domain.own_writes import OwnWrites
from extauth.one_loop import OneLoop, on_one_loop

_NO_MARK: Final[Values] = dict.fromkeys(("reason", "at", "retry_at", "attempts"))
_NO_ACCOUNT: Final[Values] = dict.fromkeys(("account_id", "login", "display_name", "avatar_url"))


@final
@on_one_loop
class SqliteImports:
    """What :class:`~extauth.domain.imports.ImportStore` says, in SQLite."""

    def __init__(self, home: OneLoop, execute: Execute, own_writes: OwnWrites) -> None:
        self._home = home
        self._own_writes = own_writes
        self._execute = execute

    async def add(self, link: ImportedLink) -> AddOutcome:
        key = Parameters(key_parameters(link.key))
        parameters = Parameters(
            {
                **key.given,
                **token_parameters(link.tokens),
                **origin_parameters(link.origin),
                **(_NO_ACCOUNT if link.account is None else account_parameters(link.account)),
                **(_NO_MARK if link.failure is None else failure_parameters(link.failure)),
                "created_at": instant_to_micros(link.created_at),
                "updated_at": instant_to_micros(link.updated_at),
                "unresolved_since": instant_to_micros(link.unresolved_since),
            }
        )

        async def add() -> Added | None:
            rows = await self._execute(statements.ADD, parameters)
            return Added(rows[0][0]) if rows else None

        async def why_not() -> AlreadyThere | None:
            return AlreadyThere() if await self._execute(statements.THERE, key) else None

        with self._own_writes.of(link.key):
            return await repeated(add, why_not)

    async def keys(
        self, *, provider_id: str | None = None, after: LinkKey | None = None, limit: int = 1000
    ) -> list[LinkKey]:
        page = {
            "after_provider": None if after is None else after.provider_id,
            "after_user": None if after is None else after.user_id,
            "limit": limit,
        }
        of: Values = {} if provider_id is None else provider_parameters(provider_id)
        rows = await self._execute(statements.KEYS_OF if of else statements.KEYS, Parameters({**of, **page}))
        return [LinkKey(*row) for row in rows]
