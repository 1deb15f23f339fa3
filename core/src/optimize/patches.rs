//! Inputs of a weighted layer as columns: one per position of the output, with the elements that its filter reads.

use std::borrow::Cow;

use crate::graph::{Graph, Node, Tensor};
use crate::kernels::matmul::Matrix;
use crate::kernels::window::Window;

use super::weighted::Weighted;

/// Columns of one group of channels: `rows` elements of a filter, each with `columns` places of the output.
pub struct Patches<'a> {
    data: Cow<'a, [f32]>,
    rows: usize,
    columns: usize,
    /// An element's places are one after the other; else a place's elements are.
    is_by_element: bool,
}

impl Patches<'_> {
    /// One row for each element of a filter, one column for each place.
    pub fn matrix(&self) -> Matrix<'_, f32> {
        match self.is_by_element {
            true => Matrix::dense(&self.data, self.rows, self.columns),
            false => Matrix::dense(&self.data, self.columns, self.rows).transposed(),
        }
    }
}

/// Reader of a layer's input, prepared once for all samples.
pub enum Reader {
    /// Rows of a Gemm or MatMul, with channels as the last axis.
    Rows,
    Window(Window),
}

impl Reader {
    /// Makes a reader; `None` if passes do not support the layer's window.
    pub fn of(graph: &Graph, layer: &Weighted) -> Option<Reader> {
        let node = graph.node(layer.node);
        match node.op.as_str() {
            "Gemm" | "MatMul" => Some(Reader::Rows),
            "Conv" => window(graph, node, layer).map(Reader::Window),
            _ => None,
        }
    }

    /// The columns of one group of channels in one sample.
    pub fn patches<'a>(&self, layer: &Weighted, group: usize, input: &'a [f32]) -> Option<Patches<'a>> {
        match self {
            Reader::Rows => {
                let rows = layer.inputs;
                let columns = input.len().checked_div(rows)?;
                Some(Patches { data: input.into(), rows, columns, is_by_element: false })
            }
            Reader::Window(window) => Some(unfold(window, layer, group, input)),
        }
    }
}

/// The elements of a tensor as float32; `None` where it is not float.
pub fn elements(tensor: &Tensor) -> Option<Cow<'_, [f32]>> {
    match tensor {
        Tensor::F32(_) => tensor.slice::<f32>().map(Cow::Borrowed),
        Tensor::F64(_) => tensor.slice::<f64>().map(|s| s.iter().map(|&v| v as f32).collect()),
        _ => None,
    }
}

/// Returns the geometry of a Conv with batch 1 and up to three axes.
fn window(graph: &Graph, node: &Node, layer: &Weighted) -> Option<Window> {
    if node.attributes.text("auto_pad").is_some_and(|pad| pad != "NOTSET" && pad != "VALID") {
        return None;
    }
    let spatial = |value| graph.shape(value)?.get(2..);
    let (input, output) = (spatial(layer.input)?, spatial(layer.output)?);
    let kernel = graph.shape(layer.weight)?.get(2..)?;
    let rank = input.len();
    let is_batch_one = graph.shape(layer.input)?.first() == Some(&1);
    if !is_batch_one || rank > 3 || rank == 0 || kernel.len() != rank || output.len() != rank {
        return None;
    }
    let sizes = |name: &str, default: usize, count: usize| match node.attributes.ints(name) {
        None => Some(vec![default; count]),
        Some(values) if values.len() == count => values.iter().map(|&v| usize::try_from(v).ok()).collect(),
        Some(_) => None,
    };
    let (pads, strides, dilations) =
        (sizes("pads", 0, 2 * rank)?, sizes("strides", 1, rank)?, sizes("dilations", 1, rank)?);
    let led = |values: &[usize], default: usize| {
        let mut axes = [default; 3];
        axes[3 - rank..].copy_from_slice(values);
        axes
    };
    Some(Window {
        input: led(input, 1),
        output: led(output, 1),
        kernel: led(kernel, 1),
        stride: led(&strides, 1),
        dilation: led(&dilations, 1),
        pad: led(&pads[..rank], 0),
        pad_end: led(&pads[rank..], 0),
    })
}

fn unfold<'a>(window: &Window, layer: &Weighted, group: usize, input: &'a [f32]) -> Patches<'a> {
    let per_group = layer.inputs / layer.groups;
    let (places, columns) = (window.inputs(), window.outputs());
    let channels = &input[group * per_group * places..][..per_group * places];
    if window.is_pointwise() {
        return Patches { data: channels.into(), rows: per_group, columns, is_by_element: true };
    }
    let rows = per_group * window.taps();
    let mut data = vec![0.0; rows * columns];
    let mut row = 0;
    for channel in channels.chunks_exact(places) {
        for tap in taps(window) {
            shifted(window, tap, channel, &mut data[row * columns..][..columns]);
            row += 1;
        }
    }
    Patches { data: data.into(), rows, columns, is_by_element: true }
}

fn taps(window: &Window) -> impl Iterator<Item = [usize; 3]> + use<> {
    let [depth, height, width] = window.kernel;
    (0..depth).flat_map(move |d| (0..height).flat_map(move |h| (0..width).map(move |w| [d, h, w])))
}

/// Writes the elements that one tap reads, by position of the output; 0 outside of the input.
fn shifted(window: &Window, tap: [usize; 3], channel: &[f32], row: &mut [f32]) {
    let [_, height, width] = window.output;
    let [d, h, w] = [0, 1, 2].map(|axis| window.inside(axis, tap[axis]));
    if w.is_empty() {
        return;
    }
    for z in d {
        for y in h.clone() {
            let at = |axis: usize, output: usize| window.position(axis, output, tap[axis]) as usize;
            let line = (at(0, z) * window.input[1] + at(1, y)) * window.input[2];
            let into = (z * height + y) * width;
            let (from, stride) = (&channel[line + at(2, w.start)..], window.stride[2]);
            let to = &mut row[into + w.start..into + w.end];
            match stride {
                1 => to.copy_from_slice(&from[..to.len()]),
                _ => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
            }
        }
    }
}
