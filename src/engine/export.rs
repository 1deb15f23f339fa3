//! A project as the file that the chip loads.

use crate::espdl::{self, Model};
use crate::project::Project;
use crate::{Result, espdl::export};

use super::Progress;
use super::analyze::{calibrate, load};

/// What is written, and what is to be said of it.
pub struct Exported {
    pub model: Model,
    pub espdl: Vec<u8>,
    pub notes: Vec<String>,
}

pub fn export(project: &Project, progress: &dyn Progress) -> Result<Exported> {
    let loaded = load(project, progress)?;
    let quantized = calibrate(&loaded, progress)?;
    let model = export::export(&quantized)?;
    let mut notes = loaded.notes;
    notes.extend(quantized.notes.iter().cloned());
    Ok(Exported { espdl: espdl::write(&model)?, model, notes })
}
