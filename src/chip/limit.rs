//! Limits of ESP-DL's kernels: forms of an operator that they lack.

use super::{Family, NodeView, Runtime};

/// Consequence on the chip of a form that the kernels lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The loader stops, or makes no module.
    NotLoaded,
    /// The kernel stops, or reads or writes memory that is not its own.
    Crashes,
    /// The kernel runs and computes something else.
    SilentlyWrong,
}

impl Effect {
    pub fn name(self) -> &'static str {
        match self {
            Effect::NotLoaded => "not loaded",
            Effect::Crashes => "crashes",
            Effect::SilentlyWrong => "silently wrong",
        }
    }
}

/// A fault that a limit found in a node; `Ok(None)` where there is none, or where a fact is not known yet.
pub type Checked = Result<Option<String>, Unreadable>;

/// One form of an operator that ESP-DL's kernels lack.
pub struct Limit {
    pub name: &'static str,
    pub effect: Effect,
    /// Kernels that it is a limit of.
    pub on: &'static [Family],
    /// The first release that has the form.
    pub until: Option<Runtime>,
    pub check: fn(&dyn NodeView) -> Checked,
    /// The form to write instead.
    pub help: &'static str,
    /// File of ESP-DL's source that decides, and the function where it is not the module's only one.
    pub source: &'static str,
}

impl Limit {
    /// Describes the fault of a node; an attribute that cannot be read is a fault, never a pass.
    pub fn violation(&self, node: &dyn NodeView) -> Option<String> {
        if !self.is_in_force(node) {
            return None;
        }
        match (self.check)(node) {
            Ok(found) => found,
            Err(Unreadable(name)) => {
                Some(format!("attribute `{name}` of {} has another type than the operator defines", node.op()))
            }
        }
    }

    /// Before a target is chosen, limits of all kernels are.
    fn is_in_force(&self, node: &dyn NodeView) -> bool {
        let on = match node.family() {
            Some(family) => self.on.contains(&family),
            None => self.on.len() == Family::ALL.len(),
        };
        on && self.until.is_none_or(|first| node.runtime() < first)
    }
}

/// The name of an attribute whose type is not the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);
