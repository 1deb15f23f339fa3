//! Properties of samples that say whether they are data: ranges, copies, relation of neighbours.

use std::collections::HashMap;

use crate::Result;
use crate::exec::Samples as _;
use crate::graph::Tensor;
use crate::parallel;

use super::{Samples, Source};

/// Most samples that are looked at, and most elements of one input: more say the same.
const SAMPLES: usize = 64;
const ELEMENTS: usize = 1 << 25;

/// Properties of a set of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleFacts {
    /// Number of samples that were looked at.
    pub count: usize,
    /// Samples that are equal to an earlier one, each with the first such.
    pub copies: Vec<(usize, usize)>,
    /// Set if every sample is an image.
    pub are_images: bool,
    /// Properties by input.
    pub inputs: Vec<InputFacts>,
}

/// Properties of the samples of one input with numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct InputFacts {
    /// Name of the input.
    pub name: String,
    /// Smallest element.
    pub min: f64,
    /// Largest element.
    pub max: f64,
    /// Standard deviation of all elements.
    pub std: f64,
    /// Set if every element is a whole number.
    pub is_whole: bool,
    /// Set if the shape is that of an image of one or three channels.
    pub is_picture: bool,
    /// Correlation of elements side by side or one below the other, whichever is larger; `None` for shapes without
    /// rows, and where there are too few elements to tell it from 0.
    pub neighbours: Option<f64>,
}

impl Samples {
    /// Looks at the samples. Fails if one cannot be read.
    pub fn look(&self) -> Result<SampleFacts> {
        let elements = self.inputs.iter().map(|input| input.elements()).max().unwrap_or(1).max(1);
        let count = self.len().min(SAMPLES).min((ELEMENTS / elements).max(1));
        let looked = parallel::try_map(count, |index| self.look_at(index))?;
        let mut firsts: HashMap<blake3::Hash, usize> = HashMap::new();
        let first = |(index, one): (usize, &Looked)| (index, *firsts.entry(one.digest).or_insert(index));
        let copies = looked.iter().enumerate().map(first).filter(|(index, first)| index != first).collect();
        let inputs = self.inputs.iter().enumerate().filter_map(|(at, input)| {
            let mut sums = looked.iter().filter_map(|one| one.inputs.get(at)?.clone());
            let first = sums.next()?;
            Some(sums.fold(first, Sums::and).finish(input.name.clone(), &input.shape))
        });
        let are_images = self.sources.iter().all(|source| matches!(source, Source::Images(_)));
        Ok(SampleFacts { count, copies, are_images, inputs: inputs.collect() })
    }

    fn look_at(&self, index: usize) -> Result<Looked> {
        let tensors = self.sample(index)?;
        let mut digest = blake3::Hasher::new();
        let mut inputs = Vec::new();
        for tensor in &tensors {
            let values = floats(tensor);
            match &values {
                Some(values) => {
                    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                    digest.update(&bytes);
                }
                // Truth values and texts say nothing of a range.
                None => {
                    digest.update(format!("{tensor:?}").as_bytes());
                }
            }
            inputs.push(values.map(|values| Sums::of(&values, tensor.shape())));
        }
        Ok(Looked { digest: digest.finalize(), inputs })
    }
}

fn floats(tensor: &Tensor) -> Option<Vec<f32>> {
    match tensor.slice::<f32>() {
        Some(values) => Some(values.to_vec()),
        None => tensor.to_i64s().map(|values| values.into_iter().map(|value| value as f32).collect()),
    }
}

struct Looked {
    digest: blake3::Hash,
    inputs: Vec<Option<Sums>>,
}

/// Sums over the elements of one input.
#[derive(Clone)]
struct Sums {
    min: f64,
    max: f64,
    is_whole: bool,
    count: f64,
    sum: f64,
    squares: f64,
    /// Pairs of elements side by side, and one below the other.
    pairs: [Pairs; 2],
}

/// Sums over pairs of elements.
#[derive(Clone, Copy, Default)]
struct Pairs {
    count: f64,
    first: f64,
    second: f64,
    product: f64,
    squares: [f64; 2],
}

impl Sums {
    fn of(values: &[f32], shape: &[usize]) -> Sums {
        let mut sums = Sums {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            is_whole: true,
            count: values.len() as f64,
            sum: 0.0,
            squares: 0.0,
            pairs: [Pairs::default(); 2],
        };
        for &value in values {
            let value = f64::from(value);
            sums.min = sums.min.min(value);
            sums.max = sums.max.max(value);
            sums.is_whole &= value.fract() == 0.0;
            sums.sum += value;
            sums.squares += value * value;
        }
        if let Some(rows) = Rows::of(shape) {
            sums.pairs = [rows.step, rows.step * rows.width].map(|lag| Pairs::of(values, &rows, lag));
        }
        sums
    }

    fn and(mut self, other: Sums) -> Sums {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.is_whole &= other.is_whole;
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
        for (own, other) in self.pairs.iter_mut().zip(other.pairs) {
            own.count += other.count;
            own.first += other.first;
            own.second += other.second;
            own.product += other.product;
            own.squares = [own.squares[0] + other.squares[0], own.squares[1] + other.squares[1]];
        }
        self
    }

    fn finish(self, name: String, shape: &[usize]) -> InputFacts {
        let mean = self.sum / self.count.max(1.0);
        let variance = (self.squares / self.count.max(1.0) - mean * mean).max(0.0);
        let [beside, below] = self.pairs.map(Pairs::correlation);
        let neighbours =
            beside.zip(below).map(|(beside, below)| if beside.abs() > below.abs() { beside } else { below });
        InputFacts {
            name,
            min: self.min,
            max: self.max,
            std: variance.sqrt(),
            is_whole: self.is_whole,
            is_picture: Rows::of(shape).is_some_and(|rows| matches!(rows.channels, 1 | 3)),
            neighbours,
        }
    }
}

impl Pairs {
    /// Sums over each element and the one `lag` after it, in one plane.
    fn of(values: &[f32], rows: &Rows, lag: usize) -> Pairs {
        let mut pairs = Pairs::default();
        let is_beside = lag == rows.step;
        for (at, (&first, &second)) in values.iter().zip(values.iter().skip(lag)).enumerate() {
            let place = at / rows.step;
            let is_last = match is_beside {
                true => place % rows.width + 1 == rows.width,
                false => place / rows.width % rows.height + 1 == rows.height,
            };
            if is_last {
                continue;
            }
            let (first, second) = (f64::from(first), f64::from(second));
            pairs.count += 1.0;
            pairs.first += first;
            pairs.second += second;
            pairs.product += first * second;
            pairs.squares = [pairs.squares[0] + first * first, pairs.squares[1] + second * second];
        }
        pairs
    }

    /// Returns the correlation of the pairs; `None` for constants, and where chance alone makes a large one.
    fn correlation(self) -> Option<f64> {
        const FEWEST: f64 = 20_000.0;
        if self.count < FEWEST {
            return None;
        }
        let covariance = self.product / self.count - self.first * self.second / self.count.powi(2);
        let variance = |sum: f64, squares: f64| squares / self.count - (sum / self.count).powi(2);
        let scale = (variance(self.first, self.squares[0]) * variance(self.second, self.squares[1])).sqrt();
        (scale > 0.0).then(|| covariance / scale)
    }
}

/// Rows of an image-like input.
struct Rows {
    channels: usize,
    height: usize,
    width: usize,
    /// Distance of elements side by side.
    step: usize,
}

impl Rows {
    /// Returns the rows of `[1, C, H, W]`, or of `[1, H, W, C]` with few channels.
    fn of(shape: &[usize]) -> Option<Rows> {
        const LEAST: usize = 8;
        match *shape {
            [1, channels, height, width] if height >= LEAST && width >= LEAST => {
                Some(Rows { channels, height, width, step: 1 })
            }
            [1, height, width, channels] if height >= LEAST && width >= LEAST => {
                Some(Rows { channels, height, width, step: channels })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn related(values: impl Fn(usize, usize) -> f32) -> f64 {
        let all: Vec<f32> = (0..256 * 128).map(|at| values(at / 256, at % 256)).collect();
        Sums::of(&all, &[1, 1, 128, 256]).finish(String::new(), &[1, 1, 128, 256]).neighbours.unwrap()
    }

    #[test]
    fn neighbours_are_related_in_pictures_and_not_in_noise() {
        assert!(related(|row, column| ((row + column) as f32 / 20.0).sin()) > 0.9);
        // A linear congruential generator.
        let noise = |row: usize, column: usize| {
            let mixed = ((row * 256 + column) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f32
        };
        assert!(related(noise).abs() < 0.02);
        // Stripes differ from row to row only.
        assert!(related(|row, _| noise(row, 7)) > 0.9);
    }

    #[test]
    fn ranges_and_whole_numbers() {
        let seen = Sums::of(&[0.0, 3.0, 255.0], &[3]).finish("x".into(), &[3]);
        assert_eq!((seen.min, seen.max, seen.is_whole, seen.is_picture), (0.0, 255.0, true, false));
        assert!(!Sums::of(&[0.5], &[1]).is_whole);
    }
}
