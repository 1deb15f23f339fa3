//! Baseline: known issues, so that only new ones are reported.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

use super::Finding;

/// Known issues, as a file has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of the format.
    version: u32,
    issues: Vec<Known>,
}

/// Issue of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Configuration, relative to the folder of the baseline, with forward slashes.
    pub file: String,
    /// Code of the rule.
    pub code: String,
    /// Words by which the issue is recognized: [`Finding::identity`].
    pub issue: String,
    /// Number of such findings in the file.
    pub count: usize,
}

const VERSION: u32 = 1;

impl Baseline {
    /// Makes a baseline of findings, each with its file.
    pub fn of<'a>(findings: impl IntoIterator<Item = (String, &'a Finding)>) -> Baseline {
        let mut counts: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for (file, finding) in findings {
            *counts.entry((file, finding.code.to_string(), finding.identity())).or_default() += 1;
        }
        let issues = counts.into_iter().map(|((file, code, issue), count)| Known { file, code, issue, count });
        Baseline { version: VERSION, issues: issues.collect() }
    }

    /// Reads the text of a file that [`Baseline::to_text`] wrote.
    pub fn parse(text: &str) -> Result<Baseline> {
        let help = "`espq lint --write-baseline FILE` writes one";
        let baseline: Baseline =
            serde_json::from_str(text).map_err(|e| Error::new(format!("this is no baseline: {e}")).with_help(help))?;
        match baseline.version {
            VERSION => Ok(baseline),
            other => {
                Err(Error::new(format!("the baseline has version {other}, but {VERSION} is known")).with_help(help))
            }
        }
    }

    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        // Plain structs with text keys always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Returns the number of findings that the baseline has.
    pub fn len(&self) -> usize {
        self.issues.iter().map(|known| known.count).sum()
    }

    /// Returns `true` if no issue is known.
    pub fn is_empty(&self) -> bool {
        self.issues.is_empty()
    }

    /// Removes the known issues from the findings of a file, each as often as the baseline has it.
    pub fn remove_known(&self, file: &str, findings: &mut Vec<Finding>) {
        let own = self.issues.iter().filter(|known| known.file == file);
        // The words begin with the code.
        let mut left: BTreeMap<&str, usize> = own.map(|known| (known.issue.as_str(), known.count)).collect();
        findings.retain(|finding| match left.get_mut(finding.identity().as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(message: &str) -> Finding {
        Finding::new(crate::lint::RULES[0], 0..0, message)
    }

    #[test]
    fn known_issues_are_removed_as_often_as_they_were_there() {
        let known = [finding("error 3% of `a`"), finding("b")];
        let baseline = Baseline::of(known.iter().map(|f| ("espq.toml".to_string(), f)));
        let baseline = Baseline::parse(&baseline.to_text()).unwrap();
        assert_eq!(baseline.len(), 2);
        let mut now = vec![finding("error 4.5% of `a`"), finding("error 9% of `a`"), finding("b"), finding("c")];
        baseline.remove_known("espq.toml", &mut now);
        let left: Vec<&str> = now.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(left, ["error 9% of `a`", "c"]);
        let mut other = vec![finding("b")];
        baseline.remove_known("other.espq.toml", &mut other);
        assert_eq!(other.len(), 1);
    }

    #[test]
    fn other_files_are_refused() {
        for text in ["", "[]", "{\"version\": 2, \"issues\": []}", "{\"version\": 1, \"issues\": [], \"x\": 1}"] {
            assert!(Baseline::parse(text).is_err(), "{text}");
        }
    }
}
