//! The table of limits.

use std::collections::BTreeSet;

use super::*;
use crate::graph::{Attribute, Attributes, Graph, Node, NodeId};
use crate::runtime::support;

#[test]
fn limits_have_names_of_their_own() {
    let names: BTreeSet<&str> = LIMITS.iter().map(|limit| limit.name).collect();
    assert_eq!(names.len(), LIMITS.len());
}

#[test]
fn limits_are_of_operators_that_the_runtime_has() {
    for limit in LIMITS {
        for op in limit.operators {
            assert!(support::operator(op).is_some(), "{}: {op}", limit.name);
        }
        assert!(!limit.help.is_empty() && limit.source.contains('.'), "{}", limit.name);
    }
}

#[test]
fn an_attribute_of_another_type_fails_the_node() {
    let mut attributes = Attributes::default();
    attributes.set("dilations", Attribute::Int(2));
    let (name, op, domain) = ("n".into(), "MaxPool".into(), String::new());
    let node = Node { name, op, domain, attributes, inputs: Vec::new(), outputs: Vec::new() };
    let graph = Graph { nodes: vec![node], ..Graph::default() };
    let (what, limit) = violation(&GraphNode::new(&graph, NodeId(0), None)).unwrap();
    assert_eq!(limit.name, "dilated-pooling");
    assert_eq!(what, "attribute `dilations` of MaxPool has another type than the operator defines");
}
