//! Flash, RAM and time of an opened project's file.

use std::sync::Arc;

use crate::Result;
use crate::chip::Storage;
use crate::cost::{self, Board, Cost};
use crate::espdl::{self, Model};
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

impl Opened {
    /// Returns what the file needs that [`Opened::export`] writes; `None` if it is refused.
    pub fn cost(&self, progress: &dyn Progress) -> Result<Option<Arc<Cost>>> {
        let Some(board) = board(self.project()) else { return Ok(None) };
        let tests = self.project().config.export.test_values();
        let key = KeyBuilder::new("cost").key(&self.proof_key()?).text(&format!("{board:?} {tests}")).finish();
        let kept = match self.engine.kept(&self.engine.costs, &key) {
            Some(kept) => kept,
            None => {
                let cost = self.count(&board, tests, progress)?;
                self.engine.keep(&self.engine.costs, key, cost)
            }
        };
        Ok(Option::clone(&kept).map(Arc::new))
    }

    fn count(&self, board: &Board, tests: bool, progress: &dyn Progress) -> Result<Option<Cost>> {
        let finished = self.finished(progress)?;
        let Some(export) = finished.export.as_ref().filter(|_| finished.incompatibilities.is_empty()) else {
            return Ok(None);
        };
        let target = self.calibrated(progress)?.quantized.plan().settings.target;
        if tests {
            let exported = self.export(ExportOptions { test_values: true, encrypt: false }, progress)?;
            return exported.cost(board).map(Some);
        }
        let model = Model { metadata: self.metadata(target)?, ..export.model.clone() };
        let bytes = espdl::write(&model)?.len();
        Ok(Some(cost::of_file(&model.graph, bytes, false, target, board)))
    }
}

impl Exported {
    /// Counts what the file needs on a board.
    pub fn cost(&self, board: &Board) -> Result<Cost> {
        let file = espdl::open(&self.espdl, self.key.as_ref())?;
        let graph = file.entries.first().map(|entry| &entry.model.graph).cloned().unwrap_or_default();
        Ok(cost::of_file(&graph, self.espdl.len(), self.key.is_some(), self.target, board))
    }
}

/// Counts what the file of a quantized network would need, without metadata; `None` if it has no form.
pub(super) fn of_quantized(quantized: &Quantized, project: &Project) -> Option<Cost> {
    let export = &project.config.export;
    let options = Options { runtime: export.esp_dl(), order: export.order(), ..Options::default() };
    let export = export::export(quantized, &options).ok()?;
    let bytes = espdl::write(&export.model).ok()?.len();
    Some(cost::of_file(&export.model.graph, bytes, false, quantized.plan().settings.target, &board(project)?))
}
