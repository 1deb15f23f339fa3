//! Fixes that need a measurement, made when the client requests actions or when the user picks one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lsp_server::{ErrorCode, ResponseError};
use lsp_types::{CodeAction, Command, MessageType, Url};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::engine::{Engine, OnlyKnown, Progress};
use crate::lint::{Measure, Outcome};

use super::abilities::Abilities;
use super::actions::with_edit;
use super::client::{Result, error};
use super::commands::{self, SMALLEST_SET, Work, aside, workspace_edit};
use super::document::Snapshot;
use super::server::invalid;
use super::state::Event;

/// Time limit for all measurements of a request if the client resolves actions: only cached results arrive in time.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Time limit if the client does not: some layers are measured, others with the next request.
const PATIENCE: Duration = Duration::from_millis(1500);
const MOST_LAYERS: usize = 3;

/// Time that a request has left for measurements.
pub struct Patience {
    until: Instant,
    measurements: usize,
    only_known: bool,
}

impl Patience {
    pub fn of(abilities: Abilities) -> Patience {
        let (time, measurements) = match abilities.resolves_edits {
            true => (AT_ONCE, usize::MAX),
            false => (PATIENCE, MOST_LAYERS),
        };
        Patience { until: Instant::now() + time, measurements, only_known: abilities.resolves_edits }
    }

    /// Returns the time for one more measurement.
    fn take(&mut self, measure: &Measure) -> Option<Duration> {
        if *measure == Measure::SmallestSet && !self.only_known {
            return None;
        }
        self.measurements = self.measurements.checked_sub(1)?;
        self.until.checked_duration_since(Instant::now())
    }
}

/// `data` of an action that is still to be resolved.
#[derive(Serialize, Deserialize)]
pub struct Pending {
    pub uri: Url,
    version: i32,
    measure: Measure,
}

impl Pending {
    pub fn of(action: &CodeAction) -> Result<Pending> {
        let data = action.data.clone().unwrap_or_default();
        serde_json::from_value(data).map_err(|e| invalid(format!("`data` is not from espq: {e}")))
    }
}

/// Makes the action of an unmeasured fix: with its effect if that is known in time, else to be resolved or run as a
/// command, depending on the client. Returns `None` if the fix would not help, or if the client supports neither.
pub async fn action(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    abilities: Abilities,
    measure: &Measure,
    patience: &mut Patience,
) -> Option<CodeAction> {
    match in_time(engine, snapshot, measure, patience).await {
        Some(Ok(fix)) => Some(with_edit(snapshot, abilities, &fix)),
        Some(Err(_)) => None,
        None if abilities.resolves_edits => {
            let pending = Pending { uri: snapshot.uri.clone(), version: snapshot.version, measure: measure.clone() };
            let data = serde_json::to_value(pending).ok();
            Some(CodeAction { title: measure.title(), data, ..CodeAction::default() })
        }
        None => match measure.unmeasured_fix(&snapshot.project) {
            Some(fix) => Some(with_edit(snapshot, abilities, &fix)),
            None => command(snapshot, abilities, measure),
        },
    }
}

/// Returns the result of a measurement; `None` if it does not arrive in time.
async fn in_time(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    measure: &Measure,
    patience: &mut Patience,
) -> Option<Outcome> {
    let time = patience.take(measure)?;
    let only_known = patience.only_known;
    let (engine, project, measure) = (engine.clone(), snapshot.project.clone(), measure.clone());
    let work = aside(snapshot.token.clone(), Arc::default(), move |watch| {
        let progress: &dyn Progress = if only_known { &OnlyKnown } else { watch };
        engine.open(project).resolve(&measure, progress)
    });
    tokio::time::timeout(time, work).await.ok()?.ok()
}

/// Makes a command that edits the text when it is done, for a client that cannot resolve actions.
fn command(snapshot: &Snapshot, abilities: Abilities, measure: &Measure) -> Option<CodeAction> {
    (*measure == Measure::SmallestSet && abilities.applies_edits).then(|| {
        let arguments = Some(vec![snapshot.uri.as_str().into()]);
        let command = Command { title: measure.title(), command: SMALLEST_SET.to_string(), arguments };
        CodeAction { title: measure.title(), command: Some(command), ..CodeAction::default() }
    })
}

/// Measures an action that the user has picked. If it would not help, it is returned without an edit.
pub async fn resolve(work: Work, snapshot: Snapshot, pending: Pending, mut action: CodeAction) -> Result<CodeAction> {
    if pending.version != snapshot.version {
        return Err(content_modified());
    }
    match measure(&work, &snapshot, &pending.measure).await? {
        Ok(fix) => {
            action.edit = Some(workspace_edit(&snapshot, work.abilities, &fix));
            if work.abilities.resolves_titles {
                action.title = fix.title.clone();
            }
        }
        Err(reason) => work.client.show_message(MessageType::WARNING, reason).await,
    }
    Ok(action)
}

/// Measures without a time limit, showing progress.
pub async fn measure(work: &Work, snapshot: &Snapshot, measure: &Measure) -> Result<Outcome> {
    let (engine, project, wanted) = (work.engine.clone(), snapshot.project.clone(), measure.clone());
    let _pause = Pause::begin(&work.events, &snapshot.uri);
    let resolve = move |watch: &crate::engine::Watch| engine.open(project).resolve(&wanted, watch);
    match commands::run(work, "measuring", snapshot.token.child(), resolve).await {
        Ok(fix) => Ok(fix),
        Err(_) if snapshot.token.is_cancelled() => Err(content_modified()),
        Err(error) if error.code == ErrorCode::RequestCanceled as i32 => Err(error),
        // The error itself is one of the findings.
        Err(error) => measure.unmeasured_fix(&snapshot.project).map(Ok).ok_or(error),
    }
}

/// Guard that pauses a document's background analysis while it exists.
struct Pause {
    events: UnboundedSender<Event>,
    uri: Url,
}

impl Pause {
    fn begin(events: &UnboundedSender<Event>, uri: &Url) -> Pause {
        // The state task ends only with the runtime.
        let _ = events.send(Event::Pause(uri.clone()));
        Pause { events: events.clone(), uri: uri.clone() }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Resume(self.uri.clone()));
    }
}

fn content_modified() -> ResponseError {
    error(ErrorCode::ContentModified, "the text has changed since")
}
