//! Models with QuantizeLinear and DequantizeLinear: each pair becomes a scale of the value that it stands on, and weights
//! in integers become floats with their scale.
//!
//! The graph is then that of the float network. What ESP-DL cannot take over is refused: scales that are no powers of two,
//! zero points, integers between layers.

use std::collections::BTreeMap;

use crate::graph::{Attributes, Graph, Node, NodeId, Tensor, TrainedScale, ValueId};
use crate::text::units::and_more;
use crate::{Error, Result};

const QUANTIZE: &str = "QuantizeLinear";
const DEQUANTIZE: &str = "DequantizeLinear";
/// Start of the names that esp-ppq gives to the values that it inserts.
const INSERTED: &str = "PPQ_Variable_";

const TRAIN: &str = "train with scales of powers of two and zero points of 0, as esp-ppq's training does; or use the float \
                     model, and espq determines the scales from samples";
const FLOATS: &str = "export in the QDQ format with float inputs: each layer then reads the outputs of DequantizeLinear; or \
                      use the float model";

/// Reason for which a node cannot be taken over, and what to do.
type Refusal = (String, &'static str);

/// Takes the scales out of the nodes, which are removed.
pub fn take_scales(graph: &mut Graph) -> Result<()> {
    if !graph.nodes.iter().any(|node| is(node, QUANTIZE) || is(node, DEQUANTIZE)) {
        return Ok(());
    }
    let mut taker = Taker {
        stands_for: vec![None; graph.values.len()],
        integers: vec![None; graph.values.len()],
        removed: vec![false; graph.nodes.len()],
        refused: vec![false; graph.values.len()],
        graph,
    };
    let mut refused = Vec::new();
    for id in taker.graph.topological_order()? {
        if let Err((what, help)) = taker.take(id) {
            refused.push((taker.graph.title(id), what, help));
            taker.pass_over(id);
        }
    }
    match together(refused) {
        Some(error) => Err(error),
        None => {
            taker.finish();
            Ok(())
        }
    }
}

fn is(node: &Node, op: &str) -> bool {
    node.op == op && (node.domain.is_empty() || node.domain == "com.microsoft")
}

/// Makes an error of each reason; it names its first node and counts the others.
fn together(refused: Vec<(String, String, &'static str)>) -> Option<Error> {
    let mut reasons: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for (layer, what, help) in refused {
        reasons.entry(help).or_default().push((layer, what));
    }
    let errors = reasons.into_iter().filter_map(|(help, found)| {
        let layers: Vec<String> = found.iter().map(|(layer, _)| layer.clone()).collect();
        let (layer, what) = found.into_iter().next()?;
        let others = match layers.len() {
            1 => String::new(),
            _ => format!("; the same holds for {}", and_more(&layers[1..], 1)),
        };
        Some(Error::new(format!("{what}{others}")).in_layer(layer).with_help(help))
    });
    Error::of_all(errors.collect())
}

struct Taker<'a> {
    graph: &'a mut Graph,
    /// Float value that an output of a removed node stands for.
    stands_for: Vec<Option<ValueId>>,
    /// Scales of the outputs of QuantizeLinear.
    integers: Vec<Option<TrainedScale>>,
    removed: Vec<bool>,
    /// Outputs of nodes that cannot be taken over.
    refused: Vec<bool>,
}

impl Taker<'_> {
    fn take(&mut self, id: NodeId) -> Result<(), Refusal> {
        let node = self.graph.node(id);
        if node.input(0).is_some_and(|read| self.refused[read.0]) && is(node, DEQUANTIZE) {
            return Ok(());
        }
        if is(node, QUANTIZE) {
            return self.quantize(id);
        }
        if is(node, DEQUANTIZE) {
            return self.dequantize(id);
        }
        if let Some(read) = node.inputs.iter().flatten().find(|read| self.integers[read.0].is_some()) {
            return Err((format!("it reads '{}', the integers of a {QUANTIZE}", self.graph.value(*read).name), FLOATS));
        }
        let stands_for = &self.stands_for;
        for input in self.graph.nodes[id.0].inputs.iter_mut().flatten() {
            *input = stands_for[input.0].unwrap_or(*input);
        }
        Ok(())
    }

    fn quantize(&mut self, id: NodeId) -> Result<(), Refusal> {
        let node = self.graph.node(id);
        let (Some(read), Some(made)) = (node.input(0), node.output(0)) else {
            return Err((format!("{QUANTIZE} without an input or output"), FLOATS));
        };
        let value = self.stands_for[read.0].unwrap_or(read);
        let shape = self.graph.value(value).constant.as_ref().map(Tensor::shape);
        let scale = scale(self.graph, node, width(self.graph, node)?, shape)?;
        if shape.is_none() && scale.exponents.len() != 1 {
            let name = &self.graph.value(value).name;
            return Err((
                format!("'{name}' has {} scales, but ESP-DL has one for a value between layers", scale.exponents.len()),
                TRAIN,
            ));
        }
        self.stands_for[made.0] = Some(value);
        self.integers[made.0] = Some(scale.clone());
        self.add(value, scale);
        self.removed[id.0] = true;
        Ok(())
    }

    fn add(&mut self, value: ValueId, scale: TrainedScale) {
        let scales = &mut self.graph.values[value.0].scales;
        if !scales.contains(&scale) {
            scales.push(scale);
        }
    }

    fn dequantize(&mut self, id: NodeId) -> Result<(), Refusal> {
        let node = self.graph.node(id);
        let (Some(read), Some(made)) = (node.input(0), node.output(0)) else {
            return Err((format!("{DEQUANTIZE} without an input or output"), FLOATS));
        };
        if let (Some(value), Some(given)) = (self.stands_for[read.0], &self.integers[read.0]) {
            let shape = self.graph.value(value).constant.as_ref().map(Tensor::shape);
            if scale(self.graph, node, given.bits, shape)? != *given {
                return Err(("its scale is not that of its QuantizeLinear".to_string(), FLOATS));
            }
            self.stands_for[made.0] = Some(value);
        } else if let Some(stored) = &self.graph.value(read).constant {
            let (tensor, scale) = floats(self.graph, node, stored)?;
            let value = &mut self.graph.values[made.0];
            (value.data_type, value.shape) = (Some(tensor.data_type()), Some(tensor.shape().to_vec()));
            value.constant = Some(tensor);
            value.scales.extend(scale);
        } else {
            let name = &self.graph.value(read).name;
            return Err((format!("it reads '{name}', which is neither a constant nor made by a {QUANTIZE}"), FLOATS));
        }
        self.removed[id.0] = true;
        Ok(())
    }

    /// Marks the outputs of a refused node, whose readers are no faults of their own.
    fn pass_over(&mut self, id: NodeId) {
        let outputs = self.graph.node(id).outputs.clone();
        outputs.into_iter().flatten().for_each(|output| self.refused[output.0] = true);
    }

    /// Removes the nodes. A value takes the name of the output of the model that it now is.
    fn finish(self) {
        let Taker { graph, stands_for, removed, .. } = self;
        let mut identities = Vec::new();
        for at in 0..graph.outputs.len() {
            let output = graph.outputs[at];
            let value = stands_for[output.0].unwrap_or(output);
            if graph.value(value).constant.is_some() || graph.inputs.contains(&value) || graph.outputs.contains(&value)
            {
                // An output of its own must be made by a node.
                identities
                    .extend((value != output || graph.value(value).constant.is_some()).then_some((value, output)));
                continue;
            }
            graph.outputs[at] = value;
            swap_names(graph, output, value);
        }
        for (made, value) in stands_for.iter().enumerate() {
            let Some(value) = *value else { continue };
            let is_inserted = graph.value(value).name.starts_with(INSERTED);
            if is_inserted && !graph.values[made].name.starts_with(INSERTED) && !graph.outputs.contains(&ValueId(made))
            {
                swap_names(graph, ValueId(made), value);
            }
        }
        let mut removed = removed.into_iter();
        graph.nodes.retain(|_| !removed.next().unwrap_or(false));
        for (value, output) in identities {
            identity(graph, value, output);
        }
    }
}

fn swap_names(graph: &mut Graph, one: ValueId, other: ValueId) {
    let name = std::mem::take(&mut graph.values[one.0].name);
    graph.values[one.0].name = std::mem::replace(&mut graph.values[other.0].name, name);
}

/// Makes an output of the model from a value that is an input, a constant or another output.
fn identity(graph: &mut Graph, value: ValueId, output: ValueId) {
    let made = &mut graph.values[output.0];
    let from = match made.constant.take() {
        Some(constant) => {
            let name = format!("{}_constant", made.name);
            graph.fresh_constant(&name, constant)
        }
        None => value,
    };
    graph.nodes.push(Node {
        name: format!("{}_Identity", graph.value(output).name),
        op: "Identity".to_string(),
        domain: String::new(),
        attributes: Attributes::default(),
        inputs: vec![Some(from)],
        outputs: vec![Some(output)],
    });
}

/// Returns the width of the integers that a node makes.
fn width(graph: &Graph, node: &Node) -> Result<u32, Refusal> {
    let of_type = |number: i64| match number {
        2 | 3 => Ok(8),
        4 | 5 => Ok(16),
        // uint8, which is the default of ONNX.
        0 => Ok(8),
        _ => Err(("its integers are of a type that ESP-DL does not have: int8 and int16".to_string(), TRAIN)),
    };
    match node.input(2).map(|zero| graph.value(zero).constant.as_ref()) {
        Some(Some(Tensor::I8(_) | Tensor::U8(_))) => Ok(8),
        // esp-ppq writes int32 for every width above 8.
        Some(Some(Tensor::I16(_) | Tensor::U16(_) | Tensor::I32(_))) => Ok(16),
        Some(Some(zero)) => of_type(zero.data_type().to_onnx()),
        Some(None) => Err(("its zero point is computed while the model runs".to_string(), TRAIN)),
        None => of_type(node.attributes.int_or("output_dtype", 0)),
    }
}

/// Reads the scales of a node; `shape` is that of a constant.
fn scale(graph: &Graph, node: &Node, bits: u32, shape: Option<&[usize]>) -> Result<TrainedScale, Refusal> {
    let scales = factors(graph, node)?;
    symmetric(graph, node)?;
    let axis = axis(node, scales.len(), shape)?;
    let exponents = scales.iter().map(|&scale| {
        exponent(scale)
            .ok_or_else(|| (format!("its scale {scale} is not a power of two, as all scales of ESP-DL are"), TRAIN))
    });
    Ok(TrainedScale { bits, exponents: exponents.collect::<Result<_, _>>()?, axis })
}

fn factors<'a>(graph: &'a Graph, node: &Node) -> Result<&'a [f32], Refusal> {
    if node.attributes.int_or("block_size", 0) != 0 {
        return Err(("its scales are those of blocks, which ESP-DL does not have".to_string(), TRAIN));
    }
    let scales = graph.constant(node, 1).and_then(|scales| scales.slice::<f32>());
    match scales {
        Some(scales) if !scales.is_empty() => Ok(scales),
        _ => Err(("its scale is computed while the model runs".to_string(), TRAIN)),
    }
}

/// Refuses zero points other than the middle of the integers.
fn symmetric(graph: &Graph, node: &Node) -> Result<(), Refusal> {
    let Some(zero) = node.input(2) else {
        let is_unsigned = node.op == QUANTIZE && node.attributes.int_or("output_dtype", 0) == 0;
        return match is_unsigned {
            true => Err(("it makes unsigned integers, and those of ESP-DL are signed".to_string(), TRAIN)),
            false => Ok(()),
        };
    };
    let constant = graph.value(zero).constant.as_ref();
    let (values, middle) = match constant {
        Some(values @ Tensor::U8(_)) => (values.to_i64s(), 1 << 7),
        Some(values @ Tensor::U16(_)) => (values.to_i64s(), 1 << 15),
        Some(values) => (values.to_i64s(), 0),
        None => (None, 0),
    };
    match values {
        Some(values) => match values.iter().find(|&&value| value != middle) {
            None => Ok(()),
            Some(value) => {
                let what = format!("its zero point is {value}, and ESP-DL's integers are symmetric around 0");
                Err((what, TRAIN))
            }
        },
        None => Err(("its zero point is not a constant integer".to_string(), TRAIN)),
    }
}

/// Returns the axis of the channels; `None` for a single scale.
fn axis(node: &Node, count: usize, shape: Option<&[usize]>) -> Result<Option<usize>, Refusal> {
    let Some(shape) = shape.filter(|_| count != 1) else { return Ok(None) };
    let axis = node.attributes.int_or("axis", 1);
    let rank = shape.len();
    // A bias has one axis only, whatever the default is.
    let axis = if axis < 0 { axis + rank as i64 } else { axis.min(rank as i64 - 1) };
    match usize::try_from(axis).ok().filter(|&axis| shape.get(axis) == Some(&count)) {
        Some(axis) => Ok(Some(axis)),
        None => Err((format!("it has {count} scales, but shape {shape:?} on axis {axis}"), TRAIN)),
    }
}

/// Returns log2 of a power of two.
fn exponent(scale: f32) -> Option<i32> {
    const FRACTION: u32 = (1 << 23) - 1;
    let bits = scale.to_bits();
    let is_power = scale.is_normal() && scale > 0.0 && bits & FRACTION == 0;
    is_power.then_some((bits >> 23) as i32 - 127)
}

/// Returns stored integers as floats, with their scale if it can be that of weights. A bias has 32 bits, and its scale
/// follows from others.
fn floats(graph: &Graph, node: &Node, stored: &Tensor) -> Result<(Tensor, Option<TrainedScale>), Refusal> {
    let integers = stored.to_i64s().filter(|_| !matches!(stored, Tensor::F32(_) | Tensor::F64(_) | Tensor::Bool(_)));
    let Some(integers) = integers else { return Err(("its input has no integers".to_string(), FLOATS)) };
    let (bits, zero) = match stored {
        Tensor::I8(_) => (8, 0),
        Tensor::U8(_) => (8, 1 << 7),
        Tensor::I16(_) => (16, 0),
        Tensor::U16(_) => (16, 1 << 15),
        _ => (32, 0),
    };
    let scales = factors(graph, node)?;
    if node.input(2).is_some() {
        symmetric(graph, node)?;
    } else if zero != 0 {
        return Err(("its integers are unsigned, and those of ESP-DL are signed".to_string(), TRAIN));
    }
    let axis = axis(node, scales.len(), Some(stored.shape()))?;
    let inner: usize = axis.map_or(1, |axis| stored.shape()[axis + 1..].iter().product());
    let elements = integers.iter().enumerate();
    let elements = elements.map(|(at, &integer)| (integer - zero) as f32 * scales[at / inner % scales.len()]);
    let tensor = Tensor::new(stored.shape(), elements.collect()).map_err(|e| (e.what().to_string(), FLOATS))?;
    let is_narrow = integers.iter().all(|&integer| i16::try_from(integer).is_ok());
    let scale = match bits {
        32 if !is_narrow => None,
        32 => scale(graph, node, 16, Some(stored.shape())).ok(),
        bits => Some(scale(graph, node, bits, Some(stored.shape()))?),
    };
    Ok((tensor, scale))
}
