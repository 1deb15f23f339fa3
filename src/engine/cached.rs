//! Results of a session that remain valid after a change of precision, and their form in the store.
//!
//! Never: measurements, which [`super::session`] makes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::analysis::{Clipping, ErrorFigures, FloatSamples, Graphwise, SimulatedSamples};
use crate::chip::Method;
use crate::exec::Program;
use crate::quant::{Frontiers, Observations, Quantized};

use super::calibrated::{Calibrated, Float, node_key, reference_key};
use super::content::Key;

/// Memory in bytes for samples in the middle of a calibration, and as much for those in the middle of a simulation, and of a float run:
/// these two stop at the same places.
const RESUMED: usize = 17 << 20;

/// Results that remain valid after a change of precision, by keys.
pub(super) struct Cached {
    pub observations: Observations,
    /// Samples in the middle of a calibration, from which the next one resumes.
    pub frontiers: Frontiers,
    /// Observer with the least error in the last measurement.
    pub best: Option<Method>,
    /// Float programs, with the key of the values that are also rounded in them.
    pub float: Option<(Key, Float)>,
    /// Last simulation, with the keys of its nodes: the next one prepares only nodes that differ.
    simulated: Option<(Vec<Key>, Arc<Program>)>,
    pub originals: FloatSamples,
    pub simulations: SimulatedSamples,
    /// Keys of those simulations, by sample.
    pub traced: Vec<Arc<Traced>>,
    pub layerwise: HashMap<Key, ErrorFigures>,
    pub graphwise: HashMap<Key, Arc<Graphwise>>,
    pub estimates: HashMap<Key, Arc<Vec<Option<f64>>>>,
    /// Losses by the range of ports, which do not depend on other layers.
    pub clipping: HashMap<Key, Clipping>,
    /// Effects by settings.
    pub effects: HashMap<Key, Effect>,
    /// Number of entries that are already in the store.
    saved: usize,
}

/// Part of the results that is stored: no activations, and no figure that is not finite.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    observations: Observations,
    layerwise: BTreeMap<String, ErrorFigures>,
    effects: BTreeMap<String, Effect>,
}

/// Errors of a plan that is a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Effect {
    /// Error of each output.
    pub outputs: Vec<ErrorFigures>,
    /// Error of the layer that is tried, alone.
    pub alone: Option<ErrorFigures>,
}

/// Keys of a simulation whose values are kept.
pub(super) struct Traced {
    pub reference: Key,
    pub keys: Vec<Key>,
}

impl Traced {
    /// Returns the number of leading nodes that are simulated in the same way.
    pub fn leading(&self, calibrated: &Calibrated) -> usize {
        match self.reference == calibrated.reference {
            true => self.keys.iter().zip(&calibrated.keys).take_while(|(a, b)| a == b).count(),
            false => 0,
        }
    }
}

fn is_finite(figures: &ErrorFigures) -> bool {
    [figures.nsr, figures.cosine, figures.mse].iter().all(|f| f.is_finite())
}

/// Arithmetic of sums that exceed float32's exact range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sums {
    /// float64
    Exact,
    /// float32, for guesses: half the time, and the last bits differ.
    Single,
}

impl Cached {
    /// Makes an empty one.
    pub fn new() -> Cached {
        Cached {
            observations: Observations::default(),
            frontiers: Frontiers::new(RESUMED),
            best: None,
            float: None,
            simulated: None,
            originals: FloatSamples::new(RESUMED),
            simulations: SimulatedSamples::new(RESUMED),
            traced: Vec::new(),
            layerwise: HashMap::new(),
            graphwise: HashMap::new(),
            estimates: HashMap::new(),
            clipping: HashMap::new(),
            effects: HashMap::new(),
            saved: 0,
        }
    }

    /// Adds the measurements of another process.
    pub fn remember(&mut self, kept: Kept) {
        self.observations = kept.observations;
        self.layerwise = kept.layerwise.iter().filter_map(|(k, v)| Some((Key::from_hex(k)?, *v))).collect();
        self.effects = kept.effects.into_iter().filter_map(|(k, v)| Some((Key::from_hex(&k)?, v))).collect();
        self.saved = self.measured();
    }

    /// Returns the measurements if there are more than are stored.
    pub fn news(&mut self) -> Option<Kept> {
        let measured = self.measured();
        if std::mem::replace(&mut self.saved, measured) == measured {
            return None;
        }
        let layerwise = self.layerwise.iter().filter(|(_, f)| is_finite(f)).map(|(k, f)| (k.hex(), *f));
        let is_known = |effect: &Effect| effect.outputs.iter().chain(&effect.alone).all(is_finite);
        let effects = self.effects.iter().filter(|(_, effect)| is_known(effect)).map(|(k, e)| (k.hex(), e.clone()));
        Some(Kept {
            observations: self.observations.clone(),
            layerwise: layerwise.collect(),
            effects: effects.collect(),
        })
    }

    pub fn calibrated(&mut self, quantized: Quantized, sums: Sums) -> Result<Calibrated> {
        let reference = quantized.plan().reference()?;
        let reference_key = reference_key(&quantized, &reference);
        let float = match &self.float {
            Some((key, float)) if *key == reference_key => float.clone(),
            _ => {
                let original = Arc::new(Program::simulated(&quantized.plan().original, &reference)?);
                let equivalent = match quantized.plan().equivalence {
                    None => original.clone(),
                    Some(_) => Arc::new(Program::simulated(&quantized.plan().equivalent, &reference)?),
                };
                let float = Float { original, equivalent };
                self.float = Some((reference_key, float.clone()));
                self.originals.clear();
                float
            }
        };
        let mut simulation = quantized.plan().simulation()?;
        if sums == Sums::Single {
            let plain = simulation.iter_mut().flatten().filter(|simulated| simulated.kernel.is_none());
            plain.for_each(|simulated| simulated.wide = false);
        }
        let keys: Vec<Key> =
            quantized.plan().graph.node_ids().map(|node| node_key(&quantized, &simulation, node)).collect();
        let simulated = Arc::new(match &self.simulated {
            Some((earlier, program)) => program
                .with_simulation(&quantized.plan().graph, &simulation, |n| earlier.get(n.0) == Some(&keys[n.0]))?,
            None => Program::simulated(&quantized.plan().graph, &simulation)?,
        });
        self.simulated = Some((keys.clone(), simulated.clone()));
        Ok(Calibrated { quantized, float, simulation, simulated, keys, reference: reference_key })
    }

    /// Returns the memory of activations, in bytes.
    pub fn activations(&self) -> usize {
        self.originals.bytes() + self.simulations.bytes() + self.frontiers.bytes()
    }

    /// Frees all activations.
    pub fn free_activations(&mut self) {
        self.originals.clear();
        self.simulations.clear();
        self.traced.clear();
        self.frontiers.clear();
    }

    fn measured(&self) -> usize {
        self.observations.count() + self.layerwise.len() + self.effects.len()
    }

    /// Limits the memory of a long session; dropped results are measured again.
    pub fn bound(&mut self) {
        const MOST: usize = 1 << 16;
        if self.observations.count() > MOST {
            self.observations = Observations::default();
        }
        if self.layerwise.len() > MOST {
            self.layerwise.clear();
        }
        if self.clipping.len() > MOST {
            self.clipping.clear();
        }
        if self.graphwise.len() + self.estimates.len() + self.effects.len() > MOST / 64 {
            self.graphwise.clear();
            self.estimates.clear();
            self.effects.clear();
        }
    }
}
