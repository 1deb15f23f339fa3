//! `new operator NAME`: an ONNX operator that runs in float.

use std::path::Path;

use super::Change;
use super::edit::{insert, within};
use crate::cases::snake;
use crate::read;

const TABLE: &str = "core/src/ops/mod.rs";

/// Prepares the files of an operator; fails if espq already supports it.
pub fn operator(name: &str) -> Result<Change, String> {
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("`{name}` is not an operator type in ONNX's spelling: Celu, LayerNormalization"));
    }
    let module = snake(name);
    let table = read(Path::new(TABLE))?;
    let table = insert(&table, &format!("mod {module};"), |line| within(line, "mod ", ";").map(str::to_string))?;
    let listed = |line: &str| within(line, "    &", "::OPERATOR,").map(str::to_string);
    let table = insert(&table, &format!("    &{module}::OPERATOR,"), listed)?;

    let mut change = Change::default();
    change.replace(TABLE, table);
    change.create(format!("core/src/ops/{module}.rs"), source(name));
    change.next = vec![
        format!("core/src/ops/{module}.rs: write `infer` and the kernel; `elementwise::unary!` does for y = f(x)"),
        "cargo test --test onnx_node_tests: runs the ONNX package's own cases of the operator".to_string(),
        "if ESP-DL has a kernel for it: CONTRIBUTING.md, \"Add an operator\", from step 4 on".to_string(),
        "cargo xtask gen: adds the operator to docs/operators.md".to_string(),
    ];
    Ok(change)
}

fn source(name: &str) -> String {
    format!(
        r#"//! {name}: TODO, the formula. <https://onnx.ai/onnx/operators/onnx__{name}.html>

use super::elementwise::take;
use super::operands::required;
use super::{{Call, Fact, Kernel, Operator, Role}};
use crate::graph::Tensor;
use crate::{{Result, bail}};

pub static OPERATOR: Operator = Operator {{ name: "{name}", role: Role::Float, infer, prepare }};

fn infer(call: &Call) -> Result<Vec<Fact>> {{
    // TODO: types and shapes of the outputs.
    let x = required(call, 0, "{name}")?;
    Ok(vec![Fact::new(x.data_type, x.shape.clone())])
}}

fn prepare(_: &Call) -> Result<Box<dyn Kernel>> {{
    // TODO: read attributes, pack constant weights.
    Ok(Box::new(Prepared))
}}

struct Prepared;

impl Kernel for Prepared {{
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {{
        let x = take(&mut inputs, 0)?;
        // TODO: compute.
        bail!("{name} does not compute {{}} yet", x.data_type().name())
    }}
}}
"#
    )
}
