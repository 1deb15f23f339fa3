//! Workspace: its folders, and the diagnostics of all projects in them, open or not.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_types::{
    Diagnostic, FullDocumentDiagnosticReport, PreviousResultId, UnchangedDocumentDiagnosticReport, Url,
    WorkspaceDiagnosticReport, WorkspaceDocumentDiagnosticReport, WorkspaceFolder,
    WorkspaceFullDocumentDiagnosticReport, WorkspaceUnchangedDocumentDiagnosticReport,
};
use serde_json::Value;

use crate::engine::{Engine, LintDepth, Watch};
use crate::project::Project;

use super::abilities::Abilities;
use super::diagnostics::Presentation;
use super::knowledge::Knowledge;
use super::position::Places;

/// Returns the folders in the parameters of `initialize`, or the single one of older clients.
pub fn folders(params: &Value) -> Vec<PathBuf> {
    let path = |uri: &Value| Url::parse(uri.as_str()?).ok()?.to_file_path().ok();
    match params["workspaceFolders"].as_array() {
        Some(folders) => folders.iter().filter_map(|folder| path(&folder["uri"])).collect(),
        None => path(&params["rootUri"]).into_iter().collect(),
    }
}

/// Returns the folder's path, if it is in the file system.
pub fn path(folder: &WorkspaceFolder) -> Option<PathBuf> {
    folder.uri.to_file_path().ok()
}

/// Diagnostics of a project, with the version of an open one.
pub struct Checked {
    pub uri: Url,
    pub version: Option<i64>,
    pub items: Vec<Diagnostic>,
}

/// Checks every project in the folders but the open ones, without running a network.
pub fn check(
    engine: &Arc<Engine>,
    folders: &[PathBuf],
    open: &[PathBuf],
    abilities: Abilities,
    watch: &Watch,
) -> crate::Result<Vec<Checked>> {
    let files: BTreeSet<PathBuf> = folders.iter().flat_map(|folder| Project::find(folder).files).collect();
    let mut checked = Vec::new();
    for file in files.into_iter().filter(|file| !open.contains(file)) {
        watch.token.check()?;
        checked.extend(check_one(engine, &file, abilities, watch)?);
    }
    Ok(checked)
}

fn check_one(engine: &Arc<Engine>, file: &Path, abilities: Abilities, watch: &Watch) -> crate::Result<Option<Checked>> {
    let Ok(uri) = Url::from_file_path(file) else { return Ok(None) };
    let project = Arc::new(Project::load_or_problem(file));
    let findings = engine.open(project.clone()).lint(LintDepth::Static, watch)?;
    let (places, knowledge) = (Places::new(&project.text, abilities.encoding), Knowledge::default());
    let shown = Presentation { uri: &uri, places, knowledge: &knowledge, abilities };
    let items = findings.iter().map(|finding| shown.diagnostic(finding)).collect();
    Ok(Some(Checked { uri, version: None, items }))
}

/// Makes the report, with only the names of what the client knows already. Also returns `true` if it has nothing new.
pub fn report(checked: Vec<Checked>, known: &[PreviousResultId]) -> (WorkspaceDiagnosticReport, bool) {
    let mut known: HashMap<&Url, &str> = known.iter().map(|known| (&known.uri, known.value.as_str())).collect();
    let mut items = Vec::new();
    let mut is_known = true;
    for Checked { uri, version, items: found } in checked {
        let id = id(&found);
        if known.remove(&uri) == Some(id.as_str()) {
            items.push(unchanged(uri, version, id));
        } else {
            is_known = false;
            items.push(full(uri, version, Some(id), found));
        }
    }
    // Projects that are gone.
    for uri in known.into_keys() {
        is_known = false;
        items.push(full(uri.clone(), None, None, Vec::new()));
    }
    (WorkspaceDiagnosticReport { items }, is_known)
}

fn unchanged(uri: Url, version: Option<i64>, result_id: String) -> WorkspaceDocumentDiagnosticReport {
    let unchanged_document_diagnostic_report = UnchangedDocumentDiagnosticReport { result_id };
    let report = WorkspaceUnchangedDocumentDiagnosticReport { uri, version, unchanged_document_diagnostic_report };
    WorkspaceDocumentDiagnosticReport::Unchanged(report)
}

fn full(
    uri: Url,
    version: Option<i64>,
    result_id: Option<String>,
    items: Vec<Diagnostic>,
) -> WorkspaceDocumentDiagnosticReport {
    let full_document_diagnostic_report = FullDocumentDiagnosticReport { result_id, items };
    let report = WorkspaceFullDocumentDiagnosticReport { uri, version, full_document_diagnostic_report };
    WorkspaceDocumentDiagnosticReport::Full(report)
}

/// Name of a result: equal for equal diagnostics within a session.
fn id(items: &[Diagnostic]) -> String {
    let mut hasher = DefaultHasher::new();
    // Diagnostics have no maps with keys other than strings, which is the only way to fail.
    serde_json::to_string(items).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn folders_are_those_of_the_workspace_or_its_root() {
        let (a, b) = (std::env::temp_dir().join("a b"), std::env::temp_dir().join("b"));
        let uri = |path: &Path| Url::from_file_path(path).unwrap().to_string();
        let several = json!([{ "uri": uri(&a), "name": "a" }, { "uri": "untitled:x", "name": "x" }, 7]);
        assert_eq!(folders(&json!({ "rootUri": uri(&b), "workspaceFolders": several })), [a]);
        assert_eq!(folders(&json!({ "rootUri": uri(&b), "workspaceFolders": null })), [b]);
        assert!(folders(&json!({ "rootUri": null })).is_empty());
    }
}
