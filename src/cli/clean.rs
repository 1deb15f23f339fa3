//! `espq clean`: deletes the cache.

use crate::Error;
use crate::engine::Cache;
use crate::text::units::{count, size};

use super::Failure;

/// Deletes the cached results
///
/// Results are cached by the content of their inputs, so a stale one is never used: cleaning only frees space.
#[derive(clap::Args)]
pub struct Arguments {
    /// Cache folder [default: espq's folder in the user's cache, or ESPQ_CACHE_DIR]
    #[arg(long, value_name = "FOLDER")]
    cache_dir: Option<std::path::PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let cache = Cache::at(arguments.cache_dir.as_deref()).ok_or_else(|| {
        Error::new("the user has no cache folder").with_help("name it: `espq clean --cache-dir FOLDER`")
    })?;
    let (entries, bytes) = cache.clean()?;
    let freed = size(usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(format!("Deleted {} ({freed}) in {}\n", count(entries, "cached result"), cache.folder.display()))
}
