// Read-only viewers: an .espdl file by `espq inspect`, and a model by the report of the project that reads it.

import * as vscode from "vscode";
import * as path from "node:path";
import { run } from "./program";
import { reportPage } from "./report";
import { modelPage, messagePage, Summary } from "./page";

class File implements vscode.CustomDocument {
  constructor(readonly uri: vscode.Uri) {}
  dispose(): void {}
}

/** Shows a page in a webview, and again whenever the file changes. */
abstract class Viewer implements vscode.CustomReadonlyEditorProvider<File> {
  constructor(protected readonly program: () => string | undefined) {}

  openCustomDocument(uri: vscode.Uri): File {
    return new File(uri);
  }

  async resolveCustomEditor(file: File, panel: vscode.WebviewPanel): Promise<void> {
    panel.webview.options = { enableScripts: true, enableCommandUris: ["espq.init", "espq.restart"], localResourceRoots: [] };
    const show = async (): Promise<void> => {
      const program = this.program();
      panel.webview.html =
        program === undefined
          ? messagePage("espq is not running", "Start it, then open the file again.", "espq.restart", "Restart Server")
          : await this.page(program, file.uri).catch((error: Error) => messagePage(path.basename(file.uri.fsPath), error.message));
    };
    const pattern = new vscode.RelativePattern(vscode.Uri.joinPath(file.uri, ".."), path.basename(file.uri.fsPath));
    const watcher = vscode.workspace.createFileSystemWatcher(pattern);
    watcher.onDidChange(show);
    watcher.onDidCreate(show);
    panel.onDidDispose(() => watcher.dispose());
    await show();
  }

  protected abstract page(program: string, file: vscode.Uri): Promise<string>;
}

/** Layers, exponents, weights and memory of an exported file. */
export class EspdlViewer extends Viewer {
  protected async page(program: string, file: vscode.Uri): Promise<string> {
    const summary = JSON.parse(await run(program, ["inspect", "--format", "json", file.fsPath])) as Summary;
    return modelPage(path.basename(file.fsPath), summary);
  }
}

/** The report of the project that reads the model; without one, the way to make it. */
export class ModelViewer extends Viewer {
  protected async page(program: string, file: vscode.Uri): Promise<string> {
    const owner = await ownerOf(program, file);
    const name = path.basename(file.fsPath);
    return owner === undefined
      ? messagePage(name, "No espq.toml reads this model, so nothing is known about it on the chip.", "espq.init", "Create espq.toml", file)
      : reportPage(program, owner);
  }
}

/** Returns the first configuration that reads a model, as `espq lint` finds it. */
async function ownerOf(program: string, model: vscode.Uri): Promise<vscode.Uri | undefined> {
  const folder = path.dirname(model.fsPath);
  const shown = await run(program, ["lint", "--show-files", model.fsPath], { cwd: folder }).catch(() => "");
  const first = shown.split("\n").find((line) => line.endsWith("espq.toml"));
  return first === undefined ? undefined : vscode.Uri.file(path.resolve(folder, first));
}
