//! Fit of a chip's constants to measured times.
//!
//! Least squares of logarithms, since errors of a time model are shares: of each measurement with a deviation of 8%, and of
//! each constant from its prior. Samples of one family count as the root of their number, so that one architecture in many
//! sizes does not decide.

use std::collections::BTreeMap;

use super::{ChipData, Term, Work};

/// Measured time, and the work that was done in it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Networks or layers that are alike.
    pub family: String,
    /// Units of work.
    pub work: Work,
    /// Measured microseconds.
    pub microseconds: f64,
}

/// Constant before the fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Cycles per unit.
    pub cycles: f64,
    /// Factor within which it is expected.
    pub spread: f64,
}

/// Constant after the fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fitted {
    /// Cycles per unit.
    pub cycles: f64,
    /// Factor within which it is known.
    pub sure: f64,
}

/// Deviation of a measured time from a model of its kernels, as a share.
const DEVIATION: f64 = 0.08;
const STEPS: usize = 100;

impl ChipData {
    /// Returns the constants before any measurement.
    pub fn priors(&self) -> BTreeMap<Term, Prior> {
        let prior = |(&term, constant): (&Term, &super::Constant)| {
            (term, Prior { cycles: constant.prior, spread: constant.spread })
        };
        self.constants.iter().map(prior).collect()
    }

    /// Returns the constants as they are, as priors of a board's own measurements.
    pub fn known(&self) -> BTreeMap<Term, Prior> {
        let prior = |(&term, constant): (&Term, &super::Constant)| {
            (term, Prior { cycles: constant.cycles, spread: constant.sure.max(1.05) })
        };
        self.constants.iter().map(prior).collect()
    }
}

/// Fits constants to samples that were measured at a clock in MHz. Kinds of work that no sample has keep their prior.
pub fn fit(samples: &[Sample], priors: &BTreeMap<Term, Prior>, clock_mhz: f64) -> BTreeMap<Term, Fitted> {
    let mut fitted: BTreeMap<Term, Fitted> =
        priors.iter().map(|(&term, prior)| (term, Fitted { cycles: prior.cycles, sure: prior.spread })).collect();
    let usable: Vec<&Sample> = samples.iter().filter(|s| s.microseconds > 0.0 && s.microseconds.is_finite()).collect();
    let is_free = |(term, prior): &(&Term, &Prior)| {
        prior.cycles > 0.0 && prior.spread > 1.0 && usable.iter().any(|sample| sample.work.of(**term) > 0.0)
    };
    let free: Vec<(Term, Prior)> = priors.iter().filter(is_free).map(|(&term, &prior)| (term, prior)).collect();
    if free.is_empty() {
        return fitted;
    }
    let problem = Problem::new(&usable, &free, clock_mhz);
    let (logarithms, deviations) = problem.solve();
    for ((term, _), (log, deviation)) in free.iter().zip(logarithms.iter().zip(deviations)) {
        fitted.insert(*term, Fitted { cycles: log.exp(), sure: deviation.exp() });
    }
    fitted
}

struct Problem {
    /// Microseconds of a unit cycle, by sample and constant.
    units: Vec<Vec<f64>>,
    measured: Vec<f64>,
    /// Roots of the samples' weights.
    weights: Vec<f64>,
    /// Logarithms of the priors and of their spreads.
    priors: Vec<(f64, f64)>,
}

impl Problem {
    fn new(samples: &[&Sample], free: &[(Term, Prior)], clock_mhz: f64) -> Problem {
        let alike = |family: &str| samples.iter().filter(|sample| sample.family == family).count() as f64;
        Problem {
            units: samples
                .iter()
                .map(|sample| free.iter().map(|(term, _)| sample.work.of(*term) / clock_mhz).collect())
                .collect(),
            measured: samples.iter().map(|sample| sample.microseconds.ln()).collect(),
            weights: samples.iter().map(|sample| alike(&sample.family).powf(-0.25) / DEVIATION).collect(),
            priors: free.iter().map(|(_, prior)| (prior.cycles.ln(), prior.spread.ln())).collect(),
        }
    }

    /// Levenberg and Marquardt's method. Returns logarithms and their deviations.
    fn solve(&self) -> (Vec<f64>, Vec<f64>) {
        let mut now: Vec<f64> = self.priors.iter().map(|(center, _)| *center).collect();
        let mut damping = 1e-3;
        let (mut matrix, mut gradient, mut loss) = self.normal(&now);
        for _ in 0..STEPS {
            let mut damped = matrix.clone();
            damped.iter_mut().enumerate().for_each(|(i, row)| row[i] *= 1.0 + damping);
            let Some(step) = solve(damped, gradient.iter().map(|g| -g).collect()) else { break };
            let next: Vec<f64> = now.iter().zip(&step).map(|(value, step)| value + step).collect();
            let (next_matrix, next_gradient, next_loss) = self.normal(&next);
            if next_loss < loss {
                (now, matrix, gradient, loss, damping) = (next, next_matrix, next_gradient, next_loss, damping / 3.0);
            } else {
                damping *= 3.0;
            }
            if step.iter().all(|step| step.abs() < 1e-9) {
                break;
            }
        }
        let deviation = |i: usize| {
            let unit: Vec<f64> = (0..now.len()).map(|j| f64::from(u8::from(i == j))).collect();
            solve(matrix.clone(), unit).map_or(self.priors[i].1, |column| column[i].max(0.0).sqrt())
        };
        let deviations = (0..now.len()).map(deviation).collect();
        (now, deviations)
    }

    /// Returns the matrix of the linear problem at a point, its right side, and the sum of squares.
    fn normal(&self, logarithms: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>, f64) {
        let count = logarithms.len();
        let (mut matrix, mut gradient, mut loss) = (vec![vec![0.0; count]; count], vec![0.0; count], 0.0);
        let mut add = |row: &[f64], residual: f64| {
            loss += residual * residual;
            for i in 0..count {
                gradient[i] += row[i] * residual;
                (0..count).for_each(|j| matrix[i][j] += row[i] * row[j]);
            }
        };
        for ((units, measured), weight) in self.units.iter().zip(&self.measured).zip(&self.weights) {
            let parts: Vec<f64> = units.iter().zip(logarithms).map(|(units, log)| units * log.exp()).collect();
            let sum: f64 = parts.iter().sum();
            let row: Vec<f64> = parts.iter().map(|part| weight * part / sum.max(1e-12)).collect();
            add(&row, weight * (sum.max(1e-12).ln() - measured));
        }
        for (i, ((center, spread), log)) in self.priors.iter().zip(logarithms).enumerate() {
            let mut row = vec![0.0; count];
            row[i] = 1.0 / spread;
            add(&row, (log - center) / spread);
        }
        (matrix, gradient, loss)
    }
}

/// Solves a linear system; `None` if it has no single solution.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let count = right.len();
    for column in 0..count {
        let pivot = (column..count).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-300 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..count {
            let factor = matrix[row][column] / matrix[column][column];
            let (above, below) = matrix.split_at_mut(row);
            below[0].iter_mut().zip(&above[column]).for_each(|(entry, other)| *entry -= factor * other);
            right[row] -= factor * right[column];
        }
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    Some(right)
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
