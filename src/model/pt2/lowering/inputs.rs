//! Inputs of the model, and the lengths that the program leaves free.

use super::Lowering;
use crate::graph::Value;
use crate::model::pt2::lengths::{evaluate, symbol};
use crate::model::pt2::schema::{Form, Length};
use crate::model::pt2::tensors;
use crate::model::shapes::batch_note;
use crate::model::unique::distinct;
use crate::model::{Axis, Declared, Shapes};
use crate::note::Note;
use crate::{Error, Kind, Result, bail};

const FIXED: &str = "export with the shape that the chip gets, without dynamic_shapes";

impl Lowering<'_> {
    /// Adds the inputs of the model, with shapes that are given where the program leaves lengths free.
    pub fn inputs(&mut self, given: &Shapes) -> Result<Vec<Declared>> {
        let program = self.program;
        let mut all = Vec::new();
        for name in &program.inputs {
            if self.held.contains_key(&**name) {
                bail!("input '{name}' of the program is listed twice")
            }
            let meta = self.form(name)?;
            let of_input =
                |e: Error| e.about(&format!("input '{name}'")).with_help("export the model with float32 inputs");
            let data_type = tensors::data_type(meta.dtype).map_err(of_input)?;
            let unique = distinct(&mut self.names, name);
            let id = self.add_value(
                Value { name: unique, data_type: Some(data_type), shape: None, constant: None, scales: Vec::new() },
                false,
            );
            let declared = Declared { input: id, axes: axes(name, meta)? };
            self.graph.values[id.0].shape = declared.shape();
            self.graph.notes.extend(batch_note(name, &declared).map(Note::new));
            self.graph.inputs.push(id);
            self.held.insert(name, id);
            let shape = given.get(&**name).cloned().or_else(|| declared.shape());
            if let Some(shape) = shape.filter(|shape| shape.len() == declared.axes.len()) {
                self.shapes.insert(name.to_string(), shape);
            }
            all.push(declared);
        }
        if self.shapes.len() == all.len() {
            self.bind()?;
        }
        Ok(all)
    }

    /// Sets the symbols to the lengths of the inputs, which must fit all sizes that the program has for them.
    fn bind(&mut self) -> Result<()> {
        let program = self.program;
        let mut inputs: Vec<(&str, &Form)> = Vec::new();
        for name in &program.inputs {
            inputs.push((name, self.form(name)?));
        }
        for (name, meta) in &inputs {
            for (length, &given) in meta.sizes.iter().zip(self.shapes.get(*name).into_iter().flatten()) {
                if let Some(symbol) = symbol(length) {
                    self.symbols.entry(symbol.to_string()).or_insert(given as i64);
                }
            }
        }
        for (name, meta) in &inputs {
            for (axis, (length, &given)) in
                meta.sizes.iter().zip(self.shapes.get(*name).into_iter().flatten()).enumerate()
            {
                let wanted = evaluate(length, &self.symbols).map_err(|e| e.about(&format!("input '{name}'")))?;
                if wanted == given as i64 {
                    continue;
                }
                if axis == 0 && given == 1 && matches!(length, Length::AsInt(_)) {
                    let what = format!("the program is exported for a batch of {wanted}: input '{name}'");
                    let help = "export with a batch of 1, which ESP-DL has, or with a free one: dynamic_shapes=({0: \
                                torch.export.Dim(\"batch\")},)";
                    return Err(Error::new(what).with_help(help).of_kind(Kind::Batch));
                }
                let what = format!("dimension {axis} of input '{name}' is {given}, and the program needs {wanted}");
                return Err(Error::new(what).with_help(FIXED).of_kind(Kind::Dynamic));
            }
        }
        Ok(())
    }
}

fn axes(name: &str, meta: &Form) -> Result<Vec<Axis>> {
    let mut axes = Vec::new();
    let mut lengths = Vec::new();
    for (axis, length) in meta.sizes.iter().enumerate() {
        axes.push(match length {
            Length::AsInt(0) => {
                let what = format!("dimension {axis} of input '{name}' is 0");
                return Err(Error::new(what).with_help(FIXED));
            }
            Length::AsInt(int) => {
                lengths.push(*int);
                Axis::Fixed(usize::try_from(*int).unwrap_or_default())
            }
            Length::AsExpr(_) => Axis::Free(symbol(length).unwrap_or_default().to_string()),
        });
    }
    tensors::shape(&lengths).map_err(|e| e.about(&format!("input '{name}'")).with_help(FIXED))?;
    Ok(axes)
}
