//! Configurations of ports, and their sharing of scales.
//!
//! The forest of dominators follows esp-ppq's `core/quant.py`, path compression included: a configuration that later
//! gets another master takes only those with it that still point to it.

/// Index into [`Configs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfigId(pub(super) usize);

/// State of a configuration in the simulation of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// To be calibrated; not quantized yet.
    Initial,
    /// Quantized with its own scale.
    Activated,
    /// Shares another's scale, and is rounded there.
    Overlapped,
    /// A parameter whose scale depends on others (bias); not known yet.
    PassiveInit,
    /// Quantized with a scale that depends on, or belongs to, another.
    Passive,
    /// Not quantized.
    Float,
}

impl State {
    /// Returns `true` if values are rounded here.
    pub fn is_active(self) -> bool {
        matches!(self, State::Activated | State::Passive)
    }

    /// Returns `true` if there is a scale, wherever values are rounded.
    pub fn has_scale(self) -> bool {
        matches!(self, State::Activated | State::Passive | State::Overlapped)
    }
}

/// Quantization of one port: `TensorQuantizationConfig` of esp-ppq.
#[derive(Debug, Clone, PartialEq)]
pub struct PortConfig {
    /// State in the simulation, esp-ppq's `QuantizationStates`.
    pub state: State,
    /// Width of the integers.
    pub bits: u32,
    /// Axis of per-channel scales; `None` for a scale per tensor.
    pub axis: Option<usize>,
    /// log2 of its own scale; the effective scale is that of the root, see [`Configs::exponents`].
    own: Option<Vec<i32>>,
    dominator: ConfigId,
}

/// Every configuration of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Configs(Vec<PortConfig>);

impl std::ops::Index<ConfigId> for Configs {
    type Output = PortConfig;
    fn index(&self, id: ConfigId) -> &PortConfig {
        // Only `add` creates ids.
        &self.0[id.0]
    }
}

impl std::ops::IndexMut<ConfigId> for Configs {
    fn index_mut(&mut self, id: ConfigId) -> &mut PortConfig {
        &mut self.0[id.0]
    }
}

impl Configs {
    pub(super) fn add(&mut self, state: State, bits: u32, axis: Option<usize>) -> ConfigId {
        let id = ConfigId(self.0.len());
        self.0.push(PortConfig { state, bits, axis, own: None, dominator: id });
        id
    }

    /// Returns the configuration whose scale `id` has: itself, unless it shares another's.
    pub fn root(&self, mut id: ConfigId) -> ConfigId {
        // A longer chain would be a cycle, which `dominate` and `master` refuse.
        for _ in 0..self.0.len() {
            let next = self[id].dominator;
            if next == id {
                break;
            }
            id = next;
        }
        id
    }

    /// Returns the configuration whose scale `id` has in esp-ppq's files: one that rounds is its own.
    pub fn leader(&self, id: ConfigId) -> ConfigId {
        if self[id].state == State::Overlapped { self.root(id) } else { id }
    }

    /// Returns the effective exponents of `id`, if they are known.
    pub fn exponents(&self, id: ConfigId) -> Option<&[i32]> {
        self[self.root(id)].own.as_deref()
    }

    /// Returns the effective exponents of a port that has a scale; `None` in float, and before they are known.
    pub fn scale(&self, id: ConfigId) -> Option<&[i32]> {
        self.exponents(id).filter(|_| self[id].state.has_scale())
    }

    /// Returns the exponents that calibration gave to `id` itself; `None` if it has shared another's from the beginning.
    pub(super) fn own(&self, id: ConfigId) -> Option<&[i32]> {
        self[id].own.as_deref()
    }

    /// Returns the exponents that calibration gave to `id`, whatever it shares since.
    pub fn observed(&self, id: ConfigId) -> Option<&[i32]> {
        self[id].own.as_deref().or_else(|| self.exponents(id))
    }

    /// Gives `id` its own scale and activates it.
    pub(super) fn activate(&mut self, id: ConfigId, exponents: Vec<i32>) {
        self[id].own = Some(exponents);
        self[id].state = State::Activated;
    }

    /// Gives the scale that `id` shows other exponents; states stay.
    pub(super) fn rescale(&mut self, id: ConfigId, exponents: Vec<i32>) {
        let root = self.root(id);
        self[root].own = Some(exponents);
    }

    /// Makes `id` a root with this scale, in state [`State::Passive`].
    pub(super) fn settle(&mut self, id: ConfigId, exponents: Vec<i32>) {
        let config = &mut self[id];
        config.dominator = id;
        config.own = Some(exponents);
        config.state = State::Passive;
    }

    pub(super) fn same_scheme(&self, a: ConfigId, b: ConfigId) -> bool {
        self[a].bits == self[b].bits && self[a].axis == self[b].axis
    }

    /// Lets `by` dominate `id` and all configurations that share its scale; a value that stays float has none to share.
    pub(super) fn dominate(&mut self, id: ConfigId, by: ConfigId) {
        let (root, dominator) = (self.compress(id), self.compress(by));
        if root == dominator || id == dominator || self[id].state == State::Float {
            return;
        }
        for member in [root, id] {
            self[member].dominator = dominator;
            self[member].state = State::Overlapped;
        }
    }

    /// Lets `id`, with those that still point to it, take the scale of `master` while it still rounds; a value that stays
    /// float does not.
    pub(super) fn master(&mut self, id: ConfigId, master: ConfigId) {
        if self[id].state != State::Float {
            self.bound(id, master);
        }
    }

    /// Like [`Configs::master`], for a bound, which stays float until its input has a scale.
    pub(super) fn bound(&mut self, id: ConfigId, master: ConfigId) {
        if id == master || self.root(master) == id {
            return;
        }
        self[id].dominator = master;
        let known = self.exponents(master).is_some();
        self[id].state = if known { State::Passive } else { State::PassiveInit };
    }

    fn compress(&mut self, id: ConfigId) -> ConfigId {
        let root = self.root(id);
        let mut at = id;
        while at != root {
            let next = self[at].dominator;
            self[at].dominator = root;
            at = next;
        }
        root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(count: usize) -> (Configs, Vec<ConfigId>) {
        let mut configs = Configs::default();
        let ids = (0..count).map(|_| configs.add(State::Initial, 8, None)).collect();
        (configs, ids)
    }

    #[test]
    fn a_float_value_shares_no_scale() {
        let (mut configs, ids) = configs(3);
        configs[ids[0]].state = State::Float;
        configs.activate(ids[1], vec![-5]);
        configs.dominate(ids[0], ids[1]);
        configs.master(ids[0], ids[1]);
        assert_eq!((configs[ids[0]].state, configs.root(ids[0])), (State::Float, ids[0]));
    }

    #[test]
    fn a_dominated_family_is_overlapped_and_shows_its_roots_scale() {
        let (mut configs, ids) = configs(3);
        configs.dominate(ids[0], ids[1]);
        configs.dominate(ids[0], ids[2]);
        configs.activate(ids[2], vec![-4]);
        assert_eq!(ids.iter().map(|&i| configs.exponents(i)).collect::<Vec<_>>(), [Some(&[-4][..]); 3]);
        assert_eq!(configs[ids[1]].state, State::Overlapped);
    }

    #[test]
    fn a_mastered_config_keeps_rounding_with_the_masters_scale() {
        let (mut configs, ids) = configs(2);
        configs.activate(ids[0], vec![-3]);
        configs.activate(ids[1], vec![-5]);
        configs.master(ids[0], ids[1]);
        assert_eq!((configs[ids[0]].state, configs.exponents(ids[0])), (State::Passive, Some(&[-5][..])));
        assert_eq!(configs.observed(ids[0]), Some(&[-3][..]));
    }

    #[test]
    fn a_master_without_scale_leaves_its_follower_uninitialized() {
        let (mut configs, ids) = configs(2);
        configs.master(ids[0], ids[1]);
        assert_eq!(configs[ids[0]].state, State::PassiveInit);
    }

    #[test]
    fn no_cycle_can_be_made() {
        let (mut configs, ids) = configs(2);
        configs.dominate(ids[0], ids[1]);
        configs.dominate(ids[1], ids[0]);
        configs.master(ids[1], ids[0]);
        assert_eq!((configs.root(ids[0]), configs.root(ids[1])), (ids[1], ids[1]));
    }
}
