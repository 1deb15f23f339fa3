//! Conversion of MatMul and Add of a bias to Gemm; a Transpose before Gemm becomes its attribute.

use crate::graph::edit::Links;
use crate::graph::{Attribute, Attributes, Graph, Node, NodeId, Tensor, ValueId};

/// Converts Add(MatMul(x, w), b) of two matrices.
pub fn from_matmul_add(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let add = graph.node(id);
    let Some(matmul) = links.before(add, 0).filter(|before| add.is("Add") && graph.node(*before).is("MatMul")) else {
        return false;
    };
    let matmul = graph.node(matmul);
    let (Some(product), Some(x), Some(w), Some(b)) = (matmul.output(0), matmul.input(0), matmul.input(1), add.input(1))
    else {
        return false;
    };
    let (Some([rows, _]), Some([_, columns]), Some(bias)) = (graph.shape(x), graph.shape(w), graph.shape(b)) else {
        return false;
    };
    let fits = match bias {
        [n] => n == columns,
        [m, n] => (m == rows || *m == 1) && n == columns,
        _ => false,
    };
    if !fits || graph.uses(links, product) != 1 {
        return false;
    }
    let outputs = add.outputs.clone();
    graph.numbered += 1 + usize::from(outputs.iter().flatten().any(|output| graph.outputs.contains(output)));
    graph.nodes[id.0] = gemm([x, w, b], outputs);
    true
}

fn gemm(inputs: [ValueId; 3], outputs: Vec<Option<ValueId>>) -> Node {
    let mut attributes = Attributes::default();
    for name in ["alpha", "beta"] {
        attributes.set(name, Attribute::Float(1.0));
    }
    for name in ["transA", "transB"] {
        attributes.set(name, Attribute::Int(0));
    }
    node("Gemm", inputs.into_iter().map(Some).collect(), outputs, attributes)
}

fn node(op: &str, inputs: Vec<Option<ValueId>>, outputs: Vec<Option<ValueId>>, attributes: Attributes) -> Node {
    Node { name: String::new(), op: op.to_owned(), domain: String::new(), attributes, inputs, outputs }
}

/// Rewrites MatMul and Add for x of more than two axes: Reshape to a matrix, Gemm, Reshape back.
pub fn from_batched_matmul_add(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let add = graph.node(id);
    if !add.is("Add") || add.inputs.len() != 2 {
        return false;
    }
    let multiplied = |port: &usize| {
        let matmul = links.before(add, *port).is_some_and(|before| graph.node(before).is("MatMul"));
        matmul && add.input(*port).is_some_and(|v| graph.uses(links, v) == 1)
    };
    let Some(port) = [0, 1].into_iter().find(multiplied) else { return false };
    let matmul = links.before(add, port).map(|before| graph.node(before));
    let (Some(x), Some(w), Some(b)) =
        (matmul.and_then(|m| m.input(0)), matmul.and_then(|m| m.input(1)), add.input(1 - port))
    else {
        return false;
    };
    let (Some(shape), Some(&[inner, columns]), Some(&[bias])) = (graph.shape(x), graph.shape(w), graph.shape(b)) else {
        return false;
    };
    let constant = graph.value(w).constant.is_some();
    if shape.len() < 3 || !constant || shape.last() != Some(&inner) || (bias != columns && bias != 1) {
        return false;
    }
    let mut back: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
    if let Some(last) = back.last_mut() {
        *last = columns as i64;
    }
    let outputs = add.outputs.clone();
    let base = add.output(0).map_or_else(String::new, |v| graph.value(v).name.clone());
    let rows = graph.shape(x).map_or(0, |s| s[..s.len() - 1].iter().product());
    let (Ok(flat_shape), Ok(back_shape)) =
        (Tensor::new(&[2], vec![-1, inner as i64]), Tensor::new(&[back.len()], back))
    else {
        return false;
    };
    let data_type = graph.value(x).data_type;
    let made = |graph: &mut Graph, shape: Vec<usize>| {
        let id = graph.fresh_numbered();
        graph.values[id.0].shape = Some(shape);
        graph.values[id.0].data_type = data_type;
        id
    };
    // In onnxsim's order, with a name and a value for each constant and a value for the last Reshape.
    let flat = made(graph, vec![rows, inner]);
    graph.numbered += 2;
    let product = made(graph, vec![rows, columns]);
    graph.numbered += 3 + usize::from(outputs.iter().flatten().any(|output| graph.outputs.contains(output)));
    let flat_shape = graph.fresh_constant(&format!("{base}_rows_shape"), flat_shape);
    let back_shape = graph.fresh_constant(&format!("{base}_shape"), back_shape);
    let reshape = |from, shape, outputs| node("Reshape", vec![Some(from), Some(shape)], outputs, Attributes::default());
    graph.nodes[id.0] = reshape(product, back_shape, outputs);
    graph.nodes.insert(id.0, gemm([flat, w, b], vec![Some(product)]));
    graph.nodes.insert(id.0, reshape(x, flat_shape, vec![Some(flat)]));
    true
}

/// Converts Gemm(Transpose(x), w) to Gemm(x, w) with transA, and likewise for w.
pub fn take_transpose(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    if !graph.node(id).is("Gemm") {
        return false;
    }
    for (port, attribute) in [(0, "transA"), (1, "transB")] {
        let node = graph.node(id);
        let Some(before) = links.before(node, port).map(|before| graph.node(before)) else { continue };
        if before.is("Transpose") && before.attributes.ints("perm") == Some(&[1, 0]) {
            let input = before.input(0);
            let flipped = i64::from(node.attributes.int_or(attribute, 0) == 0);
            let node = &mut graph.nodes[id.0];
            node.inputs[port] = input;
            node.attributes.set(attribute, Attribute::Int(flipped));
            return true;
        }
    }
    false
}
