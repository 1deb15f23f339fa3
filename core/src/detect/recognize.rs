//! Recognition of a head by the structure of the network behind its last convolutions.

use std::collections::BTreeSet;

use crate::graph::{Graph, NodeId, ValueId, edit::Links};

use super::head::{Extra, Family, Head, Level, Named};

/// Operators that no decoding of a head contains.
const COMPUTING: &[&str] =
    &["Gemm", "MatMul", "LSTM", "GRU", "RNN", "GlobalAveragePool", "AveragePool", "MaxPool", "Einsum"];
/// Operators that only move elements.
const MOVING: &[&str] = &[
    "Reshape",
    "Transpose",
    "Concat",
    "Split",
    "Slice",
    "Squeeze",
    "Unsqueeze",
    "Flatten",
    "Gather",
    "GatherElements",
    "Identity",
    "Cast",
];

/// Recognizes the head of a network whose constants are folded and whose shapes are known; nodes are in topological order.
/// `None` for other networks.
pub fn recognize(graph: &Graph) -> Option<Head> {
    let view = View { graph, links: Links::of(graph) };
    view.decoded().or_else(|| view.named())
}

struct View<'a> {
    graph: &'a Graph,
    links: Links,
}

/// Part of a head that a convolution makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Box,
    Score,
    Extra(Extra),
}

/// Levels, the number of classes, and the kind and number of other values.
type Levels = (Vec<Level>, usize, Option<(Extra, usize)>);

/// Last convolution before decoding.
struct Last {
    value: ValueId,
    channels: usize,
    grid: [usize; 2],
    part: Part,
}

impl View<'_> {
    /// Recognizes a head that the network decodes.
    fn decoded(&self) -> Option<Head> {
        let mut lasts: BTreeSet<ValueId> = BTreeSet::new();
        let mut prototypes = None;
        let (mut bins, mut is_end_to_end) = (1, false);
        for &output in &self.graph.outputs {
            if self.graph.shape(output)?.len() == 4 {
                // Prototypes of masks are the only output with a grid.
                prototypes = Some(output).filter(|_| prototypes.is_none());
                prototypes?;
                continue;
            }
            let found = self.before_decoding(output)?;
            lasts.extend(found.lasts);
            bins = found.bins.unwrap_or(bins);
            is_end_to_end |= found.is_end_to_end;
        }
        // Where there are prototypes, the values besides box and scores are coefficients.
        let extra = if prototypes.is_some() { Extra::Masks } else { Extra::KeyPoints };
        let lasts: Option<Vec<Last>> = lasts.iter().map(|&value| self.last(value, bins, extra)).collect();
        let (levels, classes, extra) = self.levels(lasts?, bins)?;
        if (prototypes.is_some()) != matches!(extra, Some((Extra::Masks, _))) {
            return None;
        }
        let family = match (bins, self.has_swish()) {
            (2.., _) => Family::Yolo11,
            (_, true) => Family::Yolo26,
            (_, false) => Family::EspDet,
        };
        let prototypes = prototypes.map(|value| self.named_value(value));
        Some(Head { family, levels, bins, classes, extra, prototypes, is_end_to_end, is_raw: false })
    }

    /// Recognizes a head that was cut before decoding, by the names of its outputs.
    fn named(&self) -> Option<Head> {
        let output = |name: &str| self.graph.outputs.iter().copied().find(|id| self.graph.value(*id).name == name);
        let mut lasts = Vec::new();
        let forms: [(&str, &str); 2] = [("box", "score"), ("one2one_p", "")];
        let mut is_numbered = false;
        for level in 0..8 {
            let names = [
                (format!("{}{level}", forms[0].0), format!("{}{level}", forms[0].1)),
                (format!("{}{level}_box", forms[1].0), format!("{}{level}_cls", forms[1].0)),
            ];
            for (at, (boxes, scores)) in names.iter().enumerate() {
                let (Some(boxes), Some(scores)) = (output(boxes), output(scores)) else { continue };
                is_numbered |= at == 0;
                lasts.push(self.raw(boxes, Part::Box)?);
                lasts.push(self.raw(scores, Part::Score)?);
                for (name, extra) in [("kpt", Extra::KeyPoints), ("mc", Extra::Masks)] {
                    if let Some(value) = output(&format!("{name}{level}")) {
                        lasts.push(self.raw(value, Part::Extra(extra))?);
                    }
                }
            }
        }
        let bins = lasts.iter().find(|last| last.part == Part::Box)?.channels / 4;
        let (levels, classes, extra) = self.levels(lasts, bins)?;
        let family = match (bins, is_numbered) {
            (2.., _) => Family::Yolo11,
            (_, false) => Family::Yolo26,
            (_, true) => Family::EspDet,
        };
        let prototypes = output("p").map(|value| self.named_value(value));
        Some(Head { family, levels, bins, classes, extra, prototypes, is_end_to_end: false, is_raw: true })
    }

    fn raw(&self, value: ValueId, part: Part) -> Option<Last> {
        let &[1, channels, height, width] = self.graph.shape(value)? else { return None };
        Some(Last { value, channels, grid: [height, width], part })
    }

    /// Walks from an output back to the last convolutions.
    fn before_decoding(&self, output: ValueId) -> Option<Found> {
        let mut found = Found::default();
        let mut open = vec![output];
        let mut seen = BTreeSet::new();
        while let Some(value) = open.pop() {
            let Some(id) = self.links.producers[value.0].filter(|id| seen.insert(*id)) else {
                // An input of the model that is decoded without a convolution.
                if self.graph.inputs.contains(&value) {
                    return None;
                }
                continue;
            };
            let node = self.graph.node(id);
            if COMPUTING.contains(&node.op.as_str()) {
                return None;
            }
            found.is_end_to_end |= node.op == "TopK";
            match self.distribution(id) {
                Some(bins) => found.bins = Some(bins),
                None if node.is("Conv") => {
                    found.lasts.push(node.output(0)?);
                    continue;
                }
                None => {}
            }
            open.extend(node.inputs.iter().flatten());
        }
        Some(found)
    }

    /// Returns the length of the distributions whose mean a convolution computes: its weights are 0, 1, 2, ...
    fn distribution(&self, id: NodeId) -> Option<usize> {
        let node = self.graph.node(id);
        let weights = self.graph.constant(node, 1).filter(|_| node.is("Conv"))?;
        let &[1, bins, 1, 1] = weights.shape() else { return None };
        let is_mean = weights.slice::<f32>()?.iter().enumerate().all(|(at, weight)| *weight == at as f32);
        (is_mean && bins > 1).then_some(bins)
    }

    fn last(&self, value: ValueId, bins: usize, extra: Extra) -> Option<Last> {
        let last = self.raw(value, Part::Box)?;
        Some(Last { part: self.part(value, last.channels, bins, extra)?, ..last })
    }

    /// Tells the part that a convolution makes by the first operators behind it that compute.
    fn part(&self, value: ValueId, channels: usize, bins: usize, extra: Extra) -> Option<Part> {
        let mut terminals: BTreeSet<&str> = BTreeSet::new();
        let mut open = vec![value];
        let mut seen = BTreeSet::new();
        let mut place = None;
        while let Some(value) = open.pop() {
            for &(reader, port) in &self.links.consumers[value.0] {
                let node = self.graph.node(reader);
                if !MOVING.contains(&node.op.as_str()) {
                    terminals.insert(node.op.as_str());
                    continue;
                }
                let rank = node.output(0).and_then(|output| self.graph.shape(output)).map_or(0, <[usize]>::len);
                if node.op == "Concat" && rank == 4 {
                    // Box and scores of one level, in this order.
                    place = Some(port);
                }
                if seen.insert(reader) {
                    open.extend(node.outputs.iter().flatten());
                }
            }
        }
        match place {
            Some(0) => return Some(Part::Box),
            Some(1) => return Some(Part::Score),
            Some(_) => return None,
            None => {}
        }
        let is_only = |op: &str| terminals.iter().all(|terminal| *terminal == op);
        Some(if terminals.is_empty() {
            Part::Extra(extra)
        } else if terminals.contains("Softmax") {
            Part::Box
        } else if is_only("Sigmoid") {
            Part::Score
        } else if channels == 4 && bins == 1 && terminals.contains("Sub") {
            Part::Box
        } else {
            Part::Extra(extra)
        })
    }

    /// Groups convolutions by grid, and checks that all levels have the same parts.
    fn levels(&self, lasts: Vec<Last>, bins: usize) -> Option<Levels> {
        let input = self.graph.inputs.first().and_then(|&input| self.graph.shape(input))?;
        let &[_, _, height, width] = input else { return None };
        let grids: BTreeSet<[usize; 2]> = lasts.iter().map(|last| last.grid).collect();
        let mut levels = Vec::new();
        let (mut classes, mut extra) = (None, None);
        for (at, grid) in grids.iter().rev().enumerate() {
            let of = |wanted: fn(Part) -> bool| {
                let mut found = lasts.iter().filter(|last| last.grid == *grid && wanted(last.part));
                found.next().filter(|_| found.next().is_none())
            };
            let count = lasts.iter().filter(|last| last.grid == *grid).count();
            let (boxes, scores) = (of(|part| part == Part::Box)?, of(|part| part == Part::Score)?);
            let own = of(|part| matches!(part, Part::Extra(_)));
            let kind = own.and_then(|own| match own.part {
                Part::Extra(kind) => Some((kind, own.channels)),
                Part::Box | Part::Score => None,
            });
            let is_even = at == 0 || (classes == Some(scores.channels) && extra == kind);
            if boxes.channels != 4 * bins || !is_even || count != 2 + usize::from(own.is_some()) {
                return None;
            }
            (classes, extra) = (Some(scores.channels), kind);
            let stride = height / grid[0].max(1);
            if stride == 0 || stride * grid[0] != height || stride * grid[1] != width {
                return None;
            }
            let named = |last: &Last| self.named_value(last.value);
            let extra = own.map(named);
            levels.push(Level { stride, grid: *grid, boxes: named(boxes), scores: named(scores), extra });
        }
        // One grid alone is another kind of network.
        (levels.len() > 1).then_some((levels, classes?, extra))
    }

    fn named_value(&self, value: ValueId) -> Named {
        let name = self.graph.value(value).name.clone();
        let layer = self.links.producers[value.0].map(|id| self.graph.node(id));
        let layer = layer.filter(|node| node.outputs.iter().flatten().count() == 1 && !node.name.is_empty());
        Named { at: layer.map_or_else(|| name.clone(), |node| node.name.clone()), value: name }
    }

    /// Tells networks with SiLU activations.
    fn has_swish(&self) -> bool {
        let graph = self.graph;
        graph.nodes.iter().any(|node| {
            let is_product = |sigmoid: ValueId| {
                let input = node.input(0);
                let mut readers = self.links.consumers[sigmoid.0].iter().map(|&(reader, _)| graph.node(reader));
                readers.any(|reader| reader.is("Mul") && reader.inputs.contains(&input))
            };
            node.op == "Swish" || (node.is("Sigmoid") && node.output(0).is_some_and(is_product))
        })
    }
}

/// Convolutions and signs before the decoding of one output.
#[derive(Default)]
struct Found {
    lasts: Vec<ValueId>,
    bins: Option<usize>,
    is_end_to_end: bool,
}
