//! Boxes of a sample from a network's outputs, as ESP-DL's postprocessors decode them.

use std::collections::HashMap;

use crate::graph::{Graph, Tensor};
use crate::order;

use super::found_boxes::SCORE;
use super::head::{Extra, Head};

/// Overlap above which the box with the lower score is dropped.
const OVERLAP: f32 = 0.7;
/// Most boxes of a sample that are compared with each other.
const MOST: usize = 1000;
/// Most boxes of a sample.
const KEPT: usize = 300;

/// Box of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Left, top, right and bottom in pixels of the input.
    pub sides: [f32; 4],
    /// Score from 0 to 1.
    pub score: f32,
    /// Class.
    pub class: usize,
    /// Key points in pixels, or coefficients of the mask.
    pub extra: Vec<f32>,
}

/// Values of a network's outputs that a detector reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Values before decoding: places of box, scores and extra values of each level among the outputs.
    Raw(Vec<[Option<usize>; 3]>),
    /// One output with a column for each anchor: box, scores, extra values.
    Columns(usize),
    /// One output with a row for each box: sides, score, class, extra values.
    Rows(usize),
}

/// Decoder of the outputs of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detector {
    head: Head,
    reading: Reading,
    /// Place of the prototypes among the outputs.
    prototypes: Option<usize>,
    /// Height and width of the input.
    size: [usize; 2],
}

impl Detector {
    /// Makes the detector of a network with these outputs. `names` has the names of `graph`'s outputs in the file; `None`
    /// where they are not those of the head.
    pub fn of(head: &Head, graph: &Graph, names: &[String]) -> Option<Detector> {
        let first = head.levels.first()?;
        let size = first.grid.map(|cells| cells * first.stride);
        let places: HashMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let place = |name: &str| places.get(name).copied();
        let prototypes = head.prototypes.as_ref().and_then(|named| place(&named.value));
        let is_masked = matches!(head.extra, Some((Extra::Masks, _)));
        if is_masked && prototypes.is_none() {
            return None;
        }
        let level = |level: &super::Level| {
            let extra = level.extra.as_ref().map(|extra| place(&extra.value));
            let parts = [place(&level.boxes.value), place(&level.scores.value), extra.flatten()];
            (parts[0].is_some() && parts[1].is_some() && extra.is_none_or(|extra| extra.is_some())).then_some(parts)
        };
        let raw: Option<Vec<_>> = head.levels.iter().map(level).collect();
        let reading = match raw {
            Some(raw) => Reading::Raw(raw),
            None => Detector::decoded(head, graph)?,
        };
        Some(Detector { head: head.clone(), reading, prototypes, size })
    }

    fn decoded(head: &Head, graph: &Graph) -> Option<Reading> {
        let extra = head.extra.map_or(0, |(_, count)| count);
        let anchors: usize = head.levels.iter().map(|level| level.grid[0] * level.grid[1]).sum();
        graph.outputs.iter().enumerate().find_map(|(at, &output)| match graph.shape(output)? {
            [1, rows, columns] if *rows == 4 + head.classes + extra && *columns == anchors => {
                Some(Reading::Columns(at))
            }
            [1, _, columns] if head.is_end_to_end && *columns == 6 + extra => Some(Reading::Rows(at)),
            _ => None,
        })
    }

    /// Returns the boxes of a sample with at least the score that counts, the best first.
    pub(super) fn boxes(&self, outputs: &[Tensor]) -> Option<Vec<Found>> {
        let mut found = match &self.reading {
            Reading::Raw(levels) => self.of_levels(levels, outputs)?,
            Reading::Columns(at) => self.of_columns(outputs.get(*at)?.slice()?),
            Reading::Rows(at) => self.of_rows(outputs.get(*at)?.slice()?),
        };
        found.retain(|one| one.score >= SCORE && one.sides.iter().all(|side| side.is_finite()));
        order::sort_by(&mut found, |a, b| b.score.total_cmp(&a.score));
        found.truncate(MOST);
        let mut kept: Vec<Found> = Vec::new();
        for one in found {
            if kept.len() == KEPT {
                break;
            }
            let hides = |other: &Found| other.class == one.class && overlap(&other.sides, &one.sides) > OVERLAP;
            if !kept.iter().any(hides) {
                kept.push(one);
            }
        }
        Some(kept)
    }

    fn of_levels(&self, levels: &[[Option<usize>; 3]], outputs: &[Tensor]) -> Option<Vec<Found>> {
        let mut found = Vec::new();
        for (level, places) in self.head.levels.iter().zip(levels) {
            let slice = |place: Option<usize>| place.and_then(|at| outputs.get(at)?.slice::<f32>());
            let (boxes, scores, extra) = (slice(places[0])?, slice(places[1])?, slice(places[2]));
            let area = level.grid[0] * level.grid[1];
            let (bins, stride) = (self.head.bins, level.stride as f32);
            if boxes.len() < 4 * bins * area || scores.len() < self.head.classes * area {
                return None;
            }
            for cell in 0..area {
                let of_class = |class: usize| scores[class * area + cell];
                let Some(class) = (0..self.head.classes).max_by(|a, b| of_class(*a).total_cmp(&of_class(*b))) else {
                    continue;
                };
                let score = sigmoid(of_class(class));
                if score < SCORE {
                    continue;
                }
                let [column, row] = [cell % level.grid[1], cell / level.grid[1]].map(|at| at as f32);
                let side = |side: usize| distance((0..bins).map(|bin| boxes[(side * bins + bin) * area + cell]));
                let sides = [
                    (column + 0.5 - side(0)) * stride,
                    (row + 0.5 - side(1)) * stride,
                    (column + 0.5 + side(2)) * stride,
                    (row + 0.5 + side(3)) * stride,
                ];
                let numbers = extra.map_or(0, |extra| extra.len() / area.max(1));
                let mut values: Vec<f32> =
                    (0..numbers).map(|at| extra.map_or(0.0, |extra| extra[at * area + cell])).collect();
                if let Some((Extra::KeyPoints, _)) = self.head.extra {
                    for point in values.chunks_mut(self.numbers_by_point()) {
                        point[0] = (point[0] * 2.0 + column) * stride;
                        if let Some(y) = point.get_mut(1) {
                            *y = (*y * 2.0 + row) * stride;
                        }
                    }
                }
                found.push(Found { sides, score, class, extra: values });
            }
        }
        Some(found)
    }

    fn of_columns(&self, elements: &[f32]) -> Vec<Found> {
        let extra = self.head.extra.map_or(0, |(_, count)| count);
        let rows = 4 + self.head.classes + extra;
        let anchors = elements.len() / rows;
        let at = |row: usize, anchor: usize| elements[row * anchors + anchor];
        let of = |anchor: usize| {
            let of_class = |class: usize| at(4 + class, anchor);
            let class = (0..self.head.classes).max_by(|a, b| of_class(*a).total_cmp(&of_class(*b)))?;
            let [x, y, width, height] = [0, 1, 2, 3].map(|row| at(row, anchor));
            let sides = [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0];
            let extra = (rows - extra..rows).map(|row| at(row, anchor)).collect();
            Some(Found { sides, score: of_class(class), class, extra })
        };
        (0..anchors).filter_map(of).filter(|one| one.score >= SCORE).collect()
    }

    fn of_rows(&self, elements: &[f32]) -> Vec<Found> {
        let extra = self.head.extra.map_or(0, |(_, count)| count);
        let rows = elements.chunks_exact(6 + extra);
        let of = |row: &[f32]| Found {
            sides: [row[0], row[1], row[2], row[3]],
            score: row[4],
            class: row[5].round().max(0.0) as usize,
            extra: row[6..].to_vec(),
        };
        rows.map(of).collect()
    }

    /// Numbers of one key point: place, and its visibility where there is one.
    pub(super) fn numbers_by_point(&self) -> usize {
        match self.head.extra {
            Some((Extra::KeyPoints, count)) if count % 3 == 0 => 3,
            _ => 2,
        }
    }

    /// Kind of the values besides box and scores.
    pub(super) fn extra(&self) -> Option<Extra> {
        self.head.extra.map(|(extra, _)| extra)
    }

    /// Prototypes of masks, with their grid.
    pub(super) fn prototypes<'a>(&self, outputs: &'a [Tensor]) -> Option<(&'a [f32], [usize; 2])> {
        let tensor = outputs.get(self.prototypes?)?;
        let &[1, _, height, width] = tensor.shape() else { return None };
        Some((tensor.slice()?, [height, width]))
    }

    /// Height and width of the input.
    pub(super) fn size(&self) -> [usize; 2] {
        self.size
    }
}

/// Mean of a distribution over 0, 1, 2, ... given by its logits; a single number is the distance itself.
fn distance(logits: impl Iterator<Item = f32> + Clone) -> f32 {
    let largest = logits.clone().fold(f32::MIN, f32::max);
    let (mut sum, mut weighted, mut count, mut last) = (0.0, 0.0, 0, 0.0);
    for (bin, logit) in logits.enumerate() {
        let weight = (logit - largest).exp();
        sum += weight;
        weighted += weight * bin as f32;
        (count, last) = (bin + 1, logit);
    }
    if count == 1 { last } else { weighted / sum }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Area of the intersection by that of the union.
pub(super) fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |sides: &[f32; 4]| (sides[2] - sides[0]).max(0.0) * (sides[3] - sides[1]).max(0.0);
    let shared = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
    let (shared, all) = (area(&shared), area(a) + area(b));
    if all - shared > 0.0 { shared / (all - shared) } else { 0.0 }
}
