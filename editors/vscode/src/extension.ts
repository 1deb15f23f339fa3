// The editor's side of espq: finds the program, starts it as a language server, offers commands.
// Findings and fixes come from the server; this file makes no decisions about a project.

import * as vscode from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions, State, Trace } from "vscode-languageclient/node";
import { LayerListFeature, Layers, SCHEME } from "./layers";
import { showReport } from "./report";
import { findServer, MissingServer } from "./server";

let client: LanguageClient | undefined;
let output: vscode.OutputChannel;
let status: vscode.StatusBarItem;
let program: string | undefined;
const layers = new Layers(() => client);

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  output = vscode.window.createOutputChannel("espq");
  status = vscode.window.createStatusBarItem("espq.status", vscode.StatusBarAlignment.Left);
  status.name = "espq";
  status.command = "espq.showOutput";
  context.subscriptions.push(
    output,
    status,
    vscode.commands.registerCommand("espq.analyzeDocument", () => runOnDocument("espq.analyze")),
    vscode.commands.registerCommand("espq.exportDocument", () => runOnDocument("espq.export")),
    vscode.commands.registerCommand("espq.smallestSetDocument", () => runOnDocument("espq.smallestSet")),
    vscode.commands.registerCommand("espq.reportDocument", () => report()),
    vscode.commands.registerCommand("espq.layers", () => layers.open()),
    vscode.commands.registerCommand("espq.openLayer", (layer) => layers.open(layer)),
    vscode.window.registerTreeDataProvider("espq.layers", layers),
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, layers),
    vscode.window.onDidChangeActiveTextEditor((editor) => showLayers(editor)),
    vscode.commands.registerCommand("espq.restart", () => restart(context)),
    vscode.commands.registerCommand("espq.showOutput", () => output.show(true)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("espq.path")) {
        void restart(context);
      } else if (change.affectsConfiguration("espq.trace.server")) {
        void client?.setTrace(traceLevel());
      }
    }),
  );
  await start(context);
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function start(context: vscode.ExtensionContext): Promise<void> {
  let command: string;
  try {
    command = findServer(vscode.workspace.getConfiguration("espq").get("path", ""), context.extensionPath);
  } catch (error) {
    await reportFailure(error);
    return;
  }
  program = command;
  output.appendLine(`server: ${command} lsp`);
  const server: ServerOptions = { command, args: ["lsp"] };
  const options: LanguageClientOptions = {
    documentSelector: [
      { language: "espq" },
      // Another extension may own the file's language, so its name is matched.
      { scheme: "file", pattern: "**/espq.toml" },
      { scheme: "file", pattern: "**/*.espq.toml" },
      { scheme: SCHEME },
    ],
    outputChannel: output,
  };
  const started = new LanguageClient("espq", "espq", server, options);
  client = started;
  started.registerFeature(new LayerListFeature());
  started.onDidChangeState(({ newState }) => showState(newState));
  try {
    await started.start();
    started.onNotification("espq/layersChanged", ({ uri }: { uri: string }) => layers.refresh(uri));
    await started.setTrace(traceLevel());
    showLayers(vscode.window.activeTextEditor);
  } catch (error) {
    await reportFailure(error);
  }
}

/** Shows the layers of the configuration that is edited; those of the last one stay while another file is. */
function showLayers(editor: vscode.TextEditor | undefined): void {
  const document = editor?.document;
  if (document?.uri.scheme === "file" && /(^|[/.])espq\.toml$/.test(document.uri.path)) {
    void layers.show(document.uri);
  }
}

async function report(): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document === undefined || document.uri.scheme !== "file" || program === undefined) {
    await vscode.window.showInformationMessage("espq needs an espq.toml in the active editor: open one.");
    return;
  }
  try {
    await document.save();
    await showReport(program, document.uri);
  } catch (error) {
    await failed("report", error);
  }
}

async function failed(command: string, error: unknown): Promise<void> {
  output.appendLine(`${command}: ${message(error)}`);
  const show = "Show Output";
  if ((await vscode.window.showErrorMessage(message(error), show)) === show) {
    output.show(true);
  }
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  // A server that never started cannot be stopped.
  if (running?.state === State.Running) {
    await running.stop();
  }
}

async function restart(context: vscode.ExtensionContext): Promise<void> {
  await stop();
  await start(context);
}

async function runOnDocument(command: string): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document === undefined || document.uri.scheme !== "file") {
    await vscode.window.showInformationMessage("espq needs an espq.toml in the active editor: open one.");
    return;
  }
  if (client?.state !== State.Running) {
    await reportFailure(new Error("The espq server is not running."));
    return;
  }
  try {
    await client.sendRequest("workspace/executeCommand", { command, arguments: [document.uri.toString()] });
  } catch (error) {
    await failed(command, error);
  }
}

function showState(state: State): void {
  const [text, tooltip] =
    state === State.Running
      ? ["$(check) espq", "espq is running. Click for its output."]
      : state === State.Starting
        ? ["$(sync~spin) espq", "espq is starting."]
        : ["$(error) espq", "espq is not running. Click for its output; `espq: Restart Server` starts it."];
  status.text = text;
  status.tooltip = tooltip;
  status.show();
}

async function reportFailure(error: unknown): Promise<void> {
  showState(State.Stopped);
  output.appendLine(message(error));
  const actions = error instanceof MissingServer ? ["Open Settings", "Show Output"] : ["Restart Server", "Show Output"];
  // Not awaited by the caller's start-up: the message stays until it is answered.
  void vscode.window.showErrorMessage(message(error), ...actions).then((choice) => {
    if (choice === "Open Settings") {
      return vscode.commands.executeCommand("workbench.action.openSettings", "espq.path");
    }
    if (choice === "Restart Server") {
      return vscode.commands.executeCommand("espq.restart");
    }
    return choice === "Show Output" ? output.show(true) : undefined;
  });
}

function traceLevel(): Trace {
  return Trace.fromString(vscode.workspace.getConfiguration("espq").get("trace.server", "off"));
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
