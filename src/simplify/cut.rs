//! Ends of the network that `[model] outputs` and `inputs` name: what lies outside of them is cut off.
//!
//! It happens before any rewrite, so that the result is that of a file which an exporter has cut. The part before cut inputs is
//! kept apart: samples of the model run through it.

use std::collections::{BTreeSet, HashSet};

use crate::graph::{Graph, NodeId, ValueId, edit::Links};
use crate::model::{Axis, Declared, Imported};
use crate::note::Note;
use crate::text::related;
use crate::{Error, Kind, Result};

use super::{Simplified, simplify};

/// Value or layer at which the network ends or begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Name of a value or a layer in the file.
    pub at: String,
    /// Name that it has from then on; `None` keeps the value's.
    pub name: Option<String>,
}

/// Ends of a network; empty lists keep those of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// Outputs in their new order.
    pub outputs: Vec<End>,
    /// Inputs in their new order.
    pub inputs: Vec<End>,
}

impl Ends {
    /// Returns `true` if the network stays whole.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty() && self.inputs.is_empty()
    }
}

/// A network between its ends.
pub struct Cut {
    /// The part between the ends.
    pub imported: Imported,
    /// The part before the inputs; `None` where they are all the file's.
    pub before: Option<Simplified>,
    /// Names in the file of the outputs.
    pub outputs: Vec<String>,
    /// Name in the file of each input; `None` for those that are outputs of the part before, in their order.
    pub fed: Vec<Option<String>>,
}

/// Side of the network that an end is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Output,
    Input,
}

impl Side {
    /// Key of the configuration.
    fn key(self) -> &'static str {
        match self {
            Side::Output => "model.outputs",
            Side::Input => "model.inputs",
        }
    }
}

/// Cuts a network whose inputs have shapes. Errors name the end's key.
pub fn cut(mut imported: Imported, ends: &Ends) -> Result<Cut> {
    if ends.is_empty() {
        let fed = imported.graph.inputs.iter().map(|&id| Some(imported.graph.value(id).name.clone())).collect();
        let outputs = value_names(&imported.graph, &imported.graph.outputs);
        return Ok(Cut { imported, before: None, outputs, fed });
    }
    let ends_at = found(&imported, &ends.outputs, Side::Output)?;
    let inputs = found(&imported, &ends.inputs, Side::Input)?;
    let file_inputs = imported.graph.inputs.clone();
    let before = match inputs.iter().all(|input| file_inputs.contains(input)) {
        true => None,
        false => Some(part_before(&imported, &ends.inputs, &inputs)?),
    };
    if !inputs.is_empty() {
        begin(&mut imported, &inputs, before.as_ref());
    }
    let all: BTreeSet<String> = names(&imported.graph);
    if !ends_at.is_empty() {
        imported.graph.outputs = ends_at;
    }
    keep_needed(&mut imported, ends)?;
    let graph = &imported.graph;
    let name = |input: &ValueId| file_inputs.contains(input).then(|| graph.value(*input).name.clone());
    let fed = graph.inputs.iter().map(name).collect();
    let outputs = value_names(graph, &graph.outputs);
    rename(&mut imported.graph, ends)?;
    let left = names(&imported.graph);
    imported.record.cut_off = all.difference(&left).cloned().collect();
    let count = imported.record.cut_off.len();
    if count > 0 {
        let (layers, are) = if count == 1 { ("layer", "is") } else { ("layers", "are") };
        let text = format!("cut by [model]: {count} {layers} of the file {are} outside of `outputs` and `inputs`");
        imported.graph.notes.push(Note::new(text));
    }
    Ok(Cut { imported, before, outputs, fed })
}

fn value_names(graph: &Graph, values: &[ValueId]) -> Vec<String> {
    values.iter().map(|&id| graph.value(id).name.clone()).collect()
}

fn names(graph: &Graph) -> BTreeSet<String> {
    graph.nodes.iter().map(|node| node.name.clone()).filter(|name| !name.is_empty()).collect()
}

/// Returns the values that the ends name.
fn found(imported: &Imported, ends: &[End], side: Side) -> Result<Vec<ValueId>> {
    let mut values: Vec<ValueId> = Vec::new();
    for end in ends {
        let value = value_at(imported, &end.at, side).map_err(|e| e.at_key(key(side, &end.at)))?;
        if let Some(first) = values.iter().position(|&earlier| earlier == value) {
            let what = format!("`{}` and `{}` are one value", ends[first].at, end.at);
            return Err(Error::new(what).at_key(key(side, &end.at)).with_help("remove one of them"));
        }
        values.push(value);
    }
    Ok(values)
}

fn key(side: Side, at: &str) -> String {
    format!("{}.\"{at}\"", side.key())
}

/// Returns the value of a name: its own, or that of the only output of a layer.
fn value_at(imported: &Imported, name: &str, side: Side) -> Result<ValueId> {
    let graph = &imported.graph;
    let links = Links::of(graph);
    let is_there = |id: &ValueId| {
        let value = graph.value(*id);
        value.name == name && (links.producers[id.0].is_some() || graph.inputs.contains(id) || value.constant.is_some())
    };
    let constant = || {
        let what = format!("`{name}` is a constant of the model, and no value that depends on its inputs");
        Error::new(what).with_help("name a value or a layer between the model's inputs and its outputs")
    };
    if let Some(id) = (0..graph.values.len()).map(ValueId).find(is_there) {
        return match graph.value(id).constant.is_some() {
            true => Err(constant()),
            false if side == Side::Output && graph.inputs.contains(&id) => {
                let what = format!("`{name}` is an input of the model: there would be no layer before this output");
                Err(Error::new(what).with_help("name a value or a layer that is computed from it"))
            }
            false => Ok(id),
        };
    }
    if let Some(node) = graph.nodes.iter().find(|node| node.name == name && !name.is_empty()) {
        let outputs: Vec<ValueId> = node.outputs.iter().flatten().copied().collect();
        return match outputs.as_slice() {
            [one] if graph.value(*one).constant.is_none() => Ok(*one),
            [] | [_] => Err(constant()),
            several => {
                let names: Vec<String> = several.iter().map(|&id| format!("`{}`", graph.value(id).name)).collect();
                Err(Error::new(format!("layer `{name}` has {} outputs", names.len()))
                    .with_help(format!("name one of them: {}", names.join(", "))))
            }
        };
    }
    if imported.record.constants.iter().any(|constant| constant == name) {
        return Err(constant());
    }
    Err(unknown(graph, &links, name))
}

fn unknown(graph: &Graph, links: &Links, name: &str) -> Error {
    const SHOWN: usize = 3;
    let made = (0..graph.values.len()).map(ValueId).filter(|id| links.producers[id.0].is_some());
    let values = made.map(|id| graph.value(id).name.as_str());
    let layers = graph.nodes.iter().map(|node| node.name.as_str()).filter(|name| !name.is_empty());
    let help = match related(name, layers.chain(values), SHOWN).as_slice() {
        [] => "no value and no layer has a name like it; Netron shows all names".to_string(),
        [one] => format!("the nearest name is {one}"),
        near => format!("the nearest names are {}", near.join(", ")),
    };
    Error::new(format!("the model has no value and no layer `{name}`")).with_help(help).of_kind(Kind::Layer)
}

/// Simplifies the part before the inputs.
fn part_before(imported: &Imported, ends: &[End], inputs: &[ValueId]) -> Result<Simplified> {
    let mut before = imported.clone();
    before.graph.outputs = inputs.iter().copied().filter(|id| !imported.graph.inputs.contains(id)).collect();
    let needed = needed(&before.graph, &HashSet::new());
    retain(&mut before, &needed);
    let no_input = |(_, id): &(&End, &ValueId)| !depends(&imported.graph, **id);
    if let Some((end, _)) = ends.iter().zip(inputs).find(no_input) {
        let what = format!("`{}` does not depend on the model's inputs: it is a constant", end.at);
        return Err(Error::new(what).at_key(key(Side::Input, &end.at)).with_help("remove it from `inputs`"));
    }
    simplify(before)
}

/// Makes values the inputs of the network, with the shapes of the outputs of the part before.
fn begin(imported: &mut Imported, inputs: &[ValueId], before: Option<&Simplified>) {
    let mut made = before.iter().flat_map(|before| before.graph.outputs.iter().map(|&id| before.graph.value(id)));
    let mut declared = Vec::new();
    for &input in inputs {
        if let Some(of_file) = imported.declared.iter().find(|declared| declared.input == input) {
            declared.push(of_file.clone());
        } else if let Some(made) = made.next() {
            let value = &mut imported.graph.values[input.0];
            value.data_type = made.data_type;
            value.shape.clone_from(&made.shape);
            let axes = made.shape.iter().flatten().map(|&length| Axis::Fixed(length)).collect();
            declared.push(Declared { input, axes });
        }
    }
    imported.declared = declared;
    imported.graph.inputs = inputs.to_vec();
}

/// Marks the nodes that the outputs need, up to these values.
fn needed(graph: &Graph, until: &HashSet<ValueId>) -> Vec<bool> {
    let links = Links::of(graph);
    let mut marked = vec![false; graph.nodes.len()];
    let mut open: Vec<ValueId> = graph.outputs.clone();
    while let Some(value) = open.pop() {
        if until.contains(&value) {
            continue;
        }
        if let Some(node) = links.producers[value.0].filter(|node| !marked[node.0]) {
            marked[node.0] = true;
            open.extend(graph.node(node).inputs.iter().flatten());
        }
    }
    marked
}

/// Deletes the other nodes, and the inputs that only they read.
fn retain(imported: &mut Imported, needed: &[bool]) {
    let graph = &mut imported.graph;
    let mut keep = needed.iter();
    graph.nodes.retain(|_| keep.next() == Some(&true));
    let read: HashSet<ValueId> = graph.nodes.iter().flat_map(|node| node.inputs.iter().flatten().copied()).collect();
    graph.inputs.retain(|input| read.contains(input));
    imported.declared.retain(|declared| graph.inputs.contains(&declared.input));
}

/// Tells values that depend on an input of the graph.
fn depends(graph: &Graph, value: ValueId) -> bool {
    let links = Links::of(graph);
    let mut seen = HashSet::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        if graph.inputs.contains(&value) {
            return true;
        }
        if let Some(node) = links.producers[value.0].filter(|node| seen.insert(*node)) {
            open.extend(graph.node(node).inputs.iter().flatten());
        }
    }
    false
}

/// Deletes what the outputs do not need. Fails where they need more than the inputs, or not all of these.
fn keep_needed(imported: &mut Imported, ends: &Ends) -> Result<()> {
    let graph = &imported.graph;
    let inputs: HashSet<ValueId> = graph.inputs.iter().copied().collect();
    let behind = behind(graph);
    for (at, output) in graph.outputs.iter().enumerate() {
        let name = ends.outputs.get(at).map_or_else(|| graph.value(*output).name.clone(), |end| end.at.clone());
        let is_key = ends.outputs.is_empty();
        let at_key = || if is_key { Side::Input.key().to_string() } else { key(Side::Output, &name) };
        if inputs.contains(output) {
            let what = format!("`{name}` is both an input and an output: there is no layer between them");
            return Err(Error::new(what).at_key(at_key()).with_help("remove it from one of both"));
        }
        if !behind.values.contains(output) {
            return Err(match ends.inputs.is_empty() {
                true => Error::new(format!("`{name}` does not depend on the model's inputs: it is a constant"))
                    .at_key(at_key())
                    .with_help("name a value or a layer between the model's inputs and its outputs"),
                false => {
                    Error::new(format!("output `{name}` cannot be reached from `inputs`: it is computed before them"))
                        .at_key(at_key())
                        .with_help("name outputs behind the inputs, or inputs before the output")
                }
            });
        }
    }
    let marked = needed(graph, &inputs);
    if !ends.inputs.is_empty() {
        missing(graph, &marked, &behind)?;
    }
    let read =
        |input: &ValueId| graph.node_ids().any(|id| marked[id.0] && graph.node(id).inputs.contains(&Some(*input)));
    if let Some(unread) = ends.inputs.iter().zip(&graph.inputs).find(|(_, input)| !read(input)) {
        let at = &unread.0.at;
        let what = format!("no output depends on `{at}` of `inputs`");
        return Err(Error::new(what).at_key(key(Side::Input, at)).with_help("remove it, or name an output behind it"));
    }
    retain(imported, &marked);
    // A layer of several outputs may still make one that is an input now.
    for output in imported.graph.nodes.iter_mut().flat_map(|node| &mut node.outputs) {
        *output = output.filter(|value| !inputs.contains(value));
    }
    Ok(())
}

/// Values and nodes that depend on the inputs of a graph.
struct Behind {
    values: HashSet<ValueId>,
    nodes: Vec<bool>,
}

fn behind(graph: &Graph) -> Behind {
    let links = Links::of(graph);
    let mut behind = Behind { values: graph.inputs.iter().copied().collect(), nodes: vec![false; graph.nodes.len()] };
    let mut open: Vec<ValueId> = graph.inputs.clone();
    while let Some(value) = open.pop() {
        for &(reader, _) in &links.consumers[value.0] {
            if std::mem::replace(&mut behind.nodes[reader.0], true) {
                continue;
            }
            let outputs = graph.node(reader).outputs.iter().flatten().copied();
            open.extend(outputs.filter(|output| behind.values.insert(*output)));
        }
    }
    behind
}

/// Fails if layers behind the inputs read values of the part before that are no inputs.
fn missing(graph: &Graph, marked: &[bool], behind: &Behind) -> Result<()> {
    let links = Links::of(graph);
    let is_fed = |value: ValueId| behind.values.contains(&value) || graph.value(value).constant.is_some();
    let reads = |id: NodeId| graph.node(id).inputs.iter().flatten().copied().filter(move |&value| !is_fed(value));
    let mut names: Vec<String> = Vec::new();
    let mut reader = None;
    for id in graph.node_ids().filter(|id| marked[id.0] && behind.nodes[id.0]) {
        for value in reads(id).filter(|&value| !is_constant(graph, &links, value)) {
            reader.get_or_insert_with(|| graph.title(id));
            let name = format!("`{}`", graph.value(value).name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let Some(reader) = reader else { return Ok(()) };
    let what = format!("layer {reader} also reads {}, which is before `inputs` and not one of them", names[0]);
    let others = if names.len() > 1 { "all of " } else { "" };
    let help = format!("add {others}{} to `inputs`, or begin further back", names.join(", "));
    Err(Error::new(what).at_key(Side::Input.key()).with_help(help))
}

/// Tells values that only depend on constants.
fn is_constant(graph: &Graph, links: &Links, value: ValueId) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match links.producers[value.0] {
            Some(node) if seen.insert(node) => open.extend(graph.node(node).inputs.iter().flatten()),
            Some(_) => {}
            None if graph.value(value).constant.is_some() => {}
            None => return false,
        }
    }
    true
}

/// Gives the ends their new names.
fn rename(graph: &mut Graph, ends: &Ends) -> Result<()> {
    let of = |ends: &[End], ids: &[ValueId], side: Side| -> Vec<(ValueId, String, String)> {
        let named = ends.iter().zip(ids).filter_map(|(end, &id)| Some((id, end.name.clone()?, key(side, &end.at))));
        named.collect()
    };
    let mut renamed = of(&ends.outputs, &graph.outputs, Side::Output);
    renamed.extend(of(&ends.inputs, &graph.inputs, Side::Input));
    let used: HashSet<ValueId> = graph
        .nodes
        .iter()
        .flat_map(|node| node.inputs.iter().chain(&node.outputs).flatten().copied())
        .chain(graph.outputs.iter().copied())
        .collect();
    for (at, (id, name, key)) in renamed.iter().enumerate() {
        if renamed[..at].iter().any(|(_, earlier, _)| earlier == name) {
            let what = format!("`{name}` would be the name of two values");
            return Err(Error::new(what).at_key(key).with_help("give each its own name"));
        }
        let others = (0..graph.values.len()).map(ValueId).filter(|other| other != id);
        let same: Vec<ValueId> = others.filter(|other| graph.value(*other).name == *name).collect();
        let is_renamed = |other: &ValueId| renamed.iter().any(|(renamed, ..)| renamed == other);
        if let Some(other) = same.iter().find(|other| used.contains(other) && !is_renamed(other)) {
            let what = format!("`{}` is the name of another value of the network", graph.value(*other).name);
            return Err(Error::new(what).at_key(key).with_help("choose a name that no value has"));
        }
        for other in same {
            graph.values[other.0].name = format!("{name} (cut off {})", other.0);
        }
    }
    for (id, name, _) in renamed {
        graph.values[id.0].name = name;
    }
    Ok(())
}
