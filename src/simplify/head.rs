//! Head of a detection network, with the names that the file has.

use crate::detect::{self, Head};
use crate::model::Imported;

/// Recognizes the head of a model whose inputs have shapes; `None` for other networks.
pub fn head(imported: &Imported) -> Option<Head> {
    let counts = |op: &str, least: usize| imported.graph.nodes.iter().filter(|node| node.op == op).nth(least).is_some();
    // Other networks are not folded for this.
    if !counts("Conv", 3) {
        return None;
    }
    let mut graph = imported.graph.clone();
    super::sort(&mut graph).ok()?;
    super::fold_all(&mut graph);
    detect::recognize(&graph)
}
