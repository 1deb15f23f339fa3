//! Tests of intentional differences from esp-ppq's file.

use super::draft::{Draft, DraftNode, DraftValue};
use super::{
    assemble, boundaries, copies, forms, gelu, gemm, lay_out, leave_out_unread_inputs, matmul, pooling, prelu, scales,
    softmax, tables,
};
use crate::chip::{Family, Rounding, Runtime};
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::quant::Port;

/// Draft of int8 nodes, each with the exponents of its inputs and of its output.
#[derive(Default)]
struct Net(Draft);

impl Net {
    fn value(&mut self, name: &str, shape: &[usize]) -> ValueId {
        self.0.values.push(DraftValue { name: name.into(), shape: shape.to_vec(), ..DraftValue::default() });
        ValueId(self.0.values.len() - 1)
    }

    /// Adds an int8 constant with the exponent -6.
    fn constant(&mut self, name: &str, dims: &[usize], integers: &[i8]) -> ValueId {
        let id = self.value(name, dims);
        let bytes = integers.iter().map(|&i| i as u8).collect();
        let tensor =
            Tensor { data_type: DataType::Int8, dims: dims.to_vec(), exponents: vec![-6], bytes, ..Tensor::default() };
        self.0.values[id.0].constant = Some(tensor);
        id
    }

    fn node(
        &mut self,
        op: &str,
        inputs: &[ValueId],
        output: ValueId,
        exponents: (i64, i64),
        attributes: &[(&str, Attribute)],
    ) {
        let id = NodeId(self.0.nodes.len());
        inputs.iter().for_each(|v| self.0.values[v.0].readers.push(id));
        self.0.values[output.0].maker = Some(id);
        let port = |e| Some(Port { bits: 8, exponents: vec![e] });
        let mut node = DraftNode {
            name: format!("{op}{}", id.0),
            op: op.into(),
            attributes: attributes.iter().map(|(n, v)| (n.to_string(), v.clone())).collect(),
            inputs: inputs.iter().map(|&v| Some(v)).collect(),
            outputs: vec![output],
            ports: (vec![port(exponents.0); inputs.len()], vec![port(exponents.1)]),
            doubled: false,
            config: None,
        };
        node.set("quant_type", Attribute::Text(b"S8".to_vec()));
        self.0.nodes.push(Some(node));
    }

    /// Formats every node as `op input -> output shape`, in order.
    fn lines(&self) -> Vec<String> {
        let draft = &self.0;
        let line = |id| {
            let node = draft.node(id)?;
            let input = draft.value(node.inputs[0]?);
            let output = draft.value(node.outputs[0]);
            Some(format!("{} {:?} -> {:?}", node.op, input.stored_shape(), output.stored_shape()))
        };
        draft.order().into_iter().filter_map(line).collect()
    }
}

fn ints(list: &[i64]) -> Attribute {
    Attribute::Ints(list.to_vec())
}

fn window(op: &str, shape: [usize; 2], attributes: &[(&str, Attribute)]) -> DraftNode {
    let mut net = Net::default();
    let x = net.value("x", &[1, 1, shape[0], shape[0]]);
    let y = net.value("y", &[1, 1, shape[1], shape[1]]);
    let w = net.constant("w", &[1, 1, 3, 3], &[1; 9]);
    let inputs = if op == "Conv" { vec![x, w] } else { vec![x] };
    net.node(op, &inputs, y, (0, 0), attributes);
    pooling::explicit_windows(&mut net.0);
    net.0.nodes[0].clone().unwrap()
}

#[test]
fn windows_that_round_up_get_pads_at_the_end() {
    let pool = |from, to, kernel, stride, pads: &[i64]| {
        let kernel = ints(&[kernel; 2]);
        let attributes = [
            ("ceil_mode", Attribute::Int(1)),
            ("kernel_shape", kernel),
            ("strides", ints(&[stride; 2])),
            ("pads", ints(pads)),
        ];
        let node = window("MaxPool", [from, to], &attributes);
        (node.ints("pads"), node.int("ceil_mode"))
    };
    assert_eq!(pool(5, 3, 2, 2, &[0; 4]), (vec![0, 0, 1, 1], Some(0)));
    assert_eq!(pool(4, 2, 2, 2, &[0; 4]), (vec![0; 4], Some(1)));
    // A fourth window would start in the padding: ONNX has three, and padding at the end that would add one is dropped.
    assert_eq!(pool(5, 3, 1, 2, &[0, 0, 2, 2]), (vec![0, 0, 1, 1], Some(0)));
}

#[test]
fn automatic_pads_are_written_out() {
    let conv = |mode: &str| {
        let mode = Attribute::Text(mode.as_bytes().to_vec());
        window("Conv", [6, 3], &[("auto_pad", mode), ("strides", ints(&[2, 2]))]).ints("pads")
    };
    assert_eq!(conv("SAME_UPPER"), [0, 0, 1, 1]);
    assert_eq!(conv("SAME_LOWER"), [1, 1, 0, 0]);
}

/// Net x (2^0) -> PRelu (2^-8) -> Add (2^-8) -> y, with as many slopes as channels.
fn prelu_net(shape: &[usize], slopes: &[usize]) -> Net {
    let mut net = Net::default();
    let (x, p, y) = (net.value("x", shape), net.value("p", shape), net.value("y", shape));
    let a = net.constant("a", slopes, &vec![16; slopes.iter().product()]);
    net.node("PRelu", &[x, a], p, (0, -8), &[]);
    net.node("Abs", &[p], y, (-8, -8), &[]);
    (net.0.inputs, net.0.outputs) = (vec![x], vec![y]);
    net
}

#[test]
fn prelu_reads_channels_last_whatever_the_rank() {
    let lines = |shape: &[usize], slopes: &[usize]| {
        let mut net = prelu_net(shape, slopes);
        prelu::shape(&mut net.0);
        lay_out(&mut net.0).unwrap();
        (net.0.values[3].constant.clone().unwrap().dims, net.lines())
    };
    let (dims, nodes) = lines(&[1, 2, 3, 3], &[2, 1, 1]);
    assert_eq!(
        (dims, nodes),
        (
            vec![2, 1, 1],
            vec!["PRelu [1, 3, 3, 2] -> [1, 3, 3, 2]".to_string(), "Abs [1, 3, 3, 2] -> [1, 3, 3, 2]".to_string()]
        )
    );
    let (dims, nodes) = lines(&[1, 2, 5], &[2, 1]);
    assert_eq!(dims, [2, 1, 1]);
    assert_eq!(
        nodes,
        [
            "Reshape [1, 2, 5] -> [1, 2, 1, 5]",
            "Transpose [1, 2, 1, 5] -> [1, 1, 5, 2]",
            "PRelu [1, 1, 5, 2] -> [1, 1, 5, 2]",
            "Transpose [1, 1, 5, 2] -> [1, 2, 1, 5]",
            "Reshape [1, 2, 1, 5] -> [1, 2, 5]",
            "Abs [1, 2, 5] -> [1, 2, 5]",
        ]
    );
}

#[test]
fn slopes_that_are_equal_over_the_places_are_written_once_a_channel() {
    let slopes = |values: &[i8]| {
        let mut net = prelu_net(&[1, 2, 2, 2], &[2, 2, 2]);
        net.0.values[3].constant.as_mut().unwrap().bytes = values.iter().map(|&v| v as u8).collect();
        prelu::shape(&mut net.0);
        let constant = net.0.values[3].constant.clone().unwrap();
        (constant.dims, constant.bytes, net.0.differences.len())
    };
    assert_eq!(slopes(&[1, 1, 1, 1, 7, 7, 7, 7]), (vec![2, 1, 1], vec![1, 7], 1));
    assert_eq!(slopes(&[1, 2, 1, 1, 7, 7, 7, 7]), (vec![2, 2, 2], vec![1, 2, 1, 1, 7, 7, 7, 7], 0));
}

#[test]
fn a_float_prelu_reads_channels_last() {
    let mut net = prelu_net(&[1, 2, 3, 3], &[2, 1, 1]);
    net.0.nodes[0].as_mut().unwrap().ports = (vec![None; 2], vec![None]);
    prelu::shape(&mut net.0);
    lay_out(&mut net.0).unwrap();
    assert_eq!(net.lines()[0], "PRelu [1, 3, 3, 2] -> [1, 3, 3, 2]");
}

#[test]
fn prelus_exponents_are_what_its_kernel_can_do() {
    let exponents = |family| {
        let mut net = prelu_net(&[1, 2, 3, 3], &[2, 1, 1]);
        lay_out(&mut net.0).unwrap();
        prelu::exponents(&mut net.0, family);
        boundaries::insert_boundaries(&mut net.0);
        let ops: Vec<String> = net.0.order().iter().map(|&id| net.0.node(id).unwrap().op.clone()).collect();
        (net.0.nodes[0].as_ref().unwrap().ports.1[0].as_ref().unwrap().exponents.clone(), ops.join(" "))
    };
    assert_eq!(exponents(Family::P4), (vec![-6], "PRelu RequantizeLinear Abs".to_string()));
}

#[test]
fn a_prelu_that_enlarges_its_input_reads_it_at_the_scale_of_its_output() {
    let mut net = prelu_net(&[1, 2, 3, 3], &[2, 1, 1]);
    let ports = &mut net.0.nodes[0].as_mut().unwrap().ports;
    ports.0[0].as_mut().unwrap().exponents = vec![-9];
    lay_out(&mut net.0).unwrap();
    prelu::exponents(&mut net.0, Family::C);
    let ports = &net.0.nodes[0].as_ref().unwrap().ports;
    assert_eq!((&ports.0[0], ports.0[0].as_ref().unwrap().exponents.clone()), (&ports.1[0], vec![-8]));
}

#[test]
fn a_prelu_whose_output_has_smaller_steps_than_it_copies_runs_in_float() {
    let mut net = prelu_net(&[1, 2, 3, 3], &[2, 1, 1]);
    let ports = &mut net.0.nodes[0].as_mut().unwrap().ports;
    (ports.0[0].as_mut().unwrap().exponents, ports.1[0].as_mut().unwrap().exponents) = (vec![-4], vec![-7]);
    lay_out(&mut net.0).unwrap();
    prelu::exponents(&mut net.0, Family::C);
    boundaries::insert_boundaries(&mut net.0);
    let slopes = net.0.values[3].constant.clone().map(|slopes| (slopes.data_type, slopes.values()));
    assert!(net.lines().join(" ").contains("PRelu"));
    assert_eq!(net.0.nodes[0].as_ref().unwrap().text("quant_type"), Some("F32"));
    assert_eq!(slopes, Some((DataType::Float, Some(vec![0.25, 0.25]))));
}

#[test]
fn products_of_one_exponent_are_requantized_behind_the_layer() {
    let made = |family: Family, weights: &[i64]| {
        let mut net = Net::default();
        let [x, y] = ["x", "y"].map(|name| net.value(name, &[1, 2]));
        let w = net.constant("w", &[2, 2], &[1; 4]);
        net.node("Gemm", &[x, w], y, (-2, -9), &[]);
        net.0.nodes[0].as_mut().unwrap().ports.0[1] = Some(Port { bits: 8, exponents: weights.to_vec() });
        (net.0.inputs, net.0.outputs) = (vec![x], vec![y]);
        scales::raise_products(&mut net.0, family);
        let exponents = net.0.nodes[0].as_ref().unwrap().ports.1[0].clone().unwrap().exponents;
        (exponents, net.lines().len())
    };
    assert_eq!(made(Family::S3, &[-6]), (vec![-8], 2));
    assert_eq!(made(Family::P4, &[-6, -6]), (vec![-8], 2));
    // Shifted left in portable code; several exponents are left to be refused; no shift is needed.
    for (family, weights) in [(Family::C, &[-6][..]), (Family::P4, &[-6, -7]), (Family::S3, &[-8])] {
        assert_eq!(made(family, weights), (vec![-9], 1));
    }
}

#[test]
fn a_softmax_of_large_integers_runs_at_16_bits() {
    let made = |exponent| {
        let mut net = Net::default();
        let [x, y] = ["x", "y"].map(|name| net.value(name, &[1, 2]));
        net.node("Softmax", &[x], y, (exponent, 0), &[]);
        softmax::widen(&mut net.0);
        let node = net.0.nodes[0].clone().unwrap();
        (node.text("quant_type").unwrap().to_string(), node.ports.0[0].clone().unwrap())
    };
    assert_eq!(made(-1), ("S8".to_string(), Port { bits: 8, exponents: vec![-1] }));
    assert_eq!(made(0), ("S16".to_string(), Port { bits: 16, exponents: vec![0] }));
}

#[test]
fn an_input_without_readers_is_left_out() {
    let mut net = Net::default();
    let [x, y, z] = ["x", "y", "z"].map(|name| net.value(name, &[1, 2]));
    net.node("Abs", &[x], z, (0, 0), &[]);
    (net.0.inputs, net.0.outputs) = (vec![x, y], vec![z]);
    leave_out_unread_inputs(&mut net.0);
    assert_eq!((net.0.inputs, net.0.differences.len()), (vec![x], 1));
}

#[test]
fn a_gelu_in_pieces_is_one_table() {
    for half_first in [false, true] {
        let mut net = Net::default();
        let names = ["x", "d", "e", "s", "p", "y"];
        let [x, d, e, s, p, y] = names.map(|n| net.value(n, &[1, 4]));
        // Values: 2^-6 * 91 = 1.4219, 64 = 1, 32 = 0.5.
        let [root, one, half] = [("r", 91), ("o", 64), ("h", 32)].map(|(n, q)| net.constant(n, &[], &[q]));
        net.node("Div", &[x, root], d, (-5, -5), &[]);
        net.node("Erf", &[d], e, (-5, -7), &[]);
        // As in every model: esp-ppq does not quantize Erf.
        net.0.nodes[1].as_mut().unwrap().ports = (vec![None], vec![None]);
        net.node("Add", &[e, one], s, (-7, -6), &[]);
        match half_first {
            true => {
                net.node("Mul", &[x, half], p, (-5, -6), &[]);
                net.node("Mul", &[p, s], y, (-6, -5), &[]);
            }
            false => {
                net.node("Mul", &[x, s], p, (-5, -5), &[]);
                net.node("Mul", &[p, half], y, (-5, -5), &[]);
            }
        }
        (net.0.inputs, net.0.outputs) = (vec![x], vec![y]);
        gelu::fuse_gelu(&mut net.0);
        assert_eq!(net.lines(), ["Gelu [1, 4] -> [1, 4]"]);
        let tables = tables::add_tables(&mut net.0, 18, Rounding::HalfEven).unwrap();
        // Gelu(1) = 0.8413, which is 26.9 / 32.
        assert_eq!(tables[0].values().unwrap()[128 + 32], 27.0);
    }
}

#[test]
fn an_input_read_at_two_scales_is_fed_without_loss_for_either() {
    let mut net = Net::default();
    let [x, a, b] = ["x", "a", "b"].map(|n| net.value(n, &[1, 4]));
    net.node("Abs", &[x], a, (-4, -4), &[]);
    net.node("Abs", &[x], b, (-5, -5), &[]);
    (net.0.inputs, net.0.outputs) = (vec![x], vec![a, b]);
    boundaries::insert_boundaries(&mut net.0);
    let (abs, requantized) = ("Abs [1, 4] -> [1, 4]", "RequantizeLinear [1, 4] -> [1, 4]");
    assert_eq!(net.lines(), [requantized, requantized, abs, abs]);
    assert_eq!(assemble::value_ports(&net.0, &net.0.order())[&x], &Port { bits: 16, exponents: vec![-12] });
}

#[test]
fn an_input_read_as_floats_too_is_fed_as_floats() {
    let mut net = Net::default();
    let [x, a, b] = ["x", "a", "b"].map(|n| net.value(n, &[1, 4]));
    net.node("Abs", &[x], a, (-4, -4), &[]);
    net.node("Abs", &[x], b, (-4, -4), &[]);
    net.0.nodes[1].as_mut().unwrap().ports = (vec![None], vec![None]);
    (net.0.inputs, net.0.outputs) = (vec![x], vec![a, b]);
    boundaries::insert_boundaries(&mut net.0);
    let abs = "Abs [1, 4] -> [1, 4]";
    assert_eq!(net.lines(), [abs, "QuantizeLinear [1, 4] -> [1, 4]", abs]);
    assert!(!assemble::value_ports(&net.0, &net.0.order()).contains_key(&x));
}

#[test]
fn indices_from_the_end_are_counted_from_the_start() {
    let mut net = Net::default();
    let [x, i, y] = [("x", 5), ("i", 2), ("y", 2)].map(|(name, size)| net.value(name, &[size]));
    let bytes = [-1i64, 3].iter().flat_map(|v| v.to_le_bytes()).collect();
    net.0.values[i.0].constant = Some(Tensor { data_type: DataType::Int64, dims: vec![2], bytes, ..Tensor::default() });
    net.node("Gather", &[x, i], y, (0, 0), &[]);
    forms::complete(&mut net.0, NodeId(0));
    assert_eq!(net.0.values[i.0].integers(), Some(vec![4, 3]));
    assert_eq!(net.0.differences.len(), 1);
}

#[test]
fn a_split_by_count_gets_the_sizes_of_its_parts() {
    let mut net = Net::default();
    let [x, a, b] = [("x", 5), ("a", 3), ("b", 2)].map(|(name, size)| net.value(name, &[1, size]));
    net.node("Split", &[x], a, (0, 0), &[("axis", Attribute::Int(-1)), ("num_outputs", Attribute::Int(2))]);
    net.0.node_mut(NodeId(0)).unwrap().outputs.push(b);
    forms::complete(&mut net.0, NodeId(0));
    let node = net.0.node(NodeId(0)).unwrap();
    assert_eq!(net.0.value(node.inputs[1].unwrap()).integers(), Some(vec![3, 2]));
    assert_eq!(node.int("num_outputs"), None);
    assert_eq!(net.0.differences.len(), 1);
}

#[test]
fn a_transpose_stands_for_the_trans_a_of_gemm() {
    let mut net = Net::default();
    let (x, y) = (net.value("x", &[4, 1]), net.value("y", &[1, 2]));
    let w = net.constant("w", &[4, 2], &[1; 8]);
    net.node("Gemm", &[x, w], y, (0, 0), &[("transA", Attribute::Int(1))]);
    (net.0.inputs, net.0.outputs) = (vec![x], vec![y]);
    gemm::turn_first_inputs(&mut net.0);
    lay_out(&mut net.0).unwrap();
    assert_eq!(net.lines(), ["Transpose [4, 1] -> [1, 4]", "Gemm [1, 4] -> [1, 2]"]);
    assert_eq!(net.0.nodes[0].as_ref().unwrap().int("transA"), Some(0));
}

/// Exports a Resize of [1, 3, 4, 5] to [1, 3, 8, 10] by a list.
fn resized(port: usize, data_type: DataType, list: &[u8], attributes: &[(&str, Attribute)]) -> (Vec<f64>, Vec<String>) {
    let mut net = Net::default();
    let (x, y, given) = (net.value("x", &[1, 3, 4, 5]), net.value("y", &[1, 3, 8, 10]), net.value("list", &[2]));
    let bytes = list.to_vec();
    net.0.values[given.0].constant = Some(Tensor { data_type, dims: vec![2], bytes, ..Tensor::default() });
    net.node("Resize", &[x], y, (0, 0), attributes);
    net.0.values[given.0].readers.push(NodeId(0));
    let node = net.0.node_mut(NodeId(0)).unwrap();
    node.inputs.resize(port + 1, None);
    node.inputs[port] = Some(given);
    forms::complete(&mut net.0, NodeId(0));
    let node = net.0.node(NodeId(0)).unwrap();
    let written = node.inputs[port].map(|value| net.0.value(value).constant.as_ref().unwrap().values().unwrap());
    assert_eq!(net.0.values[given.0].readers.is_empty(), node.inputs[port] != Some(given));
    (written.unwrap_or_default(), node.attributes.iter().map(|(name, _)| name.clone()).collect())
}

#[test]
fn a_resize_gets_a_number_for_every_axis() {
    let sizes: Vec<u8> = [15i64, 10].iter().flat_map(|v| v.to_le_bytes()).collect();
    let policy = Attribute::Text(b"not_larger".to_vec());
    let attributes = [("axes", ints(&[2, 3])), ("keep_aspect_ratio_policy", policy)];
    let rest = vec!["quant_type".to_string(), "mode".to_string()];
    assert_eq!(resized(3, DataType::Int64, &sizes, &attributes), (vec![1.0, 3.0, 8.0, 10.0], rest.clone()));
    let scales: Vec<u8> = [2f32, 2.5].iter().flat_map(|v| v.to_le_bytes()).collect();
    let axes = [("axes", ints(&[-1, 2]))];
    assert_eq!(resized(2, DataType::Float, &scales, &axes), (vec![1.0, 1.0, 2.5, 2.0], rest));
}

#[test]
fn a_resize_leaves_out_a_region_without_elements() {
    assert_eq!(resized(1, DataType::Float, &[], &[]).0, [0.0; 0]);
}

/// Returns the integers of a right side [2, 18] as reordered by the packing nodes.
fn packed_by_nodes(family: Family) -> (Vec<usize>, Vec<i64>) {
    let mut net = Net::default();
    let (x, right, y) = (net.value("x", &[1, 2]), net.value("r", &[2, 18]), net.value("y", &[1, 18]));
    net.node("MatMul", &[x, right], y, (0, 0), &[]);
    (net.0.inputs, net.0.outputs) = (vec![x, right], vec![y]);
    matmul::right_sides(&mut net.0, family, Runtime::KNOWN);
    let mut known: Vec<Option<(Vec<usize>, Vec<i64>)>> = vec![None; net.0.values.len()];
    known[right.0] = Some((vec![2, 18], (0..36).collect()));
    for id in net.0.order() {
        let node = net.0.node(id).unwrap();
        let list = |i: usize| net.0.value(node.inputs[i].unwrap()).integers().unwrap();
        let from = |i: usize| known[node.inputs[i].unwrap().0].clone().unwrap();
        let shape = net.0.value(node.outputs[0]).shape.clone();
        let columns = |(shape, values): &(Vec<usize>, Vec<i64>)| values.len() / shape[0];
        let made = match node.op.as_str() {
            "Reshape" => from(0).1,
            "Concat" => [from(0).1, from(1).1].concat(),
            "Slice" => {
                let row = columns(&from(0));
                from(0).1[list(1)[0] as usize * row..list(2)[0] as usize * row].to_vec()
            }
            "Transpose" => {
                let (dims, values) = from(0);
                let strides: Vec<usize> = (0..dims.len()).map(|i| dims[i + 1..].iter().product()).collect();
                let mut out = Vec::new();
                for flat in 0..values.len() {
                    let (mut rest, mut at) = (flat, 0);
                    for (&size, &axis) in shape.iter().zip(&node.perm()).rev() {
                        at += rest % size * strides[axis];
                        rest /= size;
                    }
                    out.push(values[at]);
                }
                out
            }
            _ => return from(1),
        };
        known[node.outputs[0].0] = Some((shape, made));
    }
    unreachable!("MatMul comes last")
}

#[test]
fn packing_nodes_order_a_right_side_as_a_packed_constant_is() {
    let plain: Vec<i64> = (0..36).collect();
    for (family, lanes) in [(Family::C, None), (Family::P4, Some(16))] {
        let packed = crate::espdl::layout::pack_matmul(&plain, &[2, 18], lanes).unwrap();
        assert_eq!(packed_by_nodes(family), (vec![2, 18], packed));
    }
}

#[test]
fn a_small_output_that_would_keep_large_memory_is_copied_for_the_smallest_arena() {
    let mut net = Net::default();
    let values = [("x", 16), ("large", 1600), ("mean", 16), ("largest", 1600), ("out", 16)];
    let [x, large, mean, largest, out] = values.map(|(name, size)| net.value(name, &[1, size]));
    net.node("Mul", &[x], large, (-4, -4), &[]);
    net.node("ReduceMean", &[large], mean, (-4, -5), &[]);
    net.node("Mul", &[mean], largest, (-5, -4), &[]);
    net.node("Mul", &[largest, mean], out, (-4, -4), &[]);
    net.0.inputs = vec![x];
    net.0.outputs = vec![out];
    for value in &mut net.0.values {
        (value.data_type, value.perm) = (DataType::Int8, Some(vec![0, 1]));
    }
    let graph = assemble::assemble(&net.0, "model", Vec::new());
    let graph = copies::with_smallest_arena(&mut net.0, graph, Vec::new());
    let names: Vec<(&str, &str)> =
        graph.nodes.iter().map(|node| (node.op.as_str(), node.outputs[0].as_str())).collect();
    assert_eq!(
        names,
        [("Mul", "large"), ("ReduceMean", "PPQ_Variable_0"), ("Transpose", "mean"), ("Mul", "largest"), ("Mul", "out")]
    );
    let copy = &graph.values.iter().find(|value| value.name == "PPQ_Variable_0").unwrap();
    assert_eq!((copy.sizes(), &copy.exponents[..]), (Some(vec![1, 16]), &[-5][..]));
    assert!(
        net.0.differences[0].ends_with("so that values take 1632 bytes instead of 3216"),
        "{:?}",
        net.0.differences
    );
}
