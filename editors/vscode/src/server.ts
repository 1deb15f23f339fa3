// Where the espq program is: the setting, then PATH, then the one packed into this extension.

import * as fs from "node:fs";
import * as path from "node:path";

/** No espq program was found, or the one that the setting names cannot be run. */
export class MissingServer extends Error {}

const PROGRAM = process.platform === "win32" ? "espq.exe" : "espq";

/** The path of the program. A setting that names nothing runnable is an error, never passed over. */
export function findServer(setting: string, extension: string): string {
  const chosen = setting.trim();
  if (chosen !== "") {
    if (isProgram(chosen)) {
      return chosen;
    }
    throw new MissingServer(
      `The setting espq.path names "${chosen}", which is not a program that can be run. Correct it, or empty it to use the one on PATH.`,
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
    "The espq program was not found on PATH, and this extension brings none. Install it (cargo install --path . in espq's source), or set espq.path to it, then run `espq: Restart Server`.",
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
