//! Releases of ESP-DL, and the features that depend on them.

use std::fmt;

/// Version as major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Runtime(pub [u32; 3]);

impl Runtime {
    /// Release whose loader and kernels the checks follow.
    pub const KNOWN: Runtime = Runtime([3, 3, 9]);

    /// First release whose MatMul supports an unpacked right side (`input1_layout` `native_kn`). 3.3.9 ignores the
    /// attribute, but esp-ppq 1.3.12, which targets a later release, always writes it.
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
