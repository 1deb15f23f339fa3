//! Attributes of a node, by name.

use std::collections::BTreeMap;

use super::{Graph, Tensor};

/// Value of an attribute, by ONNX's kinds of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// ONNX's `INT`.
    Int(i64),
    /// ONNX's `FLOAT`.
    Float(f32),
    /// ONNX's `STRING`; bytes that are not UTF-8 are replaced.
    Text(String),
    /// ONNX's `INTS`.
    Ints(Vec<i64>),
    /// ONNX's `FLOATS`.
    Floats(Vec<f32>),
    /// ONNX's `STRINGS`.
    Texts(Vec<String>),
    /// ONNX's `TENSOR`.
    Tensor(Tensor),
    /// ONNX's `GRAPH`: the body of a loop or branch.
    Graph(Box<Graph>),
}

/// Attributes of one node. Getters return `None` where the name is missing or its value has another kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(pub BTreeMap<String, Attribute>);

impl Attributes {
    /// Returns a value of any kind.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.get(name)
    }

    /// Sets a value, replacing an earlier one.
    pub fn set(&mut self, name: &str, value: Attribute) {
        self.0.insert(name.to_owned(), value);
    }

    /// Returns an integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Attribute::Int(v) => Some(*v),
            _ => None,
        }
    }

    /// Returns an integer, or ONNX's default.
    pub fn int_or(&self, name: &str, default: i64) -> i64 {
        self.int(name).unwrap_or(default)
    }

    /// Returns a number.
    pub fn float(&self, name: &str) -> Option<f32> {
        match self.get(name)? {
            Attribute::Float(v) => Some(*v),
            _ => None,
        }
    }

    /// Returns a number, or ONNX's default.
    pub fn float_or(&self, name: &str, default: f32) -> f32 {
        self.float(name).unwrap_or(default)
    }

    /// Returns a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Attribute::Text(v) => Some(v),
            _ => None,
        }
    }

    /// Returns a list of integers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.get(name)? {
            Attribute::Ints(v) => Some(v),
            _ => None,
        }
    }

    /// Returns a list of numbers.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        match self.get(name)? {
            Attribute::Floats(v) => Some(v),
            _ => None,
        }
    }

    /// Returns a tensor.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        match self.get(name)? {
            Attribute::Tensor(v) => Some(v),
            _ => None,
        }
    }
}
