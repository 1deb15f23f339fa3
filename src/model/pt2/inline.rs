//! Wrappers such as `torch.no_grad()` inside `forward()`: their graph takes their place.

use foldhash::HashMap;

use super::schema::{Argument, Graph, Metadata, Named, Node, Text};

/// Maximum number of wrappers around a node.
const DEEPEST: usize = 8;

/// Puts the nodes of wrappers that change nothing for ESP-DL in their place; others stay, and are refused.
pub fn inline(graph: &mut Graph) {
    for _ in 0..DEEPEST {
        if !graph.nodes.iter().any(|node| wrapped(node).is_some()) {
            return;
        }
        for (at, mut node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
            match wrapped(&node)
                .and_then(|at| node.inputs.get_mut(at))
                .map(|named| std::mem::replace(&mut named.arg, Argument::None))
            {
                Some(Argument::Graph(inner)) => expand(graph, &node, inner.graph, at),
                _ => graph.nodes.push(node),
            }
        }
    }
}

/// Returns the place of the graph in the arguments of a wrapper that only sets a mode of PyTorch.
fn wrapped(node: &Node) -> Option<usize> {
    let kind = node.target.strip_prefix("torch.ops.higher_order.")?;
    let is_plain = match kind {
        "wrap_with_set_grad_enabled" => true,
        // Device, type, enabled: in other than float32 the layers would round.
        "wrap_with_autocast" => matches!(node.inputs.get(2)?.arg, Argument::Bool(false)),
        _ => false,
    };
    node.inputs.iter().position(|named| is_plain && matches!(named.arg, Argument::Graph(_)))
}

/// Appends the nodes of a wrapped graph, with the names of the outer one for what goes in and comes out.
fn expand<'a>(graph: &mut Graph<'a>, wrapper: &Node<'a>, inner: Graph<'a>, at: usize) {
    let place = wrapper.inputs.iter().position(|named| matches!(named.arg, Argument::None)).unwrap_or_default();
    let given = wrapper.inputs.iter().skip(place + 1).map(|named| &named.arg);
    let mut names: HashMap<Text, Text> = HashMap::default();
    for (own, given) in inner.inputs.iter().zip(given) {
        if let (Argument::Tensor(own), Argument::Tensor(given)) = (own, given) {
            names.insert(own.clone(), given.clone());
        }
    }
    let outputs = super::lowering::outputs(wrapper);
    let mut passed = Vec::new();
    for (own, outer) in inner.outputs.iter().zip(outputs) {
        let Argument::Tensor(own) = own else { continue };
        match names.get(own) {
            // An output that is an input, or there twice.
            Some(known) => passed.push(same(known, outer, &wrapper.metadata)),
            None => drop(names.insert(own.clone(), outer.to_string().into())),
        }
    }
    let rename = |name: &str| names.get(name).cloned().unwrap_or_else(|| format!("{name} of wrapper {at}").into());
    for (name, meta) in inner.tensor_values {
        graph.tensor_values.entry(rename(&name)).or_insert(meta);
    }
    for (name, length) in inner.sym_int_values {
        graph.sym_int_values.entry(name).or_insert(length);
    }
    for mut node in inner.nodes {
        node.inputs.iter_mut().for_each(|named| renamed(&mut named.arg, &rename));
        node.outputs.iter_mut().for_each(|output| renamed(output, &rename));
        graph.nodes.push(node);
    }
    graph.nodes.extend(passed);
}

fn same<'a>(from: &Text<'a>, to: &str, metadata: &Metadata<'a>) -> Node<'a> {
    Node {
        target: "torch.ops.aten.detach.default".into(),
        inputs: vec![Named { name: "self".into(), arg: Argument::Tensor(from.clone()) }],
        outputs: vec![Argument::Tensor(to.to_string().into())],
        metadata: metadata.clone(),
        name: None,
    }
}

fn renamed<'a>(argument: &mut Argument<'a>, rename: &dyn Fn(&str) -> Text<'a>) {
    match argument {
        Argument::Tensor(name) => *name = rename(name),
        Argument::Tensors(names) => names.iter_mut().for_each(|name| *name = rename(name)),
        Argument::OptionalTensors(names) => names.iter_mut().flatten().for_each(|name| *name = rename(name)),
        _ => {}
    }
}
