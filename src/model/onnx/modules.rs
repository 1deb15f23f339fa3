//! Paths of PyTorch's modules, which its exporter writes beside nodes whose own names are numbers, `node_Conv_292`.

use std::collections::BTreeMap;

use super::proto;
use crate::graph::Node;

/// The property with the names of the modules around a node, the outermost first; the node's own name is the last.
const SCOPES: &str = "pkg.torch.onnx.name_scopes";

/// Returns the path of the module of each named node that has one. Both lists have the nodes in the same order.
pub fn of<'a>(nodes: &[Node], read: impl Iterator<Item = &'a proto::Node>) -> BTreeMap<String, String> {
    let named = nodes.iter().zip(read).filter(|(node, _)| !node.name.is_empty());
    named.filter_map(|(node, proto)| Some((node.name.clone(), module(proto)?))).collect()
}

fn module(node: &proto::Node) -> Option<String> {
    let property = node.metadata.iter().find(|property| property.key == SCOPES)?;
    let scopes = strings(&property.value)?;
    let (_, around) = scopes.split_last()?;
    around.last().filter(|path| !path.is_empty()).cloned()
}

/// Parses a list of strings as Python writes it: `['', 'layer1', 'layer1.0']`.
fn strings(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim_start();
    let mut strings = Vec::new();
    while let Some(quote) = rest.chars().next() {
        if !matches!(quote, '\'' | '"') {
            return None;
        }
        let (string, after) = rest[1..].split_once(quote)?;
        strings.push(string.to_string());
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(strings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module_of(value: &str) -> Option<String> {
        let property = proto::StringPair { key: SCOPES.into(), value: value.into() };
        module(&proto::Node { metadata: vec![property], ..Default::default() })
    }

    #[test]
    fn the_module_is_the_scope_before_the_nodes_own() {
        assert_eq!(
            module_of("['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d_3']").as_deref(),
            Some("layer1.0.conv1")
        );
        assert_eq!(module_of("[\"\", \"head\", \"linear\"]").as_deref(), Some("head"));
    }

    #[test]
    fn a_node_of_the_model_itself_and_damaged_properties_have_no_module() {
        for value in ["['', 'relu']", "['relu']", "[]", "", "[a, b]", "['a", "['a', 'b", "["] {
            assert_eq!(module_of(value), None, "{value}");
        }
    }
}
