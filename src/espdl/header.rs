//! Header before the FlatBuffers body: `EDL2` (16 bytes) or the older `EDL1` (12), then mode and length
//! (espressif/esp-dl, `fbs_loader.cpp`); and encryption of the body.

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};

use crate::bail;
use crate::file::{is_lfs_pointer, lfs_pointer};
use crate::{Error, Result};

/// An AES-128 key.
pub type Key = [u8; 16];

/// Initial counter block; it is the same in every file, so a key must be used for one file only.
const COUNTER: [u8; 16] = [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31];

/// Version of the file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// 12-byte header: weights are not aligned in the file, so the chip copies them.
    Edl1,
    /// 16-byte header: weights are used in place.
    Edl2,
}

/// Decoded header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Version of the format.
    pub edition: Edition,
    /// The body is encrypted with AES-128.
    pub encrypted: bool,
    /// Bytes of the body.
    pub length: u32,
}

impl Edition {
    /// Returns the four letters at the start of the file.
    pub fn name(self) -> &'static str {
        match self {
            Edition::Edl1 => "EDL1",
            Edition::Edl2 => "EDL2",
        }
    }

    fn header_length(self) -> usize {
        match self {
            Edition::Edl1 => 12,
            Edition::Edl2 => 16,
        }
    }
}

/// Splits a file into its header and its body as stored; bytes after the body are ignored.
pub fn split(bytes: &[u8]) -> Result<(Header, &[u8])> {
    let edition = match bytes.get(..4) {
        Some(b"EDL1") => Edition::Edl1,
        Some(b"EDL2") => Edition::Edl2,
        _ if is_lfs_pointer(bytes) => return Err(lfs_pointer("an ESP-DL file")),
        _ => {
            let start = String::from_utf8_lossy(bytes.get(..4).unwrap_or(bytes)).into_owned();
            return Err(Error::new(format!("not an ESP-DL file: it starts with {start:?} instead of EDL1 or EDL2"))
                .with_help("`espq export` writes such a file"));
        }
    };
    let [mode, length] = [4, 8].map(|at| word(bytes, at));
    let (Some(mode), Some(length), Some(rest)) = (mode, length, bytes.get(edition.header_length()..)) else {
        bail!("the file ends inside its header, after {} bytes", bytes.len());
    };
    let encrypted = match mode {
        0 => false,
        1 => true,
        other => bail!("encryption mode {other} is not supported (0 is none, 1 is AES-128)"),
    };
    let Some(body) = usize::try_from(length).ok().and_then(|n| rest.get(..n)) else {
        return Err(Error::new(format!("the header declares {length} bytes, but {} follow", rest.len()))
            .with_help("the file is truncated: export or download it again"));
    };
    Ok((Header { edition, encrypted, length }, body))
}

/// Returns the little-endian word at byte `at`.
pub fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Returns a complete `EDL2` file around `body`.
pub fn wrap(body: &[u8], key: Option<&Key>) -> Result<Vec<u8>> {
    let Ok(length) = u32::try_from(body.len()) else {
        bail!("the model needs {} bytes, but an ESP-DL file is limited to {}", body.len(), u32::MAX);
    };
    let mut file = Vec::with_capacity(body.len().saturating_add(16));
    file.extend(b"EDL2");
    file.extend(u32::from(key.is_some()).to_le_bytes());
    file.extend(length.to_le_bytes());
    file.extend([0; 4]);
    match key {
        Some(key) => file.extend(crypt(body, key)),
        None => file.extend(body),
    }
    Ok(file)
}

/// Encrypts or decrypts: in counter mode they are the same operation.
pub fn crypt(body: &[u8], key: &Key) -> Vec<u8> {
    let mut body = body.to_vec();
    Ctr128BE::<Aes128>::new(key.into(), &COUNTER.into()).apply_keystream(&mut body);
    body
}
