"""What a :class:`~extauth.LinkingService` does its work with, put together on one store."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Self, final

import attrs

from extauth.domain.link import LinkKey
from extauth.domain.linking_ports import LinkingProvider, LinkingStore
from extauth.domain.ports import Clock, OAuthProvider
from extauth.domain.revocation import OnSharedGrant
from extauth.services.events import EventEmitter
from extauth.services.grant_ender import GrantEnder
from extauth.services.linking.carry_through import CarriedThrough
from extauth.services.linking.code_flow import CodeFlow
from extauth.services.linking.connect import GrantConnector
from extauth.services.linking.device_flow import DeviceFlows
from extauth.services.linking.in_progress import InFlightCompletions
from extauth.services.linking.listing import Listing
from extauth.services.linking.options import OnAccountChange
from extauth.services.linking.purge import Purger
from extauth.services.linking.redirect_uris import RedirectUris
from extauth.services.linking.state import SecretSource
from extauth.services.linking.store_grant import GrantWriter
from extauth.services.linking.unlink import Unlinker
from extauth.services.linking.validate import Validator
from extauth.services.provider_call import ProviderCaller
from extauth.services.providers import provider_of, same_client


@final
@attrs.frozen
class Flows:
    """The ways to connect and to disconnect. What one completes, the others see under way."""

    code: CodeFlow
    devices: DeviceFlows
    validator: Validator
    unlinker: Unlinker
    purger: Purger
    listing: Listing
    carried: CarriedThrough
    """Runs what must not end with its caller."""
    _caller: ProviderCaller

    @classmethod
    def on(
        cls,
        store: LinkingStore,
        providers: Mapping[str, LinkingProvider],
        *,
        clock: Clock,
        emitter: EventEmitter,
        rng: random.Random,
        exchange_timeout: timedelta,
        authorization_ttl: timedelta,
        redirect_uris: RedirectUris,
        on_account_change: OnAccountChange,
        on_shared_grant: OnSharedGrant,
        secret_source: SecretSource,
    ) -> Self:
        """Return those of a service with these options."""
        caller = ProviderCaller(clock, rng, exchange_timeout)
        in_flight = InFlightCompletions()

        def arriving(provider: OAuthProvider, key: LinkKey) -> bool:
            others = in_flight.arriving(key)
            return any(same_client(provider, provider_of(providers, each.provider_id)) for each in others)

        grant_ender = GrantEnder(
            store,
            clock,
            emitter,
            exchange_timeout,
            on_shared_grant=on_shared_grant,
            arriving=arriving,
        )
        writer = GrantWriter(store, clock, rng)
        connector = GrantConnector(
            store, writer, caller, grant_ender, emitter, on_account_change=on_account_change
        )
        return cls(
            CodeFlow(
                store,
                providers,
                caller=caller,
                connector=connector,
                in_flight=in_flight,
                emitter=emitter,
                ttl=authorization_ttl,
                redirect_uris=redirect_uris,
                secret_source=secret_source,
            ),
            DeviceFlows(
                store,
                providers,
                clock=clock,
                caller=caller,
                connector=connector,
                in_flight=in_flight,
                emitter=emitter,
            ),
            Validator(store, providers, caller, connector),
            Unlinker(store, providers, grant_ender, emitter, in_flight),
            Purger(store, clock),
            Listing(store, providers),
            CarriedThrough(caller.hurry),
            caller,
        )

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self.devices.idle and self.carried.idle

    async def aclose(self) -> None:
        """Finish what is under way, and wait for nobody else."""
        self._caller.hurry()
        await self.devices.aclose()
        await self.carried.aclose()
