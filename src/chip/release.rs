//! A release of ESP-DL, by what it can read.

use std::fmt;

/// Major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Runtime(pub [u32; 3]);

impl Runtime {
    /// The release whose loader and kernels the checks follow.
    pub const KNOWN: Runtime = Runtime([3, 3, 9]);

    /// The first whose MatMul takes a right side in plain rows (`input1_layout` `native_kn`): 3.3.9 does not read the
    /// attribute, and esp-ppq 1.3.12, which is ahead of it, writes nothing else.
    pub const PLAIN_ROWS: Runtime = Runtime([3, 3, 10]);
}

impl Default for Runtime {
    fn default() -> Runtime {
        Runtime::KNOWN
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Runtime([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}
