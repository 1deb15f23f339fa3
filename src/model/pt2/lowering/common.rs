//! Nodes that compute what an earlier one has computed: they take its outputs, as in the exporter.
//!
//! Never: the choice of nodes that may take them.

use std::hash::{Hash, Hasher};

use foldhash::HashMap;

use super::{Call, tensors};
use crate::graph::ValueId;
use crate::model::pt2::schema::{Argument, Named};

/// Nodes that have been lowered, and the values that they made.
pub type Common<'a> = HashMap<Computed<'a>, Vec<ValueId>>;

/// Node, with the values that it reads as they are before it; constants have none before their first reader.
pub struct Computed<'a> {
    call: Call<'a>,
    read: Vec<Option<ValueId>>,
}

impl<'a> Computed<'a> {
    pub fn of(call: Call<'a>, held: &HashMap<&'a str, ValueId>) -> Computed<'a> {
        Computed { call, read: tensors(call.node).map(|name| held.get(name).copied()).collect() }
    }

    /// Lists the arguments, each with its values: none if one of them is not known.
    fn arguments(&self) -> impl Iterator<Item = (&'a Named<'a>, &[Option<ValueId>])> {
        let mut rest = self.read.as_slice();
        self.call.node.inputs.iter().map(move |named| {
            let count = super::named_tensors(&named.arg).count();
            let (own, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            (named, if own.contains(&None) { &[] } else { own })
        })
    }
}

impl Hash for Computed<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.call.node.target.hash(hasher);
        for (named, values) in self.arguments() {
            match values {
                [] => hash(&named.arg, hasher),
                values => values.hash(hasher),
            }
        }
    }
}

impl PartialEq for Computed<'_> {
    fn eq(&self, other: &Computed) -> bool {
        let is_same = |((own, values), (others, other_values)): ((&Named, &[_]), (&Named, &[_]))| {
            own.name == others.name
                && match (values, other_values) {
                    ([], []) => own.arg.is_same(&others.arg),
                    _ => values == other_values,
                }
        };
        self.call.node.target == other.call.node.target
            && self.call.node.inputs.len() == other.call.node.inputs.len()
            && self.arguments().zip(other.arguments()).all(is_same)
    }
}

impl Eq for Computed<'_> {}

fn hash(argument: &Argument, hasher: &mut impl Hasher) {
    match argument {
        Argument::Tensor(text) | Argument::Text(text) => text.hash(hasher),
        Argument::Tensors(names) => names.hash(hasher),
        Argument::Int(int) => int.hash(hasher),
        Argument::Ints(ints) => ints.hash(hasher),
        Argument::Float(float) => float.to_bits().hash(hasher),
        Argument::Floats(floats) => floats.iter().for_each(|float| float.to_bits().hash(hasher)),
        Argument::Bool(flag) => flag.hash(hasher),
        // Others are rarely all that differs.
        _ => {}
    }
}
