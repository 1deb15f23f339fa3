// The list of a project's layers: a tree in the explorer, and a read-only document with a line for each layer.
// Both show what the server sends; nothing is computed here.

import * as vscode from "vscode";
import { LanguageClient, StaticFeature, FeatureState, ClientCapabilities } from "vscode-languageclient/node";

interface Layer {
  name: string;
  op: string;
  precision?: string;
  line: number;
  cumulative?: number;
  alone?: number;
  isOver: boolean;
}

interface LayerList {
  uri: string;
  text: string;
  layers: Layer[];
}

/** Scheme of the read-only document. */
export const SCHEME = "espq";

/** Tells the server that this client shows the list, and wants to know when it changes. */
export class LayerListFeature implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...capabilities.experimental, layerList: true };
  }
  initialize(): void {}
  getState(): FeatureState {
    return { kind: "static" };
  }
  clear(): void {}
}

export class Layers implements vscode.TreeDataProvider<Layer>, vscode.TextDocumentContentProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly edited = new vscode.EventEmitter<vscode.Uri>();
  private project: vscode.Uri | undefined;
  private list: LayerList | undefined;

  readonly onDidChangeTreeData = this.changed.event;
  readonly onDidChange = this.edited.event;

  constructor(private readonly client: () => LanguageClient | undefined) {}

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
    if (this.list !== undefined) {
      this.edited.fire(vscode.Uri.parse(this.list.uri));
    }
  }

  /** Opens the document, at the line of a layer if one is given. */
  async open(layer?: Layer): Promise<void> {
    if (this.list === undefined) {
      await vscode.window.showInformationMessage("espq needs an espq.toml in the active editor: open one.");
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
    // The worst first: the document has the graph's order.
    const worst = (layer: Layer): number => layer.alone ?? -1;
    return parent === undefined ? [...(this.list?.layers ?? [])].sort((a, b) => worst(b) - worst(a)) : [];
  }

  getTreeItem(layer: Layer): vscode.TreeItem {
    const item = new vscode.TreeItem(layer.name);
    const figures = [layer.alone, layer.cumulative].map((error) => (error === undefined ? "" : percent(error)));
    item.description = [figures[0], layer.precision ?? ""].filter((part) => part !== "").join("  ");
    item.tooltip = `${layer.op} ${layer.name}\nalone ${figures[0] || "not measured"}, cumulative ${figures[1] || "not measured"}`;
    item.iconPath = new vscode.ThemeIcon(layer.isOver ? "warning" : "symbol-function");
    item.command = { command: "espq.openLayer", title: "Show in the list", arguments: [layer] };
    return item;
  }

  private async ask(uri: string): Promise<LayerList | undefined> {
    const client = this.client();
    // A server that is gone has no layers; the status item says that it is gone.
    return client?.isRunning() === true ? ((await client.sendRequest<LayerList | null>("espq/layers", { uri })) ?? undefined) : undefined;
  }
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(3))}%`;
}
