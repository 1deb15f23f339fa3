"use strict";
// Draws the page from the figures in #data. No figure is computed here.
const { report, limits, project, text, trials, weights, version } = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name === "class" ? (node.className = value) : node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};
const SVG = "http://www.w3.org/2000/svg";
const draw = (tag, attributes = {}, ...children) => {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const percent = (ratio) => {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return "not finite";
  const p = ratio * 100;
  return (p >= 100 ? p.toFixed(0) : p >= 10 ? p.toFixed(1) : p >= 1 ? p.toFixed(2) : p.toPrecision(2)) + "%";
};
const short = (value) => (value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(2) : Number(value.toPrecision(4)).toString());
const bytes = (n) => (Math.abs(n) >= 1048576 ? (n / 1048576).toFixed(2) + " MB" : (n / 1024).toFixed(1) + " KB");
const tip = (node, words) => {
  const show = (event) => { $("tip").textContent = words; const box = $("tip").getBoundingClientRect();
    $("tip").style.left = Math.min(event.clientX + 12, innerWidth - box.width - 6) + "px"; $("tip").style.top = Math.max(4, event.clientY - 32) + "px"; };
  node.addEventListener("mousemove", show);
  node.addEventListener("mouseleave", () => { $("tip").textContent = ""; });
  return node;
};
const over = (nsr, limit) => !Number.isFinite(nsr) || nsr > limit;
const ran = report.on_chip && report.on_chip.ran;

function head() {
  const settings = report.settings;
  $("model").textContent = report.model;
  const method = settings.scheme === "float" ? "" : `, ${settings.method || (settings.scheme === "int8" ? "kl" : "minmax")}`;
  const other = Object.keys(settings.layer_schemes).length;
  $("settings").textContent = `${settings.scheme}${other ? ` (${other} layers otherwise)` : ""} for ${settings.target}${method}; calibrated with ${report.calibration_samples} samples, error over ${report.analysis_samples}`;
  document.title = `espq: ${report.model}`;
  const judged = report.outputs.filter((o) => o.equal === undefined || o.equal === null);
  const bad = judged.filter((o) => over(o.error.nsr, limits.output));
  const refused = report.on_chip && report.on_chip.refused;
  const box = $("verdict");
  if (bad.length || (refused && refused.length)) box.classList.add("over");
  const words = refused && refused.length ? `Not exported: ${settings.target} does not run the model as it is simulated.`
    : bad.length ? `${bad.length === 1 ? `Output \`${bad[0].name}\` loses` : `${bad.length} of ${judged.length} outputs lose`} more than the limit of ${percent(limits.output)}.`
    : judged.length ? `Within the limit: every output loses at most ${percent(Math.max(...judged.map((o) => o.error.nsr)))} (limit ${percent(limits.output)}).` : "No output has an error to judge.";
  box.append(make("p", { class: `first ${bad.length || refused ? "bad" : "good"}` }, words));
  for (const reason of refused || []) box.append(make("p", {}, `${reason.node || "The file"}: ${reason.what}; ${reason.help}`));
  for (const line of text.advice) box.append(make("p", {}, line));
}

// Charts are as wide as the page, so that their text keeps its size.
const WIDE = Math.max(320, Math.min(1100, document.documentElement.clientWidth - 60));

function outputs() {
  const body = $("outputs");
  report.outputs.forEach((output, at) => {
    const isPlace = output.equal !== undefined && output.equal !== null;
    const chip = ran && ran.outputs[at] ? percent(ran.outputs[at].nsr) : "not run";
    const error = isPlace ? `${percent(output.equal)} equal` : `${percent(output.error.nsr)} ± ${percent(output.standard_error)}`;
    body.append(make("tr", {}, make("td", { class: "name" }, output.name),
      make("td", { class: `n ${!isPlace && over(output.error.nsr, limits.output) ? "bad" : ""}` }, error),
      make("td", { class: "n" }, isPlace ? "" : chip), make("td", { class: "n wide" }, isPlace ? "" : output.error.cosine.toFixed(5)),
      make("td", { class: "wide" }, output.before ? `${percent(output.before.error.nsr)} before its ${output.before.op}, which decides` : "")));
  });
}

function along() {
  const layers = report.layers.filter((l) => l.graphwise || l.layerwise);
  if (!layers.length) { $("along").closest("section").remove(); return; }
  const width = WIDE, height = 260, left = 58, right = 10, top = 10, bottom = 26;
  const values = layers.flatMap((l) => [l.graphwise, l.layerwise]).filter(Boolean).map((e) => e.nsr).filter((v) => v > 0 && Number.isFinite(v));
  const low = Math.floor(Math.log10(Math.max(1e-9, Math.min(...values, limits.output)))), high = Math.ceil(Math.log10(Math.max(...values, limits.output) || 1));
  const x = (i) => left + (layers.length === 1 ? 0 : (i / (layers.length - 1)) * (width - left - right));
  const y = (v) => { const l = Number.isFinite(v) ? Math.log10(Math.max(v, 10 ** low)) : high; return top + (1 - (l - low) / Math.max(1, high - low)) * (height - top - bottom); };
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Error along the depth of the network" });
  for (let power = low; power <= high; power++) {
    svg.append(draw("line", { class: "axis", x1: left, x2: width - right, y1: y(10 ** power), y2: y(10 ** power) }), draw("text", { x: left - 6, y: y(10 ** power) + 4, "text-anchor": "end" }, percent(10 ** power)));
  }
  svg.append(draw("line", { class: "limit", x1: left, x2: width - right, y1: y(limits.output), y2: y(limits.output) }));
  svg.append(draw("text", { x: left, y: height - 6 }, "input"), draw("text", { x: width - right, y: height - 6, "text-anchor": "end" }, "output"));
  for (const [key, style] of [["graphwise", "a"], ["layerwise", "b"]]) {
    const points = layers.map((l, i) => l[key] && [x(i), y(l[key].nsr)]);
    svg.append(draw("path", { class: style, d: points.filter(Boolean).map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("") }));
    points.forEach((point, i) => point && svg.append(tip(draw("circle", { class: style, cx: point[0], cy: point[1], r: layers.length > 120 ? 2 : 3.2 }), `${layers[i].name}: ${key === "graphwise" ? "cumulative" : "alone"} ${percent(layers[i][key].nsr)}`)));
  }
  $("along").append(svg);
}

const COLUMNS = [
  { title: "#", key: (l, i) => i, show: (l, i) => i + 1, n: 1, wide: 1 },
  { title: "Layer", key: (l) => l.name, show: (l) => l.name, style: "name" },
  { title: "Operator", key: (l) => l.op, show: (l) => l.op, wide: 1 },
  { title: "Precision", key: (l) => l.scheme, show: (l) => l.scheme },
  { title: "Cumulative", key: (l) => (l.graphwise ? l.graphwise.nsr : -1), show: (l) => meter(l.graphwise, "graphwise", limits.output), n: 1 },
  { title: "Alone", key: (l) => (l.layerwise ? l.layerwise.nsr : -1), show: (l) => meter(l.layerwise, "layerwise", limits.layers[l.name]), n: 1 },
  { title: "Saturated", key: (l) => (l.statistics ? l.statistics.saturated : -1), show: (l) => (l.statistics ? percent(l.statistics.saturated) : ""), n: 1, wide: 1 },
  { title: "Exponent", key: (l) => exponent(l.outputs[0]) ?? 999, show: (l) => exponent(l.outputs[0]) ?? "", n: 1, wide: 1 },
];
const costs = new Map((report.cost ? report.cost.layers : []).map((cost) => [cost.name, cost]));
const milliseconds = (t) => `${short(t.estimate / 1000)} ms`;
if (report.cost) {
  const cost = (l) => costs.get(l.name);
  if (report.cost.time) COLUMNS.push({ title: "Time", key: (l) => (cost(l) && cost(l).time ? cost(l).time.estimate : -1), show: (l) => (cost(l) && cost(l).time ? milliseconds(cost(l).time) : ""), n: 1, wide: 1 });
  COLUMNS.push({ title: "Flash", key: (l) => (cost(l) ? cost(l).flash_bytes : -1), show: (l) => (cost(l) ? bytes(cost(l).flash_bytes) : ""), n: 1, wide: 1 });
}
const exponent = (port) => (port ? port.exponents[0] : undefined);
const largest = { graphwise: 0, layerwise: 0 };
for (const layer of report.layers) for (const key of ["graphwise", "layerwise"]) if (layer[key] && Number.isFinite(layer[key].nsr)) largest[key] = Math.max(largest[key], layer[key].nsr);
function meter(error, key, limit) {
  if (!error) return "";
  const bar = make("i"); bar.style.width = `${largest[key] ? Math.min(100, (100 * error.nsr) / largest[key]) : 0}%`;
  return make("span", { class: `meter ${over(error.nsr, limit) ? "bad" : ""}` }, bar, percent(error.nsr));
}

let sorted = { column: 0, down: false };
function layers() {
  const row = make("tr");
  COLUMNS.forEach((column, at) => {
    const button = make("button", { type: "button" }, column.title);
    button.addEventListener("click", () => { sorted = { column: at, down: sorted.column === at ? !sorted.down : Boolean(column.n && at) }; fill(); });
    row.append(make("th", { class: `${column.n ? "n" : ""} ${column.wide ? "wide" : ""}`, scope: "col" }, button));
  });
  $("columns").append(row);
  const schemes = [...new Set(report.layers.map((l) => l.scheme))];
  for (const scheme of schemes) $("scheme").append(make("option", { value: scheme }, scheme));
  $("search").addEventListener("input", fill);
  $("scheme").addEventListener("change", fill);
  fill();
}
function fill() {
  const column = COLUMNS[sorted.column];
  const wanted = $("search").value.toLowerCase(), scheme = $("scheme").value;
  const rows = report.layers.map((layer, at) => ({ layer, at })).filter(({ layer }) => (!scheme || layer.scheme === scheme) && `${layer.name} ${layer.op} ${layer.module || ""}`.toLowerCase().includes(wanted));
  rows.sort((a, b) => { const [x, y] = [column.key(a.layer, a.at), column.key(b.layer, b.at)]; return (x < y ? -1 : x > y ? 1 : a.at - b.at) * (sorted.down ? -1 : 1); });
  [...$("columns").rows[0].cells].forEach((cell, at) => at === sorted.column ? cell.setAttribute("aria-sort", sorted.down ? "descending" : "ascending") : cell.removeAttribute("aria-sort"));
  $("rows").replaceChildren(...rows.map(({ layer, at }) => {
    const tr = make("tr", { class: "layer", tabindex: "0", "data-layer": at }, ...COLUMNS.map((c) => make("td", { class: `${c.n ? "n" : ""} ${c.wide ? "wide" : ""} ${c.style || ""}` }, c.show(layer, at))));
    const toggle = () => tr.nextSibling && tr.nextSibling.classList.contains("detail") ? tr.nextSibling.remove() : tr.after(detail(layer));
    tr.addEventListener("click", toggle);
    tr.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); } });
    return tr;
  }));
  $("count").textContent = `${rows.length} of ${report.layers.length} layers`;
}

function detail(layer) {
  const facts = make("dl");
  const fact = (name, value) => value !== "" && value !== undefined && facts.append(make("dt", {}, name), make("dd", {}, value));
  fact("module", layer.module);
  const port = (p) => (p ? `${p.name}: ${p.bits} bits, ${p.exponents.length > 1 ? `exponents ${Math.min(...p.exponents)} to ${Math.max(...p.exponents)} by channel` : `exponent ${p.exponents[0]}`}` : "float");
  layer.inputs.forEach((p, at) => fact(`input ${at}`, port(p) + (p && p.clipping ? `; its layer's scale cuts off ${percent(p.clipping.nsr)}, values reach ${short(p.clipping.largest)}` : "")));
  layer.outputs.forEach((p, at) => fact(`output ${at}`, port(p)));
  const s = layer.statistics;
  if (s) {
    fact("float", `${short(s.float.min)} to ${short(s.float.max)}, mean ${short(s.float.mean)}, deviation ${short(s.float.std)}`);
    fact("shape", `skewness ${short(s.float.skewness)}, kurtosis ${short(s.float.kurtosis)}`);
    fact("saturated", percent(s.saturated));
    const cost = costs.get(layer.name);
    if (cost) {
      fact("cost", `${bytes(cost.flash_bytes)} flash, ${cost.macs.toLocaleString("en")} MACs${cost.time ? `, ${short(cost.time.low / 1000)} to ${short(cost.time.high / 1000)} ms` : ""}`);
      fact("kernel", cost.kernel);
    }
    fact("noise", `mean ${short(s.noise.mean)}, deviation ${short(s.noise.std)}`);
  }
  const parts = make("div", { class: "parts" }, make("div", {}, facts), s ? histogram(layer) : null, channels(layer));
  return make("tr", { class: "detail" }, make("td", { colspan: COLUMNS.length }, parts));
}

function histogram(layer) {
  const s = layer.statistics, width = 420, height = 150, base = 128;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Distribution of ${s.name}` });
  const out = layer.outputs[0], step = out ? 2 ** Math.max(...out.exponents) : 0, half = out ? 2 ** (out.bits - 1) : 0;
  const [clipLow, clipHigh] = [-half * step, (half - 1) * step];
  const low = Math.min(s.float.min, s.quantized.min), high = Math.max(s.float.max, s.quantized.max), span = high - low || 1;
  const x = (v) => 8 + ((v - low) / span) * (width - 16);
  const top = Math.max(1, ...s.float.histogram, ...s.quantized.histogram), y = (n) => base - (Math.log1p(n) / Math.log1p(top)) * (base - 12);
  for (const [part, style] of [[s.float, "a"], [s.quantized, "b"]]) {
    const bins = part.histogram, size = (part.max - part.min) / bins.length || span / 32;
    const d = bins.map((n, i) => `${i ? "L" : "M"}${x(part.min + i * size).toFixed(1)} ${y(n).toFixed(1)}L${x(part.min + (i + 1) * size).toFixed(1)} ${y(n).toFixed(1)}`).join("");
    svg.append(draw("path", { class: style, d }));
  }
  svg.append(draw("line", { class: "axis", x1: 8, x2: width - 8, y1: base, y2: base }), draw("text", { x: 8, y: height - 6 }, short(low)), draw("text", { x: width - 8, y: height - 6, "text-anchor": "end" }, short(high)));
  for (const clip of out ? [clipLow, clipHigh] : []) if (clip > low && clip < high) svg.append(draw("line", { class: "limit", x1: x(clip), x2: x(clip), y1: 6, y2: base }));
  const key = make("p", { class: "key quiet" }, make("span", {}, swatch("first"), "float"), make("span", {}, swatch("second"), "quantized"), make("span", {}, out ? `range ${short(clipLow)} to ${short(clipHigh)}` : "not quantized"));
  return make("div", {}, make("h3", {}, "Distribution, logarithmic counts"), svg, key);
}

function channels(layer) {
  const ranges = weights[layer.name];
  if (!ranges || ranges.length < 2) return null;
  const width = 420, height = 150, base = 128, top = Math.max(...ranges) || 1;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Largest weight of each channel of ${layer.name}` });
  const size = (width - 16) / ranges.length, sortedRanges = [...ranges].sort((a, b) => a - b), middle = sortedRanges[ranges.length >> 1];
  ranges.forEach((v, i) => { const h = (v / top) * (base - 12); svg.append(tip(draw("rect", { class: v > 4 * middle ? "b" : "a", "fill-opacity": ".75", stroke: "none", x: 8 + i * size, y: base - h, width: Math.max(.6, size * .86), height: h }), `channel ${i}: ${short(v)}`)); });
  svg.append(draw("line", { class: "axis", x1: 8, x2: width - 8, y1: base, y2: base }), draw("text", { x: 8, y: height - 6 }, "channel 0"), draw("text", { x: width - 8, y: height - 6, "text-anchor": "end" }, `${ranges.length - 1}`));
  return make("div", {}, make("h3", {}, "Largest weight of each channel"), svg, make("p", { class: "quiet" }, `largest ${short(top)}, median ${short(middle)}${top > 4 * middle && layer.inputs[1] && layer.inputs[1].exponents.length === 1 ? ": channels far above the others decide a scale for the whole tensor" : ""}`));
}
const swatch = (name) => { const b = make("b"); b.style.background = `var(--${name})`; return b; };

// Layers by depth from top to bottom; edges by the names of values.
function graph() {
  const makers = new Map();
  report.layers.forEach((layer, at) => layer.outputs.forEach((p) => p && p.name && makers.set(p.name, at)));
  const edges = report.layers.map((layer, at) => [...new Set(layer.inputs.filter((p) => p && makers.has(p.name)).map((p) => makers.get(p.name)).filter((m) => m < at))]);
  const depth = [], rows = [];
  report.layers.forEach((_, at) => { depth[at] = Math.max(-1, ...edges[at].map((m) => depth[m])) + 1; (rows[depth[at]] ||= []).push(at); });
  const w = 190, h = 24, gapX = 22, gapY = 20, columns = Math.max(...rows.map((r) => r.length));
  const place = [];
  rows.forEach((row, y) => row.forEach((at, i) => { place[at] = [(columns - row.length) * (w + gapX) / 2 + i * (w + gapX) + 10, y * (h + gapY) + 10]; }));
  const width = columns * (w + gapX) + 20, height = rows.length * (h + gapY) + 20;
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Graph of the layers by precision" });
  edges.forEach((from, at) => from.forEach((m) => {
    const [x1, y1, x2, y2] = [place[m][0] + w / 2, place[m][1] + h, place[at][0] + w / 2, place[at][1]];
    const side = depth[at] - depth[m] > 1 && Math.abs(x1 - x2) < 2 ? w / 2 + 14 : 0;
    svg.append(draw("path", { d: side ? `M${x1} ${y1}C${x1 + side * 1.6} ${y1 + 14},${x2 + side * 1.6} ${y2 - 14},${x2} ${y2}` : `M${x1} ${y1}C${x1} ${y1 + 12},${x2} ${y2 - 12},${x2} ${y2}` }));
  }));
  report.layers.forEach((layer, at) => {
    const bad = layer.layerwise && over(layer.layerwise.nsr, limits.layers[layer.name]);
    const title = `${layer.name}: ${layer.op}, ${layer.scheme}${layer.layerwise ? `, alone ${percent(layer.layerwise.nsr)}` : ""}`;
    const label = layer.name.length > 26 ? "…" + layer.name.slice(-25) : layer.name;
    svg.append(tip(draw("rect", { class: `${layer.scheme} ${bad ? "over" : ""}`, x: place[at][0], y: place[at][1], width: w, height: h }), title), draw("text", { x: place[at][0] + 6, y: place[at][1] + 16, "pointer-events": "none" }, label));
  });
  $("graph").append(svg);
}

// The three sums, and the values that lie in the arena where it is largest.
function cost() {
  const cost = report.cost;
  if (!cost) { $("costs").closest("section").remove(); return; }
  const row = (name, value, words) => $("costs").append(make("tr", {}, make("td", {}, name), make("td", { class: "n" }, value), make("td", { class: "quiet" }, words)));
  row("Flash", bytes(cost.flash.file_bytes), `weights ${bytes(cost.flash.weight_bytes)}, exponents ${bytes(cost.flash.exponent_bytes)}, tables ${bytes(cost.flash.table_bytes)}, names and structure ${bytes(cost.flash.name_bytes + cost.flash.other_bytes)}`);
  row("RAM", bytes(cost.ram.total_bytes), `values ${bytes(cost.ram.arena_bytes)} (largest at ${cost.memory.peak_node}${cost.memory.smallest_bytes ? `; ${bytes(cost.memory.smallest_bytes)} with order = "smallest"${cost.memory.copied_nodes.length ? `, which copies the output of ${cost.memory.copied_nodes.join(", ")}` : ""}` : ""}), copies of parameters ${bytes(cost.ram.copy_bytes)}, buffers ${bytes(cost.ram.kept_bytes + cost.ram.call_bytes + cost.ram.packed_bias_bytes)}`);
  row("Time", cost.time ? milliseconds(cost.time.total) : "unknown", cost.time ? `${short(cost.time.total.low / 1000)} to ${short(cost.time.total.high / 1000)} ms at ${cost.time.conditions}` : cost.untimed || "");
  const width = WIDE, top = 6, h = 26, arena = Math.max(1, cost.memory.peak_bytes), x = (b) => 4 + (b / arena) * (width - 8);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${h + 24}`, role: "img", "aria-label": "Values in memory where it is fullest" });
  svg.append(draw("rect", { x: 4, y: top, width: width - 8, height: h, fill: "none", class: "axis" }));
  for (const held of cost.memory.at_peak) {
    const w = Math.max(1, x(held.offset + held.bytes) - x(held.offset));
    const words = [held.name, ...held.shared_by].join(", ") + `: ${bytes(held.bytes)}`;
    svg.append(tip(draw("rect", { class: "a", "fill-opacity": ".55", x: x(held.offset), y: top, width: w, height: h }), words));
    if (w > 60) svg.append(draw("text", { x: x(held.offset) + 4, y: top + 17, "pointer-events": "none" }, held.name.length > w / 7 ? "…" + held.name.slice(-Math.floor(w / 7)) : held.name));
  }
  svg.append(draw("text", { x: 4, y: h + 20 }, "0"), draw("text", { x: width - 4, y: h + 20, "text-anchor": "end" }, bytes(arena)));
  $("arena").append(svg);
}

function accuracy() {
  const found = report.accuracy;
  if (!found) { $("accuracy").closest("section").remove(); return; }
  const share = (right, of) => `${((100 * right) / Math.max(1, of)).toFixed(1)}%`, points = (v) => (100 * v).toFixed(1);
  for (const [name, score] of [["in float", found.float], ["simulated", found.simulated], ["on the chip", found.on_chip]]) {
    const row = make("tr", {}, make("td", {}, name));
    if (!score) row.append(make("td", { class: "quiet" }, "not measured: the file does not run there"));
    else if (score.kind === "classes") row.append(make("td", { class: "n" }, `top-1 ${share(score.top1, score.of)}`), make("td", { class: "n" }, score["top5"] === undefined ? "" : `top-5 ${share(score["top5"], score.of)}`));
    else row.append(make("td", { class: "n" }, `mean squared error ${score.mean.toExponential(3)} ± ${score.standard_error.toExponential(1)}`));
    $("accuracy").append(row);
  }
  const score = found.on_chip ?? found.simulated, { loss, interval } = found.loss;
  $("loss").textContent = interval ? `${found.samples} samples of ${found.output}. Quantization loses ${points(loss)} points (${points(interval[0])} to ${points(interval[1])} at 95%): ${score.lost} became wrong and ${score.gained} right.` : `${found.samples} samples of ${found.output}. Quantization changes the squared error by ${points(loss)}%.`;
}

// A board's times and memory beside the estimates, the slowest layer first.
function board() {
  const found = report.profile;
  if (!found) { $("tested").closest("section").remove(); return; }
  const failed = found.test && found.test.failed !== undefined;
  const other = found.unknown.length ? ` ${found.unknown.length} layers of the log are not in the file: it is the log of another one.` : "";
  $("tested").textContent = (failed ? `Test failed: output ${found.test.failed} differs from the one in the file.` : found.test ? "Test passed: the board's outputs are those in the file." : "The log has no test.") + other + found.errors.map((error) => ` ${error}`).join("");
  $("tested").className = failed || other ? "bad" : found.test ? "good" : "";
  const most = Math.max(1e-9, ...found.layers.map((layer) => layer.measured));
  const isOutside = (measured, bounds) => bounds && (measured > bounds.high || measured < bounds.low);
  const row = (name, measured, bounds, words, share) => {
    const bar = make("i"); bar.style.width = `${100 * share}%`;
    const shown = make("span", { class: `meter ${isOutside(measured, bounds) ? "bad" : ""}` }, bar, `${short(measured / 1000)} ms`);
    $("timed").append(make("tr", {}, make("td", { class: "name" }, name), make("td", { class: "n" }, shown), make("td", { class: "n" }, bounds ? milliseconds(bounds) : ""),
      make("td", { class: "n wide" }, bounds ? `${short(bounds.low / 1000)} to ${short(bounds.high / 1000)}` : ""), make("td", { class: "wide quiet" }, words)));
  };
  for (const layer of [...found.layers].sort((a, b) => b.measured - a.measured)) row(layer.name, layer.measured, layer.estimated, layer.kernel || layer.op, layer.measured / most);
  if (found.measured !== null) row("all layers", found.measured, found.estimated, "", 0);
  if (found.runs.length) row("one run", Math.min(...found.runs), null, "the fastest that the program printed", 0);
  if (found.conditions) $("conditions").textContent = `Estimated for ${found.conditions}.`;
  for (const held of found.memory) $("held").append(make("tr", {}, make("td", {}, held.name), make("td", { class: "n" }, bytes(held.measured)), make("td", { class: "n" }, held.predicted === null ? "" : bytes(held.predicted))));
  if (!found.memory.length) { $("held").closest("div").previousElementSibling.remove(); $("held").closest("div").remove(); }
}

function observers() {
  if (!report.observers || !report.observers.tried.length) { $("observers").closest("section").remove(); return; }
  const used = report.settings.method || report.observers.set, top = Math.max(...report.observers.tried.map((t) => t.error.mean)) || 1;
  for (const tried of [...report.observers.tried].sort((a, b) => a.error.mean - b.error.mean)) {
    const bar = make("i"); bar.style.width = `${(100 * tried.error.mean) / top}%`;
    $("observers").append(make("tr", {}, make("td", {}, tried.method), make("td", { class: "n" }, make("span", { class: "meter" }, bar, `${percent(tried.error.mean)} ± ${percent(tried.error.standard_error)}`)), make("td", { class: "quiet" }, tried.method === used ? "in use" : "")));
  }
}

// Each trial as a point: flash to the right, error upwards.
function pareto() {
  const all = trials ? [...trials.layers.map(([, t]) => t), trials.all, trials.widened, trials.outputs, ...trials.trade_offs].filter(Boolean).filter((t) => Number.isFinite(t.after)) : [];
  if (!all.length) { $("trials").closest("section").remove(); return; }
  const width = WIDE, height = 240, left = 64, bottom = 30, right = 20, top = 12;
  const before = all[0].before, points = [{ flash: 0, after: before, words: `as it is: ${percent(before)}` }, ...all.map((t) => ({ ...t, words: `${t.layers.length === 1 ? t.layers[0] : `${t.layers.length} layers`} at ${t.scheme}: ${percent(t.after)}, ${bytes(t.flash)}${t.latency === null || t.latency === undefined ? "" : `, ${short(t.latency / 1000)} ms`}` }))];
  const far = Math.max(1, ...points.map((p) => p.flash)), highest = Math.max(...points.map((p) => p.after));
  const x = (v) => left + (v / far) * (width - left - right), y = (v) => height - bottom - (v / highest) * (height - bottom - top);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Error and flash of the measured fixes" });
  svg.append(draw("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }), draw("line", { class: "axis", x1: left, x2: left, y1: top, y2: height - bottom }));
  svg.append(draw("text", { x: left - 6, y: y(highest) + 4, "text-anchor": "end" }, percent(highest)), draw("text", { x: left - 6, y: height - bottom, "text-anchor": "end" }, "0%"), draw("text", { x: width - right, y: height - 10, "text-anchor": "end" }, `+${bytes(far)} flash`));
  let best = Infinity;
  const front = [...points].sort((a, b) => a.flash - b.flash || a.after - b.after).filter((p) => p.after < best && ((best = p.after), true));
  svg.append(draw("path", { class: "a", d: front.map((p, i) => `${i ? "H" + x(p.flash).toFixed(1) + "V" : "M" + x(p.flash).toFixed(1) + " "}${y(p.after).toFixed(1)}`).join("") }));
  if (limits.output <= highest) svg.append(draw("line", { class: "limit", x1: left, x2: width - right, y1: y(limits.output), y2: y(limits.output) }));
  for (const p of points) svg.append(tip(draw("circle", { class: front.includes(p) ? "a" : "b", cx: x(p.flash), cy: y(p.after), r: 4.5 }), p.words));
  $("trials").append(svg);
}

function rest() {
  for (const note of text.notes) $("notes").append(make("li", {}, note));
  if (!text.notes.length) $("notes").closest("section").remove();
  $("project").textContent = project;
  const phases = Object.entries(report.seconds).filter(([, s]) => s > 0).map(([name, s]) => `${name} ${s.toFixed(2)} s`).join(", ");
  $("version").textContent = `espq ${version}; ${phases}. Error is the noise-to-signal power ratio: power of the difference from the float network, by power of the signal.`;
}

head(); outputs(); accuracy(); along(); layers(); graph(); cost(); board(); observers(); pareto(); rest();
