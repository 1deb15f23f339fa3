//! Code actions: the fixes of the findings at a place, each with its measured effect.

use std::sync::Arc;

use std::collections::HashSet;

use lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionResponse, Command, Diagnostic, Range,
};

use crate::analysis::is_over;
use crate::chip::Scheme;
use crate::engine::{Engine, LintDepth};
use crate::lint::{Finding, Fix, Measure, Safety, apply, ignoring};
use crate::project::edit::set_layer_limit;
use crate::text::difference;
use crate::text::units::percent;

use super::abilities::Abilities;
use super::commands::{ANALYZE, edits, workspace_edit};
use super::diagnostics::Presentation;
use super::document::Snapshot;
use super::layer_list::layers_on;
use super::measured::{self, Patience};

/// Maximum number of `[precision]` lines with separate actions.
const MOST_LINES: usize = 3;

pub fn fix_all() -> CodeActionKind {
    CodeActionKind::new("source.fixAll.espq")
}

/// Place that actions are requested for.
pub enum Place {
    /// Lines of the configuration.
    Text(Range),
    /// Layers on lines of their list.
    Layers(Vec<String>),
}

impl Place {
    pub fn of(snapshot: &Snapshot, range: Range, is_list: bool) -> Place {
        match is_list {
            false => Place::Text(range),
            true => Place::Layers(layers_on(&snapshot.knowledge, range).iter().map(|l| l.name.clone()).collect()),
        }
    }

    /// The cursor is rarely exactly on the span, so its line counts.
    fn has(&self, snapshot: &Snapshot, finding: &Finding) -> bool {
        match self {
            Place::Text(range) => touches(snapshot.places().visible(&finding.span), *range),
            Place::Layers(layers) => finding.layer.as_ref().is_some_and(|layer| layers.contains(layer)),
        }
    }
}

/// Word that stands for the reason of an ignored finding.
const REASON: &str = "reason";

/// Returns all actions for a place, the fixes of findings first.
pub async fn at(
    engine: &Arc<Engine>,
    snapshot: Snapshot,
    abilities: Abilities,
    place: Place,
    context: &CodeActionContext,
) -> CodeActionResponse {
    let wanted = |kind: &CodeActionKind| match &context.only {
        None => *kind != fix_all(),
        Some(only) => only.iter().any(|wanted| is_kind(kind, wanted)),
    };
    let mut actions = Vec::new();
    let mut patience = Patience::of(abilities);
    if wanted(&CodeActionKind::QUICKFIX) {
        let here: Vec<Finding> =
            snapshot.findings.all().into_iter().filter(|finding| place.has(&snapshot, finding)).collect();
        for finding in &here {
            for action in quick_fixes(engine, &snapshot, abilities, finding, &mut patience).await {
                add(&mut actions, action);
            }
        }
        actions.extend(accepts(&snapshot, abilities, &here));
        actions.extend(ignores(&snapshot, abilities, &here));
        actions.extend(measure_again(&snapshot, &place));
    }
    if wanted(&CodeActionKind::REFACTOR_REWRITE) {
        actions.extend(back_to_int8(engine, &snapshot, abilities, &place, &mut patience).await);
    }
    if wanted(&fix_all()) {
        actions.extend(all_safe(&snapshot, abilities));
    }
    actions
}

/// Appends an action, unless one with the same edit is there, which is then one of both findings.
fn add(actions: &mut Vec<CodeActionOrCommand>, new: CodeActionOrCommand) {
    if let CodeActionOrCommand::CodeAction(new) = &new {
        let same = actions.iter_mut().find_map(|known| match known {
            CodeActionOrCommand::CodeAction(known) if known.edit.is_some() && known.edit == new.edit => Some(known),
            _ => None,
        });
        if let Some(known) = same {
            known.diagnostics.get_or_insert_default().extend(new.diagnostics.iter().flatten().cloned());
            return;
        }
    }
    actions.push(new);
}

/// Returns `true` if `kind` is `wanted` or a kind below it: "refactor" includes "refactor.rewrite".
fn is_kind(kind: &CodeActionKind, wanted: &CodeActionKind) -> bool {
    let (kind, wanted) = (kind.as_str(), wanted.as_str());
    wanted.is_empty() || kind == wanted || kind.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
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
    let about = vec![shown(snapshot, abilities, finding)];
    let of_finding = |action| {
        let kind = Some(CodeActionKind::QUICKFIX);
        CodeActionOrCommand::CodeAction(CodeAction { kind, diagnostics: Some(about.clone()), ..action })
    };
    actions.into_iter().map(of_finding).collect()
}

fn shown(snapshot: &Snapshot, abilities: Abilities, finding: &Finding) -> Diagnostic {
    let (uri, knowledge) = (&snapshot.uri, &*snapshot.knowledge);
    Presentation { uri, places: snapshot.places(), knowledge, abilities }.diagnostic(finding)
}

/// Makes actions that give layers over their limit limits of their own.
fn accepts(snapshot: &Snapshot, abilities: Abilities, here: &[Finding]) -> Vec<CodeActionOrCommand> {
    let mut seen = HashSet::new();
    let layers = here.iter().filter_map(|finding| finding.layer.as_deref()).filter(|layer| seen.insert(*layer));
    layers.filter_map(|layer| accept(snapshot, abilities, layer)).take(MOST_LINES).collect()
}

/// Makes the action that gives a layer a limit a little above its error.
fn accept(snapshot: &Snapshot, abilities: Abilities, layer: &str) -> Option<CodeActionOrCommand> {
    let nsr = snapshot.knowledge.layer(layer)?.alone().filter(|alone| !alone.is_estimate)?.nsr;
    if !nsr.is_finite() || !is_over(nsr, snapshot.project.config.limit_of(layer)) {
        return None;
    }
    let limit = rounded_up(nsr);
    let edit = set_layer_limit(&snapshot.project.text, layer, &format!("\"{limit}\""))?;
    Some(CodeActionOrCommand::CodeAction(CodeAction {
        title: format!("Accept {} of `{layer}`: limit {limit} in [limits.layers]", percent(nsr)),
        kind: Some(CodeActionKind::QUICKFIX),
        edit: Some(edits(snapshot, abilities, &[edit])),
        ..CodeAction::default()
    }))
}

/// Rounds an error up to two digits, and at least a tenth more: it moves a little with the samples.
fn rounded_up(nsr: f64) -> String {
    let wanted = nsr * 110.0;
    let unit = 10f64.powf(wanted.max(1e-9).log10().floor() - 1.0);
    let rounded = (wanted / unit).ceil() * unit;
    // The digits that the unit has.
    let places = (-unit.log10()).max(0.0).round() as usize;
    format!("{rounded:.places$}%")
}

/// Makes an action for each rule with a finding on these lines, which leaves it out by a comment.
fn ignores(snapshot: &Snapshot, abilities: Abilities, here: &[Finding]) -> Vec<CodeActionOrCommand> {
    let places = snapshot.places();
    let line = |finding: &Finding| places.range(&finding.span).start.line;
    let mut seen = HashSet::new();
    let mut actions = Vec::new();
    for finding in here.iter().filter(|finding| seen.insert((finding.code.clone(), line(finding)))) {
        let Some(edit) = ignoring(&snapshot.project, finding, REASON) else { continue };
        let same = here.iter().filter(|other| (&other.code, line(other)) == (&finding.code, line(finding)));
        let (shared, count) = (same.clone().map(|other| shown(snapshot, abilities, other)).collect(), same.count());
        let others = if count > 1 { format!(" ({count} findings)") } else { String::new() };
        let arguments = Some(vec![snapshot.uri.as_str().into(), REASON.into()]);
        let title = format!("Ignore {} {} on this line{others}", finding.code, finding.name);
        let command = Command { title: title.clone(), command: "espq.selectReason".to_string(), arguments };
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title,
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(shared),
            edit: Some(edits(snapshot, abilities, &[edit])),
            command: abilities.has_commands.then_some(command),
            ..CodeAction::default()
        }));
    }
    actions
}

/// Makes the action that measures a text that is not measured.
fn measure_again(snapshot: &Snapshot, place: &Place) -> Option<CodeActionOrCommand> {
    snapshot.unmeasured.as_ref().filter(|finding| place.has(snapshot, finding))?;
    let title = "Measure the error of this text".to_string();
    let arguments = Some(vec![snapshot.uri.as_str().into()]);
    let command = Command { title: title.clone(), command: ANALYZE.to_string(), arguments };
    let kind = Some(CodeActionKind::QUICKFIX);
    Some(CodeActionOrCommand::CodeAction(CodeAction { title, kind, command: Some(command), ..CodeAction::default() }))
}

/// Returns actions for those layers on these lines of `[precision]` that have more bits than the model.
async fn back_to_int8(
    engine: &Arc<Engine>,
    snapshot: &Snapshot,
    abilities: Abilities,
    place: &Place,
    patience: &mut Patience,
) -> Vec<CodeActionOrCommand> {
    let project = &snapshot.project;
    let measures: Vec<Measure> = {
        let places = snapshot.places();
        let wide = project.config.precision.iter().filter(|c| c.choice.value != Scheme::Int8);
        let here = wide.filter(|c| match place {
            Place::Text(range) => touches(places.range(&c.layer.span), *range),
            Place::Layers(layers) => layers.contains(&c.layer.value),
        });
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
        title: fix.title.clone(),
        edit: Some(workspace_edit(snapshot, abilities, fix)),
        is_preferred: (fix.safety == Safety::Safe).then_some(true),
        ..CodeAction::default()
    }
}

/// Combines all safe fixes into one edit, for clients that fix on save.
fn all_safe(snapshot: &Snapshot, abilities: Abilities) -> Option<CodeActionOrCommand> {
    let text = &snapshot.project.text;
    let applied = apply(text, &snapshot.findings.all(), Safety::Safe);
    let edit = difference(text, &applied.text)?;
    let action = CodeAction {
        title: "Apply all safe fixes".to_string(),
        kind: Some(fix_all()),
        edit: Some(edits(snapshot, abilities, &[edit])),
        ..CodeAction::default()
    };
    Some(CodeActionOrCommand::CodeAction(action))
}
