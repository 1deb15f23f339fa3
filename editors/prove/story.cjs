// The story in VS Code (code-server in Chromium): finding, measured fix, hints, lenses, hover, completion, tree and list of
// layers, search that is cancelled and started again, report, export, viewers, comparison, rule, first espq.toml, walkthrough,
// settings. Arguments: cache, vsix, espq, folder for screenshots.

const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const [cache, vsix, espq, shots] = process.argv.slice(2);
const { chromium } = require(path.join(cache, "npm/node_modules/playwright-core"));
const home = path.join(cache, "vscode");
const project = path.join(home, "project");
/** Seconds for a measurement. */
const PATIENCE = 240;
const port = 20000 + (process.pid % 20000);
const program = path.join(cache, "npm/node_modules/code-server/out/node/entry.js");
const folders = ["--user-data-dir", path.join(home, "data"), "--extensions-dir", path.join(home, "extensions")];

// `machine`: settings of the machine that the server runs on, which is where VS Code takes a program's path from.
function settings(machine) {
  fs.mkdirSync(path.join(home, "data/Machine"), { recursive: true });
  fs.writeFileSync(path.join(home, "data/Machine/settings.json"), JSON.stringify(machine));
  fs.mkdirSync(path.join(home, "data/User"), { recursive: true });
  fs.writeFileSync(
    path.join(home, "data/User/settings.json"),
    JSON.stringify({
      "workbench.startupEditor": "none",
      "workbench.colorTheme": "Default Light Modern",
      "security.workspace.trust.enabled": false,
      "telemetry.telemetryLevel": "off",
      "update.mode": "none",
      "editor.minimap.enabled": false,
      "workbench.secondarySideBar.defaultVisibility": "hidden",
      "chat.disableAIFeatures": true,
    }),
  );
}

async function until(what, seconds, holds) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((next) => setTimeout(next, 100))) {
    if (await holds()) {
      console.log(`vscode: ${what}`);
      return;
    }
  }
  throw new Error(`no ${what} in ${seconds} s`);
}

async function command(page, name) {
  const input = page.locator(".quick-input-widget input").first();
  await page.keyboard.press("F1");
  // A page in a frame that is still loading keeps the key to itself.
  await input.waitFor({ timeout: 5000 }).catch(() => page.keyboard.press("F1"));
  await input.fill(`>${name}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().click();
}

/** A window on the project, with espq.toml in the editor. */
async function open(browser) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(project)}`);
  const file = page.locator(".explorer-folders-view .monaco-list-row", { hasText: /^espq\.toml/ }).first();
  await file.waitFor({ timeout: 60000 });
  await file.dblclick();
  await page.locator(".view-line").first().waitFor({ timeout: 20000 });
  return page;
}

/** Where a text begins on the screen. A locator's own hover and click would scroll the editor's frame sideways. */
async function place(page, text) {
  // Lines are drawn anew while figures arrive.
  let box = null;
  await until(`"${text}" on the screen`, 20, async () => {
    box = await page.locator(".view-line span span", { hasText: text }).first().boundingBox({ timeout: 2000 }).catch(() => null);
    return box !== null;
  });
  return [box.x + 20, box.y + box.height / 2];
}

async function shot(page, name) {
  // Messages slide in.
  await new Promise((next) => setTimeout(next, 1000));
  await page.screenshot({ path: path.join(shots, `vscode-${name}.png`) });
}

const text = () => fs.readFileSync(path.join(project, "espq.toml"), "utf8");

async function missing(browser) {
  settings({ "espq.path": "/opt/nowhere/espq" });
  const page = await open(browser);
  try {
    const notice = page.locator(".notification-list-item", { hasText: "not a program that can be run" }).first();
    await until("message for a missing program", 40, () => notice.isVisible());
    // Keys, tables and comments have colours of their own, though no TOML extension is installed.
    const classes = () => page.locator(".view-line span span").evaluateAll((all) => new Set(all.map((one) => one.className)).size);
    await until("highlighting", 20, async () => (await classes()) >= 4);
    await shot(page, "missing");
  } catch (error) {
    await shot(page, "failed");
    throw error;
  } finally {
    await page.close();
  }
}

/** A page that loads is hidden in a frame of its own until it replaces the one before it. */
async function isShown(frame) {
  if (frame.parentFrame() === null) {
    return true;
  }
  const element = await frame.frameElement().catch(() => undefined);
  return element !== undefined && (await element.isVisible());
}

/** The frame of a webview that shows text with these words. */
async function webview(page, words) {
  for (const frame of page.frames()) {
    const text = await frame.evaluate(() => document.body?.innerText ?? "").catch(() => "");
    if (words.every((word) => text.toLowerCase().includes(word.toLowerCase())) && (await isShown(frame))) {
      return frame;
    }
  }
  return undefined;
}

const row = (page, list, text) => page.locator(`${list} .monaco-list-row`, { hasText: text }).first();
const tab = (page, name) => page.locator(`.tabs-container .tab[data-resource-name="${name}"]`).first();
// A lens that has been replaced stays in the page for a while, and is not shown.
const lens = (page, name) => page.locator(".codelens-decoration a", { hasText: name }).filter({ visible: true }).first();
const progress = (page) => page.locator(".notification-list-item", { hasText: "searching the smallest" }).first();

async function closeOthers(page) {
  await tab(page, "espq.toml").click();
  await command(page, "View: Close Other Editors in Group");
}

/** The quick fix that sets a layer to int16, at the cursor. */
async function quickFix(page) {
  const fix = page.locator(".action-widget .monaco-list-row", { hasText: "to int16: output error" }).first();
  await until("measured quick fix", PATIENCE, async () => {
    // The list may take the focus back after the key, which then asks nobody: as a person would, once more.
    await page.locator(".editor-instance .monaco-editor textarea, .editor-instance .monaco-editor .native-edit-context").first().focus();
    await page.keyboard.press("Control+.");
    return fix.waitFor({ timeout: 4000 }).then(
      () => true,
      () => page.keyboard.press("Escape").then(() => false),
    );
  });
  return fix;
}

/** Filters the list of problems. */
async function filter(page, text) {
  const input = page.locator(".viewpane-filter input").filter({ visible: true }).first();
  if ((await input.inputValue({ timeout: 5000 }).catch(() => text)) !== text) {
    await input.fill(text);
  }
}

async function findingAndFix(page) {
  await until("squiggle", PATIENCE, () => page.locator(".squiggly-warning, .squiggly-error").first().isVisible());
  await command(page, "Problems: Focus on Problems View");
  const problem = row(page, ".markers-panel", "over the limit");
  await until("Problems entry", PATIENCE, async () => {
    // Only rows on the screen exist, and a large network has more findings; the view forgets a filter while it opens.
    await filter(page, "over the limit");
    return problem.isVisible();
  });
  const [, layer] = /layer (\S+)/.exec(await problem.innerText()) ?? [];
  const [line] = /Ln \d+/.exec(await problem.innerText()) ?? [];
  await until("error of the network in the status bar", PATIENCE, () => page.locator(".statusbar-item", { hasText: /espq: .*%/ }).isVisible());
  await until("lens with the error beside the limit", PATIENCE, () => lens(page, "limit").isVisible());
  await problem.click();
  // The editor follows the list in its own time; a key that comes before is about another line.
  await until("cursor at the finding", 20, () => page.locator(".statusbar-item", { hasText: `${line},` }).isVisible());
  const fix = await quickFix(page);
  await shot(page, "fix");
  await fix.click();
  await command(page, "File: Save");
  await until("text changed by the fix", 20, () => text().includes(`"${layer}" = "int16"`));
  const same = page.locator(".markers-panel .monaco-list-row", { hasText: `layer ${layer} ` });
  await until("finding gone", PATIENCE, async () => (await same.count()) === 0);
  return layer;
}

async function figures(page, layer) {
  await command(page, "View: Toggle Panel Visibility");
  const line = page.locator(".view-line", { hasText: `"${layer}" = "int16"` }).first();
  await until("hint behind the precision", PATIENCE, async () => /alone .*%, cumulative .*%/.test((await line.innerText()).replaceAll("\u00a0", " ")));
  await page.mouse.move(...(await place(page, layer)));
  const hover = page.locator(".monaco-hover", { hasText: "error on the outputs if quantized alone" }).first();
  await until("hover with the layer's figures", 20, () => hover.isVisible());
  await shot(page, "hover");
  // The hover lies over what is clicked next.
  await page.mouse.move(640, 700);
  await hover.waitFor({ state: "hidden", timeout: 10000 });
  await page.mouse.click(...(await place(page, "esp32")));
  await command(page, "Trigger Suggest");
  await until("completion of targets", 20, () => row(page, ".suggest-widget", "esp32s31").isVisible());
  await page.keyboard.press("Escape");
}

async function layerList(page, layer) {
  await page.locator(".activitybar .action-item a[aria-label^='espq']").first().click();
  const first = page.locator(".pane-body .monaco-list-row[aria-level='1']").first();
  await until("tree of layers by error", 30, async () => /%/.test(await first.innerText().catch(() => "")));
  await first.click();
  await until("list of layers beside the configuration", 20, () => page.locator(".view-line", { hasText: /layers?:/ }).first().isVisible());
  await until("bars of the errors", 20, () => page.locator(".view-line", { hasText: "█" }).first().isVisible());
  await shot(page, "layers");

  // From the configuration to the list, and back.
  const editors = page.locator(".editor-group-container");
  await tab(page, "espq.toml").click();
  const [x, y] = await place(page, layer);
  await page.mouse.click(x, y);
  await command(page, "Go to Definition");
  const active = page.locator(".editor-group-container.active .tab.active");
  // Both have the file's name; the list is the one that is read-only.
  await until("definition of a layer: its line in the list", 20, async () => (await page.locator(".statusbar-item", { hasText: /Ln \d+/ }).innerText()) !== "" && (await editors.count()) >= 1 && (await listLine(page))?.startsWith(layer) === true);
  await command(page, "Go to Definition");
  await until("and back", 20, async () => (await cursorText(page)).includes(`"${layer}"`));
  return active;
}

/** Text of the line of the cursor in the active editor. */
async function cursorText(page) {
  const text = await page.evaluate(() => {
    const group = document.querySelector(".editor-group-container.active");
    const number = group?.querySelector(".line-numbers.active-line-number");
    const top = number?.parentElement?.style.top;
    const line = [...(group?.querySelectorAll(".view-line") ?? [])].find((line) => line.style.top === top);
    return line?.textContent ?? "";
  });
  return text.replaceAll("\u00a0", " ");
}

async function listLine(page) {
  const line = await cursorText(page);
  return line.includes("\"") ? undefined : line;
}

async function search(page) {
  const cancel = progress(page).locator("a, .monaco-button", { hasText: "Cancel" }).first();
  for (const time of ["first", "second"]) {
    await tab(page, "espq.toml").click();
    await command(page, "espq: Find the Smallest int16 Set");
    const ended = page.locator(".notification-list-item", { hasText: /at int16|No set of int16/ }).first();
    let quick = false;
    await until(`${time} search with its progress`, 30, async () => {
      quick = await ended.isVisible();
      return quick || (await cancel.isVisible());
    });
    if (quick) {
      console.log("vscode: (the search of this network ends before it can be cancelled)");
      await command(page, "Undo");
      await command(page, "File: Save");
      break;
    }
    if (time === "second") {
      await until("count and best of the search", 60, async () => page.locator(".statusbar-item", { hasText: /searching the smallest set: \d+ of \d+, .*% -> .*%/ }).first().isVisible());
      await shot(page, "search");
    }
    // The second may end by itself meanwhile; that it could start is what matters.
    await cancel.click({ timeout: 5000 }).catch((e) => {
      if (time === "first") throw e;
    });
    await until(`end of the ${time} search`, 20, async () => !(await progress(page).isVisible()));
  }
  await command(page, "Notifications: Clear All Notifications");
}

async function reportAndExport(page) {
  await tab(page, "espq.toml").click();
  await lens(page, "Report").click();
  await until("report in a panel", PATIENCE, async () => (await webview(page, ["Layers", "cumulative"])) !== undefined);
  await shot(page, "report");
  await closeOthers(page);
  await command(page, "View: Join All Editor Groups");
  await closeOthers(page);

  await command(page, "espq: Export .espdl");
  const made = () => ["espdl", "info", "json"].every((ending) => fs.existsSync(path.join(project, `model.${ending}`)));
  await until("export", PATIENCE, made);
  const inspected = spawnSync(espq, ["inspect", path.join(project, "model.espdl")], { encoding: "utf8" });
  if (inspected.status !== 0 || !/target: esp32/.test(inspected.stdout)) {
    throw new Error(`the exported file cannot be read back: ${inspected.stdout}${inspected.stderr}`);
  }
  const said = page.locator(".notification-list-item", { hasText: "Exported model.espdl" }).first();
  await until("message about the export", 20, () => said.isVisible());
  await command(page, "Notifications: Clear All Notifications");
}

async function menu(page, target, item) {
  await target.click({ button: "right" });
  const entry = page.locator(".context-view .action-label", { hasText: item }).first();
  // A menu that has just opened takes the first click for the end of the one that opened it.
  await until(`menu: ${item}`, 20, async () => {
    await entry.click({ timeout: 2000 }).catch(() => undefined);
    return !(await entry.isVisible());
  });
}

async function viewers(page) {
  await command(page, "View: Show Explorer");
  await row(page, ".explorer-folders-view", "model.espdl").dblclick();
  await until("viewer of the exported file", 30, async () => (await webview(page, ["runs on", "esp32", "exponent", "peak of values", "Layers, in the order"])) !== undefined);
  await shot(page, "viewer");

  await menu(page, row(page, ".explorer-folders-view", "model.onnx"), "Open With...");
  await row(page, ".quick-input-list", "Report of Its Project").click();
  await until("viewer of a project's model", PATIENCE, async () => (await webview(page, ["cumulative", "within the limit"])) !== undefined || (await webview(page, ["cumulative", "limit"])) !== undefined);

  await command(page, "espq: Compare Files");
  await row(page, ".quick-input-list", "before.espdl").click();
  await row(page, ".quick-input-list", "model.espdl").click();
  await until("differences of two files", 30, () => page.locator(".view-line", { hasText: /before\.espdl/ }).first().isVisible());
  await shot(page, "compare");
  await closeOthers(page);
  await command(page, "View: Join All Editor Groups");
  await closeOthers(page);

  await command(page, "espq: Explain a Rule");
  await page.locator(".quick-input-widget input").first().fill("E002");
  await row(page, ".quick-input-list", "E002").click();
  await until("page of a rule", 30, async () => (await webview(page, ["layer-over-limit", "Why is this bad"])) !== undefined);
}

async function first(page) {
  await command(page, "View: Show Explorer");
  await row(page, ".explorer-folders-view", "new").click();
  const model = page.locator(".explorer-folders-view .monaco-list-row[aria-level='2']", { hasText: "model.onnx" }).first();
  await model.waitFor({ timeout: 10000 });
  await menu(page, model, "Create espq.toml");
  await row(page, ".quick-input-list", "esp32p4").click();
  await until("espq.toml of a model", PATIENCE, () => fs.existsSync(path.join(project, "new/espq.toml")));
  await until("its report in the terminal, and the file in the editor", PATIENCE, () => page.locator(".view-line", { hasText: "Configuration of espq" }).first().isVisible());
  await shot(page, "init");
  await command(page, "View: Close All Editors");
  await command(page, "View: Toggle Panel Visibility");
  await command(page, "Welcome: Open Walkthrough...");
  await row(page, ".quick-input-list", "Get started with espq").click();
  await until("walkthrough", 20, () => page.locator(".getting-started-step, .step-list-container", { hasText: "Install espq" }).first().isVisible());
  await shot(page, "walkthrough");
}

/** A changed setting reaches the server, which then measures only when it is told to. */
async function configured(page) {
  await command(page, "View: Close All Editors");
  await command(page, "View: Show Explorer");
  await page.locator(".explorer-folders-view .monaco-list-row[aria-level='1']", { hasText: /^espq\.toml/ }).first().dblclick();
  await page.locator(".view-line").first().waitFor({ timeout: 20000 });
  fs.mkdirSync(path.join(project, ".vscode"));
  fs.writeFileSync(path.join(project, ".vscode/settings.json"), JSON.stringify({ "espq.analyze": "manual" }));
  await command(page, "Problems: Focus on Problems View");
  await filter(page, "not measured");
  await until("information that nothing is measured", 60, async () => {
    // The setting arrives in its own time; an edit that comes before it is measured.
    const box = await page.locator(".monaco-editor .view-lines").first().boundingBox();
    await page.mouse.click(box.x + 60, box.y + 10);
    await page.keyboard.press("Control+End");
    await page.keyboard.type("#\n");
    return row(page, ".markers-panel", "not measured").waitFor({ timeout: 3000 }).then(
      () => true,
      () => false,
    );
  });
  await command(page, "espq: Analyze");
  await until("measurement on command", PATIENCE, async () => !(await row(page, ".markers-panel", "not measured").isVisible()));
}

async function story(browser) {
  settings({ "espq.path": espq });
  const page = await open(browser);
  try {
    const layer = await findingAndFix(page);
    await figures(page, layer);
    await layerList(page, layer);
    await search(page);
    await reportAndExport(page);
    await viewers(page);
    await first(page);
    await configured(page);
  } catch (error) {
    await shot(page, "failed");
    throw error;
  } finally {
    await page.close();
  }
}

async function main() {
  for (const name of ["data", "extensions"]) {
    fs.rmSync(path.join(home, name), { recursive: true, force: true });
  }
  settings({});
  const installed = spawnSync(process.execPath, [program, ...folders, "--install-extension", vsix], { encoding: "utf8" });
  if (installed.status !== 0) {
    throw new Error(`the .vsix was not installed: ${installed.stdout}${installed.stderr}`);
  }
  const server = spawn(process.execPath, [program, ...folders, "--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"], {
    stdio: ["ignore", fs.openSync(path.join(home, "code-server.log"), "w"), fs.openSync(path.join(home, "code-server.err"), "w")],
  });
  let browser;
  try {
    await until("code-server", 60, () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false));
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    await missing(browser);
    await story(browser);
  } finally {
    await browser?.close();
    server.kill();
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`vscode: ${error.message}`);
    process.exit(1);
  },
);
