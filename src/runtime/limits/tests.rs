//! Tests of the limits' definitions.

use std::collections::BTreeSet;

use super::*;
use crate::chip::{Family, Runtime};
use crate::graph::{Attribute, Attributes, Graph, Node, NodeId};

fn one_node(op: &str, attributes: Attributes) -> Graph {
    let (name, op, domain) = ("n".into(), op.into(), String::new());
    let node = Node { name, op, domain, attributes, inputs: Vec::new(), outputs: Vec::new() };
    Graph { nodes: vec![node], ..Graph::default() }
}

#[test]
fn limits_have_unique_names() {
    for (op, chip) in ops::all_on_chip() {
        for limit in chip.limits {
            let named = ops::all_limits().into_iter().find(|other| other.name == limit.name).unwrap();
            assert!(std::ptr::eq(named, *limit), "{op}: {}", limit.name);
        }
    }
}

#[test]
fn limits_have_help_and_a_source() {
    for limit in ops::all_limits() {
        assert!(!limit.help.is_empty() && limit.source.contains('.'), "{}", limit.name);
        assert!(!limit.on.is_empty(), "{}", limit.name);
    }
}

#[test]
fn operators_of_the_chip_have_kernels_and_unique_names() {
    let names: Vec<&str> = ops::all_on_chip().map(|(name, _)| name).collect();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    for (name, chip) in ops::all_on_chip() {
        assert!(chip.kernels.names().count() > 0, "{name}");
    }
}

#[test]
fn an_attribute_of_another_type_fails_the_node() {
    let mut attributes = Attributes::default();
    attributes.set("dilations", Attribute::Int(2));
    let graph = one_node("MaxPool", attributes);
    let (what, limit) = of_node(&GraphNode::of(&graph, NodeId(0))).next().unwrap();
    assert_eq!(limit.name, "dilated-pooling");
    assert_eq!(what, "attribute `dilations` of MaxPool has another type than the operator defines");
}

#[test]
fn a_limit_applies_to_its_kernels_until_its_release() {
    static LIMIT: Limit = Limit {
        name: "of-the-s3",
        effect: crate::chip::Effect::Crashes,
        on: &[Family::S3],
        until: Some(Runtime([3, 4, 0])),
        check: |_| Ok(Some(String::new())),
        help: "",
        source: "",
    };
    let graph = one_node("Relu", Attributes::default());
    let in_force = |family, runtime| {
        let node = GraphNode { family, runtime, ..GraphNode::of(&graph, NodeId(0)) };
        LIMIT.violation(&node).is_some()
    };
    assert!(in_force(Some(Family::S3), Runtime::KNOWN));
    assert!(!in_force(Some(Family::S3), Runtime([3, 4, 0])));
    assert!(!in_force(Some(Family::P4), Runtime::KNOWN));
    assert!(!in_force(None, Runtime::KNOWN));
}
