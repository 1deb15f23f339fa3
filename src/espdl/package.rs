//! Files of several models: `PDL1`, `PDL2`, and `PDL3` with a version and a digest
//! (espressif/esp-dl, `pack_espdl_models.py`).

use sha2::{Digest as _, Sha256};

use crate::bail;
use crate::{Error, Result};

use super::header::word;

/// Header of a file with several models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `PDL1`, `PDL2` or `PDL3`.
    pub format: &'static str,
    /// Version of the package; PDL3 only, like `digest`.
    pub version: Option<String>,
    /// Result of checking the SHA-256; `None` if the format has none.
    pub digest: Option<Digest>,
}

/// Result of comparing the stored SHA-256 with the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// The two are equal.
    Right,
    /// Different digests: the file is damaged.
    Wrong,
}

/// Model in a package; its bytes start with its own header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed<'a> {
    /// Name under which the chip loads the model.
    pub name: String,
    /// First byte in the package.
    pub offset: usize,
    /// Bytes of the model, including its header.
    pub bytes: &'a [u8],
}

const PDL3_VERSION: std::ops::Range<usize> = 4..20;
const PDL3_SIZE: usize = 20;
const PDL3_DIGEST: std::ops::Range<usize> = 24..56;

/// Splits a package into its models; `None` if the file is not a package.
pub fn split(bytes: &[u8]) -> Result<Option<(Package, Vec<Packed<'_>>)>> {
    let (format, count_at) = match bytes.get(..4) {
        Some(b"PDL1") => ("PDL1", 4),
        Some(b"PDL2") => ("PDL2", 4),
        Some(b"PDL3") => ("PDL3", 56),
        _ => return Ok(None),
    };
    let mut package = Package { format, version: None, digest: None };
    if format == "PDL3" {
        let Some(version) = bytes.get(PDL3_VERSION) else { return Err(cut(bytes)) };
        let version = version.split(|&b| b == 0).next().unwrap_or_default();
        package.version = Some(String::from_utf8_lossy(version).into_owned());
        package.digest = Some(digest(bytes)?);
    }
    let Some(count) = word(bytes, count_at) else { return Err(cut(bytes)) };
    let table = count_at + 4;
    let room = bytes.len().saturating_sub(table) / 12;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > room {
        bail!("the package declares {count} models, but its {} bytes have room for {room} entries", bytes.len());
    }
    let models = (0..count).map(|i| packed(bytes, table + i * 12)).collect::<Result<_>>()?;
    Ok(Some((package, models)))
}

fn cut(bytes: &[u8]) -> Error {
    Error::new(format!("the package ends inside its header, after {} bytes", bytes.len()))
}

/// Reads one entry of the table: position of the model, position and length of its name.
fn packed(bytes: &[u8], at: usize) -> Result<Packed<'_>> {
    let place = |at| word(bytes, at).and_then(|w| usize::try_from(w).ok()).ok_or_else(|| cut(bytes));
    let (offset, name_at, name_length) = (place(at)?, place(at + 4)?, place(at + 8)?);
    let name = name_at.checked_add(name_length).and_then(|end| bytes.get(name_at..end));
    let (Some(name), Some(model)) = (name, bytes.get(offset..)) else {
        bail!("the package's entry at byte {at} points outside its {} bytes", bytes.len());
    };
    Ok(Packed { name: String::from_utf8_lossy(name).into_owned(), offset, bytes: model })
}

/// Computes the digest over the declared size, with the digest's own bytes as zeros.
fn digest(bytes: &[u8]) -> Result<Digest> {
    let size = word(bytes, PDL3_SIZE).and_then(|w| usize::try_from(w).ok());
    let Some((head, tail)) = size.and_then(|n| bytes.get(..n)).and_then(|b| b.split_at_checked(PDL3_DIGEST.end)) else {
        let size = size.unwrap_or_default();
        bail!("the package declares {size} bytes, but the file has {}", bytes.len());
    };
    let (Some(before), Some(stored)) = (head.get(..PDL3_DIGEST.start), head.get(PDL3_DIGEST)) else {
        return Err(cut(bytes));
    };
    let found = Sha256::new().chain_update(before).chain_update([0; 32]).chain_update(tail).finalize();
    Ok(if found.as_slice() == stored { Digest::Right } else { Digest::Wrong })
}
