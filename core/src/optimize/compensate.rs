//! Pass `compensate`: changes weights and bias so that the layer makes the outputs of the float network from the inputs that
//! the layers before it leave, with their errors.
//!
//! Least squares: with the inputs `x` of the quantized network and those `f` of the float one, the change `D` of the weights `W` is
//! the one with the least `|W f - (W + D) x|^2` over samples and places, with a penalty on `D` in the units of the inputs' power. The bias
//! takes the difference of the means. An input that is mostly error thereby counts less.

use crate::Result;
use crate::graph::Tensor;
use crate::kernels::matmul::{Matrix, multiply};
use crate::parallel;

use super::factor::Factor;
use super::inputs::{Form, Inputs, TOGETHER, gathered, places};
use super::patches::{Reader, elements};
use super::sweep::{Change, Layer};

/// Penalty on the change of a weight, as a share of the mean power of the inputs. Places of one sample are much alike: without it, deep
/// layers fit the samples, and the error of others grows (four splits of trained networks: least from 0.3 to 3).
const PENALTY: f64 = 0.3;
/// Places that there must be for each element of a filter: fewer would be fitted one by one.
const PLACES: usize = 4;

/// Sums over samples and places for one group of filters.
struct Sums {
    /// Products of the missing outputs and the inputs: a row for each filter.
    products: Vec<f64>,
    missing: Vec<f64>,
    inputs: Vec<f64>,
    places: usize,
}

/// Returns the weights and the bias of a layer that make up for the errors of its inputs.
pub fn compensate(layer: &Layer) -> Result<Vec<Change>> {
    let weighted = layer.weighted;
    let Some(reader) = Reader::of(layer.graph, weighted) else { return Ok(Vec::new()) };
    let places = places(layer).unwrap_or_default() * layer.samples();
    if places < PLACES * weighted.filter() {
        return Ok(Vec::new());
    }
    let constant = |value| layer.graph.value(value).constant.as_ref();
    let (Some(weights), Some(inputs)) = (constant(weighted.weight), layer.inputs(&reader)?) else {
        return Ok(Vec::new());
    };
    let is_whole = |part: &Inputs| part.elements.len() == weighted.filter() && matches!(part.form, Form::Moments(_));
    let rows = weighted.rows(weights.slice::<f32>().unwrap_or_default());
    let bias = weighted.bias.and_then(|value| Some((value, constant(value)?)));
    let Some((bias_value, bias)) = bias.filter(|_| inputs.iter().all(is_whole)) else { return Ok(Vec::new()) };
    let Some(sums) = sums(layer, &reader, &rows)? else { return Ok(Vec::new()) };
    let changes: Vec<(Vec<f32>, Vec<f64>)> =
        parallel::map(inputs.len().min(sums.len()), |index| change(&inputs[index], &sums[index]));
    let changed: Vec<f32> =
        rows.iter().zip(changes.iter().flat_map(|(weights, _)| weights)).map(|(w, change)| w + change).collect();
    let shifts = changes.iter().flat_map(|(_, shifts)| shifts);
    let biases = bias.slice::<f32>().unwrap_or_default().iter().zip(shifts);
    let biases: Vec<f32> = biases.map(|(bias, shift)| (f64::from(*bias) + shift) as f32).collect();
    let made = |value, shape: &[usize], elements: Vec<f32>| {
        Ok(Change { value, tensor: Tensor::new(shape, elements)?, exponents: None })
    };
    Ok(vec![
        made(weighted.weight, weights.shape(), weighted.unrolled(&changed))?,
        made(bias_value, bias.shape(), biases)?,
    ])
}

/// Returns the changes of one group's weights, filter after filter, and of its biases.
fn change(inputs: &Inputs, sums: &Sums) -> (Vec<f32>, Vec<f64>) {
    let Form::Moments(moments) = &inputs.form else { return Default::default() };
    let (size, places) = (sums.inputs.len(), sums.places as f64);
    let means: Vec<f64> = sums.inputs.iter().map(|sum| sum / places).collect();
    let centered = |filter: usize| {
        let missing = sums.missing[filter];
        let products = &sums.products[filter * size..][..size];
        products.iter().zip(&means).map(move |(product, mean)| (product - missing * mean) as f32)
    };
    let filters = sums.missing.len();
    let wanted: Vec<f32> = (0..filters).flat_map(centered).collect();
    let weights = Factor::centered(moments, &means, places, PENALTY).solve(&wanted);
    let shifts = (0..filters).map(|filter| {
        let moved = weights[filter * size..][..size].iter().zip(&means).map(|(w, mean)| f64::from(*w) * mean);
        sums.missing[filter] / places - moved.sum::<f64>()
    });
    let shifts = shifts.collect();
    (weights, shifts)
}

/// Returns the sums of each group over all samples, which are added in their order.
fn sums(layer: &Layer, reader: &Reader, rows: &[f32]) -> Result<Option<Vec<Sums>>> {
    let mut total: Option<Vec<Sums>> = None;
    let samples: Vec<usize> = (0..layer.samples()).collect();
    for together in samples.chunks(TOGETHER) {
        let each = parallel::try_map(together.len(), |index| of_sample(layer, reader, rows, together[index]))?;
        let Some(each) = each.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        for sample in each {
            match &mut total {
                Some(total) => total.iter_mut().zip(&sample).for_each(|(total, one)| total.add(one)),
                None => total = Some(sample),
            }
        }
    }
    Ok(total)
}

fn of_sample(layer: &Layer, reader: &Reader, rows: &[f32], sample: usize) -> Result<Option<Vec<Sums>>> {
    let (Some(quantized), Some(float)) = (layer.input(sample)?, layer.float_input(sample)?) else { return Ok(None) };
    let (Some(quantized), Some(float)) = (elements(&quantized), elements(&float)) else { return Ok(None) };
    let missing: Vec<f32> = float.iter().zip(&*quantized).map(|(float, quantized)| float - quantized).collect();
    let weighted = layer.weighted;
    let (size, filters) = (weighted.filter(), weighted.outputs / weighted.groups);
    let of_group = |group: usize| {
        let weights = Matrix::dense(&rows[group * filters * size..][..filters * size], filters, size);
        let (missing, inputs) =
            (reader.patches(weighted, group, &missing)?, reader.patches(weighted, group, &quantized)?);
        Some(Sums::of(weights, missing.matrix(), inputs.matrix()))
    };
    Ok((0..weighted.groups).map(of_group).collect())
}

impl Sums {
    /// Sums of one sample, of which the inputs lack `missing`.
    fn of(weights: Matrix<f32>, missing: Matrix<f32>, inputs: Matrix<f32>) -> Sums {
        let (filters, size, places) = (weights.rows, weights.columns, inputs.columns);
        let mut outputs = vec![0.0f32; filters * places];
        multiply(weights, missing, &mut outputs);
        let mut products = vec![0.0f32; filters * size];
        multiply(Matrix::dense(&outputs, filters, places), inputs.transposed(), &mut products);
        let sums = |rows: &[f32]| {
            rows.chunks_exact(places.max(1)).map(|row| row.iter().map(|&v| f64::from(v)).sum()).collect()
        };
        Sums {
            products: products.into_iter().map(f64::from).collect(),
            missing: sums(&outputs),
            inputs: sums(&gathered(inputs)),
            places,
        }
    }

    fn add(&mut self, other: &Sums) {
        let add = |to: &mut Vec<f64>, from: &[f64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.products, &other.products);
        add(&mut self.missing, &other.missing);
        add(&mut self.inputs, &other.inputs);
        self.places += other.places;
    }
}
