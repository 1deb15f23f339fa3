//! Agreement of the boxes of two networks on the same samples.

use serde::{Deserialize, Serialize};

use crate::graph::Tensor;

use super::decode::{Detector, Found, overlap};
use super::head::Extra;

/// Score from which a box counts.
pub const SCORE: f32 = 0.25;
/// Overlap from which two boxes are the same.
const SAME: f32 = 0.5;

/// Boxes of the float network beside those of the quantized one, over samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct FoundBoxes {
    /// Boxes of the float network.
    pub boxes: usize,
    /// Boxes that the quantized network finds as well: same class, overlap of at least 0.5.
    pub found: usize,
    /// Boxes of the quantized network that the float one does not have.
    pub new: usize,
    /// Mean distance of the key points of found boxes, in pixels of the input; `None` without key points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_point_distance: Option<f64>,
    /// Mean overlap (intersection over union) of the masks of found boxes; `None` without masks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_overlap: Option<f64>,
}

impl FoundBoxes {
    /// Compares one sample; `None` if its outputs are not those of the head.
    pub fn of(detector: &Detector, float: &[Tensor], quantized: &[Tensor]) -> Option<FoundBoxes> {
        FoundBoxes::each(detector, float, quantized).map(|(boxes, _)| boxes)
    }

    /// Compares one sample, and tells for each box of the float network whether it is found, the one with the best score first.
    pub fn each(detector: &Detector, float: &[Tensor], quantized: &[Tensor]) -> Option<(FoundBoxes, Vec<bool>)> {
        let (expected, mut got) = (detector.boxes(float)?, detector.boxes(quantized)?);
        let mut found_boxes = FoundBoxes { boxes: expected.len(), ..FoundBoxes::default() };
        let mut distances = Vec::new();
        let mut overlaps = Vec::new();
        let mut is_found = vec![false; expected.len()];
        for (one, is_found) in expected.iter().zip(&mut is_found) {
            let near = |other: &Found| if other.class == one.class { overlap(&one.sides, &other.sides) } else { 0.0 };
            let best = (0..got.len()).max_by(|&a, &b| near(&got[a]).total_cmp(&near(&got[b])));
            let Some(best) = best.filter(|&at| near(&got[at]) >= SAME) else { continue };
            let other = got.swap_remove(best);
            found_boxes.found += 1;
            *is_found = true;
            match detector.extra() {
                Some(Extra::KeyPoints) => distances.extend(between(detector.numbers_by_point(), one, &other)),
                Some(Extra::Masks) => overlaps.extend(of_masks(detector, (one, float), (&other, quantized))),
                None => {}
            }
        }
        found_boxes.new = got.len();
        let mean = |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        found_boxes.key_point_distance = mean(&distances);
        found_boxes.mask_overlap = mean(&overlaps);
        Some((found_boxes, is_found))
    }

    /// Sums samples; means are by found box.
    pub fn sum(samples: impl IntoIterator<Item = FoundBoxes>) -> FoundBoxes {
        let mut sum = FoundBoxes::default();
        let mut weighted = [(0.0, 0usize); 2];
        for one in samples {
            (sum.boxes, sum.found, sum.new) = (sum.boxes + one.boxes, sum.found + one.found, sum.new + one.new);
            for (weighted, mean) in weighted.iter_mut().zip([one.key_point_distance, one.mask_overlap]) {
                if let Some(mean) = mean {
                    *weighted = (weighted.0 + mean * one.found as f64, weighted.1 + one.found);
                }
            }
        }
        let [distance, overlap] = weighted.map(|(sum, count)| (count > 0).then(|| sum / count as f64));
        FoundBoxes { key_point_distance: distance, mask_overlap: overlap, ..sum }
    }

    /// Share of the float network's boxes that are found; `None` if it has none.
    pub fn share(&self) -> Option<f64> {
        (self.boxes > 0).then(|| self.found as f64 / self.boxes as f64)
    }
}

fn between(numbers: usize, one: &Found, other: &Found) -> Option<f64> {
    let points = one.extra.chunks_exact(numbers).zip(other.extra.chunks_exact(numbers));
    let distances: Vec<f64> = points.map(|(a, b)| f64::from((a[0] - b[0]).hypot(a[1] - b[1]))).collect();
    (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64)
}

/// Overlap of the masks of two boxes, each within its own.
fn of_masks(detector: &Detector, one: (&Found, &[Tensor]), other: (&Found, &[Tensor])) -> Option<f64> {
    let (first, grid) = detector.prototypes(one.1)?;
    let (second, _) = detector.prototypes(other.1)?;
    let area = grid[0] * grid[1];
    let [height, width] = detector.size();
    let is_set = |(found, _): (&Found, &[Tensor]), prototypes: &[f32], cell: usize| {
        let x = ((cell % grid[1]) as f32 + 0.5) * width as f32 / grid[1] as f32;
        let y = ((cell / grid[1]) as f32 + 0.5) * height as f32 / grid[0] as f32;
        let [left, top, right, bottom] = found.sides;
        let is_within = x >= left && x <= right && y >= top && y <= bottom;
        let value = || -> f32 {
            let planes = found.extra.iter().zip(prototypes.chunks_exact(area.max(1)));
            planes.map(|(coefficient, plane)| coefficient * plane[cell]).sum()
        };
        is_within && value() > 0.0
    };
    let (mut shared, mut all) = (0usize, 0usize);
    for cell in 0..area {
        let (a, b) = (is_set(one, first, cell), is_set(other, second, cell));
        shared += usize::from(a && b);
        all += usize::from(a || b);
    }
    (all > 0).then(|| shared as f64 / all as f64)
}
