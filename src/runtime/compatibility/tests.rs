use super::*;
use crate::espdl::{Attribute, DataType, Dim, Edition, Graph, Header};

fn text(value: &str) -> Attribute {
    Attribute::Text(value.as_bytes().to_vec())
}

fn value(name: &str, exponent: i64) -> ValueInfo {
    ValueInfo { name: name.into(), data_type: DataType::Int8, exponents: vec![exponent], ..ValueInfo::default() }
}

/// Entry with one node: x (2^-3) with the weight w to y (2^-2).
fn entry(op: &str, attributes: &[(&str, Attribute)], weight_exponents: &[i64], layout: &str) -> Entry {
    let weight = Tensor {
        name: "w".into(),
        doc: format!("layout ==> {layout}"),
        data_type: DataType::Int8,
        dims: vec![1, 1, 2, 16],
        exponents: weight_exponents.to_vec(),
        bytes: vec![1; 32],
    };
    let node = Node {
        name: "n".into(),
        op: op.into(),
        inputs: vec!["x".into(), "w".into()],
        outputs: vec!["y".into()],
        attributes: attributes.iter().map(|(k, v)| (k.to_string(), v.clone())).collect(),
        ..Node::default()
    };
    let graph = Graph {
        nodes: vec![node],
        initializers: vec![weight],
        inputs: vec![value("x", -3)],
        outputs: vec![value("y", -2)],
        values: vec![value("x", -3), value("y", -2)],
        ..Graph::default()
    };
    Entry {
        name: String::new(),
        header: Header { edition: Edition::Edl2, encrypted: false, length: 0 },
        model: Model { graph, ..Model::default() },
        misaligned: Vec::new(),
    }
}

/// Entry with one exponent for x and y, for kernels that do not rescale.
fn entry_of_one_scale(op: &str, attributes: &[(&str, Attribute)], weight_exponents: &[i64]) -> Entry {
    let mut entry = entry(op, attributes, weight_exponents, "UNK");
    let graph = &mut entry.model.graph;
    graph.values.iter_mut().chain(&mut graph.outputs).for_each(|value| value.exponents = vec![-3]);
    entry
}

fn found(entry: &Entry, target: Target) -> Vec<String> {
    check(entry, target, Runtime::KNOWN).into_iter().map(|m| m.what).collect()
}

const S8: (&str, fn() -> Attribute) = ("quant_type", || text("S8"));

fn s8() -> (&'static str, Attribute) {
    (S8.0, S8.1())
}

#[test]
fn a_model_for_the_p4_is_compatible_with_the_p4_and_not_the_c3() {
    let model = entry("Conv", &[s8()], &[-7], "(N/16)HWC16");
    assert_eq!(found(&model, Target::Esp32p4), [""; 0]);
    assert_eq!(found(&model, Target::Esp32s3), [""; 0]);
    assert_eq!(
        found(&model, Target::Esp32c3),
        ["its weights are stored as (N/16)HWC16, but esp32c3 reads plain filters"]
    );
}

#[test]
fn older_files_have_other_names_for_blocks() {
    let model = entry("Conv", &[s8()], &[-7], "N16HWC16_UNALIGNED");
    assert_eq!(found(&model, Target::Esp32p4), [""; 0]);
    assert_eq!(found(&model, Target::C), ["its weights are stored as N16HWC16_UNALIGNED, but c reads plain filters"]);
}

#[test]
fn only_the_p4_supports_several_exponents() {
    let model = entry("Conv", &[s8()], &[-7, -6], "(N/16)HWC16");
    assert_eq!(found(&model, Target::Esp32p4), [""; 0]);
    assert_eq!(found(&model, Target::Esp32s3), ["its weights have 2 exponents, but esp32s3 supports one"]);
}

#[test]
fn vector_code_cannot_shift_a_sum_left() {
    let model = entry("Conv", &[s8()], &[-7, 2], "(N/16)HWC16");
    assert_eq!(
        found(&model, Target::Esp32p4),
        ["output exponent -2 is below input -3 plus weight 2, in 1 of 2 channels"]
    );
    let product = entry("Mul", &[s8()], &[2], "UNK");
    assert_eq!(found(&product, Target::Esp32s3), ["output exponent -2 is below input -3 plus weight 2"]);
    // `shift_and_round` of portable code shifts in both directions.
    assert_eq!(found(&product, Target::Esp32c3), [""; 0]);
}

#[test]
fn groups_run_as_depthwise() {
    let model = entry("Conv", &[s8(), ("group", Attribute::Int(2))], &[-7], "(N/16)HWC16");
    assert_eq!(
        found(&model, Target::Esp32p4),
        ["2 filters of 16 channels in 2 groups would run as depthwise, and wrong"]
    );
}

#[test]
fn add_needs_equal_exponents() {
    let model = entry("Add", &[s8()], &[-3], "UNK");
    assert_eq!(found(&model, Target::Esp32p4), ["input exponent -3 becomes -2, but Add does not rescale integers"]);
}

#[test]
fn comparisons_and_neg_do_not_rescale_integers() {
    assert_eq!(
        found(&entry("Greater", &[s8()], &[-2], "UNK"), Target::Esp32p4),
        ["exponent -3 is compared with -2, but Greater does not rescale integers"]
    );
    assert_eq!(
        found(&entry("Neg", &[s8()], &[-2], "UNK"), Target::C),
        ["input exponent -3 becomes -2, but Neg does not rescale integers"]
    );
}

#[test]
fn blocks_in_another_order_are_named() {
    let blocks = |op: &str, mode: &str, channels| {
        let mut model = entry_of_one_scale(op, &[s8(), ("blocksize", Attribute::Int(2)), ("mode", text(mode))], &[-3]);
        model.model.graph.values[0].dims = Some([1, 2, 2, channels].map(Dim::Size).to_vec());
        found(&model, Target::C)
    };
    assert_eq!(
        blocks("DepthToSpace", "DCR", 12),
        ["DepthToSpace in mode DCR with 3 output channels, which the chip writes as if there were 2"]
    );
    assert_eq!(blocks("DepthToSpace", "DCR", 8).len() + blocks("DepthToSpace", "CRD", 12).len(), 0);
    assert_eq!(
        blocks("SpaceToDepth", "", 2),
        ["SpaceToDepth of 2 channels, which the chip puts before the positions of a block"]
    );
    assert_eq!(blocks("SpaceToDepth", "", 1).len(), 0);
}

#[test]
fn concat_needs_equal_exponents_and_two_inputs() {
    let mut model = entry("Concat", &[s8()], &[-2], "UNK");
    assert_eq!(found(&model, Target::Esp32p4), ["input exponent -3 becomes -2, but Concat does not rescale integers"]);
    model.model.graph.nodes[0].inputs.pop();
    assert_eq!(
        found(&model, Target::Esp32p4),
        ["Concat of one input stops the chip", "input exponent -3 becomes -2, but Concat does not rescale integers"]
    );
}

#[test]
fn unknown_operators_and_widths_are_named() {
    assert_eq!(found(&entry("Erf", &[], &[0], "UNK"), Target::C), ["ESP-DL 3.3.9 does not support the operator Erf"]);
    assert_eq!(
        found(&entry("Conv", &[("quant_type", text("W8A16"))], &[-7], "(N/8)HWC8"), Target::Esp32p4),
        ["ESP-DL 3.3.9 does not support Conv with 8-bit weights and 16-bit activations"]
    );
}

#[test]
fn a_tensor_without_exponents_and_a_value_without_producer_are_named() {
    let mut model = entry("Conv", &[s8()], &[], "(N/16)HWC16");
    model.model.graph.nodes[0].inputs[0] = "z".into();
    assert_eq!(
        found(&model, Target::Esp32p4),
        [
            "tensor w has no exponents",
            "no node reads the input x, for which the loader has no tensor",
            "node n reads z, which no earlier node makes"
        ]
    );
}

#[test]
fn there_are_as_many_modules_as_the_loader_registers() {
    // `register_dl_modules` in `dl_module_creator.hpp`.
    assert_eq!(ops::all_on_chip().filter(|(_, chip)| chip.has_module()).count(), 71);
}

#[test]
fn operators_without_a_float_kernel_are_named() {
    for op in ["Conv", "MatMul", "MaxPool", "Gelu", "Less"] {
        let model = entry(op, &[("quant_type", text("F32"))], &[0], "UNK");
        assert_eq!(
            found(&model, Target::C),
            [format!("{op} has no float kernel, so the chip does not load the model")]
        );
    }
    assert_eq!(found(&entry("Log", &[("quant_type", text("F32"))], &[0], "UNK"), Target::C), [""; 0]);
}

#[test]
fn a_gather_reads_its_indices_from_the_file() {
    let mut model = entry_of_one_scale("Gather", &[s8()], &[0]);
    assert_eq!(found(&model, Target::C), [""; 0]);
    model.model.graph.nodes[0].inputs[1] = "x".into();
    assert_eq!(found(&model, Target::C), ["Gather with indices 'x' that are computed while the model runs"]);
}

#[test]
fn a_split_reads_the_number_of_parts_as_their_size() {
    let split = |size: i64, inputs: usize, count: Option<i64>| {
        let mut model = entry_of_one_scale("Split", &[s8(), ("axis", Attribute::Int(-1))], &[0]);
        model.model.graph.values[0].dims = Some(vec![Dim::Size(1), Dim::Size(size)]);
        let node = &mut model.model.graph.nodes[0];
        node.inputs.truncate(inputs);
        node.attributes.extend(count.map(|n| ("num_outputs".to_string(), Attribute::Int(n))));
        found(&model, Target::C)
    };
    assert_eq!(split(6, 2, Some(2)), [""; 0]);
    assert_eq!(split(6, 1, Some(2)), ["its axis of 6 is split into parts of size 2 instead of 2 parts"]);
    assert_eq!(split(4, 1, Some(2)), [""; 0]);
    assert_eq!(split(6, 1, None), ["it has neither sizes nor num_outputs, at which the chip stops"]);
}

#[test]
fn properties_that_a_recurrent_kernel_ignores_are_named() {
    let cell = |attribute: Option<(&str, Attribute)>, outputs: &[&str], lengths: &str| {
        let mut model = entry("GRU", &[s8(), ("linear_before_reset", Attribute::Int(1))], &[0], "UNK");
        let node = &mut model.model.graph.nodes[0];
        node.attributes.extend(attribute.map(|(name, value)| (name.to_string(), value)));
        node.inputs = ["x", "w", "w", "", lengths].map(String::from).into();
        node.outputs = outputs.iter().map(|o| o.to_string()).collect();
        found(&model, Target::Esp32s3)
    };
    let both = &["y", "h"];
    assert_eq!(cell(None, both, ""), [""; 0]);
    assert_eq!(
        cell(Some(("direction", text("reverse"))), both, ""),
        ["GRU with direction \"reverse\", which the chip runs forward"]
    );
    assert_eq!(cell(Some(("clip", Attribute::Float(0.5))), both, ""), ["GRU with clip, which the runtime ignores"]);
    assert_eq!(cell(None, both, "w"), ["GRU with sequence_lens, which the runtime ignores"]);
    assert_eq!(cell(None, &["y"], ""), ["it has 1 of 2 outputs; the kernel writes all and crashes"]);
    let usual = Attribute::Texts(vec!["Sigmoid".into(), "Tanh".into()]);
    assert_eq!(cell(Some(("activations", usual)), both, ""), [""; 0]);
    let other = Attribute::Texts(vec!["Sigmoid".into(), "Relu".into()]);
    let words = "GRU with the activation Relu, which the runtime ignores";
    assert_eq!(cell(Some(("activations", other)), both, ""), [words]);
}

#[test]
fn operands_broadcast_over_four_dimensions() {
    let shaped = |dims: &[i64]| {
        let mut model = entry("Mul", &[s8()], &[-1], "UNK");
        model.model.graph.values[0].dims = Some(dims.iter().map(|&d| crate::espdl::Dim::Size(d)).collect());
        model.model.graph.initializers[0].dims = vec![2, 3, 4, 5, 6];
        model.model.graph.values[1].exponents = vec![-2];
        found(&model, Target::C)
    };
    assert_eq!(shaped(&[2, 3, 4, 5, 6]), [""; 0]);
    let words = "Mul of shapes that broadcast over 5 dimensions; the runtime has up to 4";
    assert_eq!(shaped(&[2, 1, 4, 1, 6]), [words]);
}

#[test]
fn an_average_over_pads_is_named_unless_they_count() {
    let pool = |count| {
        let attributes = [s8(), ("pads", Attribute::Ints(vec![1; 4])), ("count_include_pad", Attribute::Int(count))];
        found(&entry("AveragePool", &attributes, &[0], "UNK"), Target::C).len()
    };
    assert_eq!((pool(0), pool(1)), (1, 0));
}
