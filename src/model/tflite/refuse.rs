//! Operators that have no counterpart: all of a model at once, each with what to do.

use super::file::{File, Operator};
use super::{ops, schema};
use crate::{Error, Kind, Result};

/// Refuses a model with operators that espq does not know; the error has every such layer.
pub fn check(file: &File) -> Result<()> {
    let unknown = file.operators.iter().filter(|operator| ops::find(operator.code).is_none());
    let refused = unknown.map(|operator| refusal(operator).in_layer(file.title(operator)).of_kind(Kind::Operator));
    Error::of_all(refused.collect()).map_or(Ok(()), Err)
}

fn refusal(operator: &Operator) -> Error {
    if operator.code == schema::CUSTOM {
        let name = &operator.custom;
        return match name.strip_prefix("Flex") {
            Some(of_tensorflow) => {
                Error::new(format!("operator {of_tensorflow} is one of TensorFlow, not of TensorFlow Lite"))
                    .with_help("replace the layer, and convert without tf.lite.OpsSet.SELECT_TF_OPS")
            }
            None => Error::new(format!("custom operator {name} is not supported")).with_help(
                "only the program that made the model can run it: replace the layer, or cut the model before it",
            ),
        };
    }
    let Some(name) = schema::operator_name(operator.code) else {
        return Error::new(format!("operator number {} is not known", operator.code))
            .with_help("the file was written by a newer TensorFlow: update espq, or convert with an older one");
    };
    Error::new(format!("operator {name} is not supported")).with_help(instead(name))
}

fn instead(name: &str) -> &'static str {
    match name {
        "WHILE" | "STABLEHLO_WHILE" => {
            "ESP-DL has no loops. A recurrent layer of Keras becomes one: build it with unroll=True, or export it from \
             PyTorch, whose LSTM and GRU become one layer each, which ESP-DL has"
        }
        "IF" | "STABLEHLO_CASE" => "ESP-DL has no branches: convert the model with the one branch that the chip needs",
        "VAR_HANDLE" | "READ_VARIABLE" | "ASSIGN_VARIABLE" | "CALL_ONCE" => {
            "the model keeps its state in variables, which ESP-DL does not have: give the state as an input and return \
             the new one as an output"
        }
        "QUANTIZE" | "FAKE_QUANT" => "convert the float model: espq determines the scales for ESP-DL",
        "UNIDIRECTIONAL_SEQUENCE_RNN"
        | "BIDIRECTIONAL_SEQUENCE_RNN"
        | "BIDIRECTIONAL_SEQUENCE_LSTM"
        | "LSTM"
        | "RNN" => "build the recurrent layer with unroll=True, or export the model from PyTorch",
        _ => "replace the layer by operators that ESP-DL runs, or cut the model before it",
    }
}
