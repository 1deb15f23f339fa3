// The status item: the network's error if the server runs, else what is wrong with the server.

import * as vscode from "vscode";
import { State } from "vscode-languageclient/node";
import { Verdict } from "./layers";
import { Program } from "./program";

export class Status {
  private readonly item = vscode.window.createStatusBarItem("espq.status", vscode.StatusBarAlignment.Left);
  private state: State | "off" = State.Stopped;

  program: Program | undefined;

  constructor(private readonly judged: () => { project?: vscode.Uri; verdict?: Verdict }) {
    this.item.name = "espq";
    this.item.command = "espq.menu";
  }

  dispose(): void {
    this.item.dispose();
  }

  set(state: State | "off"): void {
    this.state = state;
    this.show();
  }

  show(): void {
    const [text, words] = this.words();
    this.item.text = text;
    this.item.tooltip = tooltip(words, this.program, this.state === State.Running);
    this.item.backgroundColor = this.state === State.Stopped ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    this.item.show();
  }

  private words(): [string, string] {
    switch (this.state) {
      case "off":
        return ["$(circle-slash) espq", "espq is switched off by the setting espq.enable."];
      case State.Starting:
        return ["$(sync~spin) espq", "espq is starting."];
      case State.Stopped:
        return ["$(error) espq", "espq is not running."];
      default:
        return this.network();
    }
  }

  private network(): [string, string] {
    const { project, verdict } = this.judged();
    if (project === undefined) {
      return ["$(check) espq", "espq is running. Open an espq.toml to see the error of its network."];
    }
    const name = vscode.workspace.asRelativePath(project);
    if (verdict?.text === undefined) {
      return ["$(watch) espq", `${name}: not measured.`];
    }
    const icon = !verdict.isFinal ? "$(sync)" : verdict.isOver ? "$(warning)" : "$(check)";
    const state = verdict.isFinal ? (verdict.isOver ? "over the limit" : "within the limit") : "not of the current text yet";
    return [`${icon} espq: ${verdict.text.replace(/ \(.*$/, "")}`, `${name}: error of ${verdict.text}, ${state}.`];
  }
}

function tooltip(words: string, program: Program | undefined, isRunning: boolean): vscode.MarkdownString {
  const text = new vscode.MarkdownString(undefined, true);
  text.isTrusted = { enabledCommands: ["espq.reportDocument", "espq.layers", "espq.exportDocument", "espq.restart", "espq.showOutput"] };
  text.appendText(words);
  const links = isRunning
    ? "[Report](command:espq.reportDocument) · [Layers](command:espq.layers) · [Export](command:espq.exportDocument) · [Output](command:espq.showOutput)"
    : "[Restart Server](command:espq.restart) · [Output](command:espq.showOutput)";
  text.appendMarkdown(`\n\n${links}\n\n`);
  if (program !== undefined) {
    text.appendText(`espq ${program.version} of ${program.place}: ${program.path}`);
  }
  return text;
}
