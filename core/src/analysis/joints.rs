//! Error by part, where a Concat joins values: one scale for all of them takes the steps of the widest.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::exec::{FakeQuant, fake_quantize};
use crate::graph::{Graph, NodeId, Tensor, ValueId};
use crate::kernels::errors::error_sums;

use super::Subject;

/// Ratio of two ranges from which they are very different: the narrow part has 3 bits less than its own scale would give it.
const RATIO: f64 = 8.0;

/// Concat that joins values of very different ranges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    /// Layer that joins.
    pub layer: String,
    /// Output of the model that it makes, itself or through layers that only move its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Axis along which it joins.
    pub axis: usize,
    /// Parts in order.
    pub parts: Vec<JointPart>,
}

/// One part of a joint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JointPart {
    /// Name of the joined value.
    pub value: String,
    /// First place along the axis.
    pub first: usize,
    /// Last place along the axis.
    pub last: usize,
    /// Largest magnitude in float.
    pub range: f64,
    /// Noise-to-signal power ratio, mean over samples.
    pub nsr: f64,
    /// That ratio by rounding to the shared scale alone, without any error of the layers before.
    #[serde(default)]
    pub rounding: f64,
}

impl Joint {
    /// Returns the part with the widest range.
    pub fn widest(&self) -> Option<&JointPart> {
        self.parts.iter().max_by(|a, b| a.range.total_cmp(&b.range))
    }

    /// Returns the parts whose range is much narrower than the widest and whose error exceeds a limit by the shared scale
    /// alone: errors of the layers before are no reason to part them.
    pub fn lost(&self, limit: f64) -> impl Iterator<Item = &JointPart> {
        let widest = self.widest().map_or(0.0, |part| part.range);
        let is_lost = move |part: &&JointPart| {
            widest >= RATIO * part.range && part.range > 0.0 && part.nsr.min(part.rounding) > limit
        };
        self.parts.iter().filter(is_lost)
    }

    /// "channels 4 to 83", or places along another axis.
    pub fn places(&self, first: usize, last: usize) -> String {
        let (one, several) = if self.axis == 1 { ("channel", "channels") } else { ("place", "places") };
        let of_axis = if self.axis == 1 { String::new() } else { format!(" of axis {}", self.axis) };
        match first == last {
            true => format!("{one} {first}{of_axis}"),
            false => format!("{several} {first} to {last}{of_axis}"),
        }
    }

    fn is_mixed(&self) -> bool {
        let widest = self.widest().map_or(0.0, |part| part.range);
        self.parts.iter().any(|part| part.range > 0.0 && widest >= RATIO * part.range)
    }
}

/// Concat whose value is compared by part.
pub(super) struct Watched {
    pub value: ValueId,
    node: NodeId,
    axis: usize,
    parts: Vec<(ValueId, usize, usize)>,
    /// Rounding to the shared scale; `None` where the Concat stays in float.
    shared: Option<FakeQuant>,
}

/// Sums over one part of a sample.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PartSums {
    noise: f64,
    rounding: f64,
    signal: f64,
    range: f64,
}

/// Lists the Concats that make outputs of the model, and with `inner` all others.
pub(super) fn watched(subject: &Subject, inner: bool) -> Vec<Watched> {
    let graph = subject.graph;
    let joints = graph.node_ids().filter_map(|node| joint(subject, node));
    joints.filter(|joint| inner || graph.outputs.contains(&joint.value)).collect()
}

fn joint(subject: &Subject, id: NodeId) -> Option<Watched> {
    let graph = subject.graph;
    let node = graph.node(id);
    let value = node.output(0).filter(|_| node.is("Concat"))?;
    let shared = subject.quantized.output_quantizer(id);
    let rank = graph.shape(value)?.len();
    let axis = node.attributes.int("axis")?;
    let axis = usize::try_from(if axis < 0 { axis + i64::try_from(rank).ok()? } else { axis }).ok()?;
    let mut parts = Vec::new();
    let mut first = 0;
    for input in node.inputs.iter().flatten() {
        let length = *graph.shape(*input)?.get(axis)?;
        parts.push((*input, first, first + length));
        first += length;
    }
    (parts.len() > 1).then_some(Watched { value, node: id, axis, parts, shared })
}

impl Watched {
    /// Compares the parts of a value, if they share a scale; `None` if it does not hold numbers.
    pub fn compare(&self, quantized: &Tensor, float: &Tensor) -> Result<Option<Vec<PartSums>>> {
        let Some(shared) = &self.shared else { return Ok(Some(Vec::new())) };
        let rounded = fake_quantize(float.clone(), shared)?;
        Ok(self.sums(quantized, &rounded, float))
    }

    fn sums(&self, quantized: &Tensor, rounded: &Tensor, float: &Tensor) -> Option<Vec<PartSums>> {
        let (shape, q, f) = (float.shape(), quantized.slice::<f32>()?, float.slice::<f32>()?);
        let r = rounded.slice::<f32>()?;
        if quantized.shape() != shape || q.is_empty() {
            return None;
        }
        let inner: usize = shape[self.axis + 1..].iter().product();
        let row = shape[self.axis] * inner;
        let part = |&(_, from, to): &(ValueId, usize, usize)| {
            let mut sums = PartSums::default();
            for ((q, r), f) in q.chunks_exact(row).zip(r.chunks_exact(row)).zip(f.chunks_exact(row)) {
                let [q, r, f] = [q, r, f].map(|row| &row[from * inner..to * inner]);
                let found = error_sums(q, f);
                sums.noise += found.noise;
                sums.rounding += error_sums(r, f).noise;
                sums.signal += found.signal;
                sums.range = f.iter().fold(sums.range, |range, x| range.max(f64::from(x.abs())));
            }
            sums
        };
        Some(self.parts.iter().map(part).collect())
    }

    /// Returns the joint over samples, if its parts have very different ranges.
    pub fn joint(&self, graph: &Graph, samples: &[&[PartSums]]) -> Option<Joint> {
        let part = |(at, &(value, from, to)): (usize, &(ValueId, usize, usize))| {
            let sums = samples.iter().filter_map(|sums| sums.get(at));
            let (mut nsr, mut rounding, mut range, mut count) = (0.0, 0.0, 0.0f64, 0);
            for sums in sums {
                nsr += sums.noise / (sums.signal + 1e-7);
                rounding += sums.rounding / (sums.signal + 1e-7);
                range = range.max(sums.range);
                count += 1;
            }
            let name = graph.value(value).name.clone();
            let count = f64::from(count.max(1));
            JointPart {
                value: name,
                first: from,
                last: to.max(1) - 1,
                range,
                nsr: nsr / count,
                rounding: rounding / count,
            }
        };
        let is_output = graph.outputs.contains(&self.value);
        let joint = Joint {
            layer: graph.node(self.node).name.clone(),
            output: is_output.then(|| graph.value(self.value).name.clone()),
            axis: self.axis,
            parts: self.parts.iter().enumerate().map(part).collect(),
        };
        let is_finite = joint.parts.iter().all(|part| part.nsr.is_finite() && part.range.is_finite());
        (is_finite && joint.is_mixed()).then_some(joint)
    }
}

/// Compares outputs of the model by part.
pub(super) fn of_outputs(
    graph: &Graph,
    watched: &[Watched],
    quantized: &[Tensor],
    float: &[Tensor],
    sums: &mut [Option<Vec<PartSums>>],
) -> Result<()> {
    for (joint, sums) in watched.iter().zip(sums) {
        let output = graph.outputs.iter().position(|output| *output == joint.value);
        if let Some((quantized, float)) = output.and_then(|at| Some((quantized.get(at)?, float.get(at)?))) {
            *sums = joint.compare(quantized, float)?;
        }
    }
    Ok(())
}
