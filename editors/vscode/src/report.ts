// The report as a panel beside the editor: the page that `espq report --format html` writes.

import * as vscode from "vscode";
import { execFile } from "node:child_process";

const LARGEST = 256 * 1024 * 1024;

/** Measures the saved configuration and shows its page. */
export async function showReport(program: string, project: vscode.Uri): Promise<void> {
  const progress = { location: vscode.ProgressLocation.Notification, title: "espq: report", cancellable: true };
  const page = await vscode.window.withProgress(progress, (_, cancelled) => run(program, project.fsPath, cancelled));
  const panel = vscode.window.createWebviewPanel("espq.report", "espq report", vscode.ViewColumn.Beside, {
    enableScripts: true,
    retainContextWhenHidden: true,
    localResourceRoots: [],
  });
  panel.webview.html = page;
}

function run(program: string, file: string, cancelled: vscode.CancellationToken): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, ["report", "--format", "html", file], { maxBuffer: LARGEST }, (error, page, errors) =>
      error === null ? resolve(page) : reject(new Error(errors.trim() || error.message)),
    );
    cancelled.onCancellationRequested(() => child.kill());
  });
}
