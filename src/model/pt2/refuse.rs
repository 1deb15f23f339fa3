//! Operators that espq does not read: all of a program at once, each with its module and the user's own line.

use std::cell::LazyCell;

use foldhash::HashSet;

use super::lowering::{names, outputs, tensors};
use super::ops::Operator;
use super::program::{Program, written_buffer};
use super::schema::{Argument, Node};
use crate::{Error, Kind, Result};

/// Refuses a program with operators that espq does not know, and one that was exported in training mode.
pub fn check(program: &Program, operators: &[Option<Operator>]) -> Result<()> {
    let nodes = &program.graph().nodes;
    let live = LazyCell::new(|| live(program));
    let is_live = |node: &&Node| tensors(node).next().is_some_and(|first| live.contains(first));
    // Weights that are standardized while the network runs are constants.
    let is_standardized = |node: &&Node| &*node.target == "torch.ops.aten.batch_norm.default" && !is_live(node);
    if let Some(node) = nodes.iter().filter(|node| is_training(node)).find(|node| !is_standardized(node)) {
        let what = format!(
            "the program was exported in training mode: {}{}",
            node.target.trim_start_matches("torch.ops."),
            place(node)
        );
        return Err(Error::new(what).in_layer(title(node)).with_help(
            "call model.eval() before torch.export.export: BatchNorm and Dropout work otherwise while a model is trained",
        ));
    }
    for node in nodes.iter().filter(|node| is_in_place(&node.target)) {
        if let Some(buffer) = tensors(node).next().and_then(|first| program.names.get(first)) {
            return Err(written_buffer(buffer).in_layer(title(node)));
        }
    }
    let unknown = nodes.iter().zip(operators).filter(|(node, operator)| operator.is_none() && !is_of_lengths(node));
    let refused = unknown.map(|(node, _)| refusal(node).in_layer(title(node)).of_kind(Kind::Operator));
    Error::of_all(refused.collect()).map_or(Ok(()), Err)
}

/// Tells operators that write into their first tensor: `aten.copy_.default`.
fn is_in_place(target: &str) -> bool {
    let name = target.strip_prefix("torch.ops.aten.").and_then(|name| name.split('.').next());
    name.is_some_and(|name| name.ends_with('_') && !name.starts_with("__") && name != "detach_")
}

/// Lists the tensors that depend on the inputs.
fn live<'a>(program: &'a Program) -> HashSet<&'a str> {
    let mut live: HashSet<&str> = program.inputs.iter().map(|name| &**name).collect();
    for node in &program.graph().nodes {
        if tensors(node).any(|name| live.contains(name)) {
            live.extend(outputs(node));
        }
    }
    live
}

/// Tells nodes that compute lengths or check them, whose results the program records.
pub fn is_of_lengths(node: &Node) -> bool {
    const CHECKS: [&str; 5] = [
        "torch.ops.aten._assert_tensor_metadata.",
        "torch.ops.aten._assert_scalar.",
        "torch.ops.aten._assert_async.",
        "torch.ops.aten.sym_constrain_range",
        "torch._check",
    ];
    let is_tensor =
        |output: &Argument| matches!(output, Argument::Tensor(_) | Argument::Tensors(_) | Argument::OptionalTensors(_));
    let is_check = CHECKS.iter().any(|check| node.target.starts_with(check));
    let is_length = !node.outputs.is_empty() && !node.outputs.iter().any(is_tensor);
    is_check || is_length && !node.target.contains("item.") && !node.target.contains("local_scalar")
}

/// Tells operators that work otherwise in training: a BatchNorm with statistics of its input, a Dropout that drops.
fn is_training(node: &Node) -> bool {
    const FLAGS: [(&str, &str); 5] =
        [("dropout", "train"), ("batch_norm", "training"), ("gru.", "train"), ("lstm.", "train"), ("rnn_", "train")];
    let name = node.target.trim_start_matches("torch.ops.aten.");
    let flag = FLAGS.iter().find(|(operator, _)| name.contains(operator));
    let is_set = |named: &&super::schema::Named| matches!(named.arg, Argument::Bool(true) | Argument::Int(1));
    flag.is_some_and(|(_, flag)| node.inputs.iter().filter(is_set).any(|named| *named.name == **flag))
}

fn refusal(node: &Node) -> Error {
    let target = &*node.target;
    let place = place(node);
    if let Some(wrapped) = target.strip_prefix("torch.ops.higher_order.") {
        return Error::new(format!("{wrapped} is not supported{place}: it holds a graph of its own"))
            .with_help("export the model without torch.cond, loops and torch.no_grad() inside forward()");
    }
    let name = target.trim_start_matches("torch.ops.");
    if !target.starts_with("torch.ops.aten.") {
        return Error::new(format!("operator {name} is not one of PyTorch's own{place}"))
            .with_help("replace the layer by operators of PyTorch: ESP-DL has no others");
    }
    Error::new(format!("operator {name} is not supported{place}")).with_help(instead(name))
}

fn instead(name: &str) -> &'static str {
    let name = name.trim_start_matches("aten.");
    match name.split('.').next().unwrap_or_default().trim_end_matches('_') {
        "index_put" | "scatter" => {
            "ESP-DL never writes into a part of a tensor: build the result with torch.cat or torch.where"
        }
        "item" | "_local_scalar_dense" | "nonzero" => {
            "sizes and branches must not depend on values: ESP-DL's shapes are fixed"
        }
        "convolution" | "conv3d" | "conv_transpose3d" | "max_pool3d" | "avg_pool3d" => "ESP-DL has no 3-D layers",
        _ => {
            "replace the layer by operators that ESP-DL runs, or cut the model before it; if the program was decomposed, \
             save it before run_decompositions()"
        }
    }
}

/// Returns the name under which the user finds a node.
pub fn title(node: &Node) -> String {
    let scope = names::scope(&node.metadata.nn_module_stack);
    let own = match &node.name {
        Some(name) if !name.is_empty() => name,
        _ => node.target.trim_start_matches("torch.ops.aten.").split('.').next().unwrap_or_default(),
    };
    format!("{scope}/{own}")
}

/// Says where a node comes from: ", in module 'head' (net.py:42: `y = F.grid_sample(x, g)`)".
pub fn place(node: &Node) -> String {
    let module = match names::module(&node.metadata.nn_module_stack) {
        "" => String::new(),
        path => format!(", in module '{path}'"),
    };
    match line(&node.metadata.trace()) {
        Some(line) if module.is_empty() => format!(", at {line}"),
        Some(line) => format!("{module} ({line})"),
        None => module,
    }
}

/// Returns the innermost line of a stack trace that is not PyTorch's: "net.py:42: `y = F.grid_sample(x, g)`". The folders
/// are those of the machine that made the file, and are left out.
fn line(trace: &str) -> Option<String> {
    let mut frames: Vec<(&str, &str, Option<&str>)> = Vec::new();
    for text in trace.lines() {
        let text = text.trim();
        match text.strip_prefix("File \"").and_then(|rest| rest.split_once("\", line ")) {
            Some((path, rest)) => frames.push((path, rest.split(',').next().unwrap_or_default(), None)),
            None => {
                if let Some((.., code @ None)) = frames.last_mut() {
                    *code = Some(text).filter(|text| !text.is_empty());
                }
            }
        }
    }
    let is_own = |path: &str| {
        let path = path.replace('\\', "/");
        !path.contains("-packages/torch/") && !path.contains("/torch/nn/")
    };
    let (path, number, code) = frames.iter().rev().find(|(path, ..)| is_own(path)).or(frames.last())?;
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let code = code.map(|code| format!(": `{code}`")).unwrap_or_default();
    Some(format!("{file}:{number}{code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_line_is_named_without_folders() {
        let trace = "File \"/home/ada/net.py\", line 42, in forward\n    y = self.head(x)\n  File \
                     \"/venv/lib/site-packages/torch/nn/modules/conv.py\", line 565, in forward\n    return self._conv(x)";
        assert_eq!(line(trace).as_deref(), Some("net.py:42: `y = self.head(x)`"));
        assert_eq!(line("File \"C:\\nets\\net.py\", line 7, in f").as_deref(), Some("net.py:7"));
        assert_eq!(line("damaged"), None);
    }
}
