// The report as a panel beside the editor: the page that `espq report --format html` writes.

import * as vscode from "vscode";
import { run } from "./program";

const panels = new Map<string, vscode.WebviewPanel>();

/** Measures the saved configuration and shows its page; a panel that is there already gets the new page. */
export async function showReport(program: string, project: vscode.Uri): Promise<void> {
  const page = await reportPage(program, project);
  const known = panels.get(project.toString());
  if (known !== undefined) {
    known.webview.html = page;
    known.reveal(undefined, true);
    return;
  }
  const name = vscode.workspace.asRelativePath(project);
  const panel = vscode.window.createWebviewPanel("espq.report", `Report: ${name}`, vscode.ViewColumn.Beside, {
    enableScripts: true,
    enableFindWidget: true,
    retainContextWhenHidden: true,
    localResourceRoots: [],
  });
  panels.set(project.toString(), panel);
  panel.onDidDispose(() => panels.delete(project.toString()));
  panel.webview.html = page;
}

export async function reportPage(program: string, project: vscode.Uri): Promise<string> {
  const progress = { location: vscode.ProgressLocation.Notification, title: "espq: report", cancellable: true };
  const arguments_ = ["report", "--format", "html", project.fsPath];
  const page = await vscode.window.withProgress(progress, (_, cancelled) => run(program, arguments_, { cancelled }));
  return themed(page);
}

/** The page follows the system; in the editor, it follows the editor. */
function themed(page: string): string {
  const { kind } = vscode.window.activeColorTheme;
  const isDark = kind === vscode.ColorThemeKind.Dark || kind === vscode.ColorThemeKind.HighContrast;
  return page
    .replace("color-scheme: light dark", `color-scheme: ${isDark ? "dark" : "light"}`)
    .replaceAll("(prefers-color-scheme: dark)", isDark ? "all" : "not all");
}
