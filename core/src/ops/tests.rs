//! Tests of cases that ONNX's node tests do not cover: older operator sets, NaN, float64, shared inputs, refusals.

use super::*;
use crate::graph::{Attribute, Attributes};

fn run(name: &str, opset: i64, attributes: &[(&str, Attribute)], inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
    let mut given = Attributes::default();
    attributes.iter().for_each(|(name, value)| given.set(name, value.clone()));
    let facts: Vec<_> = inputs.iter().map(|&t| Some(Fact::of(t.clone()))).collect();
    let operator = find(name).unwrap();
    let call = Call { attributes: &given, opset, inputs: &facts, outputs: 1 };
    let inferred = (operator.infer)(&call)?;
    let before: Vec<String> = inputs.iter().map(|t| format!("{t:?}")).collect();
    let outputs = (operator.prepare)(&call)?.run(inputs.iter().map(|&t| Some(t.clone())).collect())?;
    assert_eq!(inputs.iter().map(|t| format!("{t:?}")).collect::<Vec<_>>(), before, "{name} wrote to a held input");
    for (fact, output) in inferred.iter().zip(&outputs) {
        assert_eq!((fact.data_type, fact.shape.as_slice()), (output.data_type(), output.shape()), "{name}");
    }
    Ok(outputs)
}

fn refusal(name: &str, attributes: &[(&str, Attribute)], inputs: &[&Tensor]) -> String {
    run(name, 18, attributes, inputs).unwrap_err().what().to_owned()
}

fn row<T: crate::graph::Element>(values: &[T]) -> Tensor {
    Tensor::new(&[values.len()], values.to_vec()).unwrap()
}

#[test]
fn older_operator_sets_have_their_own_forms() {
    let x = row(&[3f32, 1.0, 2.0]);
    let top = run("TopK", 9, &[("k", Attribute::Int(2))], &[&x]).unwrap();
    assert_eq!(top, [row(&[3f32, 2.0]), row(&[0i64, 2])]);
    let clipped = run("Clip", 6, &[("min", Attribute::Float(1.5)), ("max", Attribute::Float(2.5))], &[&x]).unwrap();
    assert_eq!(clipped, [row(&[2.5f32, 1.5, 2.0])]);

    // Scale and bias are one per group before 21, one per channel since.
    let x = Tensor::new(&[1, 4, 1], vec![-1f32, 1.0, -1.0, 1.0]).unwrap();
    let groups = [("num_groups", Attribute::Int(2)), ("epsilon", Attribute::Float(0.0))];
    let old = run("GroupNormalization", 18, &groups, &[&x, &row(&[1f32, 2.0]), &row(&[0f32, 5.0])]).unwrap();
    assert_eq!(old[0].slice::<f32>().unwrap(), [-1.0, 1.0, 3.0, 7.0]);
    let (scale, bias) = (row(&[1f32, 2.0, 3.0, 4.0]), row(&[0f32, 0.0, 0.0, 5.0]));
    let new = run("GroupNormalization", 21, &groups, &[&x, &scale, &bias]).unwrap();
    assert_eq!(new[0].slice::<f32>().unwrap(), [-1.0, 2.0, -3.0, 9.0]);
}

#[test]
fn nan_is_the_largest_as_in_torch() {
    let x = row(&[1f32, f32::NAN, 7.0]);
    let axis = [("axis", Attribute::Int(0))];
    assert_eq!(run("ArgMax", 13, &axis, &[&x]).unwrap(), [row(&[1i64])]);
    assert_eq!(run("ArgMin", 13, &axis, &[&x]).unwrap(), [row(&[1i64])]);
    assert_eq!(run("TopK", 11, &[], &[&x, &row(&[3i64])]).unwrap()[1], row(&[1i64, 2, 0]));
}

#[test]
fn float64_and_integers_keep_their_type_and_precision() {
    let fine = 1.0 + 2f64.powi(-40);
    let x = row(&[fine, -fine]);
    for (name, expected) in [("Neg", [-fine, fine]), ("Abs", [fine, fine]), ("Clip", [fine, -fine])] {
        assert_eq!(run(name, 18, &[], &[&x]).unwrap(), [row(&expected)], "{name}");
    }
    for (name, expected) in [("Add", [2.0 * fine, 0.0]), ("Mul", [fine * fine, -fine * fine]), ("Mean", [fine, 0.0])] {
        assert_eq!(run(name, 18, &[], &[&x, &row(&[fine, fine])]).unwrap(), [row(&expected)], "{name}");
    }
    let (i, j) = (row(&[-7i64, 7, i64::MAX]), row(&[2i64, -2, 1]));
    assert_eq!(run("Div", 18, &[], &[&i, &j]).unwrap(), [row(&[-3i64, -3, i64::MAX])]);
    assert_eq!(run("Mod", 18, &[], &[&i, &j]).unwrap(), [row(&[1i64, -1, 0])]);
}

#[test]
fn indices_outside_their_axis_are_refused() {
    let x = Tensor::new(&[2, 2], vec![1f32, 2.0, 3.0, 4.0]).unwrap();
    let far = Tensor::new(&[1, 1], vec![2i64]).unwrap();
    let one = Tensor::new(&[1, 1], vec![9f32]).unwrap();
    assert_eq!(refusal("GatherElements", &[], &[&x, &far]), "index 2 is outside an axis of 2");
    assert_eq!(refusal("ScatterElements", &[], &[&x, &far, &one]), "index 2 is outside an axis of 2");
    assert_eq!(refusal("GatherND", &[], &[&x, &far]), "index 2 is outside an axis of 2");
    assert_eq!(refusal("ScatterND", &[], &[&x, &far, &row(&[0f32, 0.0])]), "index 2 is outside an axis of 2");
    let wide = Tensor::new(&[1, 3], vec![0i64, 0, 0]).unwrap();
    assert_eq!(refusal("GatherND", &[], &[&x, &wide]), "indices of shape [1, 3] do not fit shape [2, 2]");
    assert_eq!(
        refusal("ReverseSequence", &[], &[&x, &row(&[3i64, 1])]),
        "ReverseSequence has length 3 in sequences of 2"
    );
    assert_eq!(refusal("TopK", &[], &[&x, &row(&[3i64])]), "TopK selects 3 of 2 elements");
}

#[test]
fn recurrent_layers_refuse_wrong_shapes_before_they_run() {
    let ones = |shape: &[usize]| Tensor::new(shape, vec![1f32; shape.iter().product()]).unwrap();
    let (x, r) = (ones(&[5, 1, 3]), ones(&[1, 16, 4]));
    let clip = |value| [("clip", Attribute::Float(value))];
    let w = ones(&[1, 16, 3]);
    assert_eq!(
        refusal("LSTM", &[], &[&x, &w, &r, &ones(&[1, 16])]),
        "the bias of LSTM has shape [1, 16], but 32 elements are needed"
    );
    for bound in [-1.0, f32::NAN] {
        assert!(refusal("LSTM", &clip(bound), &[&x, &w, &r]).starts_with("LSTM has clip"), "{bound}");
    }
    // Inference itself must refuse: the chip's cells do not use these kernels.
    let facts = [&x, &w, &r, &ones(&[1, 16])].map(|t| Some(Fact::of(t.clone())));
    let call = Call { attributes: &Attributes::default(), opset: 18, inputs: &facts, outputs: 1 };
    assert!((find("LSTM").unwrap().infer)(&call).is_err());
}
