//! Checks of the file itself.

use std::collections::HashSet;

use crate::espdl::{Edition, Entry, Model, Tensor};

use crate::chip::Incompatibility;
use crate::runtime::planner::{self, Overwritten};

use super::Context;

pub fn check(entry: &Entry, context: &Context) -> Vec<Incompatibility> {
    let mut found = Vec::new();
    let mut say =
        |what: String, help: &'static str| found.push(Incompatibility { node: String::new(), what, help: help.into() });
    let model = &entry.model;
    if let (Edition::Edl2, Some(first)) = (entry.header.edition, entry.misaligned.first()) {
        let count = entry.misaligned.len();
        say(
            format!("the data of {count} tensors is not aligned to 16 bytes, the first one is {first}"),
            "write the file again: the chip reads weights in place and ignores the low bits of their address",
        );
    }
    for tensor in tensors(model).filter(|t| t.exponents.is_empty()) {
        say(
            format!("tensor {} has no exponents", tensor.name),
            "set the exponent 0 for a tensor that is not quantized: otherwise the loader refuses it or crashes",
        );
    }
    for value in model.graph.inputs.iter().chain(&model.graph.outputs) {
        if context.value(&value.name).is_none() {
            say(
                format!("{} is an input or output, but not in value_info", value.name),
                "add it to value_info, the only place where the loader looks up shapes and types",
            );
        }
    }
    let read: HashSet<&str> = model.graph.nodes.iter().flat_map(|n| &n.inputs).map(String::as_str).collect();
    for input in model.graph.inputs.iter().filter(|input| !read.contains(input.name.as_str())) {
        say(
            format!("no node reads the input {}, for which the loader has no tensor", input.name),
            "remove it from the inputs of the file: a program that fills it dereferences a null pointer",
        );
    }
    if let Some(Overwritten { node, input, value }) = planner::first_overwritten(&model.graph) {
        say(
            format!("{node} writes over its input {input}, in whose memory {value} lies, which is read later"),
            "copy the input by a Transpose that keeps its order",
        );
    }
    order(model, &mut say);
    found
}

fn tensors(model: &Model) -> impl Iterator<Item = &Tensor> {
    let graph = &model.graph;
    graph.initializers.iter().chain(&graph.test_inputs).chain(&graph.test_outputs)
}

/// Checks the order of nodes, which run in the file's order, and their names, by which they are found.
fn order(model: &Model, say: &mut impl FnMut(String, &'static str)) {
    let graph = &model.graph;
    let mut known: HashSet<&str> = graph.inputs.iter().map(|v| v.name.as_str()).collect();
    known.extend(graph.initializers.iter().map(|t| t.name.as_str()));
    known.insert("");
    let mut names = HashSet::new();
    for node in &graph.nodes {
        if !names.insert(node.name.as_str()) {
            let what = format!("two nodes are named {:?}", node.name);
            say(what, "rename one: the loader finds nodes by name, so both get the attributes of one");
        }
        for input in node.inputs.iter().filter(|i| !known.contains(i.as_str())) {
            let what = format!("node {} reads {input}, which no earlier node makes", node.name);
            say(what, "write the node that makes it first: nodes run in the file's order");
        }
        known.extend(node.outputs.iter().map(String::as_str));
    }
    for output in graph.outputs.iter().filter(|v| !known.contains(v.name.as_str())) {
        say(format!("no node makes the output {}", output.name), "export the model again");
    }
}
