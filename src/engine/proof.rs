//! The finished file of an opened project, in memory, and what the chip makes of it.

use std::sync::Arc;

use crate::Result;
use crate::analysis::OnChip;
use crate::exec::Samples as _;
use crate::export::Export;
use crate::proof::{self, Finished};
use crate::quant::Quantized;

use super::calibrated::Calibrated;
use super::content::{Key, KeyBuilder};
use super::opened::Opened;
use super::session::Session;
use super::{Progress, Stage};

impl Opened {
    /// Returns the file that export writes, without metadata and test values.
    pub(super) fn finished(&self, progress: &dyn Progress) -> Result<Arc<Finished>> {
        self.finished.get(|| {
            let calibrated = self.calibrated(progress)?;
            Ok(Arc::new(self.finish(&calibrated.quantized)?))
        })
    }

    /// Returns the result of that file on the chip over the samples of the analysis, from memory or the store if nothing
    /// has changed.
    pub(super) fn proved(&self, progress: &dyn Progress) -> Result<Arc<OnChip>> {
        self.proved.get(|| {
            let key = self.proof_key()?;
            if let Some(proof) = self.engine.kept(&self.engine.proofs, &key) {
                return Ok(proof);
            }
            let (session, calibrated, finished) =
                (self.session()?, self.calibrated(progress)?, self.finished(progress)?);
            let on_chip = match &finished.export {
                Some(export) if finished.incompatibilities.is_empty() => {
                    let count = session.count(self.project());
                    session.run_on_chip(&calibrated, export, count, progress)?
                }
                _ => OnChip::Refused(finished.incompatibilities.clone()),
            };
            Ok(self.engine.keep(&self.engine.proofs, key, on_chip))
        })
    }

    pub(super) fn finish(&self, quantized: &Quantized) -> Result<Finished> {
        let export = &self.project().config.export;
        proof::finish(quantized, export.esp_dl(), export.order())
    }

    pub(super) fn proof_key(&self) -> Result<Key> {
        let report = self.report_key(&self.known_settings()?, false)?;
        let runtime = self.project().config.export.esp_dl();
        Ok(KeyBuilder::new("proof")
            .key(&report)
            .text(&format!("{runtime} {:?}", self.project().config.export.order()))
            .finish())
    }
}

impl Session {
    fn run_on_chip(
        &self,
        calibrated: &Calibrated,
        export: &Export,
        count: usize,
        progress: &dyn Progress,
    ) -> Result<OnChip> {
        let count = count.min(self.analysis.len());
        progress.begin(Stage::Chip, count);
        proof::run(&proof::Subject {
            quantized: &calibrated.quantized,
            original: &calibrated.float.original,
            simulation: &calibrated.simulation,
            simulated: &calibrated.simulated,
            export,
            samples: &self.analysis,
            count,
            tick: &|| progress.tick(),
        })
    }
}
