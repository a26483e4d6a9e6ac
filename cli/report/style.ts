/** Colours meet WCAG AA on their backgrounds, in both schemes; paper is always light. */
const LIGHT = `
  --page: #f4f6f9; --card: #ffffff; --text: #18202c; --muted: #566173; --line: #dde2ea; --soft: #eef1f6;
  --accent: #1f55c4; --bar: #4a7fe8; --bar-soft: #d6e2fb; --good: #14713d; --good-soft: #e0f3e7;
  --warn: #855000; --warn-soft: #fbefd5; --bad: #b3261e; --bad-soft: #fce6e4; --mark: #7a4fc0;`;

const DARK = `
  --page: #0e131a; --card: #161d27; --text: #e7ecf3; --muted: #9fabbc; --line: #2a3543; --soft: #1e2733;
  --accent: #8db4ff; --bar: #6b9bff; --bar-soft: #24365c; --good: #74d6a0; --good-soft: #16382a;
  --warn: #f2ba62; --warn-soft: #3d2f14; --bad: #ff938b; --bad-soft: #46211f; --mark: #c3a4f7;`;

export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: anywhere;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif; }
main, header > div, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { background: var(--card); border-bottom: 1px solid var(--line); padding: 32px 0 0; }
h1 { font-size: 30px; line-height: 1.2; margin: 0; letter-spacing: -0.02em; }
h2 { font-size: 19px; line-height: 1.3; margin: 0 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 16px; margin: 26px 0 8px; }
h4 { font-size: 14px; margin: 20px 0 6px; color: var(--muted); }
h2 + :not(.intro) { margin-top: 14px; }
.pill { vertical-align: 1px; }
p { margin: 0 0 12px; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.87em; }
pre { margin: 0; padding: 14px 16px; background: var(--soft); border-radius: 8px; white-space: pre-wrap; font-size: 12.5px; line-height: 1.5; }
.kicker { color: var(--muted); font-size: 13px; margin: 0 0 6px; }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 14px; }
.lead { font-size: 17px; margin: 12px 0 20px; max-width: 72ch; }
.muted { color: var(--muted); }
.small { font-size: 13px; }
.pill { display: inline-block; padding: 2px 10px; border-radius: 99px; font-size: 13px; font-weight: 600; white-space: nowrap;
  background: var(--soft); color: var(--muted); }
.pill.good { background: var(--good-soft); color: var(--good); }
.pill.warn { background: var(--warn-soft); color: var(--warn); }
.pill.bad { background: var(--bad-soft); color: var(--bad); }
.pill.plain { background: var(--bar-soft); color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 12px 0; border-top: 1px solid var(--line); font-size: 14px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px; margin: 20px 0; }
section > .intro { color: var(--muted); margin-bottom: 16px; max-width: 80ch; }
.ways { display: grid; grid-template-columns: 1fr auto 1fr; gap: 14px; align-items: stretch; margin-bottom: 20px; }
.way { background: var(--soft); border-radius: 10px; padding: 12px 16px; min-width: 0; }
.way .what { color: var(--muted); font-size: 13px; }
.way .where { font-weight: 600; }
.arrow { color: var(--muted); font-size: 20px; align-self: center; text-align: center; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(144px, 1fr)); gap: 1px; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; overflow: hidden; margin: 20px 0; }
.tile { padding: 14px 18px; box-shadow: 0 0 0 1px var(--line); }
.tile .what { color: var(--muted); font-size: 13px; }
.tile .value { font-size: 22px; line-height: 1.3; font-weight: 600; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
.tile .note { color: var(--muted); font-size: 12.5px; }
.note-box { border-left: 3px solid var(--warn); background: var(--warn-soft); border-radius: 0 8px 8px 0; padding: 10px 16px; margin: 0 0 20px; }
.note-box.bad { border-color: var(--bad); background: var(--bad-soft); }
section > h3:first-of-type { margin-top: 18px; }
.note-box p:last-child, .note-box ul { margin: 0; }
ul { padding-left: 20px; margin: 0 0 12px; }
dl { display: grid; grid-template-columns: 152px 1fr; gap: 5px 16px; margin: 0; }
dl + dl { margin-top: 5px; }
dd ul { margin: 0; padding-left: 18px; }
table + .small { margin: 10px 0 0; }
dt { color: var(--muted); }
dd { margin: 0; min-width: 0; }
table { width: 100%; border-collapse: collapse; font-size: 14px; margin-top: 8px; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--muted); padding: 6px 16px 6px 0; border-bottom: 1px solid var(--line); vertical-align: bottom; }
td { min-width: 84px; padding: 7px 16px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody:last-child > tr:last-child > td { border-bottom: 0; }
.group th { padding-top: 18px; color: var(--text); font-weight: 600; }
th:last-child, td:last-child { padding-right: 0; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.nowrap { white-space: nowrap; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.remedy { display: block; margin-top: 4px; }
.rows { display: grid; grid-template-columns: minmax(90px, max-content) 1fr max-content; gap: 7px 14px; font-size: 14px; margin: 12px 0; }
.row { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; align-items: center; }
.rows .name { min-width: 0; max-width: 300px; }
.rows .value { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; color: var(--muted); font-size: 13px; }
.rows svg { display: block; width: 100%; height: 14px; border-radius: 3px; background: var(--soft); }
figure { margin: 22px 0 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 16px; margin-bottom: 10px; }
figcaption strong { font-weight: 600; }
.chart { display: grid; grid-template-columns: 62px 1fr; }
.plot { position: relative; height: 150px; border-bottom: 1px solid var(--line); }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.y, .x { position: relative; color: var(--muted); font-size: 12px; font-variant-numeric: tabular-nums; }
.y span { position: absolute; right: 10px; transform: translateY(-50%); white-space: nowrap; line-height: 1; }
.x { grid-column: 2; height: 20px; }
.x span { position: absolute; top: 5px; transform: translateX(-50%); white-space: nowrap; line-height: 1; }
.x span.first { transform: none; }
.x span.last { transform: translateX(-100%); }
.flag { position: absolute; top: -8px; transform: translateX(-50%); min-width: 17px; height: 17px; padding: 0 4px; border-radius: 9px; background: var(--mark);
  color: var(--card); font-size: 11px; line-height: 17px; text-align: center; font-weight: 600; white-space: nowrap; }
.legend { list-style: none; padding: 0; margin: 20px 0 0; display: grid; gap: 5px; font-size: 13.5px; }
.legend li { display: grid; grid-template-columns: 26px max-content 1fr; gap: 0 10px; }
.legend .n { justify-self: start; min-width: 17px; height: 17px; border-radius: 9px; background: var(--mark); color: var(--card); font-size: 11px; line-height: 17px;
  text-align: center; font-weight: 600; margin-top: 2px; }
.grid { stroke: var(--line); stroke-width: 1; }
.line { fill: none; stroke: var(--bar); stroke-width: 1.75; stroke-linejoin: round; }
.area { fill: var(--bar-soft); opacity: 0.55; }
.dot { stroke: var(--bar); stroke-width: 7; stroke-linecap: round; }
.mark { stroke: var(--mark); stroke-width: 1.25; stroke-dasharray: 3 3; }
.limit { stroke: var(--bad); stroke-width: 1.25; stroke-dasharray: 6 4; }
.fill { fill: var(--bar); }
.fill.faint { fill: var(--muted); }
.fill.bad { fill: var(--bad); }
footer { color: var(--muted); font-size: 13px; padding-top: 4px; padding-bottom: 36px; }
@media screen and (max-width: 700px) {
  main, header > div, footer { padding: 0 14px; }
  header { padding-top: 22px; }
  section { padding: 18px 16px; border-radius: 10px; margin: 14px 0; }
  h1 { font-size: 25px; }
  .ways { grid-template-columns: 1fr; gap: 4px; }
  .arrow { transform: rotate(90deg); line-height: 1.2; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: 12px 14px; }
  .tile .value { font-size: 19px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
  thead { display: none; }
  tr { display: block; padding: 9px 0; border-bottom: 1px solid var(--line); }
  tbody:last-child > tr:last-child { border-bottom: 0; }
  .group th { display: block; padding: 10px 0 0; border: 0; }
  tr.group { padding-bottom: 4px; }
  td { display: grid; grid-template-columns: 104px 1fr; gap: 10px; padding: 2px 0; border: 0; text-align: left; white-space: normal; }
  td.num, td.nowrap { text-align: left; white-space: normal; overflow-wrap: anywhere; }
  td::before { content: attr(data-label); color: var(--muted); font-size: 13px; }
  td.empty { display: none; }
  td > * { min-width: 0; }
  td:first-child { display: block; font-weight: 600; }
  td:first-child::before { content: none; }
  .rows { display: block; }
  .row { grid-template-columns: 1fr max-content; gap: 3px 12px; margin-bottom: 10px; }
  .rows .name { max-width: none; }
  .rows svg { grid-column: 1 / -1; order: 1; height: 10px; }
  .chart { grid-template-columns: 54px 1fr; }
  .x .odd { display: none; }
  .legend li { grid-template-columns: 26px 1fr; }
  .legend .text { grid-column: 2; }
}
@media print {
  :root { ${LIGHT} color-scheme: light; --page: #ffffff; }
  body { font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav { display: none; }
  header { padding-top: 0; border: 0; }
  main, header > div, footer { max-width: none; padding: 0; }
  section { border: 0; border-radius: 0; padding: 0; margin: 22px 0 0; }
  h2, h3, h4, figcaption { break-after: avoid; }
  tr, figure, .row, .tiles, .ways, .legend li { break-inside: avoid; }
  a { color: inherit; }
}
`;
