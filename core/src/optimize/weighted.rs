//! Layers that multiply their input by constant weights, by output and input channel.

use crate::graph::{Graph, NodeId, ValueId};

/// Conv, ConvTranspose, Gemm or MatMul whose weights are a constant without other readers.
#[derive(Debug, Clone)]
pub struct Weighted {
    pub node: NodeId,
    pub input: ValueId,
    pub output: ValueId,
    pub weight: ValueId,
    /// Bias: a constant with one value per output channel and no other reader.
    pub bias: Option<ValueId>,
    /// Output channels of the whole layer.
    pub outputs: usize,
    pub inputs: usize,
    pub groups: usize,
    /// Positions of the window.
    pub taps: usize,
    order: Order,
}

/// Order of the first two axes of the weights; the window's axes are last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Output channels, then the input channels of a group: Conv, and Gemm with `transB`.
    OutputsFirst,
    /// Input channels, then the output channels of a group: ConvTranspose, Gemm and MatMul.
    InputsFirst,
}

impl Weighted {
    /// Returns the layer if it has this form. `readers` is the number of readers of each value.
    pub fn of(graph: &Graph, node: NodeId, readers: &[usize]) -> Option<Weighted> {
        let n = graph.node(node);
        if !n.domain.is_empty() {
            return None;
        }
        let alone = |port: usize| n.input(port).filter(|v| readers[v.0] == 1);
        let weight = alone(1)?;
        let shape = float_shape(graph, weight)?;
        let order = match n.op.as_str() {
            "Conv" => Order::OutputsFirst,
            "ConvTranspose" => Order::InputsFirst,
            "Gemm" if n.attributes.int_or("transA", 0) == 0 => match n.attributes.int_or("transB", 0) {
                0 => Order::InputsFirst,
                _ => Order::OutputsFirst,
            },
            "MatMul" if shape.len() == 2 => Order::InputsFirst,
            _ => return None,
        };
        let (&[first, second], taps) = shape.split_at_checked(2).and_then(|(a, b)| Some((a.try_into().ok()?, b)))?;
        let groups = match n.op.as_str() {
            "Conv" | "ConvTranspose" => usize::try_from(n.attributes.int_or("group", 1)).ok().filter(|g| *g > 0)?,
            _ => 1,
        };
        let (outputs, inputs) = match order {
            Order::OutputsFirst => (first, second * groups),
            Order::InputsFirst => (second * groups, first),
        };
        let bias = match n.input(2) {
            None => None,
            Some(_) => Some(
                alone(2).filter(|&b| float_shape(graph, b).is_some_and(|s| s.iter().product::<usize>() == outputs))?,
            ),
        };
        let taps = taps.iter().product();
        let (input, output) = (n.input(0)?, n.output(0)?);
        let is_computed = graph.value(input).constant.is_none();
        is_computed.then_some(Weighted { node, input, output, weight, bias, outputs, inputs, groups, taps, order })
    }

    /// Returns all layers of this form in a graph.
    pub fn all(graph: &Graph) -> Vec<Weighted> {
        let mut readers = vec![0; graph.values.len()];
        graph.nodes.iter().flat_map(|n| n.inputs.iter().flatten()).for_each(|v| readers[v.0] += 1);
        graph.node_ids().filter_map(|node| Weighted::of(graph, node, &readers)).collect()
    }

    /// Axis of the weights that has the output channels; the other one of the first two has the input channels.
    pub fn output_axis(&self) -> usize {
        match self.order {
            Order::OutputsFirst => 0,
            Order::InputsFirst => 1,
        }
    }

    /// Number of elements of one output channel's filter.
    pub fn filter(&self) -> usize {
        self.inputs / self.groups * self.taps
    }

    /// Returns output and input channel of each element of the weights, in their order.
    pub fn channels(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (first, second) = match self.order {
            Order::OutputsFirst => (self.outputs, self.inputs / self.groups),
            Order::InputsFirst => (self.inputs, self.outputs / self.groups),
        };
        let per_group = first / self.groups;
        (0..first).flat_map(move |a| {
            (0..second).flat_map(move |b| {
                let other = a / per_group.max(1) * second + b;
                let pair = if self.order == Order::OutputsFirst { (a, other) } else { (other, a) };
                std::iter::repeat_n(pair, self.taps)
            })
        })
    }

    /// Reorders the weights to one row per output channel: input channels of its group, each with its taps.
    pub fn rows(&self, weights: &[f32]) -> Vec<f32> {
        match self.order {
            Order::OutputsFirst => weights.to_vec(),
            Order::InputsFirst => self.permuted(weights, |from, to| (to, from)),
        }
    }

    /// Reorders one row per output channel to the weights' own order.
    pub fn unrolled(&self, rows: &[f32]) -> Vec<f32> {
        match self.order {
            Order::OutputsFirst => rows.to_vec(),
            Order::InputsFirst => self.permuted(rows, |from, to| (from, to)),
        }
    }

    /// Moves every element between the two orders; `pick` selects which of the indices (own, row) is written and which
    /// is read.
    fn permuted(&self, source: &[f32], pick: impl Fn(usize, usize) -> (usize, usize)) -> Vec<f32> {
        let mut moved = vec![0.0; source.len()];
        let per_group = (self.inputs / self.groups).max(1);
        for (own, (output, input)) in self.channels().enumerate() {
            let row = (output * per_group + input % per_group) * self.taps + own % self.taps.max(1);
            let (write, read) = pick(own, row);
            moved[write] = source[read];
        }
        moved
    }
}

/// Returns the shape of a float32 constant.
fn float_shape(graph: &Graph, value: ValueId) -> Option<&[usize]> {
    let constant = graph.value(value).constant.as_ref()?;
    constant.slice::<f32>().map(|_| constant.shape())
}
