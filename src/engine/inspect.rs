//! Summary of an `.espdl` file and the targets that run it: the data of `espq inspect`.
//!
//! Never: columns and colours.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::chip::{Incompatibility, Runtime, Target};
use crate::{Error, Result, file};

use crate::cost::{self, Board, Cost, Machine, Memory};
use crate::espdl::{self, Attribute, Digest, Dim, Entry, File, Key, Model, Node, Tensor, ValueInfo, diff::Difference};
use crate::runtime::compatibility;

/// Contents of an `.espdl` file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Header of a package; `None` for a file of one model.
    pub package: Option<PackageSummary>,
    /// Models in the file's order; one if there is no package.
    pub models: Vec<ModelSummary>,
}

/// Header of a package of models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PackageSummary {
    /// `PDL1`, `PDL2` or `PDL3`.
    pub format: &'static str,
    /// Version of the package; PDL3 only, like `digest_matches`.
    pub version: Option<String>,
    /// Result of checking the package's SHA-256.
    pub digest_matches: Option<bool>,
}

/// One model of a file, with its memory and the targets that run it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelSummary {
    /// Name in the package; empty for a single model.
    pub name: String,
    /// First four bytes of the model: `EDL1` or `EDL2`.
    pub header: &'static str,
    /// Set if the body is stored encrypted with AES-128.
    pub encrypted: bool,
    /// Length of the body in bytes, as the header states it.
    pub body_bytes: u32,
    /// Version of the schema, as ONNX counts it.
    pub ir_version: i32,
    /// Versions of operator sets by domain; ONNX's own domain is empty.
    pub opsets: BTreeMap<String, i64>,
    /// Program that wrote the file.
    pub producer: String,
    /// Version of that program.
    pub producer_version: String,
    /// Version of the model, as its author counts.
    pub model_version: i64,
    /// Key-value pairs of `metadata_props`, in the file's order.
    pub metadata: Vec<(String, String)>,
    /// Name of the graph, which the exporter of the source model chose.
    pub graph: String,
    /// Inputs of the model, in the order in which the chip is fed.
    pub inputs: Vec<ValueSummary>,
    /// Outputs of the model, in order.
    pub outputs: Vec<ValueSummary>,
    /// Nodes in the order in which the chip runs them.
    pub nodes: Vec<NodeSummary>,
    /// Initializers: weights, biases, tables and other constants.
    pub weights: Vec<TensorSummary>,
    /// Every value, including inputs and outputs: the loader looks up shapes and types only here.
    pub values: Vec<ValueSummary>,
    /// Size of the weights, and the arena of values.
    pub memory: Memory,
    /// Flash, RAM and time on the chip that was asked for, or that the file names, or on those with published times.
    pub costs: Vec<Cost>,
    /// Sample for ESP-DL's `Model::test()`; empty if the file has no test values.
    pub test_inputs: Vec<TensorSummary>,
    /// Outputs that `Model::test()` expects for that sample.
    pub test_outputs: Vec<TensorSummary>,
    /// Checks by kernel family, in the order of the targets.
    pub fits: Vec<Fit>,
}

/// Shape, type and range of a value that the chip computes or reads as input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueSummary {
    /// Name in the graph, by which nodes refer to it.
    pub name: String,
    /// Type of the elements, such as `int8`.
    pub data_type: &'static str,
    /// Lengths of the axes; `None` if the shape is not in the file. Unknown sizes are `?`, named ones their name.
    pub dims: Option<Vec<String>>,
    /// Powers of two of the scale, of which the chip reads only the first; empty for floats.
    pub exponents: Vec<i64>,
    /// Smallest and largest float that the integers represent.
    pub range: Option<(f64, f64)>,
    /// Size of the elements in RAM; `None` if the shape or the type is not fixed.
    pub bytes: Option<usize>,
}

/// One layer as the file stores it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeSummary {
    /// Name in the file: the layer's, unless the exporter has made the node.
    pub name: String,
    /// Operator type, by which the loader selects its module.
    pub op: String,
    /// Names of values; an optional input that is left out is an empty string.
    pub inputs: Vec<String>,
    /// Names of the values that it makes.
    pub outputs: Vec<String>,
    /// Values by name; a tensor is its type and shape in words.
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// Constant or test value, whose elements are in the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorSummary {
    /// Name in the graph, by which nodes refer to it.
    pub name: String,
    /// Type of the elements, such as `int8`.
    pub data_type: &'static str,
    /// Lengths of the axes, in ONNX's order for filters.
    pub dims: Vec<usize>,
    /// Powers of two of the scale: one, one per channel, or none for floats.
    pub exponents: Vec<i64>,
    /// Layout from the tensor's `doc_string`; a filter's dims do not show the order of its bytes.
    pub layout: Option<String>,
    /// Size of the elements, without the padding to 16 bytes.
    pub bytes: usize,
    /// Smallest and largest value: in float for a single exponent, as integers for several.
    pub range: Option<(f64, f64)>,
}

/// Targets of one kernel family, and the faults of the model on them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// Targets that run the same kernels.
    pub targets: Vec<&'static str>,
    /// Reasons why these targets do not run the model correctly; none if they do.
    #[serde(rename = "misfits")]
    pub incompatibilities: Vec<Incompatibility>,
}

/// Longest file that is read, in bytes: offsets in a FlatBuffers file are signed numbers of 32 bits.
const LONGEST: u64 = 2 << 30;

/// Reads an `.espdl` file; `key` is for encrypted models.
pub fn open(path: &Path, key: Option<&Key>) -> Result<File> {
    let bytes = file::read(path, LONGEST)?;
    espdl::open(&bytes, key).map_err(|e| e.in_file(path))
}

/// Returns the differences between two files of one model each.
pub fn diff(left: &File, right: &File) -> Result<Vec<Difference>> {
    let ([left], [right]) = (left.entries.as_slice(), right.entries.as_slice()) else {
        let (a, b) = (left.entries.len(), right.entries.len());
        return Err(Error::new(format!("--diff compares single models; but the files contain {a} and {b}")));
    };
    Ok(espdl::diff::diff(&left.model, &right.model))
}

/// Checks each model against `target`, or against all targets.
pub fn summarize(file: &File, target: Option<Target>) -> Summary {
    let package = file.package.as_ref().map(|p| PackageSummary {
        format: p.format,
        version: p.version.clone(),
        digest_matches: p.digest.map(|d| d == Digest::Right),
    });
    Summary { package, models: file.entries.iter().map(|e| model(e, target)).collect() }
}

fn model(entry: &Entry, target: Option<Target>) -> ModelSummary {
    let (source, graph) = (&entry.model, &entry.model.graph);
    let fits = fits(entry, target);
    ModelSummary {
        costs: timed_on(source, target, &fits).into_iter().map(|target| cost(entry, target)).collect(),
        name: entry.name.clone(),
        header: entry.header.edition.name(),
        encrypted: entry.header.encrypted,
        body_bytes: entry.header.length,
        ir_version: source.ir_version,
        opsets: source.opsets.iter().map(|o| (o.domain.clone(), o.version)).collect(),
        producer: source.producer.clone(),
        producer_version: source.producer_version.clone(),
        model_version: source.version,
        metadata: source.metadata.clone(),
        graph: graph.name.clone(),
        inputs: graph.inputs.iter().map(value).collect(),
        outputs: graph.outputs.iter().map(value).collect(),
        nodes: graph.nodes.iter().map(node).collect(),
        weights: graph.initializers.iter().map(tensor).collect(),
        values: graph.values.iter().map(value).collect(),
        memory: cost::memory(graph, None),
        test_inputs: graph.test_inputs.iter().map(tensor).collect(),
        test_outputs: graph.test_outputs.iter().map(tensor).collect(),
        fits,
    }
}

/// Returns the chips whose cost is shown: the one that was asked for, the one that the file names, or those with published
/// times that run the file.
fn timed_on(model: &Model, target: Option<Target>, fits: &[Fit]) -> Vec<Target> {
    let named = model.metadata.iter().find(|(key, _)| key == "target").and_then(|(_, name)| Target::from_name(name));
    if let Some(target) = target.or(named) {
        return vec![target];
    }
    let runs = |target: &Target| {
        fits.iter().any(|fit| fit.targets.contains(&target.name()) && fit.incompatibilities.is_empty())
    };
    let timed: Vec<Target> = [Target::Esp32p4, Target::Esp32s3].into_iter().filter(runs).collect();
    match Target::ALL.iter().copied().find(runs) {
        _ if !timed.is_empty() => timed,
        Some(other) => vec![other],
        None => vec![Target::Esp32p4, Target::Esp32s3],
    }
}

/// Counts a model's cost with the settings of ESP-DL's examples.
fn cost(entry: &Entry, target: Target) -> Cost {
    let file_bytes = 16usize.saturating_add(entry.header.length as usize);
    let machine = Machine::of(target, Board::of(target));
    cost::of_file(&entry.model.graph, file_bytes, entry.header.encrypted, &machine)
}

/// Checks a model; all targets of a family have the same result.
fn fits(entry: &Entry, target: Option<Target>) -> Vec<Fit> {
    let mut groups: Vec<Vec<Target>> = Vec::new();
    for &target in target.as_ref().map_or(Target::ALL, std::slice::from_ref) {
        match groups.iter_mut().find(|g| g.first().is_some_and(|t| t.family() == target.family())) {
            Some(group) => group.push(target),
            None => groups.push(vec![target]),
        }
    }
    let of = |group: Vec<Target>| {
        let incompatibilities =
            group.first().map(|&t| compatibility::check(entry, t, Runtime::KNOWN)).unwrap_or_default();
        Fit { targets: group.into_iter().map(Target::name).collect(), incompatibilities }
    };
    groups.into_iter().map(of).collect()
}

fn value(source: &ValueInfo) -> ValueSummary {
    let dim = |dim: &Dim| match dim {
        Dim::Unknown => "?".to_string(),
        Dim::Size(size) => size.to_string(),
        Dim::Named(name) => name.clone(),
    };
    let range = source.data_type.limits().zip(source.exponents.first());
    ValueSummary {
        name: source.name.clone(),
        data_type: source.data_type.name(),
        dims: source.dims.as_ref().map(|dims| dims.iter().map(dim).collect()),
        exponents: source.exponents.clone(),
        range: range.map(|((low, high), &e)| (scaled(low, e), scaled(high, e))),
        bytes: source.bytes(),
    }
}

fn scaled(value: f64, exponent: i64) -> f64 {
    // Beyond these bounds, a float is 0 or infinite in any case.
    value * 2f64.powi(exponent.clamp(-2000, 2000) as i32)
}

fn node(source: &Node) -> NodeSummary {
    NodeSummary {
        name: source.name.clone(),
        op: source.op.clone(),
        inputs: source.inputs.clone(),
        outputs: source.outputs.clone(),
        attributes: source.attributes.iter().map(|(name, value)| (name.clone(), attribute(value))).collect(),
    }
}

fn attribute(source: &Attribute) -> serde_json::Value {
    match source {
        Attribute::Int(value) => (*value).into(),
        Attribute::Float(value) => (*value).into(),
        Attribute::Text(bytes) => String::from_utf8_lossy(bytes).into(),
        Attribute::Ints(list) => list.clone().into(),
        Attribute::Floats(list) => list.clone().into(),
        Attribute::Texts(list) => list.clone().into(),
        Attribute::Tensor(t) => format!("{} {:?}", t.data_type.name(), t.dims).into(),
    }
}

fn tensor(source: &Tensor) -> TensorSummary {
    TensorSummary {
        name: source.name.clone(),
        data_type: source.data_type.name(),
        dims: source.dims.clone(),
        exponents: source.exponents.clone(),
        layout: source.doc.strip_prefix("layout ==> ").filter(|l| *l != "UNK").map(str::to_string),
        bytes: source.bytes.len(),
        range: extremes(source),
    }
}

fn extremes(source: &Tensor) -> Option<(f64, f64)> {
    let values = source.values()?;
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    let exponent = match source.exponents.as_slice() {
        [one] => *one,
        _ => 0,
    };
    Some((scaled(low, exponent), scaled(high, exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::espdl::{DataType, open, write};

    fn summary(model: &Model) -> ModelSummary {
        let file = open(&write(model).unwrap(), None).unwrap();
        summarize(&file, Some(Target::Esp32p4)).models.remove(0)
    }

    fn info(name: &str, size: i64) -> ValueInfo {
        let dims = Some(vec![Dim::Size(size)]);
        ValueInfo { name: name.into(), data_type: DataType::Int16, dims, exponents: vec![-8], ..ValueInfo::default() }
    }

    #[test]
    fn a_value_has_the_range_that_its_exponent_gives() {
        let found = value(&info("x", 3));
        assert_eq!((found.range, found.bytes), (Some((-128.0, 127.99609375)), Some(6)));
        let float = ValueInfo { data_type: DataType::Float, ..info("x", 3) };
        assert_eq!((value(&float).range, value(&float).bytes), (None, Some(12)));
    }

    #[test]
    fn a_tensor_has_the_range_of_its_values() {
        let tensors = summary(&crate::espdl::example()).weights;
        assert_eq!((tensors[0].range, tensors[0].bytes), (Some((0.0, 47.0 / 128.0)), 48));
        assert_eq!(tensors[0].layout.as_deref(), Some("(N/16)HWC16"));
    }

    #[test]
    fn targets_with_the_same_kernels_are_grouped() {
        let file = open(&write(&crate::espdl::example()).unwrap(), None).unwrap();
        let fits = summarize(&file, None).models.remove(0).fits;
        let targets: Vec<String> = fits.iter().map(|f| f.targets.join(" ")).collect();
        assert_eq!(targets, ["esp32p4 esp32s31", "esp32s3", "esp32 esp32s2 esp32c2 esp32c3 esp32c5 esp32c6 c"]);
    }

    #[test]
    fn sizes_beyond_memory_are_unknown() {
        let mut huge = info("x", i64::MAX);
        huge.dims = Some(vec![Dim::Size(i64::MAX), Dim::Size(i64::MAX)]);
        assert_eq!(value(&huge).bytes, None);
        huge.exponents = vec![i64::MIN];
        assert_eq!(value(&huge).range, Some((-0.0, 0.0)));
    }
}
