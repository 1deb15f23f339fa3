//! A model exported in memory, and every reason for which ESP-DL would not run it as it was meant.

use crate::chip::{Incompatibility, NodeOrder, Runtime};
use crate::espdl;
use crate::export::{self, Export, Options};
use crate::quant::{Plan, Quantized};
use crate::runtime::compatibility;
use crate::runtime::limits::{self, GraphNode, Violation};
use crate::{Error, Result};

/// A file that is complete but for what is not the model's: metadata and test values.
pub struct Finished {
    /// `None` if the exporter has no form for a layer, which is then among the incompatibilities.
    pub export: Option<Export>,
    /// Reasons why the chip does not run the file correctly.
    pub incompatibilities: Vec<Incompatibility>,
}

/// Exports in memory, and checks what was made as the chip will find it. All refused layers are named at once.
pub fn finish(quantized: &Quantized, runtime: Runtime, order: NodeOrder) -> Result<Finished> {
    let forms = unsupported_forms(quantized.plan(), runtime);
    let export = match export::export(quantized, &Options { runtime, order, ..Options::default() }) {
        Ok(export) => export,
        Err(error) => {
            let own = incompatibility(&error);
            let is_named = forms.iter().any(|form| form.node == own.node);
            let own = (!is_named).then_some(own);
            return Ok(Finished { export: None, incompatibilities: forms.into_iter().chain(own).collect() });
        }
    };
    // As the chip will find it, places in the file included.
    let file = espdl::open(&espdl::write(&export.model)?, None)?;
    let target = quantized.plan().settings.target;
    let mut found: Vec<Incompatibility> =
        file.entries.iter().flat_map(|entry| compatibility::check(entry, target, runtime)).collect();
    let unnamed = |form: &Incompatibility| !found.iter().any(|reason| reason.node == form.node);
    let forms: Vec<Incompatibility> = forms.into_iter().filter(unnamed).collect();
    found.extend(forms);
    Ok(Finished { export: Some(export), incompatibilities: found })
}

/// Returns an error of the exporter or the interpreter as a reason.
pub(super) fn incompatibility(error: &Error) -> Incompatibility {
    Incompatibility {
        node: error.layer().unwrap_or_default().to_string(),
        what: error.what().to_string(),
        help: error.help().unwrap_or("replace the layer, or cut the model before it").to_string().into(),
    }
}

/// Returns layers whose form ESP-DL does not support, by the limits that lint checks.
fn unsupported_forms(plan: &Plan, runtime: Runtime) -> Vec<Incompatibility> {
    let (graph, family) = (&plan.graph, Some(plan.settings.target.family()));
    let view = |id| {
        let scheme = Some(plan.quant_type(id).scheme());
        GraphNode { scheme, family, runtime, ..GraphNode::of(graph, id) }
    };
    let reason = |found: Violation| {
        let node = graph.node(found.node).name.clone();
        Incompatibility { node, what: found.what, help: found.limit.help.into() }
    };
    limits::of_graph(graph, view).into_iter().map(reason).collect()
}
