//! Encoding of a [`Model`] as the FlatBuffers body.

use crate::Result;
use crate::bail;

use super::model::{Attribute, Dim, Graph, Model, Node, Tensor, ValueInfo};
use super::schema::{
    attribute, attribute_type, dimension, dimension_value, entry, graph, model, node, opset, shape, tensor,
    tensor_type, type_info, value_info,
};
use crate::flatbuffer::write::{Fields, Value, write};

pub fn encode(source: &Model) -> Result<Vec<u8>> {
    let mut root = vec![(model::OPSET_IMPORT, Value::Tables(source.opsets.iter().map(opset_fields).collect()))];
    int(&mut root, model::IR_VERSION, source.ir_version);
    long(&mut root, model::MODEL_VERSION, source.version);
    text(&mut root, model::PRODUCER_NAME, &source.producer);
    text(&mut root, model::PRODUCER_VERSION, &source.producer_version);
    text(&mut root, model::DOMAIN, &source.domain);
    text(&mut root, model::DOC_STRING, &source.doc);
    if !source.metadata.is_empty() {
        root.push((model::METADATA_PROPS, Value::Tables(source.metadata.iter().map(entry_fields).collect())));
    }
    root.push((model::GRAPH, Value::Table(graph_fields(&source.graph)?)));
    write(&root)
}

fn int(fields: &mut Fields, id: usize, value: i32) {
    if value != 0 {
        fields.push((id, Value::I32(value)));
    }
}

fn long(fields: &mut Fields, id: usize, value: i64) {
    if value != 0 {
        fields.push((id, Value::I64(value)));
    }
}

fn text<'a>(fields: &mut Fields<'a>, id: usize, value: &'a str) {
    if !value.is_empty() {
        fields.push((id, Value::Text(value)));
    }
}

fn opset_fields(source: &super::model::Opset) -> Fields<'_> {
    let mut fields = Fields::new();
    text(&mut fields, opset::DOMAIN, &source.domain);
    long(&mut fields, opset::VERSION, source.version);
    fields
}

fn tensors(list: &[Tensor]) -> Result<Value<'_>> {
    Ok(Value::Tables(list.iter().map(tensor_fields).collect::<Result<_>>()?))
}

fn values(list: &[ValueInfo]) -> Value<'_> {
    Value::Tables(list.iter().map(value_fields).collect())
}

fn names(list: &[String]) -> Value<'_> {
    Value::Texts(list.iter().map(String::as_str).collect())
}

fn entry_fields((key, value): &(String, String)) -> Fields<'_> {
    vec![(entry::KEY, Value::Text(key)), (entry::VALUE, Value::Text(value))]
}

fn graph_fields(source: &Graph) -> Result<Fields<'_>> {
    let nodes = source.nodes.iter().map(node_fields).collect::<Result<_>>()?;
    let mut fields = vec![
        (graph::NODE, Value::Tables(nodes)),
        (graph::INITIALIZER, tensors(&source.initializers)?),
        (graph::INPUT, values(&source.inputs)),
        (graph::OUTPUT, values(&source.outputs)),
        (graph::VALUE_INFO, values(&source.values)),
        (graph::TEST_INPUTS_VALUE, tensors(&source.test_inputs)?),
        (graph::TEST_OUTPUTS_VALUE, tensors(&source.test_outputs)?),
    ];
    text(&mut fields, graph::NAME, &source.name);
    text(&mut fields, graph::DOC_STRING, &source.doc);
    Ok(fields)
}

/// Fields of a node. The attribute vector is written even if it is empty, since the loader does not check for its
/// absence.
fn node_fields(source: &Node) -> Result<Fields<'_>> {
    let attributes = source.attributes.iter().map(attribute_fields).collect::<Result<_>>()?;
    let mut fields = vec![
        (node::INPUT, names(&source.inputs)),
        (node::OUTPUT, names(&source.outputs)),
        (node::NAME, Value::Text(&source.name)),
        (node::OP_TYPE, Value::Text(&source.op)),
        (node::ATTRIBUTE, Value::Tables(attributes)),
    ];
    text(&mut fields, node::DOMAIN, &source.domain);
    text(&mut fields, node::DOC_STRING, &source.doc);
    Ok(fields)
}

/// Fields of an attribute. Structs of one scalar (`AttributeI`, `AttributeF`) are encoded like the scalar.
fn attribute_fields((name, value): &(String, Attribute)) -> Result<Fields<'_>> {
    let (kind, id, value) = match value {
        Attribute::Float(v) => (attribute_type::FLOAT, attribute::F, Value::F32(*v)),
        Attribute::Int(v) => (attribute_type::INT, attribute::I, Value::I64(*v)),
        Attribute::Text(v) => (attribute_type::STRING, attribute::S, Value::Bytes(v)),
        Attribute::Tensor(v) => (attribute_type::TENSOR, attribute::T, Value::Table(tensor_fields(v)?)),
        Attribute::Floats(v) => (attribute_type::FLOATS, attribute::FLOATS, Value::F32s(v)),
        Attribute::Ints(v) => (attribute_type::INTS, attribute::INTS, Value::I64s(v)),
        Attribute::Texts(v) => {
            let texts = v.iter().map(String::as_str).collect();
            (attribute_type::STRINGS, attribute::STRINGS, Value::Texts(texts))
        }
    };
    Ok(vec![(attribute::NAME, Value::Text(name)), (attribute::ATTR_TYPE, Value::I32(kind)), (id, value)])
}

/// Fields of a tensor. Dims and exponents are written even if empty, since the loader does not check for their absence.
fn tensor_fields(source: &Tensor) -> Result<Fields<'_>> {
    let wanted = source.byte_count()?;
    if source.bytes.len() != wanted {
        let (name, dims, data_type) = (&source.name, &source.dims, source.data_type.name());
        bail!("tensor {name} holds {} bytes where {dims:?} of {data_type} needs {wanted}", source.bytes.len());
    }
    let mut fields = vec![
        (tensor::NAME, Value::Text(&source.name)),
        (tensor::DIMS, Value::Sizes(&source.dims)),
        (tensor::EXPONENTS, Value::I64s(&source.exponents)),
        (tensor::RAW_DATA, Value::Blocks(&source.bytes)),
    ];
    int(&mut fields, tensor::DATA_TYPE, source.data_type.code());
    text(&mut fields, tensor::DOC_STRING, &source.doc);
    Ok(fields)
}

fn value_fields(source: &ValueInfo) -> Fields<'_> {
    let mut tensor = Fields::new();
    int(&mut tensor, tensor_type::ELEM_TYPE, source.data_type.code());
    if let Some(dims) = &source.dims {
        let dims = Value::Tables(dims.iter().map(dim_fields).collect());
        tensor.push((tensor_type::SHAPE, Value::Table(vec![(shape::DIM, dims)])));
    }
    let info = vec![(type_info::VALUE_TYPE, Value::U8(type_info::IS_TENSOR)), (type_info::VALUE, Value::Table(tensor))];
    let mut fields = vec![
        (value_info::NAME, Value::Text(&source.name)),
        (value_info::VALUE_INFO_TYPE, Value::Table(info)),
        (value_info::EXPONENTS, Value::I64s(&source.exponents)),
    ];
    text(&mut fields, value_info::DOC_STRING, &source.doc);
    fields
}

fn dim_fields(source: &Dim) -> Fields<'_> {
    let value = match source {
        Dim::Unknown => Fields::new(),
        Dim::Size(size) => {
            let mut fields = vec![(dimension_value::DIM_TYPE, Value::U8(dimension_value::IS_VALUE))];
            long(&mut fields, dimension_value::DIM_VALUE, *size);
            fields
        }
        Dim::Named(name) => vec![
            (dimension_value::DIM_TYPE, Value::U8(dimension_value::IS_PARAM)),
            (dimension_value::DIM_PARAM, Value::Text(name)),
        ],
    };
    vec![(dimension::VALUE, Value::Table(value))]
}
