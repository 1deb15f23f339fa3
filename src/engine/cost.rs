//! Flash, RAM and time of an opened project's file.

use std::sync::Arc;

use crate::Result;
use crate::chip::Storage;
use crate::cost::{self, Board, Cost, Limits, Machine, Totals};
use crate::espdl::{self, Model, Tensor, ValueInfo};
use crate::export::{self, Options};
use crate::project::Project;
use crate::quant::Quantized;

use super::content::KeyBuilder;
use super::export::ExportOptions;
use super::opened::Opened;
use super::{Exported, Progress};

/// Returns the settings of a project's board; `None` without a target.
pub fn board(project: &Project) -> Option<Board> {
    let (config, target) = (&project.config.board, project.config.model.target.as_ref()?.value);
    let usual = Board::of(target);
    let storage: Storage = config.storage();
    Some(Board {
        clock_mhz: config.clock.as_ref().map_or(usual.clock_mhz, |clock| clock.value.0.max(1.0)),
        cache_bytes: config.cache.as_ref().map_or(usual.cache_bytes, |cache| cache.value.0.max(1)),
        cache_line: config.cache_line.as_ref().map_or(usual.cache_line, |line| line.value),
        psram_mhz: config.psram.as_ref().map_or(usual.psram_mhz, |psram| psram.value.0),
        cores: config.cores().0,
        storage,
        param_copy: config.param_copy(),
        internal_bytes: config.internal().0,
    })
}

/// Returns the limits on flash, RAM and time.
pub fn limits(project: &Project) -> Limits {
    let limits = &project.config.limits;
    Limits {
        flash_bytes: limits.flash.as_ref().map(|limit| limit.value.0),
        ram_bytes: limits.ram.as_ref().map(|limit| limit.value.0),
        microseconds: limits.latency.as_ref().map(|limit| 1000.0 * limit.value.0),
    }
}

impl Opened {
    /// Returns the chip, its board, and the constants of the time model: the board's own, or those of published times. `None`
    /// without a target.
    pub(super) fn machine(&self) -> Result<Option<Machine<'_>>> {
        let own = self.contents.constants.as_ref().map_err(Clone::clone)?;
        let target = self.project().config.model.target.as_ref().map(|target| target.value);
        let machine = target.zip(board(self.project())).map(|(target, board)| Machine::of(target, board));
        Ok(machine.map(|machine| Machine { data: own.as_deref().or(machine.data), ..machine }))
    }

    /// Returns what the file needs that [`Opened::export`] writes; `None` if it is refused.
    pub fn cost(&self, progress: &dyn Progress) -> Result<Option<Arc<Cost>>> {
        let Some(machine) = self.machine()? else { return Ok(None) };
        let tests = self.project().config.export.test_values();
        let key = KeyBuilder::new("cost").key(&self.proof_key()?).text(&format!("{machine:?} {tests}")).finish();
        let kept = match self.engine.kept(&self.engine.costs, &key) {
            Some(kept) => kept,
            None => {
                let cost = self.count(&machine, tests, progress)?;
                self.engine.keep(&self.engine.costs, key, cost)
            }
        };
        Ok(Option::clone(&kept).map(Arc::new))
    }

    fn count(&self, machine: &Machine, tests: bool, progress: &dyn Progress) -> Result<Option<Cost>> {
        let finished = self.finished(progress)?;
        let Some(export) = finished.export.as_ref().filter(|_| finished.incompatibilities.is_empty()) else {
            return Ok(None);
        };
        let target = self.calibrated(progress)?.quantized.plan().settings.target;
        if tests {
            let exported = self.export(ExportOptions { test_values: true, encrypt: false }, progress)?;
            return exported.cost(machine).map(Some);
        }
        let model = Model { metadata: self.metadata(target)?, ..export.model.clone() };
        let bytes = espdl::write(&model)?.len();
        Ok(Some(cost::of_file(&model.graph, bytes, false, machine)))
    }
}

impl Exported {
    /// Counts what the file needs on a chip and its board.
    pub fn cost(&self, machine: &Machine) -> Result<Cost> {
        let file = espdl::open(&self.espdl, self.key.as_ref())?;
        let graph = file.entries.first().map(|entry| &entry.model.graph).cloned().unwrap_or_default();
        Ok(cost::of_file(&graph, self.espdl.len(), self.key.is_some(), machine))
    }
}

impl Opened {
    /// Counts what the file of a quantized network would need, without calibrating or running it; `None` if it has no form.
    pub(super) fn totals_of(&self, quantized: &Quantized) -> Result<Option<Totals>> {
        let (export, target) = (&self.project().config.export, quantized.plan().settings.target);
        let options = Options { runtime: export.esp_dl(), order: export.order(), ..Options::default() };
        let Ok(exported) = export::export(quantized, &options) else { return Ok(None) };
        let mut model = Model { metadata: self.metadata(target)?, ..exported.model };
        if export.test_values() {
            let zeros = |values: &[ValueInfo]| values.iter().map(zeros).collect();
            (model.graph.test_inputs, model.graph.test_outputs) =
                (zeros(&model.graph.inputs), zeros(&model.graph.outputs));
        }
        let bytes = espdl::write(&model)?.len();
        // Faulty constants are reported where the project's own file is counted.
        let machine = self.machine().ok().flatten();
        Ok(machine.map(|machine| cost::totals_of_file(&model.graph, bytes, false, &machine)))
    }
}

/// Returns a test value of the size that the real one has.
fn zeros(value: &ValueInfo) -> Tensor {
    Tensor {
        name: value.name.clone(),
        doc: String::new(),
        data_type: value.data_type,
        dims: value.sizes().unwrap_or_default(),
        exponents: value.exponents.clone(),
        bytes: vec![0; value.bytes().unwrap_or(0)],
    }
}
