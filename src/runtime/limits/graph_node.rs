//! A node of an ONNX graph, as limits see it.

use crate::chip::{AttributeView, NodeView, Scheme};
use crate::graph::{Attribute, Graph, Node, NodeId, Tensor};

pub struct GraphNode<'a> {
    graph: &'a Graph,
    node: &'a Node,
    scheme: Option<Scheme>,
}

impl<'a> GraphNode<'a> {
    /// `scheme` is `None` before the graph is planned.
    pub fn new(graph: &'a Graph, id: NodeId, scheme: Option<Scheme>) -> GraphNode<'a> {
        GraphNode { graph, node: graph.node(id), scheme }
    }

    fn tensor(&self, port: usize) -> Option<&Tensor> {
        self.graph.constant(self.node, port)
    }
}

impl NodeView for GraphNode<'_> {
    fn op(&self) -> &str {
        &self.node.op
    }

    fn attribute(&self, name: &str) -> Option<AttributeView<'_>> {
        Some(match self.node.attributes.get(name)? {
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
        self.node.inputs.len()
    }

    fn input(&self, port: usize) -> Option<&str> {
        self.node.input(port).map(|id| self.graph.value(id).name.as_str())
    }

    fn has_output(&self, port: usize) -> bool {
        self.node.outputs.get(port).is_some_and(Option::is_some)
    }

    fn shape(&self, port: usize) -> Option<Vec<usize>> {
        self.graph.shape(self.node.input(port)?).map(<[usize]>::to_vec)
    }

    fn output_shape(&self, port: usize) -> Option<Vec<usize>> {
        self.graph.shape((*self.node.outputs.get(port)?)?).map(<[usize]>::to_vec)
    }

    fn scheme(&self) -> Option<Scheme> {
        self.scheme
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
}
