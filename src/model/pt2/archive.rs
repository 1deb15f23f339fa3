//! Entries of the archive: slices of the file by name, without the folder that holds them all.

use zip::CompressionMethod;

use crate::model::File;
use crate::model::keyed::{self, Map};
use crate::{Error, Result, bail};

const AGAIN: &str = "check that the path is a complete .pt2 file; save it again with torch.export.save";

/// Archive whose entries lie in the file as they are: none is unpacked, so none can be larger than the file.
pub struct Archive<'a> {
    /// Bytes of the file.
    pub size: usize,
    /// Bytes by name; `None` for compressed entries, which torch.export.save does not write.
    entries: Map<String, Option<&'a [u8]>>,
}

impl<'a> Archive<'a> {
    pub fn open(file: &'a File) -> Result<Archive<'a>> {
        entries(file).map(|entries| Archive { size: file.bytes.len(), entries }).map_err(|e| e.with_help(AGAIN))
    }

    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Lists the names of entries below a folder, sorted.
    pub fn below(&self, folder: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self.entries.keys().map(String::as_str).filter(|n| n.starts_with(folder)).collect();
        names.sort_unstable();
        names
    }

    /// Returns the bytes of an entry.
    pub fn entry(&self, name: &str) -> Result<&'a [u8]> {
        match self.entries.get(name) {
            Some(Some(bytes)) => Ok(bytes),
            Some(None) => Err(Error::new(format!("entry '{name}' is compressed"))
                .with_help("save the program again with torch.export.save, which stores entries as they are")),
            None => Err(Error::new(format!("entry '{name}' is missing")).with_help(AGAIN)),
        }
    }
}

fn entries(file: &File) -> Result<Map<String, Option<&[u8]>>> {
    let damaged = |e: &str| Error::new(format!("not an archive of torch.export, or a damaged one: {e}"));
    // The list is shared; a copy of it has a place to read of its own.
    let mut archive = file.zip().map_err(damaged)?.clone();
    let bytes = &*file.bytes;
    let mut entries = keyed::map(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|e| damaged(&e.to_string()))?;
        let name = entry.name().map_err(|e| damaged(&e.to_string()))?.into_owned();
        if name.starts_with('/') || name.contains(['\\', '\0']) || name.split('/').any(|part| part == "..") {
            bail!("entry '{name}' leaves the archive")
        }
        let inside = name.split_once('/').map_or(name.as_str(), |(_, inside)| inside).to_string();
        let is_stored = entry.compression() == CompressionMethod::Stored && !entry.encrypted();
        let place = entry.data_start().zip(Some(entry.compressed_size()));
        let place = place.and_then(|(start, size)| Some((usize::try_from(start).ok()?, usize::try_from(size).ok()?)));
        let data = place.and_then(|(start, size)| bytes.get(start..start.checked_add(size)?));
        let Some(data) = data else { bail!("entry '{name}' reaches beyond the file") };
        if !entry.is_dir() && entries.insert(inside, is_stored.then_some(data)).is_some() {
            bail!("entry '{name}' is there twice")
        }
    }
    Ok(entries)
}
