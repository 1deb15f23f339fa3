//! Elements of a tensor in a file beside the model.
//!
//! <https://onnx.ai/onnx/repo-docs/ExternalData.html>

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use prost::Message;
use prost::bytes::Bytes;

use super::proto::Tensor;
use crate::model::inside;
use crate::{Error, Result, bail};

/// Reads the bytes of `tensor`, which must be exactly `size`.
pub fn read(tensor: &Tensor, folder: &Path, size: usize) -> Result<Bytes> {
    let entry = |key: &str| tensor.external_data.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str());
    let Some(location) = entry("location") else { bail!("external data has no location") };
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| {
            Error::new(format!("external data has {key} '{text}', not a number"))
                .with_help("the model was edited wrongly; save it again with its external data")
        }),
    };
    let offset = number("offset")?.unwrap_or(0);
    if let Some(length) = number("length")?
        && length != size as u64
    {
        let what = format!("external data has {length} bytes, but its shape and type need {size}");
        return Err(Error::new(what).with_help("the model was edited wrongly; save it again with its external data"));
    }
    let path = inside(location, folder)?;
    read_range(&path, offset, size).map_err(|e| {
        Error::new(format!("external data cannot be read: {e}"))
            .in_file(&path)
            .with_help("keep the complete, unchanged data file beside the model")
    })
}

/// Returns the names of the files with a model's tensors, each once; empty if the bytes are not a model.
pub fn files(model: Bytes) -> Vec<String> {
    let Ok(model) = super::proto::Model::decode(model) else { return Vec::new() };
    let Some(graph) = &model.graph else { return Vec::new() };
    let constants = graph.node.iter().flat_map(|n| &n.attribute).filter_map(|a| a.t.as_ref());
    let tensors = graph.initializer.iter().chain(constants);
    let names = tensors.flat_map(|t| &t.external_data).filter(|pair| pair.key == "location");
    let mut names: Vec<String> = names.map(|pair| pair.value.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn read_range(path: &Path, offset: u64, size: usize) -> std::io::Result<Bytes> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // Checked before anything is allocated: a hostile shape may exceed the file.
    if offset.checked_add(size as u64).is_none_or(|end| end > length) {
        return Err(std::io::Error::other(format!(
            "{size} bytes at offset {offset} are needed, but the file has {length}"
        )));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; size];
    file.read_exact(&mut bytes)?;
    Ok(bytes.into())
}
