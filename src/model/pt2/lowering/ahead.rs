//! Copies of weights that other threads make while the program is lowered: with the factors that the BatchNorm behind a
//! layer will give them, as far as the program shows them. The finished graph takes those that have the factors it needs.
//!
//! Never: the choice of layers that a BatchNorm is folded into.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::HashMap;

use super::{Call, Sharing, fuse, late, outputs};
use crate::Result;
use crate::graph::Tensor;
use crate::model::Part;
use crate::model::pt2::program::{Program, Tensors};
use crate::model::pt2::schema::{Argument, Text};
use crate::model::pt2::tensors::{Plain, floats};
use crate::order;

/// Weights, the largest first, so that no thread is left with a large one at the end.
#[derive(Default)]
pub struct Ahead<'a> {
    copies: Vec<Copy<'a>>,
    /// Places in the list by name.
    places: HashMap<Text<'a>, usize>,
    next: AtomicUsize,
}

struct Copy<'a> {
    /// Name of the parameter.
    name: Text<'a>,
    shape: &'a [usize],
    part: Part<'a>,
    norm: Option<Norm<'a>>,
    made: OnceLock<Result<Made>>,
}

/// BatchNorm behind a layer.
struct Norm<'a> {
    scale: Option<&'a Plain<'a>>,
    variance: &'a Plain<'a>,
    epsilon: f32,
}

struct Made {
    factors: Vec<Vec<f32>>,
    tensor: Tensor,
}

impl<'a> Ahead<'a> {
    pub fn of(program: &Program<'a>, sharing: &Sharing) -> Ahead<'a> {
        let calls = program.graph().nodes.iter().enumerate().map(|(at, node)| Call { node, at });
        // Weights that lie apart are no more than the file.
        let mut left = program.size();
        let mut fits = |copy: &Copy| left.checked_sub(copy.part.size()).map(|rest| left = rest).is_some();
        let mut copies: Vec<Copy> =
            calls.filter_map(|call| Copy::of(program, sharing, call)).take_while(|copy| fits(copy)).collect();
        order::sort_by_key(&mut copies, |copy| std::cmp::Reverse(copy.part.size()));
        let places = copies.iter().enumerate().map(|(place, copy)| (copy.name.clone(), place)).collect();
        Ahead { copies, places, next: AtomicUsize::new(0) }
    }

    /// Takes over elements that have been copied before there was a list.
    pub fn take(&self, copied: Vec<(&str, Vec<f32>)>) {
        for (name, elements) in copied {
            if let Some(copy) = self.places.get(name).and_then(|&place| self.copies.get(place)) {
                copy.made(Some(elements));
            }
        }
    }

    /// Makes copies until all are made, or being made by another thread.
    pub fn work(&self) {
        while let Some(copy) = self.copies.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            copy.made(None);
        }
    }

    /// Leaves out the copies that no thread has begun.
    pub fn stop(&self) {
        self.next.store(self.copies.len(), Ordering::Relaxed);
    }

    /// Returns the copy of a weight, if it has these factors.
    pub fn copy(&self, name: &str, factors: &[Vec<f32>]) -> Option<Tensor> {
        let copy = self.copies.get(*self.places.get(name)?)?;
        let made = copy.made(None).as_ref().ok().filter(|made| made.factors == factors)?;
        Some(made.tensor.clone())
    }
}

impl<'a> Copy<'a> {
    /// Returns the weight of a layer that alone reads it, and hands it on as it is.
    fn of(program: &Program<'a>, sharing: &Sharing, call: Call) -> Option<Copy<'a>> {
        let rank = |name: &str| Some(program.graph().tensor_values.get(call.tensor(name).ok()?)?.sizes.len());
        match call.operator() {
            "linear.default" if rank("input") == Some(2) => {}
            name if name.starts_with("conv") => {}
            _ => return None,
        }
        let weight = call.tensor("weight").ok()?;
        let name = program.names.get(weight)?.clone();
        let Plain { shape, part, .. } = program.stored(&name)?;
        sharing.only_reader(weight)?;
        let output = outputs(call.node).next()?;
        let reader = sharing.only_reader(output).and_then(|at| Some(Call { node: program.graph().nodes.get(at)?, at }));
        let norm = match reader.filter(|reader| reader.operator().contains("batch_norm")) {
            Some(norm) => Some(Norm::of(program, norm)?),
            None => None,
        };
        Some(Copy { name, shape, part: *part, norm, made: OnceLock::new() })
    }

    /// Makes the copy, unless it is there, of the elements if they have been copied; waits for a thread that is making it.
    fn made(&self, copied: Option<Vec<f32>>) -> &Result<Made> {
        self.made.get_or_init(|| {
            let factors: Vec<Vec<f32>> = self.norm.iter().map(Norm::factors).collect::<Result<_>>()?;
            Ok(Made { tensor: late::tensor(self.shape, self.part, &factors, copied)?, factors })
        })
    }
}

impl<'a> Norm<'a> {
    fn of(program: &Program<'a>, call: Call) -> Option<Norm<'a>> {
        let stored = |name: &str| program.stored(program.names.get(call.tensor(name).ok()?)?);
        let epsilon = match call.argument("eps") {
            None => 1e-5,
            Some(Argument::Float(epsilon)) => *epsilon as f32,
            Some(_) => return None,
        };
        Some(Norm { scale: stored("weight"), variance: stored("running_var")?, epsilon })
    }

    /// Returns the factors of the channels before it.
    fn factors(&self) -> Result<Vec<f32>> {
        let variance = self.variance.elements()?;
        let ones;
        let scale = match self.scale {
            Some(scale) => scale.elements()?,
            None => {
                ones = vec![1.0; variance.len()];
                &ones
            }
        };
        Ok(fuse::scale(scale, variance, self.epsilon))
    }
}

/// Copies weights until there is a list of those that are read: the largest ones first, without factors.
pub fn begin<'a>(tensors: &'a Tensors, size: usize, is_listed: impl Fn() -> bool) -> Vec<(&'a str, Vec<f32>)> {
    let plain = tensors.iter().filter_map(|(name, stored)| Some((&**name, stored.plain.as_ref()?)));
    let mut weights: Vec<(&str, Part)> =
        plain.filter(|(_, plain)| plain.shape.len() > 1).map(|(name, plain)| (name, plain.part)).collect();
    order::sort_by_key(&mut weights, |(_, part)| std::cmp::Reverse(part.size()));
    let mut left = size;
    let mut fits = |part: &Part| left.checked_sub(part.size()).map(|rest| left = rest).is_some();
    weights
        .into_iter()
        .take_while(|(_, part)| !is_listed() && fits(part))
        // What cannot be read is read again, for its error.
        .map_while(|(name, part)| Some((name, floats(part).ok()?)))
        .collect()
}
