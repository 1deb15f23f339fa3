//! Writer of a tree of tables, each table before the objects that it points to.
//!
//! The order is the tree's, so equal trees give equal bytes.

use std::collections::HashMap;

use crate::order;
use crate::{Error, Result};

/// A table's fields by their number in the schema; fields with their default are left out.
pub type Fields<'a> = Vec<(usize, Value<'a>)>;

/// Value of a field.
pub enum Value<'a> {
    /// Byte.
    U8(u8),
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// 32-bit float.
    F32(f32),
    /// Text.
    Text(&'a str),
    /// Vector of texts.
    Texts(Vec<&'a str>),
    /// Vector of bytes.
    Bytes(&'a [u8]),
    /// Vector of 64-bit integers.
    I64s(&'a [i64]),
    /// Vector of 32-bit floats.
    F32s(&'a [f32]),
    /// Vector of 64-bit integers.
    Sizes(&'a [usize]),
    /// A vector of 16-byte structs aligned to 16, the last padded with zeros.
    Blocks(&'a [u8]),
    /// Table.
    Table(Fields<'a>),
    /// Vector of tables.
    Tables(Vec<Fields<'a>>),
}

impl Value<'_> {
    /// Bytes within the table; all values but scalars are stored as offsets.
    fn width(&self) -> usize {
        match self {
            Value::U8(_) => 1,
            Value::I64(_) => 8,
            _ => 4,
        }
    }
}

/// Writes a file with this root table. Fails if it is too large for offsets of 32 bits.
pub fn write(root: &Fields) -> Result<Vec<u8>> {
    let mut writer = Writer { bytes: vec![0; 4], vtables: HashMap::new() };
    let at = writer.table(root)?;
    writer.point(0, at)?;
    writer.pad(16, 0);
    Ok(writer.bytes)
}

struct Writer {
    bytes: Vec<u8>,
    vtables: HashMap<Vec<u8>, usize>,
}

impl Writer {
    /// Writes zeros until `ahead` bytes further is a multiple of `align`.
    fn pad(&mut self, align: usize, ahead: usize) {
        let len = (self.bytes.len() + ahead).next_multiple_of(align) - ahead;
        self.bytes.resize(len, 0);
    }

    fn u32(value: usize) -> Result<u32> {
        // Tables point back with 31 bits and a sign, which limits the format to half of 4 GiB.
        u32::try_from(value).ok().filter(|&v| v <= i32::MAX as u32).ok_or_else(|| {
            Error::new(format!("the model needs {value} bytes, but a FlatBuffers file is limited to {}", i32::MAX))
                .with_help("a chip's flash is a few megabytes: use a smaller network")
        })
    }

    /// Stores at `from` the offset to `to`.
    fn point(&mut self, from: usize, to: usize) -> Result<()> {
        let offset = Self::u32(to - from)?.to_le_bytes();
        // In bounds: this writer has already filled `from` with zeros.
        self.bytes[from..from + 4].copy_from_slice(&offset);
        Ok(())
    }

    fn table(&mut self, fields: &Fields) -> Result<usize> {
        // Widest first: after the 4 bytes of the vtable's offset, all are then aligned.
        let mut order: Vec<&(usize, Value)> = fields.iter().collect();
        order::sort_by_key(&mut order, |(_, value)| std::cmp::Reverse(value.width()));
        let vtable = self.vtable(&order)?;

        let align = order.first().map_or(4, |(_, value)| value.width().max(4));
        self.pad(align.max(4), 4);
        let start = self.bytes.len();
        self.bytes.extend(Self::u32(start - vtable)?.to_le_bytes());
        let mut children = Vec::new();
        for (_, value) in order {
            match value {
                Value::U8(v) => self.bytes.push(*v),
                Value::I32(v) => self.bytes.extend(v.to_le_bytes()),
                Value::I64(v) => self.bytes.extend(v.to_le_bytes()),
                Value::F32(v) => self.bytes.extend(v.to_le_bytes()),
                child => {
                    children.push((self.bytes.len(), child));
                    self.bytes.extend([0; 4]);
                }
            }
        }
        for (from, child) in children {
            let to = self.child(child)?;
            self.point(from, to)?;
        }
        Ok(start)
    }

    fn vtable(&mut self, order: &[&(usize, Value)]) -> Result<usize> {
        let slots = order.iter().map(|(id, _)| id + 1).max().unwrap_or(0);
        let mut sizes = vec![0u16; 2 + slots];
        let mut offset = 4u16;
        for (id, value) in order {
            // In bounds: `slots` is one more than the largest id.
            sizes[2 + id] = offset;
            offset += value.width() as u16; // at most 8, and a schema has tens of fields
        }
        sizes[0] = (sizes.len() * 2) as u16;
        sizes[1] = offset;
        let bytes: Vec<u8> = sizes.iter().flat_map(|v| v.to_le_bytes()).collect();
        if let Some(&at) = self.vtables.get(&bytes) {
            return Ok(at);
        }
        self.pad(2, 0);
        let at = self.bytes.len();
        self.bytes.extend(&bytes);
        self.vtables.insert(bytes, at);
        Ok(at)
    }

    fn child(&mut self, value: &Value) -> Result<usize> {
        match value {
            Value::U8(_) | Value::I32(_) | Value::I64(_) | Value::F32(_) => Ok(self.bytes.len()),
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => self.vector(bytes.len(), 4, bytes.iter().copied()),
            Value::I64s(values) => self.vector(values.len(), 8, values.iter().flat_map(|v| v.to_le_bytes())),
            Value::Sizes(values) => self.vector(values.len(), 8, values.iter().flat_map(|&v| (v as u64).to_le_bytes())),
            Value::F32s(values) => self.vector(values.len(), 4, values.iter().flat_map(|v| v.to_le_bytes())),
            Value::Blocks(bytes) => {
                let at = self.vector(bytes.len().div_ceil(16), 16, [])?;
                self.bytes.extend_from_slice(bytes);
                self.pad(16, 0);
                Ok(at)
            }
            Value::Table(fields) => self.table(fields),
            Value::Tables(tables) => {
                let at = self.vector(tables.len(), 4, std::iter::repeat_n(0, tables.len() * 4))?;
                for (i, fields) in tables.iter().enumerate() {
                    let to = self.table(fields)?;
                    self.point(at + 4 + i * 4, to)?;
                }
                Ok(at)
            }
            Value::Texts(texts) => {
                let at = self.vector(texts.len(), 4, std::iter::repeat_n(0, texts.len() * 4))?;
                for (i, text) in texts.iter().enumerate() {
                    let to = self.text(text)?;
                    self.point(at + 4 + i * 4, to)?;
                }
                Ok(at)
            }
        }
    }

    /// Writes the count, then the elements, aligned to `align`.
    fn vector(&mut self, count: usize, align: usize, elements: impl IntoIterator<Item = u8>) -> Result<usize> {
        self.pad(align.max(4), 4);
        let at = self.bytes.len();
        self.bytes.extend(Self::u32(count)?.to_le_bytes());
        self.bytes.extend(elements);
        Ok(at)
    }

    /// Writes a string, which ends in a zero that is not counted.
    fn text(&mut self, text: &str) -> Result<usize> {
        let at = self.vector(text.len(), 4, text.bytes())?;
        self.bytes.push(0);
        Ok(at)
    }
}
