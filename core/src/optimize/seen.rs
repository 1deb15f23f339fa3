//! Values of the float network over all samples, as far as passes need them: magnitudes by channel, and a spread of
//! elements. They are measured once: a pass that scales values scales them, too.

use std::collections::BTreeMap;

use crate::Result;
use crate::exec::{Program, Samples, Tick};
use crate::graph::ValueId;
use crate::kernels::errors::{largest_magnitude, rounding_power, sum_of_squares};
use crate::parallel;
use crate::quant::Plan;

/// Elements of a value that are kept of each sample.
const ELEMENTS: usize = 2048;
/// Samples that esp-ppq's equalization looks at: 16 steps, and two that it counts too many.
const FIRST: usize = 18;

/// Values by id.
#[derive(Debug, Clone, Default)]
pub struct Seen(BTreeMap<ValueId, SeenValue>);

#[derive(Debug, Clone, Default)]
pub struct SeenValue {
    pub magnitudes: Magnitudes,
    /// Some elements of each sample, one sample after the other; none of a value that is not quantized.
    elements: Vec<f32>,
    /// Channels of the elements.
    channels: Vec<u32>,
    /// Element of largest magnitude of each channel in each sample, one sample after the other; none where all elements are
    /// kept.
    peaks: Vec<f32>,
}

/// Magnitudes and powers of one value's channels over all samples. Channels are the second axis, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Magnitudes {
    pub largest: Vec<f64>,
    /// Largest over the samples that esp-ppq's equalization looks at.
    pub largest_of_first: Vec<f64>,
    /// Sum over samples of the mean square.
    pub power: Vec<f64>,
}

impl Seen {
    /// Runs the float network over all samples.
    pub fn of(plan: &Plan, samples: &dyn Samples, tick: Tick) -> Result<Seen> {
        let graph = &plan.graph;
        let wanted: Vec<bool> = graph.values.iter().map(|value| value.constant.is_none()).collect();
        let quantized = graph.mask(plan.observed().iter().map(|port| port.value));
        let float = Program::simulated(graph, &plan.reference()?)?;
        let by_sample = parallel::try_map(samples.len(), |sample| {
            let mut seen = Vec::new();
            float.observe(&samples.sample(sample)?, &wanted, &mut |value, tensor| {
                if let Some(elements) = tensor.slice::<f32>() {
                    seen.push((value, one(tensor.shape(), elements, sample, quantized[value.0])));
                }
                Ok(())
            })?;
            tick()?;
            Ok(seen)
        })?;
        let mut all = Seen::default();
        for (value, one) in by_sample.into_iter().flatten() {
            all.0.entry(value).or_default().add(one);
        }
        Ok(all)
    }

    pub fn value(&self, value: ValueId) -> Option<&SeenValue> {
        self.0.get(&value)
    }

    /// Scales a value by one factor, or by one for each of its channels.
    pub fn scale(&mut self, value: ValueId, factors: &[f64]) {
        if let Some(value) = self.0.get_mut(&value) {
            value.scale(factors);
        }
    }
}

impl SeenValue {
    /// Returns a spread of elements over all samples, with the one of largest magnitude of each.
    pub fn elements(&self) -> Vec<f32> {
        let samples = self.peaks.chunks(self.magnitudes.largest.len().max(1));
        let largest = samples.map(|peaks| peaks.iter().fold(0.0, larger));
        self.elements.iter().copied().chain(largest).collect()
    }

    fn add(&mut self, mut other: SeenValue) {
        self.magnitudes.add(&other.magnitudes);
        self.elements.append(&mut other.elements);
        self.channels.append(&mut other.channels);
        self.peaks.append(&mut other.peaks);
    }

    fn scale(&mut self, factors: &[f64]) {
        self.magnitudes.scale(factors);
        let scale = |v: &mut f32, channel: usize| *v = (f64::from(*v) * factor(factors, channel)) as f32;
        self.elements.iter_mut().zip(&self.channels).for_each(|(v, &channel)| scale(v, channel as usize));
        let count = self.magnitudes.largest.len().max(1);
        self.peaks.iter_mut().enumerate().for_each(|(at, v)| scale(v, at % count));
    }
}

impl Magnitudes {
    fn add(&mut self, other: &Magnitudes) {
        self.largest.resize(other.largest.len(), 0.0);
        self.power.resize(other.power.len(), 0.0);
        self.largest_of_first.resize(other.largest_of_first.len().max(self.largest_of_first.len()), 0.0);
        self.largest_of_first.iter_mut().zip(&other.largest_of_first).for_each(|(a, b)| *a = a.max(*b));
        self.largest.iter_mut().zip(&other.largest).for_each(|(a, b)| *a = a.max(*b));
        self.power.iter_mut().zip(&other.power).for_each(|(a, b)| *a += b);
    }

    pub fn scale(&mut self, factors: &[f64]) {
        self.largest.iter_mut().enumerate().for_each(|(channel, v)| *v *= factor(factors, channel));
        self.largest_of_first.iter_mut().enumerate().for_each(|(channel, v)| *v *= factor(factors, channel));
        self.power.iter_mut().enumerate().for_each(|(channel, v)| *v *= factor(factors, channel).powi(2));
    }
}

/// The factor of a channel, or of all.
fn factor(factors: &[f64], channel: usize) -> f64 {
    match factors {
        [one] => *one,
        _ => factors.get(channel).copied().unwrap_or(1.0),
    }
}

/// A tensor of one sample.
fn one(shape: &[usize], elements: &[f32], sample: usize, is_quantized: bool) -> SeenValue {
    let count = shape.get(1).copied().unwrap_or(1).max(1);
    let places = (elements.len() / count).max(1);
    let mut peaks = vec![0.0f32; count];
    let mut power = vec![0.0; count];
    for (at, block) in elements.chunks(places).enumerate() {
        let channel = at % count;
        let magnitude = largest_magnitude(block);
        if magnitude > peaks[channel].abs() {
            // The first of this magnitude, for its sign.
            peaks[channel] = block.iter().copied().find(|v| v.abs() == magnitude).unwrap_or(magnitude);
        }
        power[channel] += sum_of_squares(block) / places as f64;
    }
    let largest: Vec<f64> = peaks.iter().map(|v| f64::from(v.abs())).collect();
    let largest_of_first = if sample < FIRST { largest.clone() } else { Vec::new() };
    let magnitudes = Magnitudes { largest, largest_of_first, power };
    let places: Vec<usize> = if is_quantized { spread(elements.len(), sample) } else { Vec::new() };
    let inner = shape.iter().skip(2).product::<usize>().max(1);
    let has_all = places.len() == elements.len() || !is_quantized;
    SeenValue {
        magnitudes,
        elements: places.iter().map(|&at| elements[at]).collect(),
        channels: places.iter().map(|&at| (at / inner % count) as u32).collect(),
        peaks: if has_all { Vec::new() } else { peaks },
    }
}

/// The one of larger magnitude.
fn larger(a: f32, b: &f32) -> f32 {
    if b.abs() > a.abs() { *b } else { a }
}

/// Places of a spread of elements, other ones in each sample; of all if they are few.
fn spread(count: usize, sample: usize) -> Vec<usize> {
    if count <= ELEMENTS {
        return (0..count).collect();
    }
    // Knuth's multiplicative hash: no period that channels or lines of an image share.
    (1..ELEMENTS).map(|index| index.wrapping_mul(2_654_435_761).wrapping_add(sample * 40_503) % count).collect()
}

/// Noise-to-signal ratio of elements on 8 bits of a step.
pub fn error(elements: &[f32], step: f32) -> f64 {
    let [noise, signal] = rounding_power(elements, step);
    noise / signal.max(f64::MIN_POSITIVE)
}
