"""English."""

from __future__ import annotations

from typing import Final

from extauth.domain.reasons import EXPLANATIONS, FALLBACK
from extauth.web.words.words import Words

ENGLISH: Final = Words(
    "en",
    {
        "months": "January February March April May June July August September October November December",
        "date": "{day} {month} {year}",
        "list.title": "Connected accounts",
        "list.lead": "Accounts at other services that {application} may use for you.",
        "list.lead.unnamed": "Accounts at other services that may be used for you.",
        "list.connected": "Connected",
        "list.none": "You have not connected an account yet.",
        "list.available": "Available to connect",
        "list.all_connected": "Everything that is on offer is connected.",
        "list.since": "Connected since {date}",
        "list.account.unknown": "Account not known yet",
        "list.more": "Allow more",
        "list.allowed": "Allowed",
        "list.allow": "Allow",
        "state.ok": "Working",
        "state.expiring": "Ends soon",
        "state.expiring.text": "This connection ends on {date}. Connect again before then.",
        "state.probably_broken": "Probably ended",
        "state.broken": "Needs attention",
        "state.fenced": "Being moved",
        "state.fenced.text": "This connection is being moved. To use it at once, connect again.",
        "state.doubtful": "Being checked",
        "state.doubtful.text": (
            "This connection is being checked. If it does not work meanwhile, connect again."
        ),
        "state.unreadable": "Not readable",
        "state.unreadable.text": "This connection cannot be read at the moment. You need not do anything.",
        "state.retired": "Not offered any more",
        "state.retired.text": "This service is not used here any more. You can disconnect it.",
        "do.connect": "Connect",
        "do.connect.what": "Connect {provider}",
        "do.reconnect": "Connect again",
        "do.reconnect.what": "Connect {provider} again",
        "do.disconnect": "Disconnect",
        "do.disconnect.what": "Disconnect {provider}",
        "do.cancel": "Cancel",
        "do.back": "Back to connected accounts",
        "do.sign_in": "Sign in",
        "do.continue": "Continue",
        "connect.title": "Connect {provider}?",
        "connect.lead": "You go to {provider}, sign in there and choose what to allow.",
        "connect.lead.device": "You get a code, and type it in at {provider} in any browser.",
        "disconnect.title": "Disconnect {provider}?",
        "disconnect.lead": "{application} can no longer use this account. You can connect it again later.",
        "disconnect.lead.unnamed": "This account can no longer be used here. You can connect it again later.",
        "disconnect.account": "Account: {account}",
        "device.title": "Connect {provider} by a code",
        "device.open": "Open this page, on this or on any other device:",
        "device.type": "Type in this code there:",
        "device.then": "When you have allowed it there, come back here and continue.",
        "device.waiting": (
            "{provider} has not been told yet that you allow it. Type in the code, then continue."
        ),
        "device.until": "The code is good for {minutes} more minutes.",
        "notice.connected": "{provider} is connected.",
        "notice.disconnected": "{provider} is disconnected.",
        "notice.disconnected_here": (
            "{provider} is disconnected here. It did not confirm that access has ended; you can make sure"
            " in your settings there."
        ),
        "notice.completed_before": "That was completed before. This is how it is now.",
        "problem.consent_denied": "You did not allow it",
        "problem.consent_denied.text": "Nothing was connected, and nothing was changed.",
        "problem.already_completed": "That was completed before",
        "problem.already_completed.text": "Have a look at your connected accounts.",
        "problem.authorization_failed": "That did not work",
        "problem.authorization_failed.text": "Nothing was connected. Please connect again.",
        "problem.authorization_expired": "That took too long",
        "problem.authorization_expired.text": "Nothing was connected. Please connect again.",
        "problem.wrong_user": "Somebody else began this",
        "problem.wrong_user.text": (
            "You are signed in as another user than when this began. Please connect again."
        ),
        "problem.unknown_state": "Nothing is known of this",
        "problem.unknown_state.text": "It is too long ago, or was ended since. Please connect again.",
        "problem.invalid_callback": "That answer cannot be read",
        "problem.invalid_callback.text": "Nothing was connected. Please connect again.",
        "problem.issuer_mismatch": "That answer came from somebody else",
        "problem.issuer_mismatch.text": (
            "It was not from the service that you were sent to, so nothing was connected. If you did not"
            " begin this yourself, tell us."
        ),
        "problem.authorization_rejected": "{provider} ended it",
        "problem.authorization_rejected.text": "Nothing was connected. Please connect again.",
        "problem.account_changed": "That is another account",
        "problem.account_changed.text": (
            "You came back with another account than the one that is connected. To change to it,"
            " disconnect first."
        ),
        "problem.temporarily_unavailable": "Not at the moment",
        "problem.temporarily_unavailable.text": (
            "The other side does not answer as it should. Nothing is lost; please try again later."
        ),
        "problem.configuration_error": "Something is wrong on our side",
        "problem.configuration_error.text": (
            "This cannot be done until it is mended. You did nothing wrong, and nothing was changed."
        ),
        "problem.unknown_provider": "There is no such service here",
        "problem.unknown_provider.text": "It is not among those that can be connected.",
        "problem.link_not_found": "That is not connected",
        "problem.link_not_found.text": "There is nothing to disconnect.",
        "problem.not_authorized": "You may not do that",
        "problem.not_authorized.text": "Nothing was changed.",
        "problem.not_signed_in": "Please sign in",
        "problem.not_signed_in.text": "Only who is signed in can see and connect accounts.",
        "problem.not_signed_in.callback": "You are not signed in any more. Sign in, and then connect again.",
        "problem.not_begun_here": "You did not begin this in this browser",
        "problem.not_begun_here.text": (
            "Nothing was connected. If you did begin it, go on in the browser in which you did; otherwise"
            " close this page."
        ),
        "problem.begun_elsewhere": "Connect {provider}?",
        "problem.begun_elsewhere.text": (
            "You come from {provider}, but nobody began here to connect it. If you want to, begin now."
        ),
        "problem.cross_site_request": "That did not come from our own page",
        "problem.cross_site_request.text": "Nothing was changed. Please do it from the page here.",
        "problem.stale_form": "That page was out of date",
        "problem.stale_form.text": "Nothing was changed. Please look at the page as it is now.",
        "problem.invalid_next": "That address leads elsewhere",
        "problem.invalid_next.text": "Nothing was begun, because it would not have come back here.",
        "problem.no_device_code": "That code is gone",
        "problem.no_device_code.text": "It has expired, or was begun elsewhere. Please begin again.",
        "problem.device_pending": "Not allowed yet",
        "problem.device_pending.text": "Type in the code at {provider}, then continue.",
        "problem.not_found": "There is nothing here",
        "problem.not_found.text": "The address is wrong, or the page has moved.",
        "problem.method_not_allowed": "That cannot be done so",
        "problem.method_not_allowed.text": "Please do it from the page here.",
        "problem.bad_request": "That request cannot be read",
        "problem.bad_request.text": "Nothing was changed. Please do it from the page here.",
        "reason": FALLBACK,
        **{f"reason.{code}": text for code, text in EXPLANATIONS.items()},
    },
)
