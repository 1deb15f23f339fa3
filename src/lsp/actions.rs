//! Code actions: fixes of the findings at a place, each with what it was measured to do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tower_lsp::lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionResponse, Command, Range,
};

use crate::chip::Scheme;
use crate::engine::{Depth, Engine};
use crate::lint::{Finding, Fix, Safety, Trial, apply};
use crate::project::edit::set_precision;
use crate::text::Edit;

use super::client::Abilities;
use super::commands::{aside, workspace_edit};
use super::diagnostics::diagnostic;
use super::document::Snapshot;
use super::position::Places;

/// Layers that are measured while the client waits, and for how long it does for all of them together; what comes too
/// late is offered without its effect, or with the next request.
const AT_ONCE: usize = 3;
const PATIENCE: Duration = Duration::from_millis(1500);

/// What is left of both.
struct Patience {
    layers: usize,
    until: Instant,
}

impl Patience {
    fn new() -> Patience {
        Patience { layers: AT_ONCE, until: Instant::now() + PATIENCE }
    }

    /// The time that is left for one more layer.
    fn take(&mut self) -> Option<Duration> {
        self.layers = self.layers.checked_sub(1)?;
        self.until.checked_duration_since(Instant::now())
    }
}

pub fn fix_all() -> CodeActionKind {
    CodeActionKind::new("source.fixAll.espq")
}

/// All actions at a range, the fixes of findings first.
pub async fn at(
    engine: &Arc<Engine>,
    snapshot: Snapshot,
    abilities: Abilities,
    range: Range,
    context: &CodeActionContext,
) -> CodeActionResponse {
    let wanted = |kind: &CodeActionKind| match &context.only {
        None => *kind != fix_all(),
        Some(only) => only.iter().any(|wanted| is_kind(kind, wanted)),
    };
    let mut actions = Vec::new();
    let mut patience = Patience::new();
    if wanted(&CodeActionKind::QUICKFIX) {
        for finding in here(&snapshot, range) {
            actions.extend(quick_fixes(engine, &snapshot, abilities, &finding, &mut patience).await);
        }
    }
    if wanted(&CodeActionKind::REFACTOR_REWRITE) {
        actions.extend(back_to_int8(engine, &snapshot, abilities, range, &mut patience).await);
    }
    if wanted(&fix_all()) {
        actions.extend(all_safe(&snapshot, abilities));
    }
    actions
}

/// "refactor" stands for "refactor.rewrite".
fn is_kind(kind: &CodeActionKind, wanted: &CodeActionKind) -> bool {
    let (kind, wanted) = (kind.as_str(), wanted.as_str());
    wanted.is_empty() || kind == wanted || kind.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

/// The findings on the lines of a range: a cursor is seldom on the very word.
fn here(snapshot: &Snapshot, range: Range) -> Vec<Finding> {
    let places = snapshot.places();
    let on = |finding: &&Finding| touches(places.visible(&finding.span), range);
    snapshot.findings.iter().filter(on).cloned().collect()
}

fn touches(a: Range, b: Range) -> bool {
    a.start.line <= b.end.line && b.start.line <= a.end.line
}

async fn quick_fixes(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    abilities: Abilities,
    finding: &Finding,
    patience: &mut Patience,
) -> Vec<CodeActionOrCommand> {
    let mut fixes = finding.fixes.clone();
    let unmeasured = finding.code == "E002" && fixes.is_empty() && snapshot.depth < Some(Depth::Fixes);
    if let Some(layer) = finding.layer.as_ref().filter(|_| unmeasured)
        && let Some(trial) = effect(engine, snapshot, layer, Scheme::Int16, patience).await.filter(Trial::helps)
    {
        fixes.extend(trial.fix(&snapshot.project, format!("int16: {}", trial.effect())));
    }
    let places = snapshot.places();
    let about = vec![diagnostic(finding, &places, &snapshot.uri, abilities.related_information)];
    let mut actions: Vec<CodeActionOrCommand> = fixes
        .iter()
        .map(|fix| {
            CodeActionOrCommand::CodeAction(CodeAction {
                title: titled(finding, fix),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(about.clone()),
                edit: Some(workspace_edit(snapshot, abilities, fix)),
                is_preferred: (fix.safety == Safety::Safe).then_some(true),
                ..CodeAction::default()
            })
        })
        .collect();
    if finding.code == "E001" && fixes.is_empty() && snapshot.depth < Some(Depth::Search) && abilities.applies_edits {
        let title = "find the smallest set of int16 layers that is enough (measures)".to_string();
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title: title.clone(),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(about),
            command: Some(Command {
                title,
                command: "espq.smallestSet".to_string(),
                arguments: Some(vec![snapshot.uri.as_str().into()]),
            }),
            ..CodeAction::default()
        }));
    }
    actions
}

/// Several layers may be over the limit on one line: the title of a fix says which it is for.
fn titled(finding: &Finding, fix: &Fix) -> String {
    match &finding.layer {
        Some(layer) if fix.title.starts_with("int16: ") => format!("{} ({layer})", fix.title),
        _ => fix.title.clone(),
    }
}

/// For the layers on these lines of `[precision]` that have more bits than the model.
async fn back_to_int8(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    abilities: Abilities,
    range: Range,
    patience: &mut Patience,
) -> Vec<CodeActionOrCommand> {
    let project = &snapshot.project;
    let layers: Vec<String> = {
        let places: Places = snapshot.places();
        let wide = project.config.precision.iter().filter(|c| c.choice.value != Scheme::Int8);
        let here = wide.filter(|c| touches(places.range(&c.layer.span), range));
        here.take(AT_ONCE).map(|c| c.layer.value.clone()).collect()
    };
    let several = layers.len() > 1;
    let mut actions = Vec::new();
    for layer in layers {
        let trial = match snapshot.depth {
            Some(depth) if depth >= Depth::Measured => effect(engine, snapshot, &layer, Scheme::Int8, patience).await,
            _ => None,
        };
        let fix = match trial {
            Some(trial) => trial.fix(project, format!("back to int8: {}", trial.effect())),
            None => set_precision(&project.text, &[(&layer, Scheme::Int8)]).map(|edit| Fix {
                title: "back to int8".to_string(),
                safety: Safety::Unsafe,
                edits: vec![edit],
            }),
        };
        actions.extend(fix.map(|fix| {
            CodeActionOrCommand::CodeAction(CodeAction {
                title: if several { format!("{} ({layer})", fix.title) } else { fix.title.clone() },
                kind: Some(CodeActionKind::REFACTOR_REWRITE),
                edit: Some(workspace_edit(snapshot, abilities, &fix)),
                ..CodeAction::default()
            })
        }));
    }
    actions
}

/// What another precision of a layer would do, if that is known soon enough.
async fn effect(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    layer: &str,
    scheme: Scheme,
    patience: &mut Patience,
) -> Option<Trial> {
    let time = patience.take()?;
    let (engine, project, layer) = (engine.clone(), snapshot.project.clone(), layer.to_string());
    let work = aside(snapshot.token.clone(), Arc::default(), move |watch| {
        engine.open(project).effect(&[&layer], scheme, watch)
    });
    tokio::time::timeout(time, work).await.ok()?.ok()
}

/// Every fix that changes no result, as one edit: for clients that fix on save.
fn all_safe(snapshot: &Snapshot, abilities: Abilities) -> Option<CodeActionOrCommand> {
    let text = &snapshot.project.text;
    let applied = apply(text, &snapshot.findings, Safety::Safe);
    let fix = Fix {
        title: "make all fixes that change no result".to_string(),
        safety: Safety::Safe,
        edits: vec![Edit { span: 0..text.len(), text: applied.text }],
    };
    (applied.count > 0).then(|| {
        CodeActionOrCommand::CodeAction(CodeAction {
            title: fix.title.clone(),
            kind: Some(fix_all()),
            edit: Some(workspace_edit(snapshot, abilities, &fix)),
            ..CodeAction::default()
        })
    })
}
