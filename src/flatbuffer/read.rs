//! Reader of untrusted bytes: every offset is checked when it is followed.

use std::cell::Cell;

use crate::{Error, Result};

/// Buffer with the number of bytes that may still be read from it.
///
/// Several offsets may point to the same bytes, so a small file can describe a huge tree. Reading a normal file touches
/// each byte about once; the allowance is four times that.
pub struct Reader<'a> {
    bytes: &'a [u8],
    left: Cell<usize>,
}

/// Table, whose fields have the numbers of the schema.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    reader: &'a Reader<'a>,
    start: usize,
    size: usize,
    vtable: usize,
    vtable_size: usize,
}

/// Elements of a vector of scalars or structs, and their position.
#[derive(Clone, Copy)]
pub struct Vector<'a> {
    /// Bytes of the file.
    pub bytes: &'a [u8],
    /// Position of the first element.
    pub at: usize,
}

/// Part of the allowance that a table uses: more than its smallest size, since it is larger in memory.
const TABLE_COST: usize = 16;

fn damaged(what: &str, at: usize) -> Error {
    Error::new(format!("the FlatBuffers body is damaged: {what} at byte {at}"))
        .with_help("export or download the file again")
}

impl<'a> Reader<'a> {
    /// Reads a file of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, left: Cell::new(bytes.len().saturating_mul(4).saturating_add(4096)) }
    }

    /// Returns the root table.
    pub fn root(&'a self) -> Result<Table<'a>> {
        self.table(self.follow(0)?)
    }

    fn slice(&self, at: usize, len: usize) -> Result<&'a [u8]> {
        let end = at.checked_add(len).ok_or_else(|| damaged("a length out of range", at))?;
        self.bytes
            .get(at..end)
            .ok_or_else(|| damaged(&format!("{len} bytes needed, but the body ends after {}", self.bytes.len()), at))
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        self.slice(at, N)?.try_into().map_err(|_| damaged("a truncated value", at))
    }

    fn u16(&self, at: usize) -> Result<usize> {
        Ok(u16::from_le_bytes(self.array(at)?).into())
    }

    fn u32(&self, at: usize) -> Result<usize> {
        usize::try_from(u32::from_le_bytes(self.array(at)?)).map_err(|_| damaged("an offset out of range", at))
    }

    /// Returns the position that the offset stored at `at` points to.
    fn follow(&self, at: usize) -> Result<usize> {
        let target = at.checked_add(self.u32(at)?).filter(|&t| t < self.bytes.len());
        target.ok_or_else(|| damaged("an offset outside the file", at))
    }

    fn table(&'a self, start: usize) -> Result<Table<'a>> {
        self.spend(TABLE_COST, start)?;
        let back = i64::from(i32::from_le_bytes(self.array(start)?));
        let vtable = i64::try_from(start).ok().and_then(|s| s.checked_sub(back));
        let vtable = vtable.and_then(|v| usize::try_from(v).ok()).ok_or_else(|| damaged("a bad table", start))?;
        let (vtable_size, size) = (self.u16(vtable)?, self.u16(vtable.saturating_add(2))?);
        self.slice(start, size)?;
        self.slice(vtable, vtable_size)?;
        Ok(Table { reader: self, start, size, vtable, vtable_size })
    }

    fn vector(&self, at: usize, width: usize) -> Result<Vector<'a>> {
        let count = self.u32(at)?;
        let len = count.checked_mul(width).ok_or_else(|| damaged("a vector out of range", at))?;
        self.spend(len, at)?;
        let at = at.saturating_add(4);
        Ok(Vector { bytes: self.slice(at, len)?, at })
    }

    fn spend(&self, len: usize, at: usize) -> Result<()> {
        let left = self.left.get().checked_sub(len).ok_or_else(|| damaged("offsets that repeat", at))?;
        self.left.set(left);
        Ok(())
    }
}

impl<'a> Table<'a> {
    /// Returns the position of field `id` of `width` bytes; `None` where it has its default.
    fn field(&self, id: usize, width: usize) -> Result<Option<usize>> {
        let slot = id.saturating_mul(2).saturating_add(4);
        if slot.saturating_add(2) > self.vtable_size {
            return Ok(None);
        }
        match self.reader.u16(self.vtable.saturating_add(slot))? {
            0 => Ok(None),
            offset if offset.saturating_add(width) <= self.size => Ok(Some(self.start.saturating_add(offset))),
            _ => Err(damaged("a field outside its table", self.start)),
        }
    }

    /// Returns a scalar or struct as bytes.
    pub fn inline<const N: usize>(&self, id: usize) -> Result<Option<[u8; N]>> {
        self.field(id, N)?.map(|at| self.reader.array(at)).transpose()
    }

    /// Returns a byte; 0 if it is absent.
    pub fn u8(&self, id: usize) -> Result<u8> {
        Ok(u8::from_le_bytes(self.inline(id)?.unwrap_or_default()))
    }

    /// Returns an integer; 0 if it is absent.
    pub fn i32(&self, id: usize) -> Result<i32> {
        Ok(i32::from_le_bytes(self.inline(id)?.unwrap_or_default()))
    }

    /// Returns an integer; 0 if it is absent.
    pub fn i64(&self, id: usize) -> Result<i64> {
        Ok(i64::from_le_bytes(self.inline(id)?.unwrap_or_default()))
    }

    fn target(&self, id: usize) -> Result<Option<usize>> {
        self.field(id, 4)?.map(|at| self.reader.follow(at)).transpose()
    }

    /// Returns a table, if it is there.
    pub fn table(&self, id: usize) -> Result<Option<Table<'a>>> {
        self.target(id)?.map(|at| self.reader.table(at)).transpose()
    }

    /// Returns elements of `width` bytes each; `None` if the field is absent.
    pub fn vector(&self, id: usize, width: usize) -> Result<Option<Vector<'a>>> {
        self.target(id)?.map(|at| self.reader.vector(at, width)).transpose()
    }

    /// Returns the position that each element of a vector of offsets points to.
    fn targets(&self, id: usize) -> Result<Vec<usize>> {
        let Some(vector) = self.vector(id, 4)? else { return Ok(Vec::new()) };
        (0..vector.bytes.len() / 4).map(|i| self.reader.follow(vector.at.saturating_add(i * 4))).collect()
    }

    /// Returns a vector of tables; an empty one if it is absent.
    pub fn tables(&self, id: usize) -> Result<Vec<Table<'a>>> {
        self.targets(id)?.into_iter().map(|at| self.reader.table(at)).collect()
    }

    /// Returns a string; empty if the field is absent, which ESP-DL does not distinguish.
    pub fn text(&self, id: usize) -> Result<String> {
        self.target(id)?.map_or_else(|| Ok(String::new()), |at| self.text_at(at))
    }

    /// Returns a vector of texts; an empty one if it is absent.
    pub fn texts(&self, id: usize) -> Result<Vec<String>> {
        self.targets(id)?.into_iter().map(|at| self.text_at(at)).collect()
    }

    fn text_at(&self, at: usize) -> Result<String> {
        let bytes = self.reader.vector(at, 1)?.bytes;
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("a name that is not UTF-8", at))?;
        Ok(text.to_string())
    }
}

impl Vector<'_> {
    /// Returns the elements as 32-bit integers.
    pub fn i32s(&self) -> Vec<i32> {
        self.chunks().map(i32::from_le_bytes).collect()
    }

    /// Returns the elements as 64-bit integers.
    pub fn i64s(&self) -> Vec<i64> {
        self.chunks().map(i64::from_le_bytes).collect()
    }

    /// Returns the elements as 32-bit floats.
    pub fn f32s(&self) -> Vec<f32> {
        self.chunks().map(f32::from_le_bytes).collect()
    }

    /// Returns the elements of `N` bytes each.
    pub fn chunks<const N: usize>(&self) -> impl Iterator<Item = [u8; N]> {
        self.bytes.as_chunks::<N>().0.iter().copied()
    }
}
