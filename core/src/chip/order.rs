//! Orders of the nodes in a file.

/// Order in which nodes run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NodeOrder {
    /// That of esp-ppq.
    #[default]
    Ppq,
    /// The one in which values take the smallest arena, of those that a bounded search finds.
    Smallest,
}

impl NodeOrder {
    /// All orders.
    pub const ALL: &'static [NodeOrder] = &[NodeOrder::Ppq, NodeOrder::Smallest];

    /// Returns the name in `espq.toml`.
    pub fn name(self) -> &'static str {
        match self {
            NodeOrder::Ppq => "esp-ppq",
            NodeOrder::Smallest => "smallest",
        }
    }
}
