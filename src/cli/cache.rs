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
        let cache = Cache::at(self.cache_dir.as_deref());
        // Without a cache, everything works and takes longer.
        if let Some(error) = cache.as_ref().and_then(|cache| cache.check().err()) {
            let help = error.help().map(|help| format!("\n  help: {help}")).unwrap_or_default();
            super::tell(&format!("warning: {}{help}", error.what()));
        }
        cache
    }
}
