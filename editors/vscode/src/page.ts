// The page of an .espdl file, from the JSON of `espq inspect`.

import * as vscode from "vscode";

interface Value {
  name: string;
  data_type: string;
  dims: (string | number)[] | null;
  exponents: number[];
  range: [number, number] | null;
  bytes: number | null;
  layout?: string;
}

interface Layer {
  name: string;
  op: string;
  kernel: string | null;
  macs: number;
  weight_bytes: number;
  flash_bytes: number;
  time: { low: number; estimate: number; high: number } | null;
}

interface Cost {
  target: string;
  flash: { file_bytes: number };
  ram: { total_bytes: number; arena_bytes: number };
  time: { total: { low: number; estimate: number; high: number }; conditions: string } | null;
  macs: number;
  layers: Layer[];
}

interface Model {
  name: string;
  header: string;
  encrypted: boolean;
  metadata: [string, string][];
  nodes: { name: string; op: string; inputs: string[]; outputs: string[]; attributes: Record<string, unknown> }[];
  values: Value[];
  weights: Value[];
  inputs: Value[];
  outputs: Value[];
  memory: { weight_bytes: number; peak_bytes: number; peak_node: string | null; at_peak: { name: string; bytes: number; offset: number }[] } | null;
  costs: Cost[];
  fits: { targets: string[]; misfits: unknown[] }[];
}

export interface Summary {
  models: Model[];
}

type Cell = string | number | undefined;

interface Column {
  title: string;
  isNumber?: boolean;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escaped(text: unknown): string {
  return String(text).replace(/[&<>"']/g, (found) => ENTITIES[found]);
}

export function modelPage(title: string, summary: Summary): string {
  return page(title, summary.models.map((model) => ofModel(model.name || title, model)).join("\n"));
}

/** A page of one message, with a button that runs a command. */
export function messagePage(title: string, message: string, command?: string, button?: string, argument?: vscode.Uri): string {
  const query = argument === undefined ? "" : `?${encodeURIComponent(JSON.stringify([argument]))}`;
  const link = command === undefined ? "" : `<p><a class="button" href="command:${command}${escaped(query)}">${escaped(button)}</a></p>`;
  return page(title, `<h1>${escaped(title)}</h1><pre class="message">${escaped(message)}</pre>${link}`);
}

function ofModel(title: string, model: Model): string {
  const cost = model.costs[0];
  const fits = model.fits.filter((fit) => fit.misfits.length === 0).flatMap((fit) => fit.targets);
  const facts: [string, string][] = [
    ["format", model.header + (model.encrypted ? ", encrypted" : "")],
    ["runs on", fits.join(", ") || "no chip that espq knows"],
    ...(cost === undefined ? [] : costs(cost)),
    ...(model.memory === null ? [] : memory(model)),
    ...model.metadata.map(([key, value]): [string, string] => [key, value.length > 24 ? `${value.slice(0, 16)}…` : value]),
  ];
  return `<h1>${escaped(title)}</h1>
<dl>${facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join("")}</dl>
${layers(model, cost)}
${values("Values", model.values)}
${values("Weights", model.weights, true)}
${peak(model)}`;
}

function costs(cost: Cost): [string, string][] {
  const time = cost.time;
  const ms = (microseconds: number): string => (microseconds / 1000).toPrecision(3);
  return [
    ["flash", `${bytes(cost.flash.file_bytes)}`],
    ["RAM", `${bytes(cost.ram.total_bytes)}, of which values ${bytes(cost.ram.arena_bytes)}`],
    ...(time === null
      ? []
      : ([["time", `${ms(time.total.estimate)} ms on ${cost.target} (${ms(time.total.low)} to ${ms(time.total.high)} ms; ${time.conditions})`]] as [string, string][])),
    ["MACs", cost.macs.toLocaleString("en")],
  ];
}

function memory({ memory }: Model): [string, string][] {
  return memory === null ? [] : [["peak of values", `${bytes(memory.peak_bytes)} at ${memory.peak_node ?? "?"}`]];
}

function layers(model: Model, cost: Cost | undefined): string {
  const values = new Map([...model.values, ...model.inputs, ...model.outputs].map((value) => [value.name, value]));
  const costs = new Map((cost?.layers ?? []).map((layer) => [layer.name, layer]));
  const rows = model.nodes.map((node): Cell[] => {
    const [output, layer] = [values.get(node.outputs[0]), costs.get(node.name)];
    const activation = node.attributes.activation;
    const op = typeof activation === "string" && activation !== "Linear" ? `${node.op} + ${activation}` : node.op;
    return [
      node.name,
      op,
      layer?.kernel ?? "",
      shape(output),
      exponents(output),
      layer?.time?.estimate === undefined ? undefined : Number((layer.time.estimate / 1000).toPrecision(3)),
      layer?.macs,
      layer?.weight_bytes,
    ];
  });
  const columns = [
    { title: "layer" },
    { title: "operator" },
    { title: "kernel" },
    { title: "output" },
    { title: "exponent", isNumber: true },
    { title: "ms", isNumber: true },
    { title: "MACs", isNumber: true },
    { title: "weights (bytes)", isNumber: true },
  ];
  return table(`Layers, in the order in which they run`, columns, rows, true);
}

function values(title: string, list: Value[], isWeights = false): string {
  const rows = list.map((value): Cell[] => [
    value.name,
    value.data_type,
    shape(value),
    ...(isWeights ? [value.layout ?? ""] : []),
    exponents(value),
    value.range === null ? "" : value.range.map((end) => Number(end.toPrecision(4))).join(" .. "),
    value.bytes ?? undefined,
  ]);
  const columns = [
    { title: "name" },
    { title: "type" },
    { title: "shape" },
    ...(isWeights ? [{ title: "layout" }] : []),
    { title: "exponent", isNumber: true },
    { title: "range" },
    { title: "bytes", isNumber: true },
  ];
  return table(title, columns, rows, false);
}

function peak({ memory }: Model): string {
  if (memory === null || memory.at_peak.length === 0) {
    return "";
  }
  const rows = memory.at_peak.map((value): Cell[] => [value.name, value.offset, value.bytes]);
  const columns = [{ title: "value" }, { title: "offset", isNumber: true }, { title: "bytes", isNumber: true }];
  return table(`Values at the peak of memory, ${memory.peak_node ?? ""}`, columns, rows, true);
}

function table(title: string, columns: Column[], rows: Cell[][], isOpen: boolean): string {
  const head = columns.map(({ title, isNumber }) => `<th${isNumber ? ' class="n"' : ""}><button>${escaped(title)}</button></th>`).join("");
  const cell = (value: Cell, column: Column): string => {
    const sort = typeof value === "number" ? ` data-sort="${value}"` : "";
    const text = typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 4 }) : (value ?? "");
    return `<td${column.isNumber ? ' class="n"' : ""}${sort}>${escaped(text)}</td>`;
  };
  const body = rows.map((row) => `<tr>${row.map((value, at) => cell(value, columns[at])).join("")}</tr>`).join("\n");
  return `<details${isOpen ? " open" : ""}><summary>${escaped(title)} (${rows.length})</summary>
<input type="search" placeholder="Search" aria-label="Search in ${escaped(title)}">
<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div></details>`;
}

function shape(value: Value | undefined): string {
  return value?.dims?.join("x") ?? "";
}

/** One exponent, or the number of those by channel. */
function exponents(value: Value | undefined): Cell {
  const found = value?.exponents ?? [];
  return found.length <= 1 ? found[0] : `${Math.min(...found)} to ${Math.max(...found)}`;
}

function bytes(count: number): string {
  return count < 1024 ? `${count} B` : count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 / 1024).toFixed(2)} MiB`;
}

const STYLE = `
body { padding: 12px 20px 40px; color: var(--vscode-foreground); font: 13px/1.5 var(--vscode-font-family); }
h1 { font-size: 1.3rem; margin: 12px 0; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 16px; }
dt { color: var(--vscode-descriptionForeground); } dd { margin: 0; overflow-wrap: anywhere; }
details { margin: 14px 0; } summary { font-weight: 600; cursor: pointer; padding: 4px 0; }
input { width: min(320px, 100%); margin: 4px 0 6px; padding: 3px 6px; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--vscode-widget-border, transparent)); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: 60%; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 10px 2px 0; text-align: left; border-bottom: 1px solid var(--vscode-widget-border, #8883); white-space: nowrap; }
td:first-child { font-family: var(--vscode-editor-font-family); white-space: normal; overflow-wrap: anywhere; }
.n { text-align: right; }
th button { all: unset; cursor: pointer; color: var(--vscode-descriptionForeground); }
th button:focus-visible { outline: 1px solid var(--vscode-focusBorder); }
th[aria-sort="ascending"] button::after { content: " ▲"; } th[aria-sort="descending"] button::after { content: " ▼"; }
tbody tr:hover { background: var(--vscode-list-hoverBackground); }
.message { white-space: pre-wrap; font: inherit; }
.button { display: inline-block; padding: 4px 12px; color: var(--vscode-button-foreground); background: var(--vscode-button-background); text-decoration: none; }
`;

const SCRIPT = `
for (const details of document.querySelectorAll("details")) {
  const body = details.querySelector("tbody");
  details.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
  details.querySelectorAll("th").forEach((head, at) => head.firstChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    details.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[at].dataset.sort ?? row.cells[at].textContent;
    const order = (a, b) => { const [x, y] = [key(a), key(b)]; const d = x - y; return Number.isNaN(d) ? x.localeCompare(y) : d; };
    body.append(...[...body.rows].sort((a, b) => down ? order(b, a) : order(a, b)));
  }));
}
`;

function page(title: string, body: string): string {
  const nonce = Array.from({ length: 24 }, () => Math.floor(Math.random() * 36).toString(36)).join("");
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'">
<style>${STYLE}</style></head><body>${body}<script nonce="${nonce}">${SCRIPT}</script></body></html>`;
}
