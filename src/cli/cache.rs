//! Arguments for the cache of results.

use std::path::PathBuf;

use crate::engine::Cache;

#[derive(clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Measure again, and do not read or write the cache
    #[arg(long)]
    no_cache: bool,

    /// Cache folder [default: espq's folder in the user's cache, or ESPQ_CACHE_DIR]
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
}

impl Arguments {
    pub fn chosen(&self) -> Option<Cache> {
        if self.no_cache {
            return None;
        }
        let folder = self.cache_dir.as_deref();
        if let Some(folder) = folder
            && let Err(error) = std::fs::create_dir_all(folder)
        {
            // Without a cache, everything works and takes longer.
            super::tell(&format!("warning: the cache folder {} cannot be used: {error}", folder.display()));
        }
        Cache::at(folder)
    }
}
