"""The style of the pages: no web font, no image, no script. Dark and light as the browser prefers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

STYLE: Final = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--line:#d9dde3;--ink:#1b1f26;--soft:#525b68;
--link:#0b57c4;--main:#0b57c4;--main-ink:#fff;--danger:#b3261e;--danger-ink:#fff;--plain:#fff;
--ok:#136c33;--ok-bg:#e3f4e8;--warn:#7a4b00;--warn-bg:#fdf0d5;--bad:#a3211a;--bad-bg:#fde7e5;
--mute-bg:#eceff3;--tile:#e4ebf7;--tile-ink:#1d4a94}
@media (prefers-color-scheme:dark){:root{--page:#111418;--card:#1b1f25;--line:#363d47;--ink:#eceff3;
--soft:#aeb7c3;--link:#8ab8ff;--main:#8ab8ff;--main-ink:#0a1a33;--danger:#ffb4ab;--danger-ink:#4a0703;
--plain:#242a32;--ok:#8fdba7;--ok-bg:#16331f;--warn:#f5c976;--warn-bg:#3a2b0d;--bad:#ffb4ab;--bad-bg:#43161a;
--mute-bg:#2a313a;--tile:#25344d;--tile-ink:#b5d0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
main{max-width:46rem;margin:0 auto;padding:2.5rem 1rem 4rem}
.app{margin:0 0 .25rem;color:var(--soft);font-size:.875rem;font-weight:600}
h1{margin:0 0 .5rem;font-size:1.75rem;line-height:1.25;letter-spacing:-.01em}
h2{margin:2.25rem 0 .75rem;font-size:1.125rem}
h3{margin:0;font-size:1.0625rem;line-height:1.4}
h4{margin:0 0 .5rem;font-size:.875rem;color:var(--soft)}
p{margin:0 0 .75rem}
.lead{color:var(--soft);max-width:38rem}
a{color:var(--link)}
ul{list-style:none;margin:0;padding:0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.125rem 1.25rem}
.cards>li+li{margin-top:.75rem}
.row{display:grid;grid-template-columns:auto 1fr auto;gap:.25rem 1rem;align-items:start}
.tile{flex:none;display:grid;place-items:center;width:2.5rem;height:2.5rem;border-radius:.625rem;
background:var(--tile);color:var(--tile-ink);font-weight:700}
.who{min-width:0}
.head{display:flex;flex-wrap:wrap;gap:.25rem .625rem;align-items:center}
.who p{margin:.125rem 0 0;color:var(--soft);font-size:.9375rem}
.who .account{color:var(--ink)}
.badge{display:inline-flex;gap:.375rem;align-items:center;padding:.0625rem .5rem;border-radius:1rem;
font-size:.8125rem;font-weight:600;white-space:nowrap;background:var(--mute-bg);color:var(--ink)}
.badge::before{content:"";width:.5rem;height:.5rem;border-radius:50%;background:currentColor}
.badge.ok{background:var(--ok-bg);color:var(--ok)}
.badge.warn{background:var(--warn-bg);color:var(--warn)}
.badge.warn::before{border-radius:.0625rem;transform:rotate(45deg)}
.badge.bad{background:var(--bad-bg);color:var(--bad)}
.badge.bad::before{border-radius:.0625rem}
.told{grid-column:2/-1;margin:.5rem 0 0;padding:.5rem .75rem;border-radius:.5rem;font-size:.9375rem;
background:var(--mute-bg);color:var(--ink)}
.told.warn{background:var(--warn-bg);color:var(--warn)}
.told.bad{background:var(--bad-bg);color:var(--bad)}
.row>.acts{grid-area:1/3}
.acts{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center}
form{margin:0;display:inline}
.button{display:inline-flex;white-space:nowrap;
align-items:center;justify-content:center;min-height:2.5rem;padding:.375rem 1rem;
border:1px solid var(--line);border-radius:.5rem;background:var(--plain);color:var(--ink);font:inherit;
font-weight:600;font-size:.9375rem;text-decoration:none;cursor:pointer}
.button:hover{border-color:var(--soft)}
.button.main{background:var(--main);border-color:var(--main);color:var(--main-ink)}
.button.main:hover{filter:brightness(1.08)}
.button.tonal{background:var(--tile);border-color:transparent;color:var(--tile-ink)}
.button.quiet{border-color:transparent;background:transparent;color:var(--soft);padding:.375rem .75rem}
.button.tonal:hover,.button.quiet:hover{border-color:currentColor}
.button.danger{background:var(--danger);border-color:var(--danger);color:var(--danger-ink)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:.5rem}
.more{margin-top:1rem;padding-top:.875rem;border-top:1px solid var(--line)}
.more li{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:center;gap:.25rem 1rem;
min-height:2.5rem}
.more .button{min-height:2.25rem;padding:.25rem .75rem;font-size:.875rem}
.notice{margin:0 0 1.5rem;padding:.75rem 1rem;border-radius:.75rem;background:var(--ok-bg);color:var(--ok);
font-weight:600}
.narrow{max-width:34rem}
.narrow .app{margin-bottom:.75rem}
.narrow .card{padding:1.75rem}
.narrow h1{font-size:1.5rem}
.narrow .acts{margin-top:1.25rem}
.code{display:block;margin:.25rem 0 1.25rem;padding:.75rem 1rem;border:1px dashed var(--soft);
border-radius:.5rem;font:700 1.625rem/1.3 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
letter-spacing:.08em;text-align:center}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:36rem){main{padding-top:1.5rem}.row{grid-template-columns:auto 1fr}
.told{grid-column:1/-1}.row>.acts{grid-area:auto/1/auto/-1;margin-top:.75rem}.row>.acts>*{flex:1 1 auto}
.row>.acts form .button{width:100%}.row>.acts .button{border-color:var(--line)}.narrow .card{padding:1.25rem}}
@media (forced-colors:active){.badge,.told,.notice,.tile{border:1px solid}}
""".strip()


@lru_cache(maxsize=8)
def _hash(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def content_security_policy(form_targets: Iterable[str] = (), *, style: str = STYLE) -> str:
    """Return what a page may do: show itself, in its own style, and post its forms to its own origin.

    ``form_targets`` are where their answers may send the browser on to: Chromium holds that against
    ``form-action``, with every further redirect.
    """
    targets = " ".join(["'self'", *form_targets])
    return (
        f"default-src 'none'; style-src 'sha256-{_hash(style)}'; form-action {targets};"
        " frame-ancestors 'none'; base-uri 'none'"
    )


def onward(authorization_endpoints: Iterable[str | None]) -> list[str]:
    """Return where a form's answer may lead that sends the browser to one of these.

    Any https site: where a provider sends its users on to, to sign in, nobody knows. And one of a developer's
    own machine.
    """
    plain = [urlsplit(each) for each in authorization_endpoints if each is not None]
    local = {f"http://{parts.netloc}" for parts in plain if parts.scheme == "http"}
    return ["https:", *sorted(local)]
