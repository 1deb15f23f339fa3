//! Decoding of the FlatBuffers body to a [`Model`].

use crate::bail;
use crate::{Error, Result};

use super::model::{Attribute, DataType, Dim, Graph, Model, Node, Opset, Tensor, ValueInfo};
use super::schema::{
    attribute, attribute_type, dimension, dimension_value, entry, graph, model, node, opset, shape, tensor,
    tensor_type, type_info, value_info,
};
use crate::flatbuffer::read::{Reader, Table};

/// Model, and properties of the file that the model does not contain.
pub struct Decoded {
    pub model: Model,
    /// Tensors whose data does not start on a multiple of 16. The chip reads weights in place, with instructions that
    /// ignore the address's low bits.
    pub misaligned: Vec<String>,
}

pub fn decode(body: &[u8]) -> Result<Decoded> {
    let reader = Reader::new(body);
    let root = reader.root()?;
    let Some(graph) = root.table(model::GRAPH)? else {
        return Err(Error::new("the model has no graph").with_help("export or download the file again"));
    };
    let mut misaligned = Vec::new();
    let model = Model {
        ir_version: root.i32(model::IR_VERSION)?,
        opsets: each(&root, model::OPSET_IMPORT, |t| {
            Ok(Opset { domain: t.text(opset::DOMAIN)?, version: t.i64(opset::VERSION)? })
        })?,
        producer: root.text(model::PRODUCER_NAME)?,
        producer_version: root.text(model::PRODUCER_VERSION)?,
        domain: root.text(model::DOMAIN)?,
        version: root.i64(model::MODEL_VERSION)?,
        doc: root.text(model::DOC_STRING)?,
        metadata: each(&root, model::METADATA_PROPS, |t| Ok((t.text(entry::KEY)?, t.text(entry::VALUE)?)))?,
        graph: decode_graph(&graph, &mut misaligned)?,
    };
    Ok(Decoded { model, misaligned })
}

fn each<T>(table: &Table, id: usize, mut read: impl FnMut(Table) -> Result<T>) -> Result<Vec<T>> {
    table.tables(id)?.into_iter().map(&mut read).collect()
}

fn decode_graph(table: &Table, misaligned: &mut Vec<String>) -> Result<Graph> {
    Ok(Graph {
        name: table.text(graph::NAME)?,
        doc: table.text(graph::DOC_STRING)?,
        nodes: each(table, graph::NODE, |t| decode_node(&t, misaligned))?,
        initializers: each(table, graph::INITIALIZER, |t| decode_tensor(&t, misaligned))?,
        inputs: each(table, graph::INPUT, |t| decode_value(&t))?,
        outputs: each(table, graph::OUTPUT, |t| decode_value(&t))?,
        values: each(table, graph::VALUE_INFO, |t| decode_value(&t))?,
        test_inputs: each(table, graph::TEST_INPUTS_VALUE, |t| decode_tensor(&t, misaligned))?,
        test_outputs: each(table, graph::TEST_OUTPUTS_VALUE, |t| decode_tensor(&t, misaligned))?,
    })
}

fn decode_node(table: &Table, misaligned: &mut Vec<String>) -> Result<Node> {
    let name = table.text(node::NAME)?;
    Ok(Node {
        op: table.text(node::OP_TYPE)?,
        domain: table.text(node::DOMAIN)?,
        doc: table.text(node::DOC_STRING)?,
        inputs: table.texts(node::INPUT)?,
        outputs: table.texts(node::OUTPUT)?,
        attributes: each(table, node::ATTRIBUTE, |t| decode_attribute(&t, misaligned))
            .map_err(|e| e.in_layer(name.as_str()))?,
        name,
    })
}

fn decode_attribute(table: &Table, misaligned: &mut Vec<String>) -> Result<(String, Attribute)> {
    let name = table.text(attribute::NAME)?;
    let missing = || Error::new(format!("attribute {name} has no value"));
    let value = match table.i32(attribute::ATTR_TYPE)? {
        attribute_type::FLOAT => Attribute::Float(f32::from_le_bytes(table.inline(attribute::F)?.ok_or_else(missing)?)),
        attribute_type::INT => Attribute::Int(i64::from_le_bytes(table.inline(attribute::I)?.ok_or_else(missing)?)),
        attribute_type::STRING => {
            Attribute::Text(table.vector(attribute::S, 1)?.map(|v| v.bytes.to_vec()).unwrap_or_default())
        }
        attribute_type::TENSOR => {
            let value = table.table(attribute::T)?.ok_or_else(missing)?;
            Attribute::Tensor(Box::new(decode_tensor(&value, misaligned)?))
        }
        attribute_type::FLOATS => {
            Attribute::Floats(table.vector(attribute::FLOATS, 4)?.map(|v| v.f32s()).unwrap_or_default())
        }
        attribute_type::INTS => Attribute::Ints(i64s(table, attribute::INTS)?),
        attribute_type::STRINGS => Attribute::Texts(table.texts(attribute::STRINGS)?),
        other => {
            let what = format!("attribute {name} is of type {other} (1-4 and 6-8 are known)");
            return Err(Error::new(what).with_help("ESP-DL does not read attributes that are subgraphs or types"));
        }
    };
    Ok((name, value))
}

fn i64s(table: &Table, id: usize) -> Result<Vec<i64>> {
    Ok(table.vector(id, 8)?.map(|v| v.i64s()).unwrap_or_default())
}

fn decode_tensor(table: &Table, misaligned: &mut Vec<String>) -> Result<Tensor> {
    let name = table.text(tensor::NAME)?;
    let mut dims = Vec::new();
    for dim in i64s(table, tensor::DIMS)? {
        match usize::try_from(dim) {
            Ok(dim) => dims.push(dim),
            Err(_) => bail!("tensor {name} has a dimension of {dim}"),
        }
    }
    let mut read = Tensor {
        doc: table.text(tensor::DOC_STRING)?,
        data_type: DataType::from_code(table.i32(tensor::DATA_TYPE)?)?,
        exponents: i64s(table, tensor::EXPONENTS)?,
        bytes: Vec::new(),
        name,
        dims,
    };
    let wanted = read.byte_count()?;
    let raw = table.vector(tensor::RAW_DATA, 16)?;
    if raw.is_some_and(|v| v.at % 16 != 0) {
        misaligned.push(read.name.clone());
    }
    // Raw data is padded to whole blocks; ESP-DL's loader prefers it, too.
    let (bytes, padded) = match raw {
        Some(raw) => (raw.bytes.to_vec(), wanted.checked_next_multiple_of(16)),
        None => (typed_bytes(table, read.data_type)?, Some(wanted)),
    };
    if Some(bytes.len()) != padded {
        let (name, dims, data_type) = (&read.name, &read.dims, read.data_type.name());
        bail!("tensor {name} holds {} bytes where {dims:?} of {data_type} needs {wanted}", bytes.len());
    }
    read.bytes = bytes;
    read.bytes.truncate(wanted);
    Ok(read)
}

/// Reads ONNX's convention, which the schema keeps: small integers are stored in `int32_data`.
fn typed_bytes(table: &Table, data_type: DataType) -> Result<Vec<u8>> {
    let (id, stored) = match data_type {
        DataType::Float => (tensor::FLOAT_DATA, 4),
        DataType::Int64 => (tensor::INT64_DATA, 8),
        DataType::Double => (tensor::DOUBLE_DATA, 8),
        DataType::Uint32 | DataType::Uint64 => (tensor::UINT64_DATA, 8),
        _ => (tensor::INT32_DATA, 4),
    };
    let Some(vector) = table.vector(id, stored)? else { return Ok(Vec::new()) };
    let width = data_type.width().unwrap_or(stored).min(stored);
    Ok(match stored {
        4 => narrow(vector.chunks::<4>(), width),
        _ => narrow(vector.chunks::<8>(), width),
    })
}

/// Truncates little-endian elements: the low bytes come first.
fn narrow<const N: usize>(elements: impl Iterator<Item = [u8; N]>, width: usize) -> Vec<u8> {
    elements.flat_map(|e| e.into_iter().take(width)).collect()
}

fn decode_value(table: &Table) -> Result<ValueInfo> {
    let name = table.text(value_info::NAME)?;
    let (data_type, dims) = match table.table(value_info::VALUE_INFO_TYPE)? {
        Some(info) => decode_type(&info).map_err(|e| Error::new(format!("value {name}: {}", e.what())))?,
        None => (DataType::Undefined, None),
    };
    let (doc, exponents) = (table.text(value_info::DOC_STRING)?, i64s(table, value_info::EXPONENTS)?);
    Ok(ValueInfo { name, doc, data_type, dims, exponents })
}

fn decode_type(table: &Table) -> Result<(DataType, Option<Vec<Dim>>)> {
    let Some(value) = table.table(type_info::VALUE)? else { return Ok((DataType::Undefined, None)) };
    match table.u8(type_info::VALUE_TYPE)? {
        type_info::IS_TENSOR => {}
        other => bail!("its type is number {other}, and only tensors (1) run"),
    }
    let dims = value.table(tensor_type::SHAPE)?.map(|s| each(&s, shape::DIM, |t| decode_dim(&t))).transpose()?;
    Ok((DataType::from_code(value.i32(tensor_type::ELEM_TYPE)?)?, dims))
}

fn decode_dim(table: &Table) -> Result<Dim> {
    let Some(value) = table.table(dimension::VALUE)? else { return Ok(Dim::Unknown) };
    Ok(match value.u8(dimension_value::DIM_TYPE)? {
        dimension_value::IS_VALUE => Dim::Size(value.i64(dimension_value::DIM_VALUE)?),
        dimension_value::IS_PARAM => Dim::Named(value.text(dimension_value::DIM_PARAM)?),
        _ => Dim::Unknown,
    })
}
