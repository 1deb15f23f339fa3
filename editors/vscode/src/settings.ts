// Settings of the extension. Those that the server reads reach it by the protocol.

import * as vscode from "vscode";

export function setting(name: "path" | "cacheFolder"): string {
  return vscode.workspace.getConfiguration("espq").get(name, "");
}

export function isEnabled(): boolean {
  return vscode.workspace.getConfiguration("espq").get("enable", true);
}

export function serverArguments(): string[] {
  return vscode.workspace.getConfiguration("espq").get<string[]>("arguments", []);
}

/** Variables for every start of the program. */
export function environment(): Record<string, string> {
  const chosen = vscode.workspace.getConfiguration("espq").get<Record<string, string>>("environment", {});
  const cache = setting("cacheFolder");
  return { ...chosen, ...(cache === "" ? {} : { ESPQ_CACHE_DIR: cache }) };
}

/** Settings that take effect when the server is started again. */
export const AT_START = ["espq.enable", "espq.path", "espq.arguments", "espq.environment", "espq.cacheFolder"];
