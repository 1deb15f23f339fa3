//! Conversion of the quantized graph to the first draft: ports, constants as integers, `quant_type`.
//!
//! Ids of values are the graph's; nodes are in esp-ppq's order of insertion, on which its sorts depend.

use std::collections::HashMap;

use crate::chip::{Scales, Scheme};
use crate::espdl::Attribute;
use crate::graph::{self, Graph, NodeId, ValueId};
use crate::ops;
use crate::quant::{Port, Quantized};
use crate::{Error, Result};

use super::draft::{Draft, DraftNode, DraftValue};
use super::{constants, forms, tables};

pub fn begin(quantized: &Quantized) -> Result<Draft> {
    let graph = &quantized.plan().graph;
    let mut draft = Draft {
        values: graph.values.iter().map(value).collect::<Result<_>>()?,
        inputs: graph.inputs.clone(),
        outputs: graph.outputs.clone(),
        observed: observed_inputs(quantized),
        made: made(graph),
        ..Draft::default()
    };
    for source in graph.insertion_order() {
        let id = NodeId(draft.nodes.len());
        let name = &graph.node(source).name;
        let node = node(quantized, source, &mut draft.values).map_err(|e| e.in_layer(name))?;
        node.outputs.iter().for_each(|&v| draft.value_mut(v).maker = Some(id));
        draft.nodes.push(Some(node));
        read(&mut draft, quantized, id, source).map_err(|e| e.in_layer(name))?;
        forms::complete(&mut draft, id);
    }
    Ok(draft)
}

fn value(value: &graph::Value) -> Result<DraftValue> {
    let shape = value.shape.clone().ok_or_else(|| Error::new(format!("the shape of {} is not known", value.name)))?;
    Ok(DraftValue {
        name: value.name.clone(),
        shape,
        data_type: value.data_type.map(constants::type_of).unwrap_or_default(),
        perm: None,
        constant: None,
        maker: None,
        readers: Vec::new(),
    })
}

/// Returns the inputs of the graph at the scales that calibration gave to them; where widths differ, at the widest.
fn observed_inputs(quantized: &Quantized) -> HashMap<ValueId, Port> {
    let graph = &quantized.plan().graph;
    let mut observed: HashMap<ValueId, Port> = HashMap::new();
    for id in graph.node_ids() {
        for (value, port) in graph.node(id).inputs.iter().zip(quantized.observed_inputs(id)) {
            let (Some(value), Some(port)) = (value, port) else { continue };
            if graph.inputs.contains(value) {
                let both = observed.get(value).map(|known| known.covering(&port));
                observed.insert(*value, both.unwrap_or(port));
            }
        }
    }
    observed
}

/// Returns the numbers of node and value names that esp-ppq has generated so far.
fn made(graph: &Graph) -> (usize, usize) {
    let count = |names: &mut dyn Iterator<Item = &String>, start: &str| {
        names.filter_map(|n| n.strip_prefix(start)?.parse::<usize>().ok()?.checked_add(1)).max().unwrap_or(0)
    };
    (
        count(&mut graph.nodes.iter().map(|n| &n.name), "PPQ_Operation_"),
        count(&mut graph.values.iter().map(|v| &v.name), "PPQ_Variable_"),
    )
}

fn node(quantized: &Quantized, id: NodeId, values: &mut Vec<DraftValue>) -> Result<DraftNode> {
    let source = quantized.plan().graph.node(id);
    let mut node = DraftNode {
        name: source.name.clone(),
        op: source.op.clone(),
        attributes: attributes(source)?,
        inputs: source.inputs.clone(),
        outputs: given_outputs(source, values),
        ports: quantized.ports(id),
        doubled: false,
        config: quantized.plan().nodes.get(id.0).cloned().flatten(),
    };
    if quantized.plan().is_lut(id) {
        tables::mark(&mut node);
    }
    node.set_quant_type(quantized.plan().quant_type(id));
    Ok(node)
}

/// Returns a node's outputs; those that are left out have no name, and are omitted at the end.
fn given_outputs(source: &graph::Node, values: &mut Vec<DraftValue>) -> Vec<ValueId> {
    let count = source.outputs.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    let mut unnamed = || {
        values.push(DraftValue::default());
        ValueId(values.len() - 1) // pushed just above
    };
    source.outputs.iter().take(count).map(|output| output.unwrap_or_else(&mut unnamed)).collect()
}

fn attributes(source: &graph::Node) -> Result<Vec<(String, Attribute)>> {
    let mut attributes = Vec::new();
    for (name, attribute) in &source.attributes.0 {
        let converted = match attribute {
            graph::Attribute::Int(v) => Attribute::Int(*v),
            graph::Attribute::Float(v) => Attribute::Float(*v),
            graph::Attribute::Text(v) => Attribute::Text(v.as_bytes().to_vec()),
            graph::Attribute::Ints(v) => Attribute::Ints(v.clone()),
            graph::Attribute::Floats(v) => Attribute::Floats(v.clone()),
            graph::Attribute::Texts(v) => Attribute::Texts(v.clone()),
            graph::Attribute::Tensor(v) => Attribute::Tensor(Box::new(constants::plain(name, v))),
            graph::Attribute::Graph(_) => {
                return Err(Error::new(format!("attribute {name} is a graph, which ESP-DL does not support"))
                    .with_help("replace If, Loop and Scan by other operators"));
            }
        };
        attributes.push((name.clone(), converted));
    }
    Ok(attributes)
}

/// Registers the node as a reader, with its constants as the integers that it reads.
fn read(draft: &mut Draft, quantized: &Quantized, id: NodeId, source: NodeId) -> Result<()> {
    let graph = &quantized.plan().graph;
    for (index, value) in graph.node(source).inputs.iter().enumerate() {
        let Some(value) = *value else { continue };
        let Some(constant) = &graph.value(value).constant else {
            draft.value_mut(value).readers.push(id);
            continue;
        };
        let name = own_name(draft, value);
        let port = draft.node(id).and_then(|n| constant_port(n, index));
        let axis = quantized.plan().nodes[source.0]
            .as_ref()
            .and_then(|c| quantized.plan().configs[*c.inputs.get(index)?].axis);
        let tensor = match port {
            Some(port) => {
                // Rounded as in esp-ppq: w8a16 in float32.
                let wide = quantized.plan().scheme(source) == Scheme::Int16;
                constants::integers(&name, constant, &port, axis, quantized.plan().settings.target.rounding(), wide)?
            }
            None => constants::plain(&name, constant),
        };
        let own = own_value(draft, value, name);
        let place = draft.value_mut(own);
        (place.data_type, place.constant) = (tensor.data_type, Some(tensor));
        place.readers.push(id);
        if let Some(input) = draft.node_mut(id).and_then(|n| n.inputs.get_mut(index)) {
            *input = Some(own);
        }
    }
    Ok(())
}

/// Returns the port of a constant; Add, Sub and Concat read it with their output's exponent.
fn constant_port(node: &DraftNode, index: usize) -> Option<Port> {
    let own = node.ports.0.get(index)?.as_ref()?;
    let output = node.ports.1.first().and_then(Option::as_ref);
    let as_output = ops::on_chip(&node.op).is_some_and(|chip| chip.scales == Scales::OfOutput);
    Some(output.filter(|o| as_output && o.bits == own.bits).unwrap_or(own).clone())
}

/// Names a constant; one that was already read is written again, since each reader may have its own integers.
fn own_name(draft: &Draft, value: ValueId) -> String {
    let first = &draft.value(value).name;
    if draft.value(value).constant.is_none() {
        return first.clone();
    }
    let taken = |name: &String| draft.values.iter().any(|v| v.name == *name);
    let mut copies = (2..).map(|n| format!("{first}_{n}"));
    copies.find(|name| !taken(name)).unwrap_or_else(|| first.clone())
}

fn own_value(draft: &mut Draft, value: ValueId, name: String) -> ValueId {
    if draft.value(value).constant.is_none() {
        return value;
    }
    let copy = DraftValue { name, readers: Vec::new(), ..draft.value(value).clone() };
    draft.values.push(copy);
    ValueId(draft.values.len() - 1) // pushed just above
}
