//! Other ends of the network, measured before they are offered as fixes.

use crate::Result;
use crate::analysis::{Joint, Report};
use crate::chip::Scheme;
use crate::lint::{EndsTrial, EndsTrials, WideJoint, lossy_joints};
use crate::project::{EndName, EndNames, Project, Spanned};
use crate::quant::Keep;

use super::Progress;
use super::cancel::possible;
use super::joints::{self, Apart, JOINTS};
use super::opened::Opened;
use super::progress::Inside;

impl Opened {
    /// Measures the network with other ends: before the decoding of boxes, and with outputs of their own for the parts of
    /// joints; and these joints at int16.
    pub(super) fn ends_trials(&self, report: &Report, progress: &dyn Progress) -> Result<EndsTrials> {
        let model = self.model()?;
        let mut trials = EndsTrials::default();
        let is_whole = self.project().config.model.outputs.is_none();
        let head = model.head.as_ref().filter(|head| is_whole && !head.is_raw);
        if let Some(head) = head {
            let outputs = head.outputs().into_iter().map(|(name, at)| (name, at.at.clone())).collect();
            trials.head = possible(self.with_outputs(outputs, 0, progress))?;
            // The parts of its joints are not joined then.
            return Ok(trials);
        }
        for joint in lossy_joints(&self.project().config, report).into_iter().take(JOINTS) {
            if is_whole && let Some(Apart { outputs, behind }) = joints::apart(&model.simplified.graph, joint) {
                let outputs = outputs.into_iter().map(|name| (name.clone(), name)).collect();
                let trial = possible(self.with_outputs(outputs, behind, progress))?;
                trials.apart.extend(trial.map(|trial| (joint.layer.clone(), trial)));
            }
            if joint.output.is_some()
                && let Some(wide) = possible(self.wide(joint, progress))?.flatten()
            {
                trials.wide.push((joint.layer.clone(), wide));
            }
        }
        Ok(trials)
    }

    /// Measures the network with these outputs, quantized as the project has it.
    fn with_outputs(
        &self,
        outputs: Vec<(String, String)>,
        behind: usize,
        progress: &dyn Progress,
    ) -> Result<EndsTrial> {
        let mut project = Project::clone(self.project());
        let end = |(name, at): &(String, String)| EndName {
            at: Spanned { value: at.clone(), span: 0..0 },
            name: (name != at).then(|| name.clone()),
        };
        let ends = EndNames(outputs.iter().map(end).collect());
        project.config.model.outputs = Some(Spanned { value: ends, span: 0..0 });
        let opened = self.open_aside(project);
        let (session, plan) = (opened.session()?, opened.plan()?);
        // The observer that was chosen for the whole network.
        let plan = match self.project().config.chooses_observer() {
            true => self
                .settled_plan(progress)?
                .settings
                .method
                .map_or_else(|| plan.clone(), |m| plan.with_method(m).into()),
            false => plan,
        };
        let calibrated = session.calibrate(&plan, Keep::Nothing, &Inside(progress))?;
        let count = session.count(opened.project());
        let found = session.graphwise(&calibrated, &[], count, &Inside(progress))?;
        let errors = outputs.iter().zip(&found.outputs).map(|((name, _), error)| (name.clone(), error.nsr)).collect();
        self.engine.save(&session);
        Ok(EndsTrial { outputs, errors, boxes: found.boxes, behind })
    }

    /// Measures the errors of a joint's parts with int16 from the joint to the output.
    fn wide(&self, joint: &Joint, progress: &dyn Progress) -> Result<Option<WideJoint>> {
        let (session, plan) = (self.session()?, self.settled_plan(progress)?);
        let layers = joints::narrow(&plan, &joint.layer);
        let mut settings = plan.settings.clone();
        settings.layer_schemes.extend(layers.iter().map(|layer| (layer.clone(), Scheme::Int16)));
        let calibrated = session.calibrate(&self.plan_of(&settings)?, Keep::Nothing, &Inside(progress))?;
        let count = session.count(self.project());
        let found = session.graphwise(&calibrated, &joints::inside(&plan.graph, joint), count, &Inside(progress))?;
        let same = found.joints.iter().find(|found| found.layer == joint.layer);
        Ok(same.map(|joint| WideJoint { layers, parts: joint.parts.iter().map(|part| part.nsr).collect() }))
    }
}
