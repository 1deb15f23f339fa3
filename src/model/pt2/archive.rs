//! Entries of the archive: parts of the file by name, without the folder that holds them all.

use std::borrow::Cow;
use std::io::Read;

use foldhash::{HashMap, HashMapExt};
use zip::CompressionMethod;
use zip::read::ZipFile;

use crate::model::{File, Part};
use crate::{Error, Result, bail};

const AGAIN: &str = "check that the path is a complete .pt2 file; save it again with torch.export.save";

/// Archive whose entries lie in the file as they are: none is unpacked, so none can be larger than the file.
pub struct Archive<'a> {
    /// Bytes of the file.
    pub size: usize,
    /// Parts by name; `None` for compressed entries, which torch.export.save does not write.
    entries: HashMap<Cow<'a, str>, Option<Part<'a>>>,
}

impl<'a> Archive<'a> {
    pub fn open(file: &'a File) -> Result<Archive<'a>> {
        entries(file).map(|entries| Archive { size: file.size, entries }).map_err(|e| e.with_help(AGAIN))
    }

    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Lists the names of entries below a folder, sorted.
    pub fn below(&self, folder: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self.entries.keys().map(|name| &**name).filter(|n| n.starts_with(folder)).collect();
        names.sort_unstable();
        names
    }

    /// Returns the part of the file that an entry is.
    pub fn entry(&self, name: &str) -> Result<Part<'a>> {
        match self.entries.get(name) {
            Some(Some(part)) => Ok(*part),
            Some(None) => Err(Error::new(format!("entry '{name}' is compressed"))
                .with_help("save the program again with torch.export.save, which stores entries as they are")),
            None => Err(Error::new(format!("entry '{name}' is missing")).with_help(AGAIN)),
        }
    }
}

/// Returns the name and the place of the only entry below a folder with an ending, before the others are looked at.
pub fn only<'a>(file: &'a File, folder: &str, ending: &str) -> Option<(String, Part<'a>)> {
    let mut archive = file.zip().ok()?.clone();
    let names = archive.file_names_raw().enumerate();
    let names = names.filter_map(|(index, name)| Some((index, inside(str::from_utf8(name).ok()?))));
    let found = names.filter(|(_, name)| name.starts_with(folder) && name.ends_with(ending));
    let [(index, name)] = found.collect::<Vec<_>>().try_into().ok()?;
    let name = name.to_string();
    let entry = archive.by_index_raw(index).ok()?;
    Some((name, data(file, &entry).filter(|_| is_stored(&entry))?))
}

fn entries(file: &File) -> Result<HashMap<Cow<'_, str>, Option<Part<'_>>>> {
    let damaged = |e: &str| Error::new(format!("not an archive of torch.export, or a damaged one: {e}"));
    let zip = file.zip().map_err(damaged)?;
    // The list is shared; a copy of it has a place to read of its own.
    let mut archive = zip.clone();
    let mut entries = HashMap::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|e| damaged(&e.to_string()))?;
        let name = zip.name_for_index(index).transpose().map_err(|e| damaged(&e.to_string()))?.unwrap_or_default();
        if name.starts_with('/') || name.contains(['\\', '\0']) || name.split('/').any(|part| part == "..") {
            bail!("entry '{name}' leaves the archive")
        }
        let Some(data) = data(file, &entry) else { bail!("entry '{name}' reaches beyond the file") };
        let inside = match &name {
            Cow::Borrowed(name) => Cow::Borrowed(inside(name)),
            Cow::Owned(name) => Cow::Owned(inside(name).to_string()),
        };
        if !entry.is_dir() && entries.insert(inside, is_stored(&entry).then_some(data)).is_some() {
            bail!("entry '{name}' is there twice")
        }
    }
    Ok(entries)
}

/// Returns the name of an entry without the folder that holds them all.
fn inside(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, inside)| inside)
}

fn is_stored(entry: &ZipFile<impl Read>) -> bool {
    entry.compression() == CompressionMethod::Stored && !entry.encrypted()
}

/// Returns the part of the file with the bytes of an entry.
fn data<'a>(file: &'a File, entry: &ZipFile<impl Read>) -> Option<Part<'a>> {
    let start = usize::try_from(entry.data_start()?).ok()?;
    let size = usize::try_from(entry.compressed_size()).ok()?;
    file.part(start..start.checked_add(size)?)
}
