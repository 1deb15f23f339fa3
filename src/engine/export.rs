//! A project as the file that the chip loads.

use crate::espdl::{self, Model};
use crate::project::Project;
use crate::{Result, espdl::export};

use super::{Engine, Options, Progress};

/// What is written, and what is to be said of it.
pub struct Exported {
    pub model: Model,
    pub espdl: Vec<u8>,
    pub notes: Vec<String>,
}

pub fn export(project: &Project, progress: &dyn Progress) -> Result<Exported> {
    let (session, calibrated) = Engine::new(Options::default()).calibrate(project, progress)?;
    let quantized = &calibrated.quantized;
    let model = export::export(quantized)?;
    let notes = session.notes(quantized);
    Ok(Exported { espdl: espdl::write(&model)?, model, notes })
}
