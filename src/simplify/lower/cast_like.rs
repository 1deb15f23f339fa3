//! CastLike is a Cast to a type that is known once types are inferred.

use crate::graph::{Attribute, Attributes, Graph, Node};

pub fn as_cast(graph: &mut Graph, node: &Node) -> Option<Vec<Node>> {
    let like = graph.value(node.input(1)?).data_type?;
    let mut attributes = Attributes::default();
    attributes.set("to", Attribute::Int(like.to_onnx()));
    let inputs = vec![node.input(0)];
    Some(vec![Node { op: "Cast".to_owned(), attributes, inputs, ..node.clone() }])
}
