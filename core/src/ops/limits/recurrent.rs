//! Limits of LSTM and GRU: properties that the kernels ignore.

use crate::chip::{Checked, Effect, Family, Limit, NodeView};

const SOURCE: &str = "dl_module_lstm.hpp, dl_module_gru.hpp";

pub static DIRECTION: Limit = Limit {
    name: "recurrent-direction",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        // The exporter turns the sequence around.
        let reverse = node.text("direction", "forward")? == "reverse" && node.is_written();
        Ok(reverse.then(|| format!("{} with direction \"reverse\", which the chip runs forward", node.op())))
    },
    help: "reverse the sequence before and after the layer, or make it bidirectional",
    source: SOURCE,
};

pub static CLIP: Limit = Limit {
    name: "recurrent-clip",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| Ok(node.attribute("clip").map(|_| format!("{} with clip, which the runtime ignores", node.op()))),
    help: "train and export without clip",
    source: SOURCE,
};

pub static LENGTHS: Limit = Limit {
    name: "recurrent-lengths",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| Ok(node.input(4).map(|_| format!("{} with sequence_lens, which the runtime ignores", node.op()))),
    help: "remove the input sequence_lens; every sequence then runs to its end",
    source: SOURCE,
};

pub static BATCH: Limit = Limit {
    name: "recurrent-batch",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        // The exporter writes a node for each.
        if !node.is_written() {
            return Ok(None);
        }
        let axis = usize::from(node.int("layout", 0)? == 0);
        let batch = node.shape(0).and_then(|shape| shape.get(axis).copied()).filter(|&batch| batch > 1);
        Ok(batch.map(|n| format!("{} with a batch of {n} sequences, which the chip runs as one", node.op())))
    },
    help: "use a batch of 1: split the batch, and join the results with Concat",
    source: SOURCE,
};

/// The kernels always write sequence, direction, batch, even with `layout` 1.
pub static LAYOUT: Limit = Limit {
    name: "recurrent-layout",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let layout = node.int("layout", 0)?;
        Ok((layout != 0).then(|| {
            format!("{} with layout {layout}, for which the chip's outputs have another order of axes", node.op())
        }))
    },
    help: "export with layout 0, and a Transpose before and after the layer",
    source: "dl_module_lstm.hpp, dl_module_gru.hpp, get_output_shape",
};

pub static ACTIVATIONS: Limit = Limit {
    name: "recurrent-activations",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: activations,
    help: "use the default activations, Sigmoid and Tanh",
    source: SOURCE,
};

/// Returns the fault of a node in a file whose kernel writes more outputs than the node has.
pub fn missing_outputs(node: &dyn NodeView, written: usize) -> Checked {
    let there = (0..written).filter(|&port| node.has_output(port)).count();
    let is_short = node.is_written() && there < written;
    Ok(is_short.then(|| format!("it has {there} of {written} outputs; the kernel writes all and crashes")))
}

fn activations(node: &dyn NodeView) -> Checked {
    let other = unusual_activation(node.op(), node.texts("activations")?);
    Ok(other.map(|name| format!("{} with the activation {name}, which the runtime ignores", node.op())))
}

/// Returns the first activation that is not the default one at its position.
fn unusual_activation<'t>(op: &str, given: &'t [String]) -> Option<&'t str> {
    let usual: &[&str] = if op == "LSTM" { &["sigmoid", "tanh", "tanh"] } else { &["sigmoid", "tanh"] };
    let other = |(given, usual): &(&'t String, &&str)| !given.eq_ignore_ascii_case(usual);
    given.iter().zip(usual.iter().cycle()).find(other).map(|(given, _)| given.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recurrent_layer_has_sigmoid_and_tanh() {
        let named = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(unusual_activation("GRU", &named(&["Sigmoid", "Tanh", "sigmoid", "Tanh"])), None);
        assert_eq!(unusual_activation("LSTM", &named(&["Sigmoid", "Tanh", "Relu"])), Some("Relu"));
    }
}
