//! Nodes that the file has as one, as the proof simulates them.

use crate::exec::NodeSimulation;
use crate::export::{JoinedGelu, gelus};
use crate::graph::{Attribute, Attributes, Graph};
use crate::quant::{Quantized, lookup_table};
use crate::{Error, Result};

/// Quantized graph and its simulation, with one node for the nodes that the file joins. The others of these compute values
/// that nobody reads.
pub(super) struct Joined {
    /// The graph; its ids are those of the quantized one.
    pub graph: Graph,
    /// Simulation by node.
    pub simulation: Vec<Option<NodeSimulation>>,
}

/// Joins the nodes of each Gelu; `None` for a model without them.
pub(super) fn joined(quantized: &Quantized, simulation: &[Option<NodeSimulation>]) -> Result<Option<Joined>> {
    let gelus = gelus(&quantized.plan().graph);
    if gelus.is_empty() {
        return Ok(None);
    }
    let mut joined = Joined { graph: quantized.plan().graph.clone(), simulation: simulation.to_vec() };
    for gelu in &gelus {
        joined.join(quantized, gelu)?;
    }
    Ok(Some(joined))
}

impl Joined {
    /// Makes the last node a Gelu of x: one rounding of x and one of the result, or the table of 16-bit integers. For twice the
    /// Gelu, the first node computes it, and the last one adds it to itself.
    fn join(&mut self, quantized: &Quantized, gelu: &JoinedGelu) -> Result<()> {
        let plan = quantized.plan();
        let (first, last) = (plan.graph.node(gelu.first), gelu.last);
        let port = first.inputs.iter().position(|&input| input == Some(gelu.x));
        let x = port.and_then(|port| quantized.ports(gelu.first).0.get(port).cloned().flatten());
        let y = quantized.ports(last).1.first().cloned().flatten();
        let (Some(port), Some(x), Some(y)) = (port, x, y) else { return Ok(()) };
        let missing = || Error::new("the scales of a Gelu are not known").in_layer(&first.name);
        let exponent = |exponents: &[i64]| exponents.first().and_then(|&e| i32::try_from(e).ok()).ok_or_else(missing);
        let gelu_node = if gelu.doubled { gelu.first } else { last };
        let node = &mut self.graph.nodes[gelu_node.0]; // ids are the graph's
        node.op = "Gelu".to_string();
        node.inputs = vec![Some(gelu.x)];
        node.attributes = Attributes::default();
        node.attributes.set("approximate", Attribute::Text("none".to_string()));
        let rounding = plan.settings.target.rounding();
        let kernel = match y.bits {
            16 => {
                let (x, y) = (exponent(&x.exponents)?, exponent(&y.exponents)? - i32::from(gelu.doubled));
                Some(lookup_table(node, plan.graph.opset, x, y, rounding)?)
            }
            _ => None,
        };
        let of = |node: usize| self.simulation.get(node).and_then(Option::as_ref);
        let input = of(gelu.first.0).and_then(|one| one.inputs.get(port).cloned().flatten());
        let outputs = of(last.0).map(|one| one.outputs.clone()).unwrap_or_default();
        if !gelu.doubled {
            self.simulation[last.0] = Some(NodeSimulation { inputs: vec![input], outputs, wide: false, kernel });
            return Ok(());
        }
        let half = node.outputs.first().copied().flatten();
        let sum = &mut self.graph.nodes[last.0];
        (sum.op, sum.inputs, sum.attributes) = ("Add".to_string(), vec![half, half], Attributes::default());
        self.simulation[gelu.first.0] =
            Some(NodeSimulation { inputs: vec![input], outputs: vec![None], wide: false, kernel });
        self.simulation[last.0] = Some(NodeSimulation { inputs: vec![None, None], outputs, wide: false, kernel: None });
        Ok(())
    }
}
