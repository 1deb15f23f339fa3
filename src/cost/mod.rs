//! Flash, RAM and time that a file needs on the chip, by layer and in all.
//!
//! Never: measuring error.

mod board;
mod chip_data;
mod file;
mod fit;
mod flash;
mod instructions;
mod interval;
mod layer;
mod limits;
mod log;
mod machine;
mod ram;
mod shapes;
mod time;
mod work;

pub use board::Board;
pub use chip_data::{ChipData, Constant};
pub use file::{Cost, Totals, of_file, totals_of_file};
pub use fit::{Fitted, Prior, Sample, fit};
pub use flash::{Flash, constants as constant_bytes};
pub use interval::Interval;
pub use layer::{LayerCost, Padding};
pub use limits::{Change, Limits};
pub use log::{BoardLog, Latency, MemoryRow, Module, Test};
pub use machine::Machine;
pub use ram::{Held, Memory, Ram, memory};
pub use time::Time;
pub use work::{Term, Work};
