"""How the page looks, light and dark, on a telephone and on paper; and its script."""

SHEET = """
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #fff; --fg: #1b2230; --muted: #5a6577;
  --line: #d8dee8; --good: #0b6b2f; --bad: #b3141f; --warn: #8a5200; --link: #1d4fa8;
  --free: #b9dcc0; --pending: #dcebdc; --cached: #7fbf8e; --user: #d9822b; --slab: #3f6fd1;
  --large: #7d98e0; --vmalloc: #8a4fbf; --tables: #c2539a; --memmap: #8c97a8; --boot: #5c6778;
  --acpi: #c9a227; --runtime: #a86f3d; --low: #9fb3c8; --mmio: #c98fb4; --reserved: #b8bfca;
  --fault: #d0343f; --hole: #eceff4; --ours: #3f6fd1; --linux: #b8bfca;
  --percpu: #2a9d9a;
  --heat0: #d5ecd9; --heat1: #f2ecc5; --heat2: #f6d9ae; --heat3: #f3bf9c; --heat4: #eda594; }
@media (prefers-color-scheme: dark) { :root { --bg: #12161d; --card: #1a2029; --fg: #e4e9f1;
  --muted: #9aa6b8; --line: #303947; --good: #6fd08c; --bad: #ff7b81; --warn: #f0b15c;
  --link: #8ab4ff; --free: #2c5a3b; --pending: #22382a; --cached: #4d9664; --user: #d98d42;
  --slab: #5d8cf0; --large: #8fa8ea; --vmalloc: #a877dc; --tables: #d577b4; --memmap: #738096;
  --boot: #98a4b6; --acpi: #d3b145; --runtime: #bb8552; --low: #5b7590; --mmio: #a96a93;
  --reserved: #566172; --fault: #f0636c; --hole: #212833; --ours: #5d8cf0; --linux: #566172;
  --percpu: #45bdb9;
  --heat0: #1f4a2c; --heat1: #4c4a1e; --heat2: #5b451c; --heat3: #653a22; --heat4: #6e2f2b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.35rem; font-weight: 500; margin: .2rem 0 .6rem; line-height: 1.35; }
h2 { font-size: 1.25rem; margin: 0 0 .6rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
small { font-weight: 400; color: var(--muted); }
p { margin: .4rem 0; }
.brand, .about, figcaption, footer, .axis, dt { color: var(--muted); font-size: .875rem; }
.verdict { font-weight: 800; padding: .1rem .6rem; border-radius: .4rem; color: #fff;
  margin-right: .4rem; background: #8a5200; }
.is-pass .verdict { background: #0b6b2f; }
.is-fail .verdict, .is-panic .verdict { background: #b3141f; }
.counts span { margin-right: 1.2rem; }
.passed { color: var(--good); } .failed, .problems { color: var(--bad); }
.skipped { color: var(--muted); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .6rem 1rem;
  margin: .8rem 0; }
dd { margin: 0; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem; margin: 1rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr));
  gap: .8rem; }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .8rem; min-width: 0; }
.card.bad { border-left: .3rem solid var(--bad); margin: .6rem 0; }
.card p { font-size: .92rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 1rem; }
figure { margin: 1rem 0 0; min-width: 0; }
figcaption { margin-bottom: .4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { color: var(--muted); font-weight: 500; }
.took, td summary { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.matrix { width: auto; } .matrix td { text-align: right; padding: .25rem .6rem; }
.matrix th { padding: .25rem .6rem; }
.badge { font-size: .78rem; padding: .05rem .5rem; border-radius: 1rem;
  border: 1px solid currentColor; color: var(--muted); }
.badge.high { color: var(--bad); } .badge.medium { color: var(--warn); }
.cpu { display: inline-block; border: 1px solid var(--line); border-radius: .25rem;
  padding: 0 .4rem; margin: 0 .2rem .2rem 0; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; font-size: .85rem; margin: .3rem 0; white-space: pre-wrap;
  overflow-wrap: anywhere; }
details { margin: .3rem 0; } summary { cursor: pointer; }
details ul { margin: .3rem 0; padding-left: 1.2rem; font-size: .9rem; }
svg { display: block; max-width: 100%; overflow: hidden; }
.bar-row { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 0 .6rem;
  align-items: center; margin-bottom: .25rem; }
.bar-name { font-size: .875rem; overflow-wrap: anywhere; }
.bar { display: grid; grid-template-columns: minmax(0, 1fr) 12rem; gap: .6rem;
  align-items: center; font-size: .82rem; color: var(--muted); }
.strip { border-radius: .25rem; overflow: hidden; }
.scale-row { display: grid; grid-template-columns: 7rem 1fr; align-items: center;
  margin-bottom: .3rem; }
.row-name { font-size: .875rem; color: var(--muted); overflow-wrap: anywhere; }
.scale-row.of-slab { grid-template-columns: 11rem 1fr; }
.steps { display: grid; grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); gap: .5rem; }
.step { border: 1px solid var(--line); border-left: .3rem solid var(--slab); border-radius: .3rem;
  padding: .3rem .6rem; } .step b, .step span, .step small { display: block; }
.axis { display: flex; justify-content: space-between; }
.scale-axis { padding-left: 7rem; }
.plotted { border-left: 0; } .plot { background: var(--hole); border-radius: .25rem;
  overflow: hidden; }
.line, .edge { stroke: var(--line); stroke-width: 1.5; fill: none; }
.marker { stroke: var(--fg); stroke-width: 1.5; vector-effect: non-scaling-stroke;
  visibility: hidden; }
.curve { fill: none; stroke: var(--slab); stroke-width: 2; }
.frame { fill: none; stroke: var(--muted); stroke-width: 1; }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: .15em;
  margin-right: .4em; border: 1px solid rgba(128, 128, 128, .5); vertical-align: -.05em; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .875rem; }
input[type=range] { width: 100%; accent-color: var(--slab); }
footer { padding-bottom: 2rem; }
.heat0 { background: var(--heat0); } .heat1 { background: var(--heat1); }
.heat2 { background: var(--heat2); } .heat3 { background: var(--heat3); }
.heat4 { background: var(--heat4); }
FILLS
@media (max-width: 40rem) { section { padding: .8rem; margin: .7rem 0; }
  .scale-row, .scale-row.of-slab, .bar-row { grid-template-columns: 1fr; }
  .scale-axis { padding-left: 0; } .bar { grid-template-columns: minmax(0, 1fr) 10.5rem; }
  th, td { padding-right: .4rem; } table { font-size: .82rem; }
  .dense { font-size: .66rem; } .dense th, .dense td { padding-right: .34rem; } }
@media print { :root { color-scheme: light; --bg: #fff; --card: #fff; --fg: #000; --line: #bbb; }
  body { font-size: 11px; } section { border: 0; padding: 0; }
  .card, figure, tr { break-inside: avoid; } h2 { break-after: avoid; }
  input[type=range] { display: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""

FILLS = {
    **{name: name for name in (
        "free", "pending", "cached", "user", "slab", "large", "vmalloc", "percpu", "tables",
        "memmap",
        "boot", "acpi", "runtime", "low", "mmio", "reserved", "hole", "ours", "linux")},
    "bad": "fault",
    "zoneDMA": "acpi", "zoneDMA32": "slab", "zoneNormal": "vmalloc", "zoneMovable": "user",
    "node0": "slab", "node1": "user", "node2": "vmalloc", "node3": "tables",
    "node4": "acpi", "node5": "cached", "node6": "runtime", "node7": "large",
}
SHEET = SHEET.replace("FILLS", "\n".join(
    [f".f-{name} {{ fill: var(--{color}); }} .c-{name} {{ background: var(--{color}); }}"
     for name, color in FILLS.items()] + [".f-none { fill: none; }"]))

# Memory over time: a slider, and the numbers of the moment it is at.
SCRIPT = """
(function () {
  var data = document.getElementById("memory-data");
  var plot = document.getElementById("memory-plot");
  var moment = document.getElementById("memory-moment");
  if (!data || !plot || !moment) return;
  var rows = JSON.parse(data.textContent);
  var marker = plot.querySelector(".marker");
  var slider = document.createElement("input");
  var words = document.createElement("p");
  slider.type = "range"; slider.min = 0; slider.max = rows.length - 1; slider.value = slider.max;
  slider.setAttribute("aria-label", "moment of the run");
  function show() {
    var row = rows[slider.value], x = 1000 * slider.value / (rows.length - 1);
    marker.setAttribute("x1", x); marker.setAttribute("x2", x);
    marker.style.visibility = "visible";
    words.textContent = row.at + ": " + Object.keys(row.pages).map(function (name) {
      return name + " " + row.pages[name];
    }).join(", ");
  }
  slider.addEventListener("input", show);
  moment.appendChild(slider); moment.appendChild(words);
  show();
})();
"""
