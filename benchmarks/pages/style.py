"""How a page looks, by daylight and in the dark, on screens and on phones."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --raised: #f6f7f9; --text: #1b1f24; --quiet: #59636e; --rule: #dde1e6; --grid: #e8ebef;
  --ours: #0b62c4; --theirs: #66707c; --limit: #c2410c; --good: #1a7f37; --bad: #b42318; --on-bar: #ffffff;
  --s0: #7f8791; --s1: #9a6a12; --s2: #0b62c4; --s3: #c2410c; --s4: #a2468f; --s5: #2089a8; --s6: #1a7f5a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --raised: #1b2128; --text: #e8ebee; --quiet: #9ba5b0; --rule: #323a43; --grid: #272e36;
    --ours: #6cb1ff; --theirs: #a3adb8; --limit: #ff9a5c; --good: #57c97b; --bad: #ff7b72; --on-bar: #0d1115;
    --s0: #9aa3ad; --s1: #e3b341; --s2: #6cb1ff; --s3: #ff9a5c; --s4: #dc8fcb; --s5: #5fc4de; --s6: #57c99a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main, header { max-width: 944px; margin: 0 auto; padding: 0 32px; }
header { padding-top: 40px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; margin: 0 0 20px; }
h2 { font-size: 22px; line-height: 1.3; margin: 56px 0 8px; padding-top: 20px; border-top: 1px solid var(--rule); }
h3 { font-size: 16px; line-height: 1.4; margin: 28px 0 8px; }
p { margin: 8px 0; }
.remark { color: var(--quiet); font-size: 14px; max-width: 68ch; overflow-wrap: anywhere; }
.bad { color: var(--bad); font-weight: 600; }
.good { color: var(--good); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; font-size: 14px; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
nav ul, .key { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; list-style: none; }
nav ul { margin: 24px 0 0; font-size: 14px; }
a { color: var(--ours); }
figure { margin: 0; }
.charts { display: flex; flex-wrap: wrap; gap: 12px 24px; }
.chart { flex: 1 1 100%; }
.chart.half { flex: 1 1 340px; max-width: 480px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
.narrow { display: none; max-width: 480px; }
.key { margin: 8px 0; font-size: 13px; color: var(--quiet); }
.key li { display: flex; align-items: center; gap: 6px; }
.key svg { width: 20px; height: 14px; flex: none; }
.scroll { overflow-x: auto; margin: 8px 0; }
.scroll:focus-visible, a:focus-visible, summary:focus-visible { outline: 2px solid var(--ours); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 13px; line-height: 1.4; min-width: 100%; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
thead th { color: var(--quiet); font-weight: 500; vertical-align: bottom; white-space: normal; }
.number { text-align: right; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
td:last-child:not(.number) { min-width: 24ch; }
details { margin: 8px 0 0; font-size: 14px; }
summary { cursor: pointer; color: var(--quiet); width: max-content; }
footer { height: 64px; }
text { font-size: 12px; fill: var(--text); font-family: inherit; }
.name { font-weight: 600; font-size: 13px; }
.name, .note, .label, .value { paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
text.ours { fill: var(--ours); }
.note, .tick, .unit { fill: var(--quiet); }
.label { font-weight: 600; }
.value { font-weight: 600; }
.on-bar { fill: var(--on-bar); font-weight: 600; }
.grid { stroke: var(--grid); stroke-width: 1; }
.leader { stroke: var(--quiet); stroke-width: 0.75; }
.fill.ours, .light.ours, .density.ours { fill: var(--ours); }
.fill.theirs, .light.theirs, .density.theirs { fill: var(--theirs); }
.light { opacity: 0.38; }
.density { opacity: 0.2; }
.thin { stroke-width: 1.5; }
.thin.ours { stroke: var(--ours); }
.thin.theirs { stroke: var(--theirs); }
.ringed { stroke: var(--page); stroke-width: 1.5; }
.turn { stroke: var(--text); stroke-width: 1.5; opacity: 0.65; }
.turn.inside { stroke: var(--page); opacity: 0.9; }
.loaded { stroke: var(--text); stroke-width: 2; }
.limit { stroke: var(--limit); stroke-width: 2; stroke-dasharray: 3 2; }
.whole { stroke: var(--text); stroke-width: 2; }
.part { stroke: var(--page); stroke-width: 1; }
.c0 { fill: var(--s2); } .c1 { fill: var(--s5); } .c2 { fill: var(--s1); }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); } .s3 { fill: var(--s3); }
.s4 { fill: var(--s4); } .s5 { fill: var(--s5); } .s6 { fill: var(--s6); }
path.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
path.reference, line.reference { stroke: var(--quiet); stroke-dasharray: 5 4; stroke-width: 1.5; }
path.whole-part { stroke: var(--text); }
.fill.whole-part { fill: var(--text); }
"""
"""All of the style sheet but the colours of lines, which `part_rules` adds."""


def style() -> str:
    """The whole style sheet."""
    parts = (
        f"path.s{index} {{ stroke: var(--s{index}); fill: none; }} text.label.s{index} {{ fill: var(--s{index}); }}"
        for index in range(7)
    )
    narrow = (
        "@media (max-width: 640px) { main, header { padding: 0 16px; } header { padding-top: 24px; } "
        "h1 { font-size: 25px; } .wide { display: none; } .narrow { display: block; } "
        "dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; } }"
    )
    return "\n".join([STYLE, *parts, narrow, ""])
