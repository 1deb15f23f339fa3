//! Tables of the file as plain structs: checked when they are read, so that later code indexes them freely.

use super::schema::{self, buffer, model, operator, operator_code, quantization, subgraph, tensor};
use crate::flatbuffer::read::{Reader, Table};
use crate::{Error, Result, bail};

const AGAIN: &str =
    "the file is damaged, or was written by a newer TensorFlow: convert the model again, or download it again";

/// Main graph of a file.
pub struct File<'a> {
    pub name: String,
    pub tensors: Vec<Info<'a>>,
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
    /// Operators in the file's order, in which each is after those that it reads.
    pub operators: Vec<Operator<'a>>,
}

/// Tensor as the file describes it.
pub struct Info<'a> {
    pub name: String,
    /// Number of the element type, [`schema::kind`].
    pub kind: u8,
    pub shape: Vec<usize>,
    /// Shape with -1 for each free axis; empty if none is free.
    pub signature: Vec<i32>,
    /// Stored elements; `None` for activations.
    pub data: Option<&'a [u8]>,
    pub scales: Option<Scales>,
    pub is_variable: bool,
    pub sparsity: Option<Table<'a>>,
}

/// Scales of integers: `scale * (q - zero_point)`, one for the tensor or for each place of an axis.
pub struct Scales {
    pub scale: Vec<f32>,
    pub zero_point: Vec<i64>,
    pub axis: usize,
}

/// Operator with its tensors by number.
pub struct Operator<'a> {
    pub index: usize,
    pub code: u32,
    /// Name of a custom operator.
    pub custom: String,
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<usize>,
    options: Option<Table<'a>>,
}

impl<'a> File<'a> {
    pub fn read(reader: &'a Reader<'a>, bytes: &'a [u8]) -> Result<File<'a>> {
        if bytes.get(4..8) != Some(schema::IDENTIFIER) {
            return Err(Error::new("not a TensorFlow Lite model: the identifier TFL3 is missing")
                .with_help("check that the path is a complete .tflite file; convert or download it again"));
        }
        read(reader, bytes).map_err(|e| e.with_help(AGAIN))
    }

    /// Returns the name under which the user finds an operator.
    pub fn title(&self, operator: &Operator) -> String {
        match operator.outputs.first().map(|&output| &self.tensors[output].name) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => format!("({} {})", operator.name(), operator.index),
        }
    }

    /// Names the layer of an error, and the operator.
    pub fn at(&self, operator: &Operator, error: Error) -> Error {
        match error.layer() {
            Some(_) => error,
            None => error.about(&operator.name()).in_layer(self.title(operator)).with_help(AGAIN),
        }
    }
}

fn read<'a>(reader: &'a Reader<'a>, bytes: &'a [u8]) -> Result<File<'a>> {
    let root = reader.root()?;
    let version = root.i32(model::VERSION)?;
    if version != 3 {
        bail!("the file has version {version} of TensorFlow Lite's format, and espq reads version 3")
    }
    let buffers: Vec<Option<&[u8]>> =
        root.tables(model::BUFFERS)?.iter().map(|table| data(table, bytes)).collect::<Result<_>>()?;
    let codes: Vec<(u32, String)> = root.tables(model::OPERATOR_CODES)?.iter().map(code).collect::<Result<_>>()?;
    // Other graphs are the bodies of loops and branches.
    let graphs = root.tables(model::SUBGRAPHS)?;
    let Some(graph) = graphs.first() else { bail!("the model has no graph") };
    let tensors: Vec<Info> = graph
        .tables(subgraph::TENSORS)?
        .iter()
        .enumerate()
        .map(|(n, table)| info(table, &buffers).map_err(|e| e.about(&format!("tensor {n}"))))
        .collect::<Result<_>>()?;
    let required = |field: usize, what: &str| -> Result<Vec<usize>> {
        indices(graph, field, tensors.len())?
            .into_iter()
            .map(|index| index.ok_or_else(|| Error::new(format!("{what} of the model is missing"))))
            .collect()
    };
    let (inputs, outputs) = (required(subgraph::INPUTS, "an input")?, required(subgraph::OUTPUTS, "an output")?);
    let mut operators = Vec::new();
    for (index, table) in graph.tables(subgraph::OPERATORS)?.into_iter().enumerate() {
        operators.push(
            read_operator(&table, index, &codes, tensors.len()).map_err(|e| e.about(&format!("operator {index}")))?,
        );
    }
    Ok(File { name: graph.text(subgraph::NAME)?, tensors, inputs, outputs, operators })
}

/// Returns the bytes of a buffer; `None` for an empty one, which activations have.
fn data<'a>(table: &Table<'a>, bytes: &'a [u8]) -> Result<Option<&'a [u8]>> {
    let number = |field: usize| -> Result<u64> { Ok(table.inline(field)?.map_or(0, u64::from_le_bytes)) };
    let (offset, size) = (number(buffer::OFFSET)?, number(buffer::SIZE)?);
    if offset > 1 {
        let place = usize::try_from(offset).ok().zip(usize::try_from(size).ok());
        let place = place.and_then(|(start, size)| bytes.get(start..start.checked_add(size)?));
        return match place {
            Some(place) => Ok(Some(place)),
            None => bail!("a buffer of {size} bytes at byte {offset}, but the file has {}", bytes.len()),
        };
    }
    let data = table.vector(buffer::DATA, 1)?.map(|vector| vector.bytes);
    Ok(data.filter(|data| !data.is_empty()))
}

fn code(table: &Table) -> Result<(u32, String)> {
    // Files of before 2020 have the first field alone, newer ones 127 in it for operators above.
    let old = u32::from(table.u8(operator_code::OLD_BUILTIN)?);
    let new = u32::try_from(table.i32(operator_code::BUILTIN)?).unwrap_or(u32::MAX);
    Ok((old.max(new), table.text(operator_code::CUSTOM)?))
}

fn info<'a>(table: &Table<'a>, buffers: &[Option<&'a [u8]>]) -> Result<Info<'a>> {
    let name = table.text(tensor::NAME)?;
    let shape = ints(table, tensor::SHAPE)?;
    let shape: Option<Vec<usize>> = shape.iter().map(|&length| usize::try_from(length).ok()).collect();
    let Some(shape) = shape else { bail!("'{name}' has a negative length in its shape") };
    let signature = ints(table, tensor::SIGNATURE)?;
    let is_free = signature.len() == shape.len() && signature.iter().any(|&length| length < 0);
    let number = u32::from_le_bytes(table.inline(tensor::BUFFER)?.unwrap_or_default());
    let buffer = usize::try_from(number).ok().and_then(|number| buffers.get(number));
    let Some(&data) = buffer else { bail!("'{name}' is in buffer {number}, and there are {}", buffers.len()) };
    Ok(Info {
        name,
        kind: table.u8(tensor::TYPE)?,
        shape,
        signature: if is_free { signature } else { Vec::new() },
        data,
        scales: table.table(tensor::QUANTIZATION)?.map(|table| scales(&table)).transpose()?.flatten(),
        is_variable: table.u8(tensor::IS_VARIABLE)? != 0,
        sparsity: table.table(tensor::SPARSITY)?,
    })
}

fn scales(table: &Table) -> Result<Option<Scales>> {
    let Some(scale) = table.vector(quantization::SCALE, 4)?.map(|vector| vector.f32s()) else { return Ok(None) };
    if scale.is_empty() {
        return Ok(None);
    }
    let zero_point = table.vector(quantization::ZERO_POINT, 8)?.map(|vector| vector.i64s()).unwrap_or_default();
    let axis = usize::try_from(table.i32(quantization::AXIS)?).map_err(|_| Error::new("scales of a negative axis"))?;
    Ok(Some(Scales { scale, zero_point, axis }))
}

fn read_operator<'a>(table: &Table<'a>, index: usize, codes: &[(u32, String)], tensors: usize) -> Result<Operator<'a>> {
    let number = u32::from_le_bytes(table.inline(operator::CODE)?.unwrap_or_default());
    let Some((code, custom)) = usize::try_from(number).ok().and_then(|number| codes.get(number)) else {
        bail!("is of kind {number}, and the file has {} kinds", codes.len())
    };
    let outputs: Option<Vec<usize>> = indices(table, operator::OUTPUTS, tensors)?.into_iter().collect();
    let Some(outputs) = outputs else { bail!("an output is missing") };
    Ok(Operator {
        index,
        code: *code,
        custom: custom.clone(),
        inputs: indices(table, operator::INPUTS, tensors)?,
        outputs,
        options: table.table(operator::OPTIONS)?,
    })
}

fn ints(table: &Table, field: usize) -> Result<Vec<i32>> {
    Ok(table.vector(field, 4)?.map(|vector| vector.i32s()).unwrap_or_default())
}

/// Reads numbers of tensors; -1 is a tensor that is left out.
fn indices(table: &Table, field: usize, tensors: usize) -> Result<Vec<Option<usize>>> {
    let index = |index: i32| match usize::try_from(index) {
        Ok(index) if index < tensors => Ok(Some(index)),
        Err(_) if index == -1 => Ok(None),
        _ => bail!("tensor {index} is named, and there are {tensors}"),
    };
    ints(table, field)?.into_iter().map(index).collect()
}

impl Info<'_> {
    pub fn is_constant(&self) -> bool {
        self.data.is_some() && !self.is_variable
    }
}

impl Operator<'_> {
    /// Returns the operator's name in the schema, or its own if it is a custom one.
    pub fn name(&self) -> String {
        match schema::operator_name(self.code) {
            Some("CUSTOM") => self.custom.clone(),
            Some(name) => name.to_string(),
            None => format!("number {}", self.code),
        }
    }

    /// Returns a required input.
    pub fn input(&self, port: usize) -> Result<usize> {
        match self.optional(port) {
            Some(input) => Ok(input),
            None => bail!("input {port} is missing"),
        }
    }

    pub fn optional(&self, port: usize) -> Option<usize> {
        self.inputs.get(port).copied().flatten()
    }

    pub fn output(&self) -> Result<usize> {
        match self.outputs.first() {
            Some(&output) => Ok(output),
            None => bail!("there is no output"),
        }
    }

    fn option<const N: usize>(&self, field: usize) -> Result<Option<[u8; N]>> {
        self.options.map_or(Ok(None), |options| options.inline(field))
    }

    /// Returns an integer option, or the schema's default.
    pub fn int(&self, field: usize, default: i32) -> Result<i32> {
        Ok(self.option(field)?.map_or(default, i32::from_le_bytes))
    }

    /// Returns a length: a stride, a size of a filter, a block. Limited, so that sums and products of several are exact.
    pub fn length(&self, field: usize, default: i32, what: &str) -> Result<usize> {
        let length = self.int(field, default)?;
        match usize::try_from(length) {
            Ok(length) if (1..=1 << 20).contains(&length) => Ok(length),
            _ => bail!("{what} is {length}"),
        }
    }

    /// Returns an enumeration or a flag, whose default is 0.
    pub fn byte(&self, field: usize) -> Result<u8> {
        Ok(self.option(field)?.map_or(0, u8::from_le_bytes))
    }

    pub fn flag(&self, field: usize) -> Result<bool> {
        Ok(self.byte(field)? != 0)
    }

    pub fn float(&self, field: usize, default: f32) -> Result<f32> {
        Ok(self.option(field)?.map_or(default, f32::from_le_bytes))
    }

    pub fn ints(&self, field: usize) -> Result<Vec<i32>> {
        self.options.map_or(Ok(Vec::new()), |options| ints(&options, field))
    }
}
