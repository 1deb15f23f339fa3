//! Reasons why a chip does not run a model as it was meant.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Reason why a model does not run correctly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incompatibility {
    /// Name of the node; empty for the file itself.
    pub node: String,
    /// Fault, a clause that `help` follows.
    pub what: String,
    /// The supported form, or another thing to do.
    pub help: Cow<'static, str>,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node.as_str() {
            "" => write!(f, "{}: {}", self.what, self.help),
            node => write!(f, "{node}: {}; {}", self.what, self.help),
        }
    }
}
