// The list of a project's layers: a tree, and a read-only document with a line for each layer.
// Both show what the server sends; nothing is computed here.

import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

export interface Layer {
  name: string;
  op: string;
  precision?: string;
  line: number;
  cumulative?: number;
  alone?: number;
  milliseconds?: number;
  flashBytes?: number;
  isEstimate: boolean;
  isOver: boolean;
}

export interface Verdict {
  text?: string;
  isOver: boolean;
  isFinal: boolean;
}

interface LayerList {
  uri: string;
  text: string;
  layers: Layer[];
  verdict: Verdict;
}

/** Scheme of the read-only document. */
export const SCHEME = "espq";

type Order = "alone" | "graph";

export class Layers implements vscode.TreeDataProvider<Layer>, vscode.TextDocumentContentProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly edited = new vscode.EventEmitter<vscode.Uri>();
  private readonly judged = new vscode.EventEmitter<void>();
  private list: LayerList | undefined;
  private order: Order = "alone";

  /** The configuration whose layers are shown. */
  project: vscode.Uri | undefined;

  readonly onDidChangeTreeData = this.changed.event;
  readonly onDidChange = this.edited.event;
  /** Fires when the project or its verdict has changed. */
  readonly onVerdict = this.judged.event;

  constructor(private readonly client: () => LanguageClient | undefined) {}

  get verdict(): Verdict | undefined {
    return this.list?.verdict;
  }

  /** Shows the layers of this configuration from now on. */
  async show(project: vscode.Uri): Promise<void> {
    this.project = project;
    await this.refresh(project.toString());
  }

  /** Asks again, if the configuration is the one that is shown. */
  async refresh(uri: string): Promise<void> {
    if (this.project?.toString() !== uri) {
      return;
    }
    this.list = await this.ask(uri);
    this.changed.fire();
    this.judged.fire();
    if (this.list !== undefined) {
      this.edited.fire(vscode.Uri.parse(this.list.uri));
    }
  }

  /** Sorts the tree by error, or in the order in which the layers run. */
  async sort(order: Order): Promise<void> {
    this.order = order;
    await vscode.commands.executeCommand("setContext", "espq.layerOrder", order);
    this.changed.fire();
  }

  /** Opens the document, at the line of a layer if one is given. */
  async open(layer?: Layer): Promise<void> {
    if (this.list === undefined) {
      void vscode.window.showInformationMessage("There are no layers yet: open an espq.toml whose model can be read.");
      return;
    }
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(this.list.uri));
    const line = layer?.line ?? 0;
    const selection = new vscode.Range(line, 0, line, layer?.name.length ?? 0);
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, selection, preview: true });
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    return (await this.ask(uri.toString()))?.text ?? "";
  }

  getChildren(parent?: Layer): Layer[] {
    if (parent !== undefined) {
      return [];
    }
    const layers = [...(this.list?.layers ?? [])];
    const worst = (layer: Layer): number => layer.alone ?? -1;
    return this.order === "graph" ? layers : layers.sort((a, b) => worst(b) - worst(a));
  }

  getTreeItem(layer: Layer): vscode.TreeItem {
    const item = new vscode.TreeItem(layer.name);
    const shown = (error: number | undefined): string => (error === undefined ? "" : percent(error));
    const alone = (layer.isEstimate ? "≈" : "") + shown(layer.alone);
    const cumulative = shown(layer.cumulative);
    item.description = [alone, layer.precision ?? ""].filter((part) => part !== "").join("  ");
    const time = layer.milliseconds === undefined ? "" : `, about ${layer.milliseconds.toPrecision(3)} ms`;
    const flash = layer.flashBytes === undefined ? "" : `\nflash ${layer.flashBytes} bytes${time}`;
    item.tooltip = `${layer.op} ${layer.name}\nalone ${alone || "not measured"}, cumulative ${cumulative || "not measured"}${flash}`;
    item.iconPath = layer.isOver
      ? new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"))
      : new vscode.ThemeIcon("symbol-function");
    item.command = { command: "espq.openLayer", title: "Show in the list", arguments: [layer] };
    return item;
  }

  private async ask(uri: string): Promise<LayerList | undefined> {
    const client = this.client();
    // A server that is gone has no layers; the status item says that it is gone.
    return client?.isRunning() === true ? ((await client.sendRequest<LayerList | null>("espq/layers", { uri })) ?? undefined) : undefined;
  }
}

/** Three digits, and no exponent. */
function percent(ratio: number): string {
  const share = ratio * 100;
  return share !== 0 && share < 0.001 ? "<0.001%" : `${Number(share.toPrecision(3))}%`;
}
