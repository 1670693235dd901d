"""What the operator's pages have beside the style of all pages."""

from __future__ import annotations

from typing import Final

from extauth.web.pages.style import STYLE

OPERATOR_STYLE: Final = (
    STYLE
    + """
:root{--good-fill:#2e8b57;--warn-fill:#c98a1b;--bad-fill:#c8372d;--mute-fill:#7d8896}
@media (prefers-color-scheme:dark){:root{--good-fill:#5cc48a;--warn-fill:#e0ad4b;--bad-fill:#f0776c;
--mute-fill:#8d99a8}}
.wide .lead{max-width:none}
.wide{max-width:76rem;padding-top:1.75rem}
.top{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:start;gap:.5rem 1.5rem}
.top .badge{font-size:.9375rem;padding:.25rem .75rem;margin-top:.25rem}
.tabs{display:flex;flex-wrap:wrap;gap:.25rem;margin:.25rem 0 1.5rem;border-bottom:1px solid var(--line)}
.tabs a{padding:.5rem .875rem;color:var(--soft);text-decoration:none;font-weight:600;
border-bottom:3px solid transparent;margin-bottom:-1px}
.tabs a:hover{color:var(--ink)}
.tabs a[aria-current]{color:var(--ink);border-bottom-color:var(--main)}
.grid{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:1rem}
.grid>*{grid-column:span 3;min-width:0}
.grid>.whole{grid-column:1/-1}
.grid>.third{grid-column:span 2}
.grid>.most{grid-column:span 4}
.part{display:flex;flex-direction:column}
.part h2{margin:0 0 .75rem;font-size:1.0625rem}
.part p{font-size:.9375rem}
.part>.scroll+p{margin-top:.75rem}
.hint{margin:auto 0 0;padding-top:.75rem;color:var(--soft)}
.card .hint{font-size:.8125rem}
.hint span{display:inline-block;margin-right:1rem}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;padding:.0625rem .3125rem;
border-radius:.25rem;background:var(--mute-bg);color:var(--ink)}
.quiet-text{color:var(--soft)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.4375rem .75rem .4375rem 0;text-align:start;vertical-align:top;overflow-wrap:normal}
thead th{color:var(--soft);font-size:.8125rem;font-weight:600;white-space:nowrap;
border-bottom:1px solid var(--line)}
tbody th{font-weight:600}
tbody th time{font-weight:400}
tbody tr+tr>*{border-top:1px solid var(--line)}
td.n,th.n{text-align:end;white-space:nowrap}
td.zero{color:var(--soft)}
td.bad{color:var(--bad);font-weight:700}
td.warn{color:var(--warn);font-weight:700}
time{white-space:nowrap}
.attend{margin-bottom:1rem;border-inline-start:.375rem solid var(--warn-fill)}
.attend.calm{border-inline-start-color:var(--good-fill)}
.attend h2{margin:0 0 .5rem;font-size:1.0625rem}
.attend p{margin:0}
.attend li{display:flex;flex-wrap:wrap;gap:.125rem .75rem;justify-content:space-between;padding:.25rem 0}
.attend .bad{color:var(--bad);font-weight:600}
.attend .warn{color:var(--warn);font-weight:600}
svg{display:block}
.share{width:100%;min-width:6rem;height:.625rem;margin-top:.375rem;border-radius:.3125rem;background:var(--mute-bg)}
.chart{width:100%;height:6rem;border-bottom:1px solid var(--line)}
.axis{display:flex;justify-content:space-between;color:var(--soft);font-size:.8125rem;margin:.25rem 0 .75rem}
.f-good{fill:var(--good-fill)}.f-warn{fill:var(--warn-fill)}.f-bad{fill:var(--bad-fill)}.f-mute{fill:var(--mute-fill)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:0 0 .5rem;font-size:.8125rem;color:var(--soft)}
.legend svg{display:inline-block;width:.625rem;height:.625rem;margin-inline-end:.375rem}
.figures{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin-bottom:.75rem}
.figures strong{display:block;font-size:1.75rem;line-height:1.2;font-variant-numeric:tabular-nums}
.figures .bad{color:var(--bad)}
.figures span{color:var(--soft);font-size:.875rem}
.filter{display:flex;flex-wrap:wrap;gap:.75rem;align-items:end;margin-bottom:1rem}
.filter label{display:grid;gap:.25rem;font-size:.8125rem;font-weight:600;color:var(--soft)}
.filter input,.filter select{min-height:2.5rem;padding:.375rem .625rem;border:1px solid var(--soft);
border-radius:.5rem;background:var(--plain);color:var(--ink);font:inherit}
.then{margin-top:1rem}
@media (max-width:56rem){.grid>*,.grid>.third,.grid>.most{grid-column:1/-1}}
@media (forced-colors:active){.share,.chart{border:1px solid}}
""".strip()
)
