//! Names of layers as PyTorch's exporter makes them: the modules around a layer, its operator, and a count.

use foldhash::{HashMap, HashMapExt};

/// Returns the path of the innermost module of a stack, as the user writes it: `features.0.0`; empty for the model itself.
pub fn module(stack: &str) -> &str {
    levels(stack).next_back().unwrap_or_default()
}

/// Returns the modules of a stack as the exporter names them: `/features/features.0`; empty for the model itself.
pub fn scope(stack: &str) -> String {
    let mut scope = String::with_capacity(64);
    for path in levels(stack).filter(|path| !path.is_empty()) {
        scope.push('/');
        scope.push_str(level(path));
    }
    scope
}

/// Lists the paths of a stack of `KEY,PATH,CLASS;...`, the outermost first.
fn levels(stack: &str) -> impl DoubleEndedIterator<Item = &str> {
    stack.split(';').map(|level| level.split(',').nth(1).unwrap_or_default())
}

/// Returns the name of a module in its parent: the last part of the path that is no number, and the numbers behind it.
fn level(path: &str) -> &str {
    let mut start = path.len();
    for part in path.rsplit('.') {
        start -= part.len();
        if part.parse::<u64>().is_err() {
            break;
        }
        start = start.saturating_sub(1);
    }
    &path[start..]
}

/// Modules as the exporter names them, by their stacks.
#[derive(Default)]
pub struct Scopes<'a>(HashMap<&'a str, String>);

impl<'a> Scopes<'a> {
    /// Returns none, with room for those of a number of nodes.
    pub fn of(nodes: usize) -> Scopes<'a> {
        Scopes(HashMap::with_capacity(nodes))
    }

    /// Returns the name of the modules of a stack.
    pub fn get(&mut self, stack: &'a str) -> &str {
        self.0.entry(stack).or_insert_with(|| scope(stack))
    }
}

/// Names given so far, by the exporter's rule.
#[derive(Default)]
pub struct Names<'a> {
    /// Modules by stack.
    modules: Scopes<'a>,
    /// Name of each call of a module, by its stack.
    calls: HashMap<&'a str, String>,
    scopes: HashMap<String, usize>,
    nodes: HashMap<String, usize>,
}

impl<'a> Names<'a> {
    pub fn of(modules: Scopes<'a>) -> Names<'a> {
        let room = modules.0.capacity();
        Names {
            modules,
            calls: HashMap::with_capacity(room),
            scopes: HashMap::with_capacity(room),
            nodes: HashMap::with_capacity(room),
        }
    }

    /// Returns the name of the next node of an operator in a call. Calls and nodes of one name count from the second on.
    pub fn next(&mut self, stack: &'a str, op: &str) -> String {
        let Names { modules, calls, scopes, nodes } = self;
        let call = calls.entry(stack).or_insert_with(|| match modules.get(stack) {
            // The model is called once.
            "" => String::new(),
            name => counted(scopes, name.to_string()),
        });
        counted(nodes, format!("{call}/{op}"))
    }
}

fn counted(counts: &mut HashMap<String, usize>, name: String) -> String {
    match counts.get_mut(&name) {
        Some(count) => {
            *count += 1;
            format!("{name}_{count}")
        }
        None => {
            counts.insert(name.clone(), 0);
            name
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "L__self__,,net.Net";

    #[test]
    fn a_level_is_the_last_name_with_its_numbers() {
        for (path, expected) in [
            ("features.0.0", "features.0.0"),
            ("layer4.1.conv2", "conv2"),
            ("a", "a"),
            ("0", "0"),
            ("0.1.2", "0.1.2"),
            ("blocks.3.block.0.0", "block.0.0"),
        ] {
            assert_eq!(level(path), expected);
        }
    }

    #[test]
    fn calls_and_nodes_count_from_the_second_on() {
        let relu = format!("{ROOT};L__self__layer1,layer1,m.Layer;L__self__layer1_relu,layer1.relu,m.ReLU");
        let again = relu.replace("layer1_relu", "layer1_relu@1");
        let mut names = Names::default();
        let found: Vec<String> =
            [(ROOT, "Add"), (&relu, "Relu"), (ROOT, "Add"), (&again, "Relu"), (&relu, "Relu"), ("", "Mul")]
                .into_iter()
                .map(|(stack, op)| names.next(stack, op))
                .collect();
        assert_eq!(found[..4], ["/Add", "/layer1/relu/Relu", "/Add_1", "/layer1/relu_1/Relu"]);
        assert_eq!(found[4], "/layer1/relu/Relu_1");
        assert_eq!(module(&relu), "layer1.relu");
    }
}
