//! Chip on its board, with the constants of the time model.

use crate::chip::Target;

use super::{Board, ChipData};

/// Chip and board that a file is counted for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine<'d> {
    /// Chip.
    pub target: Target,
    /// Settings of its board.
    pub board: Board,
    /// Constants of the time model; `None` if no time on the chip is known.
    pub data: Option<&'d ChipData>,
}

impl Machine<'static> {
    /// Returns a chip on a board, with the constants of published times.
    pub fn of(target: Target, board: Board) -> Machine<'static> {
        Machine { target, board, data: ChipData::of(target) }
    }
}
