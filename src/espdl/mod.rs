//! ESP-DL's files: the model as the chip loads it, read and written.
//!
//! Never: the choice of exponents (calibration), locations of files.

mod decode;
pub mod diff;
mod encode;
#[cfg(test)]
mod example;
mod header;
pub mod info;
pub mod layout;
mod model;
mod package;
pub mod quantization;
mod schema;

use crate::{Error, Result};

#[cfg(test)]
pub use example::example;
pub use header::{Edition, Header, Key};
pub use model::{Attribute, DataType, Dim, Graph, Model, Node, Opset, Tensor, ValueInfo};
pub use package::{Digest, Package};

/// File with one model, or a package of several.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Header of a package; `None` for a file of one model.
    pub package: Option<Package>,
    /// Models in the file's order; one if there is no package.
    pub entries: Vec<Entry>,
}

/// One model of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Name in the package; empty for a single model.
    pub name: String,
    /// Header of this model.
    pub header: Header,
    /// Decoded body.
    pub model: Model,
    /// Tensors whose data does not start on a multiple of 16 bytes in the file.
    pub misaligned: Vec<String>,
}

/// Opens any file that ESP-DL supports: `EDL1`, `EDL2`, `PDL1` to `PDL3`; `key` is for encrypted models.
pub fn open(bytes: &[u8], key: Option<&Key>) -> Result<File> {
    let Some((package, models)) = package::split(bytes)? else {
        return Ok(File { package: None, entries: vec![open_entry(String::new(), bytes, key)?] });
    };
    let mut entries = Vec::with_capacity(models.len());
    // Entries may overlap, so a small package could hold one model a thousand times.
    let mut left = bytes.len();
    for packed in models {
        let name = packed.name;
        let entry = open_entry(name.clone(), packed.bytes, key)
            .map_err(|e| Error::new(format!("model {name} at byte {}: {}", packed.offset, e.what())))?;
        let length = usize::try_from(entry.header.length).unwrap_or(usize::MAX);
        left = left.checked_sub(length).ok_or_else(|| {
            Error::new(format!("the package's models overlap: model {name} at byte {}", packed.offset))
        })?;
        entries.push(entry);
    }
    Ok(File { package: Some(package), entries })
}

fn open_entry(name: String, bytes: &[u8], key: Option<&Key>) -> Result<Entry> {
    let (header, body) = header::split(bytes)?;
    let decoded = match (header.encrypted, key) {
        (false, _) => decode::decode(body)?,
        (true, None) => {
            return Err(Error::new("the model is encrypted with AES-128")
                .with_help("give the key that `espq export --encrypt` printed"));
        }
        (true, Some(key)) => decode::decode(&header::crypt(body, key)).map_err(|e| {
            Error::new(format!("the key does not decrypt the model ({})", e.what()))
                .with_help("give the key that was printed when this file was exported")
        })?,
    };
    Ok(Entry { name, header, model: decoded.model, misaligned: decoded.misaligned })
}

/// Reads an unencrypted file of one model.
pub fn read(bytes: &[u8]) -> Result<Model> {
    let (header, body) = header::split(bytes)?;
    if header.encrypted {
        return Err(Error::new("the model is encrypted with AES-128")
            .with_help("give the key that `espq export --encrypt` printed"));
    }
    Ok(decode::decode(body)?.model)
}

/// Returns the complete `EDL2` file; equal models give equal bytes.
pub fn write(model: &Model) -> Result<Vec<u8>> {
    header::wrap(&encode::encode(model)?, None)
}

/// Like [`write`], with the body encrypted. A key must be used for one file only, since the initial counter is the same
/// in all.
pub fn write_encrypted(model: &Model, key: &Key) -> Result<Vec<u8>> {
    header::wrap(&encode::encode(model)?, Some(key))
}

#[cfg(test)]
mod tests;
