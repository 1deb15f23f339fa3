//! View of a node of an ONNX graph for limits.

use crate::chip::{AttributeView, Family, NodeView, Runtime, Scheme};
use crate::graph::{Attribute, Graph, Node, NodeId, Tensor};

/// Exponents of a node's integers by port; `None` for float ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exponents {
    /// Exponents of inputs: one, or one per channel.
    pub inputs: Vec<Option<Vec<i64>>>,
    /// Exponents of outputs, like those of inputs.
    pub outputs: Vec<Option<Vec<i64>>>,
}

/// Node, with the quantization known so far.
pub struct GraphNode<'g> {
    /// Graph with shapes and constants.
    pub graph: &'g Graph,
    /// Index of the node in the graph.
    pub id: NodeId,
    /// Planned precision; `None` before there is a plan.
    pub scheme: Option<Scheme>,
    /// Kernel family of the target; `None` to apply only limits of all families.
    pub family: Option<Family>,
    /// Release of ESP-DL, by which limits of older releases do not apply.
    pub runtime: Runtime,
    /// Exponents of its ports; empty before calibration.
    pub exponents: Exponents,
    /// Set if limits apply to the node as the model has it, before any rewrite by the exporter.
    pub as_it_stands: bool,
}

impl<'g> GraphNode<'g> {
    /// Makes a view without any quantization.
    pub fn of(graph: &'g Graph, id: NodeId) -> GraphNode<'g> {
        let (runtime, exponents) = (Runtime::KNOWN, Exponents::default());
        GraphNode { graph, id, scheme: None, family: None, runtime, exponents, as_it_stands: false }
    }

    fn node(&self) -> &'g Node {
        self.graph.node(self.id)
    }

    fn tensor(&self, port: usize) -> Option<&Tensor> {
        self.graph.constant(self.node(), port)
    }
}

impl NodeView for GraphNode<'_> {
    fn op(&self) -> &str {
        &self.node().op
    }

    fn attribute(&self, name: &str) -> Option<AttributeView<'_>> {
        Some(match self.node().attributes.get(name)? {
            Attribute::Int(value) => AttributeView::Int(*value),
            Attribute::Text(text) => AttributeView::Text(text),
            Attribute::Ints(list) => AttributeView::Ints(list),
            Attribute::Texts(list) => AttributeView::Texts(list),
            Attribute::Float(_) | Attribute::Floats(_) | Attribute::Tensor(_) | Attribute::Graph(_) => {
                AttributeView::Other
            }
        })
    }

    fn opset(&self) -> Option<i64> {
        Some(self.graph.opset)
    }

    fn input_count(&self) -> usize {
        self.node().inputs.len()
    }

    fn input(&self, port: usize) -> Option<&str> {
        self.node().input(port).map(|id| self.graph.value(id).name.as_str())
    }

    fn has_output(&self, port: usize) -> bool {
        self.node().outputs.get(port).is_some_and(Option::is_some)
    }

    fn shape(&self, port: usize) -> Option<Vec<usize>> {
        self.graph.shape(self.node().input(port)?).map(<[usize]>::to_vec)
    }

    fn output_shape(&self, port: usize) -> Option<Vec<usize>> {
        self.graph.shape((*self.node().outputs.get(port)?)?).map(<[usize]>::to_vec)
    }

    fn constant(&self, port: usize) -> Option<Vec<i64>> {
        self.tensor(port)?.to_i64s()
    }

    fn floats(&self, port: usize) -> Option<Vec<f32>> {
        self.tensor(port)?.slice::<f32>().map(<[f32]>::to_vec)
    }

    fn is_constant(&self, port: usize) -> bool {
        self.tensor(port).is_some()
    }

    fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    fn input_exponents(&self, port: usize) -> Option<Vec<i64>> {
        self.exponents.inputs.get(port)?.clone()
    }

    fn output_exponents(&self, port: usize) -> Option<Vec<i64>> {
        self.exponents.outputs.get(port)?.clone()
    }

    fn family(&self) -> Option<Family> {
        self.family
    }

    fn runtime(&self) -> Runtime {
        self.runtime
    }

    fn is_written(&self) -> bool {
        self.as_it_stands
    }
}
