// The Python environment that is selected: of the Python extension, else the one that the window or the workspace has.

import * as vscode from "vscode";
import * as fs from "node:fs";
import * as path from "node:path";

/** Part of the Python extension's interface that is used here. */
interface PythonApi {
  environments?: {
    getActiveEnvironmentPath(): { path: string };
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

const WINDOWS = process.platform === "win32";

async function api(): Promise<PythonApi["environments"]> {
  const extension = vscode.extensions.getExtension<PythonApi>("ms-python.python");
  return (await extension?.activate())?.environments;
}

/** Returns the path of the selected interpreter. An environment in the workspace counts only if the workspace is trusted. */
export async function selectedPython(): Promise<string | undefined> {
  const active = await api().then(
    (environments) => environments?.getActiveEnvironmentPath().path,
    () => undefined,
  );
  const trusted = vscode.workspace.isTrusted ? (vscode.workspace.workspaceFolders ?? []) : [];
  const roots = [
    process.env.VIRTUAL_ENV,
    ...trusted.flatMap(({ uri }) => [path.join(uri.fsPath, ".venv"), path.join(uri.fsPath, "venv")]),
    process.env.CONDA_PREFIX,
  ];
  const inside = (root: string): string => (WINDOWS ? path.join(root, "Scripts", "python.exe") : path.join(root, "bin", "python"));
  const candidates = [active, ...roots.map((root) => (root === undefined ? undefined : inside(root)))];
  return candidates.find((file) => file !== undefined && path.isAbsolute(file) && fs.existsSync(file));
}

/** Calls back when another environment is selected. */
export async function onPythonSelected(changed: () => void): Promise<vscode.Disposable | undefined> {
  return api().then(
    (environments) => environments?.onDidChangeActiveEnvironmentPath(changed),
    () => undefined,
  );
}
