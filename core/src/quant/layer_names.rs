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
            return Err(Error::new(format!("the model has no layer `{name}`"))
                .at_key(format!("{table}.\"{name}\""))
                .with_help("`espq report` lists the layers")
                .of_kind(Kind::Layer));
        }
    }
    Ok(())
}
