//! Reading a model file with a size limit.

use std::io::Read;
use std::path::Path;

use prost::bytes::Bytes;

use crate::{Error, Result, file};

/// Protobuf's own limit; larger models store their weights as external data.
const MAX_BYTES: u64 = 2 << 30;

/// Returns the bytes of a model's file, for [`super::import`]. Errors name the file.
pub fn read(path: &Path) -> Result<Bytes> {
    read_file(path).map_err(|e| e.in_file(path))
}

fn read_file(path: &Path) -> Result<Bytes> {
    let unreadable = |e: std::io::Error| {
        Error::new(format!("the model cannot be read: {e}")).with_help("check the path and its permissions")
    };
    if path.is_dir() {
        return Err(super::folder(path));
    }
    let file = file::open(path).map_err(|e| e.with_help("check the path and its permissions"))?;
    // Room for the whole file at once, and for the read that finds its end: a larger one would be copied as it grows.
    let size = file.metadata().map_or(0, |metadata| metadata.len()).min(MAX_BYTES);
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new("the model is larger than 2 GiB").with_help(
            "no ESP32 has memory for such a model; if it is the right file, store its weights as external data",
        ));
    }
    Ok(bytes.into())
}
