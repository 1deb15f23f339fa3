//! What concerns the file as a whole.

use std::collections::HashSet;

use crate::espdl::{Edition, Entry, Model, Tensor};

use super::{Context, Misfit};

pub fn check(entry: &Entry, context: &Context) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let mut say = |what: String, help: &'static str| misfits.push(Misfit { node: String::new(), what, help });
    let model = &entry.model;
    if let (Edition::Edl2, Some(first)) = (entry.header.edition, entry.misaligned.first()) {
        let count = entry.misaligned.len();
        say(
            format!("the data of {count} tensors does not start on a multiple of 16 bytes, {first} first"),
            "the chip reads weights in place and drops the low bits of their address: write the file again",
        );
    }
    for tensor in tensors(model).filter(|t| t.exponents.is_empty()) {
        say(
            format!("tensor {} has no exponents", tensor.name),
            "the loader refuses it or crashes: a tensor that is not quantized needs the exponent 0",
        );
    }
    for value in model.graph.inputs.iter().chain(&model.graph.outputs) {
        if context.value(&value.name).is_none() {
            say(
                format!("{} is an input or output, and not among the graph's values", value.name),
                "the loader looks shapes and types up in value_info only: list it there, too",
            );
        }
    }
    order(model, &mut say);
    misfits
}

fn tensors(model: &Model) -> impl Iterator<Item = &Tensor> {
    let graph = &model.graph;
    graph.initializers.iter().chain(&graph.test_inputs).chain(&graph.test_outputs)
}

/// Nodes run in the file's order, and are found by name.
fn order(model: &Model, say: &mut impl FnMut(String, &'static str)) {
    let graph = &model.graph;
    let mut known: HashSet<&str> = graph.inputs.iter().map(|v| v.name.as_str()).collect();
    known.extend(graph.initializers.iter().map(|t| t.name.as_str()));
    known.insert("");
    let mut names = HashSet::new();
    for node in &graph.nodes {
        if !names.insert(node.name.as_str()) {
            let what = format!("two nodes are named {:?}", node.name);
            say(what, "the loader finds nodes by name, so both would get one's attributes: rename one");
        }
        for input in node.inputs.iter().filter(|i| !known.contains(i.as_str())) {
            let what = format!("node {} reads {input}, which nothing before it makes", node.name);
            say(what, "nodes run in the file's order: write the node that makes it first");
        }
        known.extend(node.outputs.iter().map(String::as_str));
    }
    for output in graph.outputs.iter().filter(|v| !known.contains(v.name.as_str())) {
        say(format!("nothing makes the output {}", output.name), "export the model again");
    }
}
