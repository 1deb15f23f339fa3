//! Differences between two models. The order of nodes is compared, the order of weights and values is not: esp-ppq
//! writes those in an order that Python's hash seed decides.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Attribute, Model, Node, Tensor, ValueInfo};

/// One difference between two models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `node conv1: activation`, `weight w: exponents`.
    pub place: String,
    /// Text of the left side; empty if absent.
    pub left: String,
    /// Text of the right side; empty if absent.
    pub right: String,
}

/// Returns all differences in the order of the file; if there are none, the chip runs both models identically.
pub fn diff(left: &Model, right: &Model) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    found.fields("model", &model_fields(left), &model_fields(right));
    let (a, b) = (&left.graph, &right.graph);
    found.each("input", &a.inputs, &b.inputs, |v| &v.name, value_fields);
    found.each("output", &a.outputs, &b.outputs, |v| &v.name, value_fields);
    let order = |nodes: &[Node]| nodes.iter().map(|n| n.name.clone()).collect::<Vec<_>>();
    found.each("node", &a.nodes, &b.nodes, |n| &n.name, node_fields);
    let (first, second) = (order(&a.nodes), order(&b.nodes));
    if first != second && sorted(&first) == sorted(&second) {
        let at = first.iter().zip(&second).position(|(x, y)| x != y).unwrap_or(0);
        let name = |list: &[String]| list.get(at).cloned().unwrap_or_default();
        found.0.push(Difference { place: format!("order of nodes at {at}"), left: name(&first), right: name(&second) });
    }
    found.each("value", &a.values, &b.values, |v| &v.name, value_fields);
    found.tensors("weight", &a.initializers, &b.initializers);
    found.tensors("test input", &a.test_inputs, &b.test_inputs);
    found.tensors("test output", &a.test_outputs, &b.test_outputs);
    found.0
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names
}

type Fields = BTreeMap<String, String>;

fn fields<const N: usize>(pairs: [(&str, String); N]) -> Fields {
    pairs.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

fn model_fields(model: &Model) -> Fields {
    let mut all = fields([
        ("ir_version", model.ir_version.to_string()),
        ("producer", model.producer.clone()),
        ("producer_version", model.producer_version.clone()),
        ("version", model.version.to_string()),
        ("graph", model.graph.name.clone()),
    ]);
    all.extend(model.metadata.iter().map(|(key, value)| (format!("metadata {key}"), value.clone())));
    all
}

fn value_fields(value: &ValueInfo) -> Fields {
    fields([
        ("type", value.data_type.name().to_string()),
        ("dims", format!("{:?}", value.dims)),
        ("exponents", format!("{:?}", value.exponents)),
    ])
}

fn node_fields(node: &Node) -> Fields {
    let mut all = fields([
        ("operator", node.op.clone()),
        ("inputs", node.inputs.join(", ")),
        ("outputs", node.outputs.join(", ")),
    ]);
    all.extend(node.attributes.iter().map(|(name, value)| (format!("attribute {name}"), shown(value))));
    all
}

fn shown(value: &Attribute) -> String {
    match value {
        Attribute::Int(v) => v.to_string(),
        Attribute::Float(v) => v.to_string(),
        Attribute::Text(v) => String::from_utf8_lossy(v).into_owned(),
        Attribute::Ints(v) => format!("{v:?}"),
        Attribute::Floats(v) => format!("{v:?}"),
        Attribute::Texts(v) => format!("{v:?}"),
        Attribute::Tensor(t) => format!("{} {:?} {:?}", t.data_type.name(), t.dims, t.bytes),
    }
}

fn tensor_fields(tensor: &Tensor) -> Fields {
    fields([
        ("type", tensor.data_type.name().to_string()),
        ("dims", format!("{:?}", tensor.dims)),
        ("layout", tensor.doc.clone()),
    ])
}

struct Found(Vec<Difference>);

impl Found {
    fn fields(&mut self, place: &str, left: &Fields, right: &Fields) {
        let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for name in names {
            let (a, b) = (left.get(name), right.get(name));
            if a != b {
                let text = |value: Option<&String>| value.cloned().unwrap_or_default();
                self.0.push(Difference { place: format!("{place}: {name}"), left: text(a), right: text(b) });
            }
        }
    }

    /// Compares elements by name; one that only one side has gives a single difference.
    fn each<T>(&mut self, kind: &str, left: &[T], right: &[T], name: fn(&T) -> &String, fields: fn(&T) -> Fields) {
        let others: BTreeMap<&String, &T> = right.iter().map(|t| (name(t), t)).collect();
        for item in left {
            match others.get(name(item)) {
                Some(other) => self.fields(&format!("{kind} {}", name(item)), &fields(item), &fields(other)),
                None => self.only(kind, name(item), true),
            }
        }
        let own: BTreeMap<&String, &T> = left.iter().map(|t| (name(t), t)).collect();
        right.iter().filter(|t| !own.contains_key(name(t))).for_each(|t| self.only(kind, name(t), false));
    }

    fn only(&mut self, kind: &str, name: &str, left: bool) {
        let (a, b) = if left { ("present", "") } else { ("", "present") };
        self.0.push(Difference { place: format!("{kind} {name}"), left: a.to_string(), right: b.to_string() });
    }

    /// Reports the number of elements that differ, and the first few of them.
    fn list<T: PartialEq + ToString>(&mut self, place: &str, left: &[T], right: &[T]) {
        if left.len() != right.len() {
            let [left, right] = [left, right].map(|list| format!("{} elements", list.len()));
            self.0.push(Difference { place: place.to_string(), left, right });
            return;
        }
        let mut different = left.iter().zip(right).enumerate().filter(|(_, (a, b))| a != b);
        if let Some((at, (a, b))) = different.next() {
            let (count, total) = (different.count() + 1, left.len());
            let place = format!("{place}, {count} of {total} from {at} on");
            self.0.push(Difference { place, left: a.to_string(), right: b.to_string() });
        }
    }

    fn tensors(&mut self, kind: &str, left: &[Tensor], right: &[Tensor]) {
        self.each(kind, left, right, |t| &t.name, tensor_fields);
        let others: BTreeMap<&String, &Tensor> = right.iter().map(|t| (&t.name, t)).collect();
        for a in left {
            let Some(b) = others.get(&a.name) else { continue };
            self.list(&format!("{kind} {}: exponents", a.name), &a.exponents, &b.exponents);
            if b.dims != a.dims || b.data_type != a.data_type {
                continue;
            }
            match (a.values(), b.values()) {
                (Some(x), Some(y)) => self.list(&format!("{kind} {}: values", a.name), &x, &y),
                _ => self.list(&format!("{kind} {}: bytes", a.name), &a.bytes, &b.bytes),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::espdl::example;

    fn differences(change: fn(&mut Model)) -> Vec<(String, String, String)> {
        let mut changed = example();
        change(&mut changed);
        diff(&example(), &changed).into_iter().map(|d| (d.place, d.left, d.right)).collect()
    }

    fn one(place: &str, left: &str, right: &str) -> Vec<(String, String, String)> {
        vec![(place.to_string(), left.to_string(), right.to_string())]
    }

    #[test]
    fn a_model_has_no_differences_from_itself() {
        assert_eq!(differences(|_| ()), []);
    }

    #[test]
    fn an_attribute_that_differs_is_named() {
        let found = differences(|m| m.graph.nodes[0].attributes[0].1 = Attribute::Text(b"Linear".to_vec()));
        assert_eq!(found, one("node fc: attribute activation", "Relu", "Linear"));
    }

    #[test]
    fn weights_that_differ_are_counted() {
        let found = differences(|m| m.graph.initializers[0].bytes[5..8].copy_from_slice(&[5, 255, 0]));
        assert_eq!(found, one("weight w: values, 2 of 48 from 6 on", "6", "-1"));
    }

    #[test]
    fn exponents_that_differ_are_named() {
        let found = differences(|m| m.graph.outputs[0].exponents = vec![-5]);
        assert_eq!(found, one("output y: exponents", "[-4]", "[-5]"));
    }

    #[test]
    fn exponents_by_channel_are_counted() {
        let found = differences(|m| m.graph.initializers[0].exponents = vec![-8]);
        assert_eq!(found, one("weight w: exponents, 1 of 1 from 0 on", "-7", "-8"));
        let found = differences(|m| m.graph.initializers[0].exponents = vec![-8, -8]);
        assert_eq!(found, one("weight w: exponents", "1 elements", "2 elements"));
    }

    #[test]
    fn an_element_of_only_one_file_is_one_difference() {
        let found = differences(|m| m.graph.test_inputs.clear());
        assert_eq!(found, one("test input x", "present", ""));
    }

    #[test]
    fn the_order_of_nodes_is_compared_that_of_values_is_not() {
        assert_eq!(differences(|m| m.graph.values.reverse()), []);
        let mut left = example();
        let second = Node { name: "b".into(), ..left.graph.nodes[0].clone() };
        left.graph.nodes.push(second);
        let mut right = left.clone();
        right.graph.nodes.reverse();
        let found: Vec<String> = diff(&left, &right).into_iter().map(|d| d.place).collect();
        assert_eq!(found, ["order of nodes at 0"]);
    }
}
