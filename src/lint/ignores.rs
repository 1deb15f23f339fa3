//! Findings that a comment on their line leaves out, and comments that leave out none.

use crate::project::{Ignore, Project, Spanned};
use crate::text::{self, Edit, Span, units};

use super::rule::{self, stands_for};
use super::rules::UNUSED_IGNORE;
use super::{Facts, Finding, Fix, FixKind, RULES, Safety};

/// Removes the findings that comments name, and adds a finding for each comment that was not needed.
pub fn apply(facts: &Facts, findings: &mut Vec<Finding>) {
    let ignores = &facts.project.ignores;
    if ignores.is_empty() {
        return;
    }
    let mut used: Vec<Vec<bool>> = ignores.iter().map(|ignore| vec![false; named(ignore).len()]).collect();
    findings.retain(|finding| {
        let mut is_ignored = false;
        // A comment cannot hide that it is wrong.
        for (ignore, used) in ignores.iter().zip(&mut used).filter(|_| finding.code != UNUSED_IGNORE.code) {
            if !is_on(&ignore.covers, &finding.span) {
                continue;
            }
            for (rule, used) in named(ignore).iter().zip(used) {
                if stands_for(&rule.value, &finding.code, &finding.name) {
                    *used = true;
                    is_ignored = true;
                }
            }
        }
        !is_ignored
    });
    for (ignore, used) in ignores.iter().zip(&used) {
        findings.extend(unused(facts, ignore, used));
    }
}

fn named(ignore: &Ignore) -> &[Spanned<String>] {
    ignore.rules.as_deref().unwrap_or_default()
}

/// Returns `true` for findings that begin on the line.
fn is_on(line: &Span, place: &Span) -> bool {
    (line.start..=line.end).contains(&place.start)
}

/// Returns the finding of a comment with rules that have run and found nothing.
fn unused(facts: &Facts, ignore: &Ignore, used: &[bool]) -> Option<Finding> {
    let is_idle = |(rule, used): (&Spanned<String>, &bool)| !used && has_run(facts, &rule.value);
    let idle: Vec<bool> = named(ignore).iter().zip(used).map(is_idle).collect();
    let names = |idle_ones: bool| {
        let chosen = named(ignore).iter().zip(&idle).filter(move |(_, idle)| **idle == idle_ones);
        chosen.map(|(rule, _)| rule.value.as_str()).collect::<Vec<_>>()
    };
    let (unneeded, kept) = (names(true), names(false));
    if unneeded.is_empty() {
        return None;
    }
    let message = format!("no finding of {} is on this line", units::and_more(&unneeded, 8));
    let edit = match kept.as_slice() {
        [] => removal(&facts.project.text, &ignore.span),
        _ => {
            let reason = if ignore.reason.is_empty() { String::new() } else { format!(" {}", ignore.reason) };
            Edit { span: ignore.span.clone(), text: format!("# espq: ignore[{}]{reason}", kept.join(", ")) }
        }
    };
    let title = if kept.is_empty() { "remove the comment" } else { "remove the rule from the comment" };
    let fix = Fix { title: title.to_string(), kind: FixKind::Spelling, safety: Safety::Safe, edits: vec![edit] };
    Some(Finding::new(&UNUSED_IGNORE, ignore.span.clone(), message).with_fix(fix))
}

/// Returns `true` if every rule that an entry stands for had its facts. An entry for no rule is reported as such.
fn has_run(facts: &Facts, entry: &str) -> bool {
    let mut rules = RULES.iter().filter(|rule| stands_for(entry, rule.code, rule.name));
    rule::unknown(entry).is_none() && rules.all(|rule| rule.needs.are_met(facts))
}

/// Returns the edit that leaves a finding out by a comment on its line, which has this reason. A comment that is there already gets
/// the code. Returns `None` for a finding without a line, or if no comment can stand there.
pub fn ignoring(project: &Project, finding: &Finding, reason: &str) -> Option<Edit> {
    let text = &project.text;
    if finding.span.is_empty() || finding.code == UNUSED_IGNORE.code {
        return None;
    }
    let of_line = project.ignores.iter().find(|ignore| is_on(&ignore.covers, &finding.span));
    let edit = match of_line.and_then(|ignore| Some((ignore, ignore.rules.as_ref()?.last()?))) {
        Some((_, last)) => Edit { span: last.span.end..last.span.end, text: format!(", {}", finding.code) },
        None => {
            let end = text[finding.span.start..].find('\n').map_or(text.len(), |length| finding.span.start + length);
            let end = end - (text[..end].len() - text[..end].trim_end().len());
            let comment = format!("  # espq: ignore[{}] {reason}", finding.code);
            Edit { span: end..end, text: comment.trim_end().to_string() }
        }
    };
    // Within a string of several lines, it would be no comment.
    let edited = Project::parse(project.file.clone(), text::apply(text, [&edit]));
    let names = |ignore: &Ignore| named(ignore).iter().any(|rule| rule.value == finding.code);
    edited.ignores.iter().any(|ignore| is_on(&ignore.covers, &finding.span) && names(ignore)).then_some(edit)
}

/// Removes a comment with the spaces before it, or with its line where it is alone.
fn removal(text: &str, comment: &Span) -> Edit {
    let before = text[..comment.start].trim_end_matches([' ', '\t']).len();
    let is_alone = before == 0 || text[..before].ends_with('\n');
    let after = text[comment.end..].chars().take_while(|c| matches!(c, '\r' | '\n'));
    let line_end: usize = after.scan(false, |ended, c| (!std::mem::replace(ended, c == '\n')).then_some(1)).sum();
    let span = if is_alone { before..comment.end + line_end } else { before..comment.end };
    Edit { span, text: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::check;
    use crate::project::Project;

    fn found(text: &str) -> Vec<(String, String)> {
        let project = Project::parse("espq.toml", text);
        let one = |f: Finding| (f.code.to_string(), text[f.span].to_string());
        check(&Facts::of(&project)).into_iter().map(one).collect()
    }

    const MODEL: &str = "[model]\npath = 'm'\ntarget = 'c'\n[calibration]\ndata = 'x'\n";

    #[test]
    fn a_finding_on_the_line_of_a_comment_is_left_out() {
        assert_eq!(found(&format!("{MODEL}metod = 'kl'\n"))[0].0, "C002");
        assert_eq!(found(&format!("{MODEL}metod = 'kl' # espq: ignore[C002] soon\n")), []);
        assert_eq!(found(&format!("{MODEL}# espq: ignore[unknown-key]\n# more\nmetod = 'kl'\n")), []);
        let other = format!("{MODEL}metod = 'kl'\nsampels = 3 # espq: ignore[C]\n");
        assert_eq!(found(&other), [("C002".to_string(), "metod".to_string())]);
    }

    #[test]
    fn a_comment_without_a_finding_or_a_rule_is_reported() {
        let unused = format!("{MODEL}method = 'kl' # espq: ignore[C002] why\n");
        assert_eq!(found(&unused), [("C008".to_string(), "# espq: ignore[C002] why".to_string())]);
        // The network has not run.
        assert_eq!(found(&format!("{MODEL}method = 'kl' # espq: ignore[E002]\n")), []);
        assert_eq!(found(&format!("{MODEL}method = 'kl' # espq: ignore[X9]\n")), [("C008".into(), "X9".into())]);
        assert_eq!(found(&format!("{MODEL}method = 'kl' # espq: ignore\n"))[0].0, "C008");
        assert_eq!(found(&format!("{MODEL}method = 'kl' # espq: ignore[C008]\n"))[0].0, "C008");
    }

    #[test]
    fn a_finding_gets_a_comment_that_leaves_it_out() {
        let ignored = |text: &str| {
            let project = Project::parse("espq.toml", text);
            let finding = check(&Facts::of(&project)).into_iter().find(|f| f.code == "C002").unwrap();
            ignoring(&project, &finding, "why").map(|edit| text::apply(text, [&edit]))
        };
        let plain = format!("{MODEL}metod = 'kl'\r\n");
        assert_eq!(ignored(&plain), Some(format!("{MODEL}metod = 'kl'  # espq: ignore[C002] why\r\n")));
        assert_eq!(found(&ignored(&plain).unwrap()), []);
        let commented = ignored(&format!("{MODEL}metod = 'kl' # ours")).unwrap();
        assert_eq!(commented, format!("{MODEL}metod = 'kl' # ours  # espq: ignore[C002] why"));
        assert_eq!(found(&commented), []);
        let other = ignored(&format!("{MODEL}metod = 'kl' # espq: ignore[C003] it\n")).unwrap();
        assert!(other.contains("# espq: ignore[C003, C002] it\n"), "{other}");
        assert_eq!(ignored(&format!("{MODEL}metod = '''\nkl'''\n")), None);
    }

    #[test]
    fn the_fix_removes_the_comment_and_nothing_else() {
        let fixed = |text: &str| {
            let project = Project::parse("espq.toml", text);
            let findings = check(&Facts::of(&project));
            text::apply(text, findings.iter().flat_map(|f| &f.fixes).flat_map(|fix| &fix.edits))
        };
        assert_eq!(
            fixed(&format!("{MODEL}method = 'kl'  # a # espq: ignore[C002] b\n")),
            format!("{MODEL}method = 'kl'  # a\n")
        );
        assert_eq!(
            fixed(&format!("{MODEL}# espq: ignore[C002]\r\nmethod = 'kl'\n")),
            format!("{MODEL}method = 'kl'\n")
        );
        let partly = format!("{MODEL}metod = 'kl' # espq: ignore[C002, C003] b\n");
        assert_eq!(fixed(&partly), format!("{MODEL}metod = 'kl' # espq: ignore[C002] b\n"));
    }
}
