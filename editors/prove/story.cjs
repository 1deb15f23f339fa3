// The story in VS Code (code-server in Chromium): open, see squiggle and Problems entry, take the measured fix,
// see the text change and the finding go, hover, complete, export. Arguments: cache, vsix, espq, folder for screenshots.

const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const [cache, vsix, espq, shots] = process.argv.slice(2);
const { chromium } = require(path.join(cache, "npm/node_modules/playwright-core"));
const home = path.join(cache, "vscode");
const project = path.join(home, "project");
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
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input").first().fill(`>${name}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().click();
}

/** A window on the project, with espq.toml in the editor. */
async function open(browser) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(project)}`);
  const file = page.locator(".explorer-folders-view .monaco-list-row", { hasText: "espq.toml" });
  await file.waitFor({ timeout: 60000 });
  await file.dblclick();
  await page.locator(".view-line").first().waitFor({ timeout: 20000 });
  return page;
}

/** Where a text begins on the screen. A locator's own hover and click would scroll the editor's frame sideways. */
async function place(page, text) {
  const box = await page.locator(".view-line span span", { hasText: text }).first().boundingBox();
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

async function story(browser) {
  settings({ "espq.path": espq });
  const page = await open(browser);
  try {
    await until("squiggle", 60, () => page.locator(".squiggly-warning, .squiggly-error").first().isVisible());
    await command(page, "Problems: Focus on Problems View");
    const problem = page.locator(".markers-panel .monaco-list-row", { hasText: "over the limit" }).first();
    await until("Problems entry", 30, () => problem.isVisible());
    const [, layer] = /layer (\S+)/.exec(await problem.innerText()) ?? [];
    const [line] = /Ln \d+/.exec(await problem.innerText()) ?? [];
    await shot(page, "problem");

    await problem.click();
    // The editor follows the list in its own time; a key that comes before is about another line.
    await until("cursor at the finding", 20, () => page.locator(".statusbar-item", { hasText: `${line},` }).isVisible());
    const fix = page.locator(".action-widget .monaco-list-row", { hasText: "int16: output error" }).first();
    await until("measured quick fix", 20, async () => {
      // The list may take the focus back after the key, which then asks nobody: as a person would, once more.
      await page.locator(".monaco-editor textarea, .monaco-editor .native-edit-context").first().focus();
      await page.keyboard.press("Control+.");
      return fix.waitFor({ timeout: 3000 }).then(
        () => true,
        () => page.keyboard.press("Escape").then(() => false),
      );
    });
    await shot(page, "fix");
    await fix.click();
    await command(page, "File: Save");
    await until("text changed by the fix", 20, () => text().includes(`"${layer}" = "int16"`));
    const same = page.locator(".markers-panel .monaco-list-row", { hasText: `layer ${layer} ` });
    await until("finding gone", 40, async () => (await same.count()) === 0);

    await page.mouse.move(...(await place(page, layer)));
    const hover = page.locator(".monaco-hover", { hasText: "error on the outputs if quantized alone" }).first();
    await until("hover with the layer's figures", 20, () => hover.isVisible());
    // The hover lies over what is clicked next.
    await page.mouse.move(640, 460);
    await hover.waitFor({ state: "hidden", timeout: 10000 });
    await page.mouse.click(...(await place(page, "esp32s3")));
    await command(page, "Trigger Suggest");
    const target = page.locator(".suggest-widget .monaco-list-row", { hasText: "esp32s31" }).first();
    await until("completion of targets", 20, () => target.isVisible());
    await page.keyboard.press("Escape");

    await command(page, "espq: Export .espdl");
    const made = () => ["espdl", "info", "json"].every((ending) => fs.existsSync(path.join(project, `model.${ending}`)));
    await until("export", 40, made);
    const inspected = spawnSync(espq, ["inspect", path.join(project, "model.espdl")], { encoding: "utf8" });
    if (inspected.status !== 0 || !inspected.stdout.includes("esp32s3")) {
      throw new Error(`the exported file cannot be read back: ${inspected.stdout}${inspected.stderr}`);
    }
    const said = page.locator(".notification-list-item", { hasText: "Exported model.espdl" }).first();
    await until("message about the export", 20, () => said.isVisible());
    await shot(page, "fixed");
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
