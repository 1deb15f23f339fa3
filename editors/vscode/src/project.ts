// Which configuration a command is about.

import * as vscode from "vscode";

/** Returns true for espq.toml and *.espq.toml, whichever language they have. */
export function isConfiguration(uri: vscode.Uri): boolean {
  return uri.scheme === "file" && /(^|[/.])espq\.toml$/.test(uri.path);
}

/** Returns the configuration of an argument (a lens, a menu), else the active editor's, else the only one, else a chosen one. */
export async function configuration(argument: unknown, latest?: vscode.Uri): Promise<vscode.Uri | undefined> {
  const given = typeof argument === "string" ? vscode.Uri.parse(argument) : argument instanceof vscode.Uri ? argument : undefined;
  if (given !== undefined && isConfiguration(given)) {
    return given;
  }
  const active = vscode.window.activeTextEditor?.document.uri ?? latest;
  if (active !== undefined && isConfiguration(active)) {
    return active;
  }
  if (latest !== undefined) {
    return latest;
  }
  const found = await vscode.workspace.findFiles("**/{espq.toml,*.espq.toml}", undefined, 200);
  if (found.length <= 1) {
    if (found.length === 0) {
      void vscode.window.showInformationMessage("There is no espq.toml in this workspace: `espq: Create espq.toml` writes one for a model.");
    }
    return found[0];
  }
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri })).sort((a, b) => a.label.localeCompare(b.label));
  return (await vscode.window.showQuickPick(items, { placeHolder: "The project" }))?.uri;
}

/** Returns the model or file that an explorer menu is about, else one that is chosen. */
export async function file(argument: unknown, endings: string[], title: string): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) {
    return argument;
  }
  const found = await vscode.workspace.findFiles(`**/*.{${endings.join(",")}}`, undefined, 500);
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri })).sort((a, b) => a.label.localeCompare(b.label));
  if (items.length === 0) {
    const other = await vscode.window.showOpenDialog({ title, filters: { [title]: endings } });
    return other?.[0];
  }
  return (await vscode.window.showQuickPick(items, { placeHolder: title }))?.uri;
}
