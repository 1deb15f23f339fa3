//! Code actions: the fixes of the findings at a place, each with its measured effect.

use std::sync::Arc;

use lsp_types::{CodeAction, CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionResponse, Range};

use crate::chip::Scheme;
use crate::engine::{Engine, LintDepth};
use crate::lint::{Finding, Fix, FixKind, Measure, Safety, apply};
use crate::text::difference;

use super::abilities::Abilities;
use super::commands::{edits, workspace_edit};
use super::diagnostics::diagnostic;
use super::document::Snapshot;
use super::measured::{self, Patience};

/// Maximum number of `[precision]` lines with separate actions.
const MOST_LINES: usize = 3;

pub fn fix_all() -> CodeActionKind {
    CodeActionKind::new("source.fixAll.espq")
}

/// Returns all actions for a range, the fixes of findings first.
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
    let mut patience = Patience::of(abilities);
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

/// Returns `true` if `kind` is `wanted` or a kind below it: "refactor" includes "refactor.rewrite".
fn is_kind(kind: &CodeActionKind, wanted: &CodeActionKind) -> bool {
    let (kind, wanted) = (kind.as_str(), wanted.as_str());
    wanted.is_empty() || kind == wanted || kind.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

/// Returns the findings on the lines of a range: the cursor is rarely exactly on the span.
fn here(snapshot: &Snapshot, range: Range) -> Vec<Finding> {
    let places = snapshot.places();
    let on = |finding: &&Finding| touches(places.visible(&finding.span), range);
    snapshot.findings.all().iter().filter(on).cloned().collect()
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
    let mut actions: Vec<CodeAction> = finding.fixes.iter().map(|fix| with_edit(snapshot, abilities, fix)).collect();
    if let Some(measure) = &finding.pending {
        actions.extend(measured::action(engine, snapshot, abilities, measure, patience).await);
    }
    let about = vec![diagnostic(finding, &snapshot.places(), &snapshot.uri, abilities.related_information)];
    let of_finding = |action| {
        let kind = Some(CodeActionKind::QUICKFIX);
        CodeActionOrCommand::CodeAction(CodeAction { kind, diagnostics: Some(about.clone()), ..action })
    };
    actions.into_iter().map(of_finding).collect()
}

/// Returns actions for those layers on these lines of `[precision]` that have more bits than the model.
async fn back_to_int8(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    abilities: Abilities,
    range: Range,
    patience: &mut Patience,
) -> Vec<CodeActionOrCommand> {
    let project = &snapshot.project;
    let measures: Vec<Measure> = {
        let places = snapshot.places();
        let wide = project.config.precision.iter().filter(|c| c.choice.value != Scheme::Int8);
        let here = wide.filter(|c| touches(places.range(&c.layer.span), range));
        here.map(|c| Measure::Layer { name: c.layer.value.clone(), scheme: Scheme::Int8 }).collect()
    };
    let is_measured = snapshot.findings.are_of(LintDepth::Measured);
    let mut actions = Vec::new();
    for measure in measures.iter().take(MOST_LINES) {
        actions.extend(match is_measured {
            true => measured::action(engine, snapshot, abilities, measure, patience).await,
            false => measure.unmeasured_fix(project).map(|fix| with_edit(snapshot, abilities, &fix)),
        });
    }
    let kind = Some(CodeActionKind::REFACTOR_REWRITE);
    let rewrite = |action| CodeActionOrCommand::CodeAction(CodeAction { kind: kind.clone(), ..action });
    actions.into_iter().map(rewrite).collect()
}

/// Makes the action of a fix.
pub fn with_edit(snapshot: &Snapshot, abilities: Abilities, fix: &Fix) -> CodeAction {
    CodeAction {
        title: title(fix),
        edit: Some(workspace_edit(snapshot, abilities, fix)),
        is_preferred: (fix.safety == Safety::Safe).then_some(true),
        ..CodeAction::default()
    }
}

/// Title of a fix if its line has findings of several layers: it names the layer.
pub fn title(fix: &Fix) -> String {
    match &fix.kind {
        FixKind::Precision(Measure::Layer { name, .. }) => format!("{} ({name})", fix.title),
        _ => fix.title.clone(),
    }
}

/// Combines all safe fixes into one edit, for clients that fix on save.
fn all_safe(snapshot: &Snapshot, abilities: Abilities) -> Option<CodeActionOrCommand> {
    let text = &snapshot.project.text;
    let applied = apply(text, &snapshot.findings.all(), Safety::Safe);
    let edit = difference(text, &applied.text)?;
    let action = CodeAction {
        title: "apply all safe fixes".to_string(),
        kind: Some(fix_all()),
        edit: Some(edits(snapshot, abilities, &[edit])),
        ..CodeAction::default()
    };
    Some(CodeActionOrCommand::CodeAction(action))
}
