//! Cost of a file: its layers, and their sums.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::chip::Target;
use crate::espdl::Graph;

use super::flash::{self, of_layer};
use super::layer::{Counted, count, padded};
use super::ram::planned;
use super::shapes::Shapes;
use super::time::Clock;
use super::{Board, Flash, Interval, LayerCost, Machine, Memory, Padding, Ram, Time, memory};

/// Flash, RAM and time of a file on a board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Chip that it is counted for.
    pub target: Target,
    /// Settings of the board.
    pub board: Board,
    /// Flash by what it is for.
    pub flash: Flash,
    /// RAM by what it is for.
    pub ram: Ram,
    /// Arena of values.
    pub memory: Memory,
    /// Time of one run; `None` where no time of a network on the chip was ever published.
    pub time: Option<Time>,
    /// Reason why there is no time.
    pub untimed: Option<String>,
    /// Products of two numbers in all.
    pub macs: u64,
    /// Nodes in the order in which they run.
    pub layers: Vec<LayerCost>,
}

/// The three figures of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Bytes of the file.
    pub flash_bytes: usize,
    /// Bytes of RAM.
    pub ram_bytes: usize,
    /// Microseconds of one run.
    pub time: Option<Interval>,
}

impl Cost {
    /// Returns the sum of the layers' estimates in microseconds; 0 without times.
    pub fn layer_microseconds(&self) -> f64 {
        self.layers.iter().filter_map(|layer| layer.time).map(|time| time.estimate).sum()
    }

    /// Returns the sums.
    pub fn totals(&self) -> Totals {
        Totals {
            flash_bytes: self.flash.file_bytes,
            ram_bytes: self.ram.total_bytes,
            time: self.time.as_ref().map(|time| time.total),
        }
    }
}

/// Counts what a file needs; `file_bytes` is its length.
pub fn of_file(graph: &Graph, file_bytes: usize, is_encrypted: bool, machine: &Machine) -> Cost {
    of_planned(graph, file_bytes, is_encrypted, machine, memory(graph, internal(&machine.board)))
}

/// Counts the three figures of a file, without searching for smaller arenas.
pub fn totals_of_file(graph: &Graph, file_bytes: usize, is_encrypted: bool, machine: &Machine) -> Totals {
    of_planned(graph, file_bytes, is_encrypted, machine, planned(graph, internal(&machine.board))).totals()
}

/// Returns the budget of internal RAM for values; without PSRAM, all lie there.
fn internal(board: &Board) -> Option<usize> {
    Some(board.internal_bytes).filter(|_| board.has_psram())
}

fn of_planned(graph: &Graph, file_bytes: usize, is_encrypted: bool, machine: &Machine, memory: Memory) -> Cost {
    let Machine { target, board, data } = machine;
    let target = *target;
    let shapes = Shapes::of(graph);
    let counted: Vec<Counted> = graph.nodes.iter().map(|node| count(node, &shapes, target.family(), board)).collect();
    let clock = data.map(|data| Clock { data, board, family: target.family() });
    let mut known = HashSet::new();
    let layers = graph.nodes.iter().zip(&counted).map(|(node, counted)| {
        let timed = clock.as_ref().map(|clock| clock.layer(counted));
        let bytes = |names: &[String]| names.iter().map(|name| shapes.value_bytes(name)).sum();
        let constants = (0..node.inputs.len()).filter_map(|port| shapes.parameter(node, port));
        LayerCost {
            name: node.name.clone(),
            op: node.op.clone(),
            kernel: counted.kernel.clone(),
            macs: counted.macs as u64,
            pixels: counted.pixels as u64,
            weight_bytes: constants.map(flash::padded).sum(),
            flash_bytes: of_layer(node, &shapes, &mut known),
            input_bytes: bytes(&node.inputs),
            output_bytes: bytes(&node.outputs),
            rereads: counted.weights > board.cache_bytes && counted.pixels > 1,
            is_unaligned: counted.is_unaligned,
            padding: clock.as_ref().and_then(|clock| padding(counted, clock)),
            waits: timed.map_or(0.0, |(_, waits)| waits),
            splits: counted.splits,
            time: timed.map(|(time, _)| time),
            work: counted.work,
        }
    });
    let layers: Vec<LayerCost> = layers.collect();
    Cost {
        target,
        board: *board,
        flash: Flash::of(graph, file_bytes),
        ram: Ram::of(graph, &memory, file_bytes, is_encrypted, target, board),
        memory,
        time: clock.map(|clock| clock.network(&counted)),
        untimed: data.is_none().then(|| untimed(target)),
        macs: layers.iter().map(|layer| layer.macs).sum(),
        layers,
    }
}

/// Returns the gain of channels that fill all blocks, if there is one.
fn padding(counted: &Counted, clock: &Clock) -> Option<Padding> {
    let (pixel, other) = padded(counted, clock.family, clock.board)?;
    let saves = clock.layer(counted).0.estimate - clock.layer(&other).0.estimate;
    let adds_bytes = other.weights.saturating_sub(counted.weights);
    (saves > 0.0).then_some(Padding { inputs: pixel.inputs, outputs: pixel.outputs, saves, adds_bytes })
}

fn untimed(target: Target) -> String {
    format!("no time: nobody has published one of a network on {target}, so that an estimate could not be checked")
}
