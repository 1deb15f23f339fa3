//! Application of fixes, round after round, and the count of what they have fixed.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::chip::Scheme;
use crate::lint::{Finding, Fix, apply};
use crate::project::Project;
use crate::render::findings::Linted;
use crate::text::units::count;
use crate::text::visible;

use super::Run;
use crate::cli::difference;

/// Maximum number of rounds; it stops fixes that undo each other.
const MOST_ROUNDS: usize = 10;

/// Project after its check.
pub struct Checked {
    pub linted: Linted,
    /// Number of findings that the baseline has.
    pub known: usize,
    pub fixed: Option<Fixed>,
}

/// Configuration with fixes applied.
pub struct Fixed {
    pub file: PathBuf,
    before: String,
    pub after: String,
    /// Number of findings that are gone: more than the fixes, if one of these removes several.
    fixed: usize,
    /// Fixes that were applied: "C002: write method".
    titles: Vec<String>,
}

impl Fixed {
    pub fn diff(&self) -> String {
        difference::of(&self.file, &self.before, &self.after)
    }

    /// "Fixed 2 issues in espq.toml", "Fixed 20 issues with 11 fixes in espq.toml"
    pub fn note(&self, with_titles: bool) -> String {
        let fixes = match self.titles.len() {
            fixes if fixes == self.fixed => String::new(),
            fixes => format!(" with {}", counted(fixes)),
        };
        let fixed = count(self.fixed, "issue");
        let mut note = format!("Fixed {fixed}{fixes} in {}\n", visible(&self.file.display().to_string()));
        if with_titles {
            note.extend(self.titles.iter().map(|title| format!("  {}\n", visible(title))));
        }
        note
    }
}

/// "1 fix", "2 fixes"
fn counted(fixes: usize) -> String {
    if fixes == 1 { "1 fix".to_string() } else { format!("{fixes} fixes") }
}

impl Run<'_> {
    /// Lints a project; if fixes are requested, applies them and returns the remaining findings.
    pub(super) fn check(&self, mut project: Project) -> crate::Result<Checked> {
        let allowed = self.arguments.allowed();
        let before = project.text.clone();
        let (mut seen, mut titles) = (Counts::default(), Vec::new());
        let mut set = BTreeSet::new();
        let (mut round, mut has_measured) = (0, false);
        loop {
            let (findings, known) = self.findings(&project)?;
            // Of those without a fix, too: a fix of another can remove them, and what was found is what is fixed and what is left.
            findings.iter().for_each(|finding| seen.add(finding, round, has_measured));
            let applied = allowed
                .filter(|_| round < MOST_ROUNDS)
                .map(|allowed| (allowed, apply(&project.text, &without_fixes_of(&findings, &set), allowed)));
            // Fixes that touch wait for the next round.
            let Some((allowed, applied)) = applied.filter(|(_, applied)| applied.text != project.text) else {
                let is_changed = project.text != before;
                let fixed = is_changed.then(|| Fixed {
                    file: project.file.clone(),
                    before,
                    after: project.text.clone(),
                    fixed: seen.gone(&findings),
                    titles,
                });
                return Ok(Checked { linted: Linted { project, findings }, known, fixed });
            };
            for finding in applied.findings.iter().filter_map(|&index| findings.get(index)) {
                let fix = finding.fix_within(allowed);
                has_measured |= fix.is_some_and(Fix::is_measured);
                let title = fix.map(|fix| fix.title.as_str()).unwrap_or_default();
                let layer = finding.layer.as_ref().map(|layer| format!(" {layer}")).unwrap_or_default();
                titles.push(format!("{}{layer}: {title}", finding.code));
            }
            let next = Project::parse(&project.file, applied.text);
            set.extend(changed_layers(&project, &next));
            project = next;
            self.choose(&mut project)?;
            round += 1;
        }
    }
}

/// Returns layers whose line in `[precision]` differs.
fn changed_layers(before: &Project, after: &Project) -> BTreeSet<String> {
    let lines = |project: &Project| -> Vec<(String, Scheme)> {
        project.config.precision.iter().map(|line| (line.layer.value.clone(), line.choice.value)).collect()
    };
    let (before, after) = (lines(before), lines(after));
    let added = after.iter().filter(|line| !before.contains(line));
    let removed = before.iter().filter(|line| !after.contains(line));
    added.chain(removed).map(|(layer, _)| layer.clone()).collect()
}

/// Leaves out the fixes of layers that an earlier round has set: with each change the figures of all others move, and a layer would be set
/// back and forth.
fn without_fixes_of(findings: &[Finding], set: &BTreeSet<String>) -> Vec<Finding> {
    let is_set = |finding: &Finding| finding.layer.as_ref().is_some_and(|layer| set.contains(layer));
    let left = |finding: &Finding| match is_set(finding) {
        true => Finding { fixes: Vec::new(), ..finding.clone() },
        false => finding.clone(),
    };
    findings.iter().map(left).collect()
}

/// Findings by the words by which they are recognized; of several rounds, the largest number in one.
#[derive(Default)]
struct Counts(HashMap<String, (usize, usize, usize)>);

impl Counts {
    /// Counts a finding. Behind a fix that changes results, only those that were found before count: others are its consequences,
    /// while one of spelling uncovers what was wrong all along.
    fn add(&mut self, finding: &Finding, round: usize, has_measured: bool) {
        let identity = finding.identity();
        if has_measured && !self.0.contains_key(&identity) {
            return;
        }
        let (most, last, now) = self.0.entry(identity).or_insert((0, round, 0));
        if *last != round {
            (*last, *now) = (round, 0);
        }
        *now += 1;
        *most = (*most).max(*now);
    }

    /// Returns the number of findings that are not among these.
    fn gone(&self, findings: &[Finding]) -> usize {
        let mut left: HashMap<String, usize> = HashMap::new();
        findings.iter().for_each(|finding| *left.entry(finding.identity()).or_default() += 1);
        let gone = |(identity, (most, _, _)): (&String, &(usize, usize, usize))| {
            most.saturating_sub(left.get(identity).copied().unwrap_or(0))
        };
        self.0.iter().map(gone).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::RULES;

    fn finding(layer: &str) -> Finding {
        Finding::new(RULES[0], 0..0, "").about(layer)
    }

    #[test]
    fn consequences_of_a_measured_fix_are_not_counted_as_fixed() {
        let mut counts = Counts::default();
        counts.add(&finding("a"), 0, false);
        counts.add(&finding("uncovered"), 1, false);
        counts.add(&finding("a"), 2, true);
        counts.add(&finding("consequence"), 2, true);
        assert_eq!((counts.gone(&[]), counts.gone(&[finding("a")])), (2, 1));
    }

    #[test]
    fn more_issues_than_fixes_are_told_with_both_numbers() {
        let fixed = |fixed, titles: &[&str]| Fixed {
            file: "espq.toml".into(),
            before: String::new(),
            after: String::new(),
            fixed,
            titles: titles.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(fixed(1, &["a"]).note(true), "Fixed 1 issue in espq.toml\n  a\n");
        assert_eq!(fixed(3, &["a"]).note(true), "Fixed 3 issues with 1 fix in espq.toml\n  a\n");
        assert_eq!(fixed(3, &["a", "b"]).note(false), "Fixed 3 issues with 2 fixes in espq.toml\n");
    }
}
