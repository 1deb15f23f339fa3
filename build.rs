//! Hashes the sources into `ESPQ_SOURCES`, which is part of every cache key, so that builds do not share cached
//! results.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    const FOLDERS: [&str; 3] = ["src", "core/src", "kernels/src"];
    FOLDERS.iter().for_each(|folder| println!("cargo::rerun-if-changed={folder}"));
    println!("cargo::rerun-if-changed=Cargo.lock");
    let mut files = vec![PathBuf::from("Cargo.lock")];
    for folder in FOLDERS {
        collect(Path::new(folder), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files.iter().filter(|f| f.is_file()) {
        // Line ends and path separators differ between systems, but not their meaning.
        file.to_string_lossy().replace('\\', "/").hash(&mut hasher);
        String::from_utf8_lossy(&std::fs::read(file)?).replace('\r', "").hash(&mut hasher);
    }
    println!("cargo::rustc-env=ESPQ_SOURCES={:016x}", hasher.finish());
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => collect(&path, files)?,
            false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
            false => {}
        }
    }
    Ok(())
}
