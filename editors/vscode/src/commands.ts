// Commands: those of the server, those that run the program, and those that only show something.

import * as vscode from "vscode";
import * as path from "node:path";
import { LanguageClient, State } from "vscode-languageclient/node";
import { Layers } from "./layers";
import { run } from "./program";
import { configuration, file } from "./project";
import { showReport } from "./report";
import { environment } from "./settings";
import { showRule, showText } from "./texts";

interface Context {
  program: () => string | undefined;
  client: () => LanguageClient | undefined;
  layers: Layers;
  output: vscode.OutputChannel;
  failed: (command: string, error: unknown) => Promise<void>;
}

const MODELS = ["onnx", "tflite"];

export function registerCommands(context: Context): vscode.Disposable[] {
  const { layers } = context;
  const server = (command: string, search?: string) => async (argument: unknown) => {
    const project = await configuration(argument, layers.project);
    if (project !== undefined) {
      await (search === undefined ? onServer(context, command, project) : searched(context, command, project, search));
    }
  };
  const commands: Record<string, (...arguments_: never[]) => unknown> = {
    "espq.analyzeDocument": server("espq.analyze"),
    "espq.exportDocument": server("espq.export"),
    "espq.smallestSetDocument": server("espq.smallestSet", "searching the smallest int16 set"),
    "espq.reportDocument": (argument: unknown) => report(context, argument),
    "espq.optimizeDocument": (argument: unknown) => optimize(context, argument),
    "espq.init": (model: unknown) => init(context, model),
    "espq.explain": () => explain(context),
    "espq.inspect": (argument: unknown) => inspect(argument),
    "espq.compare": (one: unknown, all: unknown) => compare(context, one, all),
    "espq.selectReason": (uri: string, word: string) => selectReason(uri, word),
    "espq.menu": () => menu(),
  };
  return Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(name, async (...arguments_: never[]) => {
      try {
        return await run(...arguments_);
      } catch (error) {
        return context.failed(name, error);
      }
    }),
  );
}

/** Runs a command of the server on a configuration, which it must have open. */
async function onServer(context: Context, command: string, project: vscode.Uri, cancelled?: vscode.CancellationToken): Promise<void> {
  const client = context.client();
  if (client?.state !== State.Running) {
    throw new Error("The espq server is not running: `espq: Restart Server` starts it.");
  }
  await vscode.workspace.openTextDocument(project);
  const parameters = { command, arguments: [project.toString()] };
  // A token that is undefined would count as a parameter.
  await (cancelled === undefined
    ? client.sendRequest("workspace/executeCommand", parameters)
    : client.sendRequest("workspace/executeCommand", parameters, cancelled));
}

/** Runs a search with a button that cancels it; the status bar has its count and its best result. */
async function searched(context: Context, command: string, project: vscode.Uri, title: string): Promise<void> {
  const progress = { location: vscode.ProgressLocation.Notification, title: `espq: ${title}`, cancellable: true };
  await vscode.window.withProgress(progress, async (_, cancelled) => {
    try {
      await onServer(context, command, project, cancelled);
    } catch (error) {
      if (!cancelled.isCancellationRequested) {
        throw error;
      }
    }
  });
}

function programOf(context: Context): string {
  const program = context.program();
  if (program === undefined) {
    throw new Error("The espq program is not there: `pip install espq`, then `espq: Restart Server`.");
  }
  return program;
}

/** Saves the text of a configuration before the program reads its file. */
async function saved(project: vscode.Uri): Promise<void> {
  await vscode.workspace.textDocuments.find((document) => document.uri.toString() === project.toString())?.save();
}

async function report(context: Context, argument: unknown): Promise<void> {
  const project = await configuration(argument, context.layers.project);
  if (project !== undefined) {
    await saved(project);
    await showReport(programOf(context), project);
  }
}

/** Runs the program in a terminal, where it shows its progress and asks. */
async function inTerminal(context: Context, name: string, args: string[], cwd: string): Promise<number | undefined> {
  const command = new vscode.ProcessExecution(programOf(context), args, { cwd, env: environment() });
  const task = new vscode.Task({ type: "espq" }, vscode.TaskScope.Workspace, name, "espq", command, []);
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true, showReuseMessage: false };
  const running = await vscode.tasks.executeTask(task);
  return new Promise((resolve) => {
    const ended = vscode.tasks.onDidEndTaskProcess((end) => {
      if (end.execution === running) {
        ended.dispose();
        resolve(end.exitCode);
      }
    });
  });
}

async function optimize(context: Context, argument: unknown): Promise<void> {
  const project = await configuration(argument, context.layers.project);
  if (project !== undefined) {
    await saved(project);
    await inTerminal(context, "optimize", ["optimize", project.fsPath], path.dirname(project.fsPath));
  }
}

/** Writes an espq.toml beside a model, and opens it. */
async function init(context: Context, argument: unknown): Promise<void> {
  const model = await file(argument, MODELS, "The model");
  if (model === undefined) {
    return;
  }
  const target = await vscode.window.showQuickPick(TARGETS, { placeHolder: "The chip" });
  if (target === undefined) {
    return;
  }
  const folder = path.dirname(model.fsPath);
  const code = await inTerminal(context, "init", ["init", path.basename(model.fsPath), "--target", target, "--output", folder], folder);
  const written = vscode.Uri.file(path.join(folder, "espq.toml"));
  if (code === 0) {
    await vscode.window.showTextDocument(written);
  }
}

const TARGETS = ["esp32p4", "esp32s31", "esp32s3", "esp32", "esp32s2", "esp32c2", "esp32c3", "esp32c5", "esp32c6", "c"];

/** Shows the page of a rule: of a finding at the cursor first. */
async function explain(context: Context): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const found = editor === undefined ? [] : vscode.languages.getDiagnostics(editor.document.uri);
  const here = found.filter((one) => one.source === "espq" && editor !== undefined && one.range.start.line === editor.selection.active.line);
  const codes = new Set(here.map((one) => (typeof one.code === "object" ? String(one.code.value) : String(one.code))));
  const rules = JSON.parse(await run(programOf(context), ["explain", "--all", "--format", "json"])) as { code: string; name: string }[];
  const items = rules
    .map((rule) => ({ label: rule.code, description: rule.name }))
    .sort((a, b) => Number(codes.has(b.label)) - Number(codes.has(a.label)) || a.label.localeCompare(b.label));
  const chosen = codes.size === 1 ? items[0] : await vscode.window.showQuickPick(items, { placeHolder: "The rule", matchOnDescription: true });
  if (chosen !== undefined) {
    await showRule(chosen.label);
  }
}

async function inspect(argument: unknown): Promise<void> {
  const chosen = await file(argument, ["espdl"], "The .espdl file");
  if (chosen !== undefined) {
    await vscode.commands.executeCommand("vscode.openWith", chosen, "espq.espdl");
  }
}

/** Shows how two .espdl files, or two projects, differ. Two files are selected in the explorer, or the second is chosen. */
async function compare(context: Context, one: unknown, all: unknown): Promise<void> {
  const selected = Array.isArray(all) ? all.filter((uri): uri is vscode.Uri => uri instanceof vscode.Uri) : [];
  const first = selected.length === 2 ? selected[0] : await file(one, ["espdl", "toml"], "The file before");
  if (first === undefined) {
    return;
  }
  const ending = path.extname(first.fsPath).slice(1);
  const second = selected.length === 2 ? selected[1] : await file(undefined, [ending], `To compare with ${path.basename(first.fsPath)}`);
  if (second === undefined) {
    return;
  }
  const progress = { location: vscode.ProgressLocation.Notification, title: "espq: compare", cancellable: true };
  const arguments_ = ["compare", "--color", "never", first.fsPath, second.fsPath];
  const text = await vscode.window.withProgress(progress, (_, cancelled) => run(programOf(context), arguments_, { cancelled }));
  const names = [first, second].map((uri) => vscode.workspace.asRelativePath(uri));
  await showText(`${path.basename(first.fsPath)} and ${path.basename(second.fsPath)}`, `${names.join("  ->  ")}\n\n${text}`);
}

/** Selects the word that stands for a reason, to be typed over. */
async function selectReason(uri: string, word: string): Promise<void> {
  const editor = vscode.window.visibleTextEditors.find((editor) => editor.document.uri.toString() === vscode.Uri.parse(uri).toString());
  const found = editor?.document.getText().lastIndexOf(`] ${word}`) ?? -1;
  if (editor === undefined || found < 0) {
    return;
  }
  const start = editor.document.positionAt(found + 2);
  editor.selection = new vscode.Selection(start, start.translate(0, word.length));
  editor.revealRange(editor.selection);
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
}

async function menu(): Promise<void> {
  const items = [
    { label: "$(graph) Report", command: "espq.reportDocument" },
    { label: "$(list-flat) List layers", command: "espq.layers" },
    { label: "$(export) Export .espdl", command: "espq.exportDocument" },
    { label: "$(wand) Optimize", command: "espq.optimizeDocument" },
    { label: "$(search) Find the smallest int16 set", command: "espq.smallestSetDocument" },
    { label: "$(pulse) Analyze again", command: "espq.analyzeDocument" },
    { label: "$(book) Explain a rule", command: "espq.explain" },
    { label: "$(debug-restart) Restart server", command: "espq.restart" },
    { label: "$(output) Show output", command: "espq.showOutput" },
    { label: "$(gear) Settings", command: "workbench.action.openSettings", argument: "@ext:espq.espq" },
  ];
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: "espq" });
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(chosen.command, ...(chosen.argument === undefined ? [] : [chosen.argument]));
  }
}
