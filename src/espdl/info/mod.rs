//! Text form of a model, its `.info` file, in the format of esp-ppq's `printable_graph` (`parser/espdl/helper.py` of
//! 1.3.12), for a person and for `diff`.
//!
//! Never: checks of the model.

mod numpy;

use std::fmt::Write;

use crate::Result;
use crate::parallel;

use super::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo};

/// Writes a model as text. Fails if a weight's bytes do not fit its shape.
pub fn info(model: &Model) -> Result<String> {
    let graph = &model.graph;
    let properties: String = model.metadata.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    let mut text = format!("model properties:\nmetadata_props:\n{properties}\n\n{}", header(graph));
    for node in &graph.nodes {
        text += &format!("  {}\n", node_line(node));
    }
    let outputs: Vec<String> = graph.outputs.iter().map(|o| format!("%{}", o.name)).collect();
    text += format!("  return {}", outputs.join(", ")).trim_end();
    text += "\n}";
    text += &section("initializers value", &values(&graph.initializers)?);
    text += &section("values info", &graph.values.iter().map(value_line).collect::<Vec<_>>());
    text += &section("test inputs value", &values(&graph.test_inputs)?);
    text += &section("test outputs value", &values(&graph.test_outputs)?);
    Ok(text)
}

fn section(title: &str, lines: &[String]) -> String {
    format!("\n\n\n{title}:\n{}", lines.join("\n"))
}

fn header(graph: &Graph) -> String {
    let mut text = format!("graph {}", graph.name);
    if !graph.inputs.is_empty() {
        text += " (\n";
        graph.inputs.iter().for_each(|input| text += &format!("  {}\n", value_line(input)));
        text += ")";
        if !graph.initializers.is_empty() {
            text += " initializers (\n";
            for tensor in &graph.initializers {
                let dims: Vec<String> = tensor.dims.iter().map(usize::to_string).collect();
                let shape = if dims.is_empty() { "scalar".to_string() } else { dims.join("x") };
                text += &format!("  %{}[{}, {shape}]\n", tensor.name, type_name(tensor.data_type));
            }
            text += ")";
        }
    }
    text + " {\n"
}

fn node_line(node: &Node) -> String {
    let names = |list: &[String]| list.iter().map(|n| format!("%{n}")).collect::<Vec<_>>().join(", ");
    let made = if node.outputs.is_empty() { String::new() } else { names(&node.outputs) + " = " };
    let mut attributes: Vec<String> =
        node.attributes.iter().map(|(name, value)| format!("{name} = {}", attribute(value))).collect();
    attributes.sort();
    let attributes = if attributes.is_empty() { String::new() } else { format!("[{}]", attributes.join(", ")) };
    format!("{made}{}{attributes}({})", node.op, names(&node.inputs))
}

fn attribute(value: &Attribute) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    match value {
        Attribute::Int(v) => v.to_string(),
        Attribute::Float(v) => general((*v).into()),
        Attribute::Text(v) => quoted(&shortened(&String::from_utf8_lossy(v))),
        Attribute::Ints(v) => list(v.iter().map(i64::to_string).collect()),
        Attribute::Floats(v) => list(v.iter().map(|&f| general(f.into())).collect()),
        Attribute::Texts(v) => list(v.iter().map(|t| quoted(&shortened(t))).collect()),
        Attribute::Tensor(_) => "<Tensor>".to_string(),
    }
}

/// Formats like C's `%.15g`.
fn general(value: f64) -> String {
    let scientific = format!("{value:.14e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific.to_lowercase() };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => digits.to_string(),
    };
    match exponent {
        -4..15 => trimmed(&format!("{value:.*}", (14 - exponent) as usize)), // the range is just above
        _ => format!("{}e{}{:02}", trimmed(digits), if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(64) {
        None => text.to_string(),
        Some((at, _)) => format!("{}...<+len={}>", &text[..at], text.chars().count() - 64),
    }
}

/// Formats like Python's `repr` of a string.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            '\r' => out += "\\r",
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => _ = write!(out, "\\x{:02x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

fn value_line(value: &ValueInfo) -> String {
    let dim = |dim: &Dim| match dim {
        Dim::Unknown => "?".to_string(),
        Dim::Size(size) => size.to_string(),
        Dim::Named(name) => name.clone(),
    };
    let shape = value.dims.as_ref().map(|dims| match dims.as_slice() {
        [] => ", scalar".to_string(),
        dims => format!(", {}", dims.iter().map(dim).collect::<Vec<_>>().join("x")),
    });
    let exponents =
        if value.exponents.is_empty() { String::new() } else { format!(", exponents: {:?}", value.exponents) };
    format!("%{}[{}{}]{exponents}", value.name, type_name(value.data_type), shape.unwrap_or_default())
}

/// Name of a type in the schema.
fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Undefined => "UNDEFINED",
        DataType::Float => "FLOAT",
        DataType::Uint8 => "UINT8",
        DataType::Int8 => "INT8",
        DataType::Uint16 => "UINT16",
        DataType::Int16 => "INT16",
        DataType::Int32 => "INT32",
        DataType::Int64 => "INT64",
        DataType::String => "STRING",
        DataType::Bool => "BOOL",
        DataType::Float16 => "FLOAT16",
        DataType::Double => "DOUBLE",
        DataType::Uint32 => "UINT32",
        DataType::Uint64 => "UINT64",
    }
}

fn values(tensors: &[Tensor]) -> Result<Vec<String>> {
    parallel::try_map(tensors.len(), |index| tensor(&tensors[index]))
}

fn tensor(tensor: &Tensor) -> Result<String> {
    let doc = if tensor.doc.is_empty() { String::new() } else { format!("docString: b{}, ", quoted(&tensor.doc)) };
    let (name, dims, exponents) = (&tensor.name, &tensor.dims, &tensor.exponents);
    let array = numpy::array(tensor)?;
    Ok(format!("%{name}, shape: {dims:?}, exponents: {exponents:?}, {doc}\nvalue: {array}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_c() {
        let of = |v: f32| general(v.into());
        assert_eq!(
            [1.0, 0.01, 1e-5, 1e20, -0.5, 0.0].map(of),
            ["1", "0.00999999977648258", "9.99999974737875e-06", "1.00000002004088e+20", "-0.5", "0"]
        );
    }

    #[test]
    fn strings_are_those_of_python() {
        assert_eq!(["S8", "it's", "'\"", "a\\b\n"].map(quoted), ["'S8'", "\"it's\"", "'\\'\"'", "'a\\\\b\\n'"]);
    }
}
