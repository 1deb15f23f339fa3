// Location of the espq program: the setting, then PATH, then the one packed into this extension.

import * as fs from "node:fs";
import * as path from "node:path";

/** No espq program was found, or the one in the setting cannot be run. */
export class MissingServer extends Error {}

const PROGRAM = process.platform === "win32" ? "espq.exe" : "espq";

/** Returns the path of the program. A setting that is not an executable program is an error. */
export function findServer(setting: string, extension: string): string {
  const chosen = setting.trim();
  if (chosen !== "") {
    if (isProgram(chosen)) {
      return chosen;
    }
    throw new MissingServer(
      `The setting espq.path is "${chosen}", which is not a program that can be run. Correct it, or clear it to use the one on PATH.`,
    );
  }
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  for (const folder of [...folders, path.join(extension, "bin")]) {
    const candidate = path.join(folder, PROGRAM);
    if (isProgram(candidate)) {
      return candidate;
    }
  }
  throw new MissingServer(
    "The espq program was not found on PATH, and this extension contains none. Install it (cargo install --path . in espq's source), or set espq.path to it, then run `espq: Restart Server`.",
  );
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
