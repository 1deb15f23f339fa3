//! Layer names in the settings.

use crate::graph::Graph;
use crate::{Error, Kind, Result};

use super::Settings;

/// Refuses layers that the model does not have; esp-ppq ignores them silently.
pub fn check(graph: &Graph, settings: &Settings) -> Result<()> {
    let schemes = settings.layer_schemes.keys().map(|name| ("precision", name));
    let methods = settings.layer_methods.keys().map(|name| ("calibration.methods", name));
    for (table, name) in schemes.chain(methods) {
        if !graph.nodes.iter().any(|n| n.name == *name) {
            return Err(unknown(graph, name).at_key(format!("{table}.\"{name}\"")));
        }
    }
    Ok(())
}

fn unknown(graph: &Graph, name: &str) -> Error {
    let near = nearest(graph, name, 3);
    let help = match near.as_slice() {
        [] => "the model has no layers".to_owned(),
        near => format!("similar names: {}", near.join(", ")),
    };
    Error::new(format!("the model has no layer {name:?}")).with_help(help).of_kind(Kind::Layer)
}

/// Returns up to `count` layers by edit distance from `name`, nearest first.
pub fn nearest(graph: &Graph, name: &str, count: usize) -> Vec<String> {
    let mut by_distance: Vec<(usize, &str)> =
        graph.nodes.iter().map(|n| (distance(&n.name, name), n.name.as_str())).collect();
    by_distance.sort_unstable();
    by_distance.into_iter().take(count).map(|(_, n)| n.to_owned()).collect()
}

/// Levenshtein distance in characters, ignoring case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
