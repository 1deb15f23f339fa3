// The language server's process, and what this client announces to it.

import * as vscode from "vscode";
import {
  ClientCapabilities,
  FeatureState,
  LanguageClient,
  LanguageClientOptions,
  ServerOptions,
  State,
  StaticFeature,
  Trace,
} from "vscode-languageclient/node";
import { SCHEME } from "./layers";
import { Program } from "./program";
import { environment, serverArguments } from "./settings";

/** Announces what only this extension has: the list of layers, pages of the rules, and commands for lenses and actions. */
class OwnFeatures implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...capabilities.experimental, layerList: true, rulePages: true, commands: true };
  }
  initialize(): void {}
  getState(): FeatureState {
    return { kind: "static" };
  }
  clear(): void {}
}

export function makeClient(program: Program, output: vscode.OutputChannel, told: (state: State) => void): LanguageClient {
  const server: ServerOptions = {
    command: program.path,
    args: ["lsp", ...serverArguments()],
    options: { env: { ...process.env, ...environment() } },
  };
  const options: LanguageClientOptions = {
    documentSelector: [
      { language: "espq" },
      // Another extension may own the file's language, so its name is matched.
      { scheme: "file", pattern: "**/espq.toml" },
      { scheme: "file", pattern: "**/*.espq.toml" },
      { scheme: SCHEME },
    ],
    outputChannel: output,
    synchronize: { configurationSection: "espq" },
    // Until the server has asked for them.
    initializationOptions: { ...vscode.workspace.getConfiguration("espq") },
    connectionOptions: { maxRestartCount: 3 },
  };
  const client = new LanguageClient("espq", "espq", server, options);
  client.registerFeature(new OwnFeatures());
  client.onDidChangeState(({ newState }) => told(newState));
  return client;
}

export function traceLevel(): Trace {
  return Trace.fromString(vscode.workspace.getConfiguration("espq").get("trace.server", "off"));
}
