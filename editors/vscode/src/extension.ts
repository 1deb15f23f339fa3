// The editor's side of espq: starts the program as a language server, and offers commands, views and viewers.
// Findings and fixes come from the server; nothing here makes decisions about a project.

import * as vscode from "vscode";
import { LanguageClient, State } from "vscode-languageclient/node";
import { makeClient, traceLevel } from "./client";
import { registerCommands } from "./commands";
import { Layer, Layers, SCHEME } from "./layers";
import { findProgram, mismatch, MissingProgram, Program } from "./program";
import { isConfiguration } from "./project";
import { onPythonSelected, selectedPython } from "./python";
import { AT_START, isEnabled, setting } from "./settings";
import { Status } from "./status";
import { registerTexts } from "./texts";
import { EspdlViewer, ModelViewer } from "./viewer";

let client: LanguageClient | undefined;
let program: Program | undefined;
let output: vscode.OutputChannel;

const layers = new Layers(() => client);
const status = new Status(() => layers);

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  output = vscode.window.createOutputChannel("espq");
  const path = (): string | undefined => program?.path;
  const tree = vscode.window.createTreeView("espq.layers", { treeDataProvider: layers, showCollapseAll: false });
  const viewers = { webviewOptions: { retainContextWhenHidden: true, enableFindWidget: true } };
  context.subscriptions.push(
    output,
    status,
    tree,
    ...registerTexts(path),
    ...registerCommands({ program: path, client: () => client, layers, output, failed }),
    vscode.commands.registerCommand("espq.layers", () => layers.open()),
    vscode.commands.registerCommand("espq.openLayer", (layer: Layer) => layers.open(layer)),
    vscode.commands.registerCommand("espq.sortByError", () => layers.sort("alone")),
    vscode.commands.registerCommand("espq.sortByOrder", () => layers.sort("graph")),
    vscode.commands.registerCommand("espq.restart", () => restart(context)),
    vscode.commands.registerCommand("espq.showOutput", () => output.show(true)),
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, layers),
    vscode.window.registerCustomEditorProvider("espq.espdl", new EspdlViewer(path), viewers),
    vscode.window.registerCustomEditorProvider("espq.model", new ModelViewer(path), viewers),
    vscode.window.onDidChangeActiveTextEditor((editor) => showLayers(editor?.document)),
    vscode.workspace.onDidOpenTextDocument((document) => void leaveToml(document)),
    layers.onVerdict(() => {
      tree.message = layers.verdict?.text && `Output error: ${layers.verdict.text}`;
      status.show();
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (AT_START.some((name) => change.affectsConfiguration(name))) {
        void restart(context);
      } else if (change.affectsConfiguration("espq.trace.server")) {
        void client?.setTrace(traceLevel());
      }
    }),
  );
  const python = await onPythonSelected(() => {
    if (setting("path") === "") {
      void restart(context);
    }
  });
  context.subscriptions.push(...(python === undefined ? [] : [python]));
  await Promise.all(vscode.workspace.textDocuments.map(leaveToml));
  await start(context);
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function start(context: vscode.ExtensionContext): Promise<void> {
  if (!isEnabled()) {
    status.set("off");
    return;
  }
  try {
    program = await findProgram(context.extensionPath);
    status.program = program;
    output.appendLine(`server: ${program.path} (espq ${program.version}, ${program.place})`);
    const wrong = mismatch(program, context.extension.packageJSON.version as string);
    if (wrong !== undefined) {
      output.appendLine(wrong);
      void vscode.window.showWarningMessage(wrong);
    }
    client = makeClient(program, output, (state) => status.set(state));
    await client.start();
    client.onNotification("espq/layersChanged", ({ uri }: { uri: string }) => layers.refresh(uri));
    await client.setTrace(traceLevel());
    showLayers(vscode.window.activeTextEditor?.document);
  } catch (error) {
    await startFailed(error);
  }
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  program = undefined;
  // A server that never started cannot be stopped.
  if (running?.state === State.Running) {
    await running.stop();
  }
}

async function restart(context: vscode.ExtensionContext): Promise<void> {
  await stop();
  await start(context);
}

/** Shows the layers of the configuration that is edited; those of the last one stay while another file is. */
function showLayers(document: vscode.TextDocument | undefined): void {
  if (document !== undefined && isConfiguration(document.uri)) {
    void layers.show(document.uri);
  }
}

/** Gives the file to the language `toml` where another extension has it, with its formatter and its schemas. */
async function leaveToml(document: vscode.TextDocument): Promise<void> {
  if (document.languageId === "espq" && (await vscode.languages.getLanguages()).includes("toml")) {
    await vscode.languages.setTextDocumentLanguage(document, "toml");
  }
}

async function failed(command: string, error: unknown): Promise<void> {
  output.appendLine(`${command}: ${message(error)}`);
  if ((await vscode.window.showErrorMessage(message(error), "Show Output")) === "Show Output") {
    output.show(true);
  }
}

async function startFailed(error: unknown): Promise<void> {
  status.set(State.Stopped);
  output.appendLine(message(error));
  const isMissing = error instanceof MissingProgram;
  const actions = isMissing ? ["Install with pip", "Open Settings", "Show Output"] : ["Restart Server", "Show Output"];
  // Not awaited by the caller's start-up: the message stays until it is answered.
  void vscode.window.showErrorMessage(message(error), ...actions).then(async (choice) => {
    switch (choice) {
      case "Install with pip":
        return install();
      case "Open Settings":
        return vscode.commands.executeCommand("workbench.action.openSettings", "@ext:espq.espq espq.path");
      case "Restart Server":
        return vscode.commands.executeCommand("espq.restart");
      case "Show Output":
        return output.show(true);
      default:
        return undefined;
    }
  });
}

/** Installs the program into the selected Python environment, in a terminal, and starts it. */
async function install(): Promise<void> {
  const python = (await selectedPython()) ?? (process.platform === "win32" ? "python" : "python3");
  const command = new vscode.ProcessExecution(python, ["-m", "pip", "install", "espq"]);
  const task = new vscode.Task({ type: "espq" }, vscode.TaskScope.Workspace, "install", "espq", command, []);
  const running = await vscode.tasks.executeTask(task);
  const ended = vscode.tasks.onDidEndTaskProcess((end) => {
    if (end.execution === running) {
      ended.dispose();
      if (end.exitCode === 0) {
        void vscode.commands.executeCommand("espq.restart");
      }
    }
  });
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
