//! Settings of a board that decide RAM and time; by default those of ESP-DL's examples.

use serde::{Deserialize, Serialize};

use crate::chip::{Storage, Target};

use super::ChipData;

/// Settings of a board, and of the program on it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// Clock of the CPU in MHz.
    pub clock_mhz: f64,
    /// Size of the cache between the CPU and PSRAM or flash.
    pub cache_bytes: usize,
    /// Size of one of its lines.
    pub cache_line: usize,
    /// Clock of the PSRAM in MHz; 0 without PSRAM.
    pub psram_mhz: f64,
    /// Cores that share a layer: 2 for `RUNTIME_MODE_MULTI_CORE`.
    pub cores: usize,
    /// Place of the file.
    pub storage: Storage,
    /// Set if the loader copies parameters to RAM, which it does by default.
    pub param_copy: bool,
    /// Budget of internal RAM for values (`max_internal_size`).
    pub internal_bytes: usize,
}

impl Board {
    /// Settings of a chip whose time is not estimated: only those about memory are used.
    const UNTIMED: Board = Board {
        clock_mhz: 240.0,
        cache_bytes: 32 << 10,
        cache_line: 32,
        psram_mhz: 80.0,
        cores: 1,
        storage: Storage::Partition,
        param_copy: true,
        internal_bytes: 0,
    };

    /// Returns the settings of ESP-DL's examples for a chip.
    pub fn of(target: Target) -> Board {
        ChipData::of(target).map_or(Board::UNTIMED, |data| data.board)
    }

    /// Returns `true` if parameters are read from flash while the network runs.
    pub fn reads_flash(&self) -> bool {
        !self.param_copy && self.storage != Storage::Sdcard
    }

    /// Returns `true` if values and copies of parameters may lie in PSRAM.
    pub fn has_psram(&self) -> bool {
        self.psram_mhz > 0.0
    }

    /// "400 MHz, cache 256 KB in lines of 128 B, PSRAM at 200 MHz, parameters copied to RAM, 1 core"
    pub fn words(&self) -> String {
        let psram = match self.has_psram() {
            true => format!("PSRAM at {} MHz", self.psram_mhz),
            false => "no PSRAM".to_string(),
        };
        let parameters = if self.reads_flash() { "parameters in flash" } else { "parameters in RAM" };
        let cores = if self.cores == 1 { "1 core" } else { "2 cores" };
        format!(
            "{} MHz, cache of {} KB in lines of {} B, {psram}, {parameters}, {cores}",
            self.clock_mhz,
            self.cache_bytes / 1024,
            self.cache_line
        )
    }
}
