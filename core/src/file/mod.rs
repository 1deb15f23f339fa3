//! The user's files: opened if they are files, and replaced as a whole.
//!
//! Never: formats, caches, files of a test.

mod read;
mod together;
mod write;

pub use read::{changed, is_lfs_pointer, lfs_pointer, open, read, read_at, text};
pub use together::write as write_all_or_none;
pub use write::{check_writable, create_new, write};
