// The espq program: where it is looked for, and whether its version fits this extension.

import * as vscode from "vscode";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { selectedPython } from "./python";
import { environment, setting } from "./settings";

/** No espq program was found, or the one in the setting cannot be run. */
export class MissingProgram extends Error {}

export interface Program {
  path: string;
  /** Words for where it was found. */
  place: string;
  version: string;
}

const WINDOWS = process.platform === "win32";
const NAME = WINDOWS ? "espq.exe" : "espq";

/** Finds the program, in the order that the setting `espq.path` documents. */
export async function findProgram(extension: string): Promise<Program> {
  const chosen = home(setting("path").trim());
  if (chosen !== "") {
    if (!isProgram(chosen)) {
      throw new MissingProgram(
        `The setting espq.path is "${chosen}", which is not a program that can be run. Correct it, or clear it to use an installed espq.`,
      );
    }
    return started(chosen, "the setting espq.path");
  }
  for (const [folder, place] of await folders(extension)) {
    const candidate = path.join(folder, NAME);
    if (isProgram(candidate)) {
      return started(candidate, place);
    }
  }
  throw new MissingProgram(
    "The espq program was not found. Install it with `pip install espq`, or set espq.path to it, then run `espq: Restart Server`.",
  );
}

async function folders(extension: string): Promise<[string, string][]> {
  const python = await selectedPython();
  const onPath = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return [
    [path.join(extension, "bin"), "this extension"],
    ...(python === undefined ? [] : ([[path.dirname(python), "the Python environment"]] as [string, string][])),
    ...onPath.map((folder): [string, string] => [folder, "PATH"]),
    // An editor that a desktop starts does not have the shell's PATH.
    [path.join(os.homedir(), ".local", "bin"), "~/.local/bin"],
    [path.join(os.homedir(), ".cargo", "bin"), "~/.cargo/bin"],
  ];
}

async function started(file: string, place: string): Promise<Program> {
  const said = (await run(file, ["--version"])).trim();
  const version = /^espq (\S+)/.exec(said)?.[1];
  if (version === undefined) {
    throw new MissingProgram(`${file} (${place}) is not espq: \`--version\` prints "${said.slice(0, 80)}". Set espq.path to espq.`);
  }
  return { path: file, place, version };
}

/** Says what to do about a program of another release than the extension; undefined if they fit. */
export function mismatch(program: Program, extension: string): string | undefined {
  const release = (version: string): number[] => version.split(/[.-]/).slice(0, 2).map(Number);
  const [major, minor] = release(program.version);
  const [ownMajor, ownMinor] = release(extension);
  if (major === ownMajor && minor === ownMinor) {
    return undefined;
  }
  const isOlder = major < ownMajor || (major === ownMajor && minor < ownMinor);
  const what = `espq ${program.version} (${program.path}) and this extension ${extension} are of different releases`;
  return isOlder ? `${what}: \`pip install --upgrade espq\`.` : `${what}: update the extension.`;
}

/** Runs the program and returns what it prints; its error is the rejection. */
export function run(file: string, args: string[], options: { cwd?: string; cancelled?: vscode.CancellationToken } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { cwd: options.cwd, maxBuffer: 256 * 1024 * 1024, env: { ...process.env, ...environment() } },
      (error, printed, errors) => (error === null ? resolve(printed) : reject(new Error(errors.trim() || error.message))),
    );
    options.cancelled?.onCancellationRequested(() => child.kill());
  });
}

function home(file: string): string {
  return file.startsWith("~/") ? path.join(os.homedir(), file.slice(2)) : file;
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
