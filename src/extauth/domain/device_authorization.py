"""A device flow under way, as an application keeps it: in memory, in a session, over a restart."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import cast, final

import attrs

from extauth.domain.hidden import Hidden
from extauth.domain.link import LinkKey
from extauth.domain.policy import positive
from extauth.domain.storable import aware_utc, masked, optional_text, scope_names, text


@final
@attrs.frozen(kw_only=True)
class DeviceAuthorization:
    """A device flow under way (RFC 8628): show the user code and the URI, then complete it.

    A value: keep it in a session, as :meth:`to_json` writes it, to complete it after a restart or in another
    replica.
    """

    key: LinkKey
    device_code: str = attrs.field(validator=text, repr=masked)
    """A secret between the application and the provider; not for the user."""
    user_code: str = attrs.field(validator=text, repr=masked)
    """What the user types in."""
    verification_uri: str = attrs.field(validator=text)
    """Where the user types it in."""
    verification_uri_complete: str | None = attrs.field(default=None, validator=optional_text, repr=masked)
    """The same with the code filled in, for a link or a QR code."""
    expires_at: datetime = attrs.field(converter=aware_utc)
    interval: timedelta = attrs.field(default=timedelta(seconds=5), validator=positive)
    """How long to wait between two polls, at least."""
    scopes: frozenset[str] = attrs.field(default=frozenset(), converter=scope_names)

    def to_json(self) -> str:
        """Return this as text in ASCII, for :meth:`from_json`.

        It holds the device code, a secret, and whose link it will be: keep it where the browser can neither
        read nor change it, so not in a cookie that is only signed, or not even that.
        """
        members = {
            "provider_id": self.key.provider_id,
            "user_id": self.key.user_id,
            "device_code": self.device_code,
            "user_code": self.user_code,
            "verification_uri": self.verification_uri,
            "verification_uri_complete": self.verification_uri_complete,
            "expires_at": self.expires_at.isoformat(),
            "interval": self.interval.total_seconds(),
            "scopes": sorted(self.scopes),
        }
        return json.dumps(members)

    @staticmethod
    def from_json(text: str) -> DeviceAuthorization:
        """Return what :meth:`to_json` has written, here or in another process.

        Members that this version does not know are passed over.

        :raises ValueError: for anything else. The message holds nothing of the text.
        """
        given = Hidden(text)
        del text  # tools that report errors show the local variables of each frame
        read = _read(given)
        if read is None:
            msg = "this is not what DeviceAuthorization.to_json has written; let the user begin again"
            raise ValueError(msg)
        return read


def _read(given: Hidden[str]) -> DeviceAuthorization | None:
    # An error that left this function would carry the text along.
    try:
        members = json.loads(given.value)
        scopes = members["scopes"]
        return DeviceAuthorization(
            key=LinkKey(members["provider_id"], members["user_id"]),
            device_code=members["device_code"],
            user_code=members["user_code"],
            verification_uri=members["verification_uri"],
            verification_uri_complete=members["verification_uri_complete"],
            expires_at=datetime.fromisoformat(members["expires_at"]),
            interval=timedelta(seconds=members["interval"]),
            # A text would become its letters; one that is empty is refused, as anything else is.
            scopes=cast("list[str]", scopes) if isinstance(scopes, list) else "",
        )
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError):
        return None
