//! Tests of cells and tables against esp-ppq 1.3.12. `recorded.txt` is written by `fixtures/emulate.py`, which
//! documents its integers.

use super::*;
use crate::chip::Rounding;
use crate::exec::FakeQuant;
use crate::graph::{Attribute, Attributes, Node, Tensor};
use crate::ops::{Call, Fact};

const RECORDED: &str = include_str!("recorded.txt");

fn rounding(name: &str) -> Rounding {
    match name {
        "half-even" => Rounding::HalfEven,
        "half-up" => Rounding::HalfUp,
        other => panic!("{other}"),
    }
}

fn values(list: &str, exponent: i32) -> Vec<f64> {
    list.split(',').map(|v| v.parse::<f64>().unwrap() * f64::from(exponent).exp2()).collect()
}

fn tensor(list: &str, exponent: i32, shape: &[usize], wide: bool) -> Option<Tensor> {
    (list != "-").then(|| {
        let values = values(list, exponent);
        match wide {
            true => Tensor::new(shape, values).unwrap(),
            false => Tensor::new(shape, values.into_iter().map(|v| v as f32).collect()).unwrap(),
        }
    })
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    match tensor {
        Tensor::F64(_) => tensor.slice::<f64>().unwrap().to_vec(),
        _ => tensor.slice::<f32>().unwrap().iter().map(|&v| v.into()).collect(),
    }
}

/// Computed and recorded outputs of one line.
fn cell(line: &str) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let fields: Vec<&str> = line.split(' ').collect();
    let [kind, direction, bits, exponent, half, width, steps, batch, input, hidden, lists @ ..] = &fields[..] else {
        panic!("{line}")
    };
    let [steps, batch, input, hidden] = [steps, batch, input, hidden].map(|n| n.parse::<usize>().unwrap());
    let (exponent, wide) = (exponent.parse::<i32>().unwrap(), *width == "wide");
    let (gates, directions) = (if *kind == "LSTM" { 4 } else { 3 }, if *direction == "bidirectional" { 2 } else { 1 });
    let state = [directions, batch, hidden];
    let mut inputs = vec![
        tensor(lists[0], -6, &[steps, batch, input], wide),
        tensor(lists[1], -7, &[directions, gates * hidden, input], wide),
        tensor(lists[2], -7, &[directions, gates * hidden, hidden], wide),
        tensor(lists[3], -13, &[directions, 2 * gates * hidden], wide),
        None,
        tensor(lists[4], -6, &state, wide),
    ];
    if *kind == "LSTM" {
        inputs.push(tensor(lists[5], -6, &state, wide));
    }
    let rounding = rounding(half);
    let output = FakeQuant { exponents: vec![exponent], axis: None, bits: bits.parse().unwrap(), rounding };
    let mut attributes = Attributes::default();
    attributes.set("direction", Attribute::Text((*direction).into()));
    attributes.set("hidden_size", Attribute::Int(hidden as i64));
    attributes.set("linear_before_reset", Attribute::Int(1));
    let facts: Vec<_> = inputs.iter().map(|i| i.clone().map(Fact::of)).collect();
    let call = Call { attributes: &attributes, opset: 18, inputs: &facts, outputs: gates - 1 };
    let build = if *kind == "LSTM" { lstm } else { gru };
    let computed = build(&call, Hidden { rounding, output: Some(output), wide }).unwrap().run(inputs).unwrap();
    let recorded = lists[6..].iter().zip([exponent, exponent, -9]).map(|(list, e)| values(list, e)).collect();
    (computed.iter().map(numbers).collect(), recorded)
}

#[test]
fn cells_are_bit_identical_to_esp_ppqs() {
    let lines: Vec<&str> = RECORDED.lines().filter(|l| !l.starts_with("table")).collect();
    assert!(lines.len() >= 10);
    for line in lines {
        let (computed, recorded) = cell(line);
        assert_eq!(computed, recorded, "{line}");
    }
}

#[test]
fn tables_equal_esp_ppqs() {
    let lines: Vec<&str> = RECORDED.lines().filter(|l| l.starts_with("table")).collect();
    assert!(lines.len() >= 8);
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let [_, op, from, to, half, entries] = fields[..] else { panic!("{line}") };
        let (from, to): (i32, i32) = (from.parse().unwrap(), to.parse().unwrap());
        let (name, op, domain) = ("layer".into(), op.into(), String::new());
        let node =
            Node { name, op, domain, attributes: Attributes::default(), inputs: Vec::new(), outputs: Vec::new() };
        // The recorded entries are those of inputs from -8192 in steps of 32.
        let x: Vec<f64> = (-8192..=8192).step_by(32).map(|q| f64::from(q) * f64::from(from).exp2()).collect();
        let kernel = lut(&node, 20, from, to, rounding(half)).unwrap();
        let y = kernel.run(vec![Some(Tensor::new(&[x.len()], x).unwrap())]).unwrap();
        assert_eq!(numbers(&y[0]), values(entries, to), "{line}");
    }
}
