"""German."""

from __future__ import annotations

from typing import Final

from extauth.web.words.words import Words

_ENDED: Final = "Die Verbindung wurde beim Anbieter beendet oder ist abgelaufen. Bitte verbinden Sie sie neu."
_REVOKED: Final = "Der Zugriff wurde beim Anbieter entzogen. Bitte verbinden Sie das Konto neu."
_AGAIN: Final = "Es wurde nichts verbunden. Bitte versuchen Sie es noch einmal."
_UNCHANGED: Final = "Es wurde nichts geändert. Bitte gehen Sie über die Seite hier."

GERMAN: Final = Words(
    "de",
    {
        "months": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "date": "{day}. {month} {year}",
        "list.title": "Verbundene Konten",
        "list.lead": "Konten bei anderen Diensten, die {application} für Sie nutzen darf.",
        "list.lead.unnamed": "Konten bei anderen Diensten, die für Sie genutzt werden dürfen.",
        "list.connected": "Verbunden",
        "list.none": "Sie haben noch kein Konto verbunden.",
        "list.available": "Noch nicht verbunden",
        "list.all_connected": "Alles, was angeboten wird, ist verbunden.",
        "list.since": "Verbunden seit {date}",
        "list.account.unknown": "Konto noch nicht bekannt",
        "list.more": "Mehr erlauben",
        "list.allowed": "Erlaubt",
        "list.allow": "Erlauben",
        "state.ok": "In Ordnung",
        "state.expiring": "Endet bald",
        "state.expiring.text": "Diese Verbindung endet am {date}. Bitte verbinden Sie sie vorher neu.",
        "state.probably_broken": "Wohl beendet",
        "state.broken": "Handlung nötig",
        "state.fenced": "Zieht um",
        "state.fenced.text": (
            "Diese Verbindung zieht gerade um. Um sie gleich zu nutzen, verbinden Sie sie neu."
        ),
        "state.doubtful": "Wird geprüft",
        "state.doubtful.text": (
            "Diese Verbindung wird gerade geprüft. Falls sie solange nicht geht, verbinden Sie sie neu."
        ),
        "state.unreadable": "Nicht lesbar",
        "state.unreadable.text": "Diese Verbindung ist gerade nicht lesbar. Sie müssen nichts tun.",
        "state.retired": "Nicht mehr angeboten",
        "state.retired.text": "Dieser Dienst wird hier nicht mehr genutzt. Sie können ihn trennen.",
        "do.connect": "Verbinden",
        "do.connect.what": "{provider} verbinden",
        "do.reconnect": "Neu verbinden",
        "do.reconnect.what": "{provider} neu verbinden",
        "do.disconnect": "Trennen",
        "do.disconnect.what": "{provider} trennen",
        "do.cancel": "Abbrechen",
        "do.back": "Zu den verbundenen Konten",
        "do.sign_in": "Anmelden",
        "do.continue": "Weiter",
        "connect.title": "{provider} verbinden?",
        "connect.lead": "Sie gehen zu {provider}, melden sich dort an und wählen, was Sie erlauben.",
        "connect.lead.device": (
            "Sie bekommen einen Code und geben ihn bei {provider} ein, in einem beliebigen Browser."
        ),
        "disconnect.title": "{provider} trennen?",
        "disconnect.lead": (
            "{application} kann dieses Konto dann nicht mehr nutzen. Sie können es später neu verbinden."
        ),
        "disconnect.lead.unnamed": (
            "Dieses Konto kann hier dann nicht mehr genutzt werden. Sie können es später neu verbinden."
        ),
        "disconnect.account": "Konto: {account}",
        "device.title": "{provider} mit einem Code verbinden",
        "device.open": "Öffnen Sie diese Seite, auf diesem oder einem anderen Gerät:",
        "device.type": "Geben Sie dort diesen Code ein:",
        "device.then": "Wenn Sie es dort erlaubt haben, kommen Sie hierher zurück und gehen weiter.",
        "device.waiting": (
            "{provider} weiß noch nicht, dass Sie es erlauben. Geben Sie den Code ein, dann weiter."
        ),
        "device.until": "Der Code gilt noch {minutes} Minuten.",
        "notice.connected": "{provider} ist verbunden.",
        "notice.disconnected": "{provider} ist getrennt.",
        "notice.disconnected_here": (
            "{provider} ist hier getrennt. Der Anbieter hat nicht bestätigt, dass der Zugriff beendet"
            " ist; in Ihren Einstellungen dort können Sie sich vergewissern."
        ),
        "notice.completed_before": "Das war schon abgeschlossen. So ist es jetzt.",
        "problem.consent_denied": "Sie haben es nicht erlaubt",
        "problem.consent_denied.text": "Es wurde nichts verbunden und nichts geändert.",
        "problem.already_completed": "Das war schon abgeschlossen",
        "problem.already_completed.text": "Sehen Sie sich Ihre verbundenen Konten an.",
        "problem.authorization_failed": "Das hat nicht geklappt",
        "problem.authorization_failed.text": _AGAIN,
        "problem.authorization_expired": "Das hat zu lange gedauert",
        "problem.authorization_expired.text": _AGAIN,
        "problem.wrong_user": "Das hat jemand anders begonnen",
        "problem.wrong_user.text": (
            "Sie sind mit einem anderen Benutzer angemeldet als am Anfang. Bitte verbinden Sie das Konto neu."
        ),
        "problem.unknown_state": "Davon ist nichts bekannt",
        "problem.unknown_state.text": (
            "Es ist zu lange her oder wurde seither beendet. Bitte verbinden Sie das Konto neu."
        ),
        "problem.invalid_callback": "Diese Antwort ist nicht lesbar",
        "problem.invalid_callback.text": _AGAIN,
        "problem.issuer_mismatch": "Diese Antwort kam von jemand anderem",
        "problem.issuer_mismatch.text": (
            "Sie kam nicht von dem Dienst, zu dem Sie gegangen sind; deshalb wurde nichts verbunden. Wenn"
            " Sie das nicht selbst begonnen haben, sagen Sie uns Bescheid."
        ),
        "problem.authorization_rejected": "{provider} hat es beendet",
        "problem.authorization_rejected.text": _AGAIN,
        "problem.account_changed": "Das ist ein anderes Konto",
        "problem.account_changed.text": (
            "Sie sind mit einem anderen Konto zurückgekommen als dem, das verbunden ist. Um zu wechseln,"
            " trennen Sie es zuerst."
        ),
        "problem.temporarily_unavailable": "Gerade nicht möglich",
        "problem.temporarily_unavailable.text": (
            "Die andere Seite antwortet nicht, wie sie soll. Es ist nichts verloren; bitte versuchen Sie"
            " es später noch einmal."
        ),
        "problem.configuration_error": "Bei uns stimmt etwas nicht",
        "problem.configuration_error.text": (
            "Das geht erst, wenn es behoben ist. Sie haben nichts falsch gemacht, und es wurde nichts"
            " geändert."
        ),
        "problem.unknown_provider": "Diesen Dienst gibt es hier nicht",
        "problem.unknown_provider.text": "Er ist nicht unter denen, die verbunden werden können.",
        "problem.link_not_found": "Das ist nicht verbunden",
        "problem.link_not_found.text": "Es gibt nichts zu trennen.",
        "problem.not_authorized": "Das dürfen Sie nicht",
        "problem.not_authorized.text": "Es wurde nichts geändert.",
        "problem.not_signed_in": "Bitte melden Sie sich an",
        "problem.not_signed_in.text": "Nur wer angemeldet ist, kann Konten sehen und verbinden.",
        "problem.not_signed_in.callback": (
            "Sie sind nicht mehr angemeldet. Melden Sie sich an und verbinden Sie das Konto dann neu."
        ),
        "problem.not_begun_here": "Sie haben das nicht in diesem Browser begonnen",
        "problem.not_begun_here.text": (
            "Es wurde nichts verbunden. Wenn Sie es begonnen haben, machen Sie in jenem Browser weiter;"
            " andernfalls schließen Sie diese Seite."
        ),
        "problem.begun_elsewhere": "{provider} verbinden?",
        "problem.begun_elsewhere.text": (
            "Sie kommen von {provider}, aber hier hat niemand begonnen, es zu verbinden. Wenn Sie das"
            " möchten, beginnen Sie jetzt."
        ),
        "problem.cross_site_request": "Das kam nicht von unserer eigenen Seite",
        "problem.cross_site_request.text": _UNCHANGED,
        "problem.stale_form": "Diese Seite war veraltet",
        "problem.stale_form.text": (
            "Es wurde nichts geändert. Bitte sehen Sie sich die Seite an, wie sie jetzt ist."
        ),
        "problem.invalid_next": "Diese Adresse führt woandershin",
        "problem.invalid_next.text": "Es wurde nichts begonnen, weil es nicht hierher zurückgeführt hätte.",
        "problem.no_device_code": "Dieser Code ist weg",
        "problem.no_device_code.text": (
            "Er ist abgelaufen oder wurde woanders begonnen. Bitte beginnen Sie noch einmal."
        ),
        "problem.device_pending": "Noch nicht erlaubt",
        "problem.device_pending.text": "Geben Sie den Code bei {provider} ein, dann weiter.",
        "problem.not_found": "Hier ist nichts",
        "problem.not_found.text": "Die Adresse ist falsch, oder die Seite ist umgezogen.",
        "problem.method_not_allowed": "So geht das nicht",
        "problem.method_not_allowed.text": "Bitte gehen Sie über die Seite hier.",
        "problem.bad_request": "Diese Anfrage ist nicht lesbar",
        "problem.bad_request.text": _UNCHANGED,
        "reason": "Der Anbieter nimmt diese Verbindung nicht mehr an. Bitte verbinden Sie sie neu.",
        "reason.190": _ENDED,
        "reason.BAD_REFRESH_TOKEN": _ENDED,
        "reason.account_inactive": (
            "Das Konto oder sein Arbeitsbereich wurde beim Anbieter deaktiviert. Bitte verbinden Sie ein"
            " aktives Konto."
        ),
        "reason.bad_refresh_token": _ENDED,
        "reason.client_forgotten": (
            "Der Anbieter kennt die Anwendung nicht mehr in der Form, in der Sie sie verbunden haben."
            " Bitte verbinden Sie das Konto neu."
        ),
        "reason.consent_required": (
            "Der Anbieter möchte Ihre Zustimmung noch einmal. Bitte verbinden Sie neu."
        ),
        "reason.interaction_required": (
            "Der Anbieter möchte, dass Sie sich noch einmal anmelden, etwa mit einem zweiten Faktor."
            " Bitte verbinden Sie das Konto neu."
        ),
        "reason.invalid_auth": _REVOKED,
        "reason.invalid_code": _ENDED,
        "reason.invalid_grant": _ENDED,
        "reason.invalid_rapt": (
            "Ihre Organisation verlangt von Zeit zu Zeit eine neue Anmeldung. Bitte verbinden Sie das"
            " Konto neu."
        ),
        "reason.invalid_refresh_token": _ENDED,
        "reason.invalid_token": _ENDED,
        "reason.no_refresh_token": (
            "Der Zugriff ist abgelaufen, und der Anbieter hat keinen Weg gegeben, ihn zu erneuern. Bitte"
            " verbinden Sie das Konto neu."
        ),
        "reason.probably_dead": (
            "Der Anbieter erneuert den Zugriff schon einige Zeit nicht mehr; die Verbindung ist wohl"
            " beendet. Bitte verbinden Sie sie neu."
        ),
        "reason.reply_lost": (
            "Beim Erneuern brach die Verbindung zum Anbieter ab, und der Zugriff ließ sich nicht"
            " wiederherstellen. Bitte verbinden Sie das Konto neu."
        ),
        "reason.reply_unreadable": (
            "Der Anbieter hat den Zugriff erneuert, aber seine Antwort war nicht lesbar. Bitte verbinden"
            " Sie das Konto neu."
        ),
        "reason.token_revoked": _REVOKED,
        "reason.unauthorized_client": _ENDED,
    },
)
