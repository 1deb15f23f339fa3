// Read-only documents: pages of the rules, and output of commands.

import * as vscode from "vscode";
import { run } from "./program";

/** Scheme of the pages that a diagnostic's code leads to. */
export const RULES = "espq-rule";
const OUTPUT = "espq-output";

const printed = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();

export function registerTexts(program: () => string | undefined): vscode.Disposable[] {
  const rules: vscode.TextDocumentContentProvider = {
    async provideTextDocumentContent(uri) {
      const file = program();
      const code = /([A-Z]\d{3})/.exec(uri.path)?.[1];
      return file === undefined || code === undefined ? "" : run(file, ["explain", code]);
    },
  };
  const output: vscode.TextDocumentContentProvider = {
    onDidChange: changed.event,
    provideTextDocumentContent: (uri) => printed.get(uri.path) ?? "",
  };
  return [
    vscode.workspace.registerTextDocumentContentProvider(RULES, rules),
    vscode.workspace.registerTextDocumentContentProvider(OUTPUT, output),
  ];
}

/** Shows a rule's page as Markdown. */
export async function showRule(code: string): Promise<void> {
  const page = vscode.Uri.from({ scheme: RULES, path: `/${code}.md` });
  await vscode.commands.executeCommand("markdown.showPreview", page).then(undefined, () => vscode.window.showTextDocument(page));
}

/** Shows what a command has printed. */
export async function showText(name: string, text: string): Promise<void> {
  const uri = vscode.Uri.from({ scheme: OUTPUT, path: `/${name}` });
  printed.set(uri.path, text);
  changed.fire(uri);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { viewColumn: vscode.ViewColumn.Beside, preview: true });
}
