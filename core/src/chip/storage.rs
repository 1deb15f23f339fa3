//! Places of a file on a board.

use serde::{Deserialize, Serialize};

/// Place of the file on the board (`fbs::model_location_type_t`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// Partition of its own in flash.
    #[default]
    Partition,
    /// Part of the app's image in flash.
    Rodata,
    /// File on an SD card, which is read into RAM as a whole.
    Sdcard,
}

impl Storage {
    /// All places.
    pub const ALL: &'static [Storage] = &[Storage::Partition, Storage::Rodata, Storage::Sdcard];

    /// Returns the name in `espq.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Storage::Partition => "partition",
            Storage::Rodata => "rodata",
            Storage::Sdcard => "sdcard",
        }
    }
}
