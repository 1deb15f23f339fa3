//! Names of nodes: layers are chosen by name, and ONNX lets several nodes have the same one.

use std::collections::{BTreeMap, HashSet};

use crate::graph::Node;
use crate::note::Note;

/// Puts a count behind the name of each node that an earlier one has, too; returns a note for each such name.
pub fn distinct(nodes: &mut [Node]) -> Vec<Note> {
    let mut taken: HashSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let mut seen = HashSet::new();
    let mut renamed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in nodes.iter_mut().filter(|node| !node.name.is_empty()) {
        if seen.insert(node.name.clone()) {
            continue;
        }
        let again = renamed.entry(node.name.clone()).or_default();
        let mut count = again.len() + 1;
        while !taken.insert(format!("{}_{count}", node.name)) {
            count += 1;
        }
        node.name = format!("{}_{count}", node.name);
        again.push(node.name.clone());
    }
    renamed.into_iter().map(|(name, again)| note(&name, &again)).collect()
}

fn note(name: &str, again: &[String]) -> Note {
    let now = match again {
        [one] => format!("the second is called '{one}'"),
        [first, .., last] => format!("the others are called '{first}' to '{last}'"),
        [] => String::new(),
    };
    Note::new(format!("{} layers of the file are called '{name}': {now}, in the file's order", again.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attributes;
    use crate::note::sentences;

    fn nodes(names: &[&str]) -> Vec<Node> {
        let node = |name: &&str| Node {
            name: (*name).to_string(),
            op: "Relu".to_string(),
            domain: String::new(),
            attributes: Attributes::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        names.iter().map(node).collect()
    }

    #[test]
    fn equal_names_get_a_count_that_no_other_name_has() {
        let mut nodes = nodes(&["a", "a_1", "", "a", "b", "a", ""]);
        let notes = distinct(&mut nodes);
        assert_eq!(nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["a", "a_1", "", "a_2", "b", "a_3", ""]);
        let expected = "3 layers of the file are called 'a': the others are called 'a_2' to 'a_3', in the file's order";
        assert_eq!(sentences(&notes), [expected]);
    }

    #[test]
    fn names_that_differ_stay() {
        let mut nodes = nodes(&["a", "b", "A", ""]);
        assert_eq!(distinct(&mut nodes), []);
        assert_eq!(nodes[2].name, "A");
    }
}
