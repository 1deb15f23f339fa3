//! Time of layers and of the network, from their work and the constants of a chip.
//!
//! A layer's time is the sum of its work, each kind times its cycles. Work on the core takes cycles of the CPU; memory takes
//! the time that it took under the settings of the published measurements, scaled to the board's.

use serde::{Deserialize, Serialize};

use crate::chip::{Family, Target};

use super::layer::{Counted, overflow};
use super::{Board, ChipData, Constant, Interval, Term, Work};

/// Time of the network, and its conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Microseconds of one run.
    pub total: Interval,
    /// Settings under which they hold.
    pub conditions: String,
    /// Set if the settings are those of the measurements that the constants were fitted to: published ones, or the board's own.
    pub is_published: bool,
}

/// Constants of a chip on a board.
pub struct Clock<'d> {
    pub data: &'d ChipData,
    pub board: &'d Board,
    pub family: Family,
}

/// Bounds of a layer's time: no layer was measured alone.
const LAYER: f64 = 1.5;
/// Bounds where a layer mostly waits for its weights, whose time is the surest.
const WAITING: f64 = 1.25;
/// Bounds of kinds that no published time decides.
const GUESS: f64 = 2.0;
/// Least error of a network's time with other settings than those of the published times.
const OTHER_SETTINGS: f64 = 0.25;

impl ChipData {
    /// Returns the constants as they are under the settings of a board: memory takes as long as before, in cycles of the
    /// board's clock.
    pub fn on(&self, target: Target, board: &Board) -> ChipData {
        let clock = Clock { data: self, board, family: target.family() };
        let of = |(&term, constant): (&Term, &Constant)| {
            let factor = match term.is_memory() {
                true => clock.slower(term) * board.clock_mhz / self.board.clock_mhz,
                false => 1.0,
            };
            let (cycles, prior) = (factor * constant.cycles, factor * constant.prior);
            (term, Constant { cycles, prior, ..constant.clone() })
        };
        let network_error = match clock.is_measured() {
            true => self.network_error,
            false => OTHER_SETTINGS.max(self.network_error),
        };
        let constants = self.constants.iter().map(of).collect();
        ChipData { target: Some(target), board: *board, network_error, two_cores: self.two_cores, constants }
    }
}

impl Clock<'_> {
    /// Returns `true` if the settings are those of the measurements.
    fn is_measured(&self) -> bool {
        Board { cores: 1, ..*self.board } == Board { cores: 1, ..self.same_place() }
    }

    /// Returns the microseconds of one kind of work.
    pub fn microseconds(&self, term: Term, units: f64) -> f64 {
        let cycles = self.data.cycles(term) * units;
        if term.is_memory() {
            return cycles / self.data.board.clock_mhz * self.slower(term);
        }
        cycles / self.board.clock_mhz
    }

    /// Returns the factor by which memory is slower than under the settings of the published times.
    fn slower(&self, term: Term) -> f64 {
        let (published, board) = (&self.data.board, self.board);
        if term == Term::Flash || !board.has_psram() {
            return 1.0;
        }
        let line = match self.family {
            // A line takes 328 ns, and 6.8 ns for each of its bytes (esp32-s3-memorycopy, issue 2).
            Family::S3 => line_cost(board.cache_line) / line_cost(published.cache_line),
            Family::P4 | Family::C => 1.0,
        };
        line * published.psram_mhz / board.psram_mhz
    }

    /// Returns the time of a layer, and the share in which it waits for weights.
    pub fn layer(&self, counted: &Counted) -> (Interval, f64) {
        let estimate = self.sum(&counted.work, counted.splits);
        let part = |terms: &[Term]| {
            terms.iter().map(|&term| self.microseconds(term, counted.work.of(term))).sum::<f64>() / estimate.max(1e-9)
        };
        let waits = part(&[Term::Near, Term::Psram, Term::Flash]);
        let guessed: f64 = part(&[Term::Float, Term::Pooled, Term::Resized, Term::Reduced, Term::Copied, Term::Loops]);
        let factor = match () {
            () if guessed > 0.5 => GUESS,
            () if waits > 0.5 => WAITING,
            () => LAYER,
        };
        let mut interval = Interval::within(estimate, factor);
        // About the cache's size, a layer may read its weights once or for every pixel.
        let size = counted.weights as f64 / self.board.cache_bytes.max(1) as f64;
        if (0.75..2.0).contains(&size) && counted.pixels > 1 {
            let again = |share: f64| self.sum(&self.rereading(counted, share), counted.splits);
            interval.low = interval.low.min(again(0.0) / factor.min(WAITING));
            interval.high = interval.high.max(again(1.0) * factor.min(WAITING));
        }
        // No chip takes less than one cycle for an instruction.
        let instructions: f64 =
            [Term::Blocks, Term::Rest, Term::Depthwise].iter().map(|&term| counted.work.of(term)).sum();
        let cores = if counted.splits { self.board.cores.max(1) as f64 } else { 1.0 };
        interval.low = interval.low.max(instructions / self.board.clock_mhz / cores).min(estimate);
        (interval, waits)
    }

    /// Returns the work with a given share of the weights read again for every pixel.
    fn rereading(&self, counted: &Counted, share: f64) -> Work {
        let read = counted.weights as f64 * (1.0 + share * counted.pixels as f64);
        let term = if self.board.reads_flash() { Term::Flash } else { Term::Psram };
        match counted.work.of(term) {
            0.0 => counted.work,
            _ => counted.work.with(term, read),
        }
    }

    fn sum(&self, work: &Work, splits: bool) -> f64 {
        let all: f64 = work.iter().map(|(term, units)| self.microseconds(term, units)).sum();
        if self.board.cores < 2 || !splits {
            return all;
        }
        let alone = self.microseconds(Term::Nodes, work.of(Term::Nodes));
        alone + (all - alone) / self.data.two_cores
    }

    /// Returns the time of a network of these layers.
    pub fn network(&self, layers: &[Counted]) -> Time {
        let estimate: f64 = layers.iter().map(|layer| self.sum(&layer.work, layer.splits)).sum();
        let mut work = Work::default();
        layers.iter().for_each(|layer| work += layer.work);
        // Errors of constants are independent of each other; those of layers of one kind are not.
        let variance: f64 = work
            .iter()
            .map(|(term, units)| self.microseconds(term, units) / estimate.max(1e-9) * (self.data.sure(term) - 1.0))
            .map(|share| share * share)
            .sum();
        let is_published = self.is_measured();
        let least = if is_published { self.data.network_error } else { OTHER_SETTINGS.max(self.data.network_error) };
        let error = variance.sqrt().max(least);
        let about_cache =
            layers.iter().map(|layer| self.doubt(layer)).fold([0.0, 0.0], |a, b| [a[0] + b[0], a[1] + b[1]]);
        let floor: f64 = layers.iter().map(|layer| self.layer(layer).0.low).sum::<f64>().min(estimate);
        let low = (estimate / (1.0 + error) - about_cache[0]).max(floor.min(estimate / (1.0 + error)));
        let total = Interval { low, estimate, high: estimate * (1.0 + error) + about_cache[1] };
        let own = if self.data.target.is_some() { ", constants of the board" } else { "" };
        Time { total, conditions: self.board.words() + own, is_published }
    }

    /// The published settings with what published times exist for both ways: parameters in flash or in RAM.
    fn same_place(&self) -> Board {
        let Board { storage, param_copy, internal_bytes, cores, .. } = *self.board;
        Board { storage, param_copy, internal_bytes, cores, ..self.data.board }
    }

    /// Returns how much less and more time a layer may take whose weights are about as large as the cache.
    fn doubt(&self, layer: &Counted) -> [f64; 2] {
        let size = layer.weights as f64 / self.board.cache_bytes.max(1) as f64;
        if !(0.9..1.5).contains(&size) || layer.pixels <= 1 {
            return [0.0, 0.0];
        }
        let now = self.sum(&layer.work, layer.splits);
        let at = |share: f64| self.sum(&self.rereading(layer, share), layer.splits);
        let share = overflow(layer.weights, self.board.cache_bytes);
        // Half of the way: several such layers do not all err to one side.
        [0.5 * (now - at((share - 0.5).max(0.0))).max(0.0), 0.5 * (at((share + 0.5).min(1.0)) - now).max(0.0)]
    }
}

fn line_cost(bytes: usize) -> f64 {
    0.328 / bytes.max(1) as f64 + 0.0068
}
