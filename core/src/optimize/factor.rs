//! Upper Cholesky factor of second moments, and the rounding of filters by it.
//!
//! Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022), equation 2,
//! here by the Cholesky factor of the second moments themselves and from the last weight to the first, which rounds the
//! same way and needs no inverse. Of few inputs with many elements the factor is not computed: with `H = d I + X X^T`, the
//! complement of the first `r` rows is `d I + X (I + X_r^T X_r / d)^-1 X^T`, by Woodbury's identity, and the inner matrix
//! is as small as the inputs are few.

use crate::kernels::lanes::{Grid, LANES, add_product, products, round};
use crate::kernels::matmul::{Matrix, multiply};
use crate::parallel;

use super::inputs::Form;
use super::moments::Moments;

/// Share of the mean second moment that is added to each: Frantar et al., section 4.
const DAMPING: f64 = 0.01;
/// Rows that are eliminated before they are taken out of all others at once.
const BLOCK: usize = 48;

/// Factor of second moments, elements of the filter ordered by the power of their inputs.
pub struct Factor {
    /// Place in the filter of each row of the factor, the weakest input first.
    order: Vec<usize>,
    rows: Rows,
}

/// Rows of the factor.
enum Rows {
    /// Row after row; below the diagonal nothing is read.
    Upper(Vec<f32>),
    /// Each row is the product of its gain and all inputs, divided by its element on the diagonal.
    Few {
        /// Inputs of each row of the factor, their product with the inner matrix, and the square of the element on the diagonal.
        inputs: Vec<f32>,
        gains: Vec<f32>,
        squares: Vec<f64>,
    },
}

/// One filter that is to lie on multiples of `step`.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub filter: &'a [f32],
    pub step: f32,
    /// Loss from which on the result is of no use.
    pub enough: f64,
}

/// A filter on its grid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rounded {
    pub filter: Vec<f32>,
    /// Power of the error that it makes at the layer's output, in the units of the second moments; infinite if it is of no use.
    pub loss: f64,
}

impl Factor {
    /// Factorizes the second moments of inputs by `size` elements of a filter.
    pub fn of(form: &Form, size: usize) -> Factor {
        match form {
            Form::Moments(moments) => Factor::of_moments(moments.size(), |a, b| moments.of(a, b), DAMPING),
            Form::Rows(rows) => Factor::of_rows(rows, size),
        }
    }

    /// Factorizes the moments about the means of inputs at so many places.
    pub fn centered(moments: &Moments, means: &[f64], places: f64, share: f64) -> Factor {
        Factor::of_moments(moments.size(), |a, b| moments.of(a, b) - places * means[a] * means[b], share)
    }

    fn of_moments(size: usize, of: impl Fn(usize, usize) -> f64, share: f64) -> Factor {
        let powers: Vec<f64> = (0..size).map(|at| of(at, at)).collect();
        let (order, damping) = (by_power(&powers), damping(&powers, share));
        let mut upper = vec![0.0f64; size * size];
        for (r, &a) in order.iter().enumerate() {
            for (c, &b) in order.iter().enumerate().skip(r) {
                upper[r * size + c] = of(a, b);
            }
            upper[r * size + r] += damping;
        }
        factorize(&mut upper, size);
        Factor { order, rows: Rows::Upper(upper.into_iter().map(|v| v as f32).collect()) }
    }

    /// `rows` has the inputs of each element, all of one length.
    fn of_rows(rows: &[f32], size: usize) -> Factor {
        let count = rows.len() / size.max(1);
        let row = |element: usize| &rows[element * count..][..count];
        let powers: Vec<f64> = (0..size).map(|e| row(e).iter().map(|&x| f64::from(x) * f64::from(x)).sum()).collect();
        let (order, damping) = (by_power(&powers), damping(&powers, DAMPING));
        let mut inner = vec![0.0f64; count * count];
        (0..count).for_each(|at| inner[at * count + at] = 1.0);
        let (mut inputs, mut gains, mut squares) = (Vec::new(), Vec::new(), Vec::new());
        for &element in &order {
            let x: Vec<f64> = row(element).iter().map(|&x| x.into()).collect();
            let gain: Vec<f64> = inner.chunks_exact(count.max(1)).map(|row| dot(row, &x)).collect();
            let square = damping + dot(&gain, &x);
            for (row, g) in inner.chunks_exact_mut(count.max(1)).zip(&gain) {
                subtract(row, &gain, g / square);
            }
            inputs.extend_from_slice(row(element));
            gains.extend(gain.iter().map(|&g| g as f32));
            squares.push(square);
        }
        Factor { order, rows: Rows::Few { inputs, gains, squares } }
    }

    /// Rounds filters to multiples of their steps within `limits` (in steps): each weight makes up for the error of those
    /// before it.
    pub fn round(&self, wanted: &[Wanted], limits: (f32, f32)) -> Vec<Rounded> {
        let lanes: Vec<&[Wanted]> = wanted.chunks(LANES).collect();
        parallel::map(lanes.len(), |index| self.round_lanes(lanes[index], limits)).concat()
    }

    /// Multiplies rows, one after the other, by the inverse of the damped moments. Of few inputs there is none.
    pub fn solve(&self, rows: &[f32]) -> Vec<f32> {
        let size = self.order.len().max(1);
        let Rows::Upper(upper) = &self.rows else { return vec![0.0; rows.len()] };
        let of_lanes = |rows: &[f32]| {
            let count = rows.len() / size;
            let at = |lane: usize, place: usize| rows[lane.min(count - 1) * size + place];
            let mut found: Vec<[f32; LANES]> =
                self.order.iter().map(|&place| std::array::from_fn(|lane| at(lane, place))).collect();
            for r in 0..size {
                let row = &upper[r * size..][..size];
                let (done, rest) = found.split_at_mut(r + 1);
                done[r] = done[r].map(|sum| sum / row[r]);
                add_product(rest, &row[r + 1..], &done[r].map(|sum| -sum));
            }
            for r in (0..size).rev() {
                let row = &upper[r * size..][..size];
                let taken = products(&row[r + 1..], &found[r + 1..]);
                found[r] = std::array::from_fn(|lane| (found[r][lane] - taken[lane]) / row[r]);
            }
            let mut solved = vec![0.0; rows.len()];
            for (&place, lanes) in self.order.iter().zip(&found) {
                (0..count).for_each(|lane| solved[lane * size + place] = lanes[lane]);
            }
            solved
        };
        let lanes: Vec<&[f32]> = rows.chunks(LANES * size).collect();
        parallel::map(lanes.len(), |index| of_lanes(lanes[index])).concat()
    }

    /// Rounds at most as many filters as there are lanes.
    fn round_lanes(&self, wanted: &[Wanted], limits: (f32, f32)) -> Vec<Rounded> {
        let size = self.order.len();
        // Lanes without a filter have the first one's, whose result is there.
        let of = |lane: usize| wanted.get(lane).unwrap_or(&wanted[0]);
        let grid = Grid { steps: std::array::from_fn(|lane| of(lane).step), limits };
        // By place in the filter: the elements, then the results.
        let mut filters: Vec<[f32; LANES]> =
            (0..size).map(|place| std::array::from_fn(|lane| of(lane).filter[place])).collect();
        let enough: [f64; LANES] = std::array::from_fn(|lane| of(lane).enough);
        // Losses only grow. Without a limit, an infinite one is a result, too.
        let is_useless =
            |losses: &[f64; LANES]| (0..LANES).all(|lane| losses[lane] >= enough[lane] && enough[lane] < f64::INFINITY);
        let useless = || vec![Rounded { filter: Vec::new(), loss: f64::INFINITY }; wanted.len()];
        let mut losses = [0.0; LANES];
        // Rounds the elements at one place, given what they make up for, and returns their errors.
        let mut on_grid = |place: usize, carried: [f32; LANES], diagonal: f32| {
            let (rounded, errors) = round(&filters[place], &carried, diagonal, &grid, &mut losses);
            filters[place] = rounded;
            (!is_useless(&losses)).then_some(errors)
        };
        match &self.rows {
            Rows::Upper(upper) => {
                let mut errors = vec![[0.0f32; LANES]; size];
                for r in (0..size).rev() {
                    let row = &upper[r * size..][..size];
                    let carried = products(&row[r + 1..], &errors[r + 1..]);
                    let Some(made) = on_grid(self.order[r], carried, row[r]) else { return useless() };
                    errors[r] = made;
                }
            }
            Rows::Few { inputs, gains, squares } => {
                let count = inputs.len() / size.max(1);
                // Errors at the layer's output so far, by place.
                let mut made = vec![[0.0f32; LANES]; count];
                for r in (0..size).rev() {
                    let (x, gain, diagonal) =
                        (&inputs[r * count..][..count], &gains[r * count..][..count], squares[r].sqrt());
                    let carried = products(gain, &made).map(|sum| (f64::from(sum) / diagonal) as f32);
                    let Some(errors) = on_grid(self.order[r], carried, diagonal as f32) else { return useless() };
                    add_product(&mut made, x, &errors);
                }
            }
        }
        let rounded = |lane: usize| Rounded { filter: filters.iter().map(|at| at[lane]).collect(), loss: losses[lane] };
        (0..wanted.len()).map(rounded).collect()
    }
}

/// Returns elements in the order of the power of their inputs, the weakest first.
fn by_power(powers: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..powers.len()).collect();
    order.sort_by(|&a, &b| powers[a].total_cmp(&powers[b]));
    order
}

/// Returns what is added to each second moment of an element with itself. Where all inputs are always 0, none takes part in
/// anything.
fn damping(powers: &[f64], share: f64) -> f64 {
    let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
    if mean > 0.0 { share * mean } else { 1.0 }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Cholesky's elimination, block by block; results do not depend on the number of threads.
fn factorize(upper: &mut [f64], size: usize) {
    for start in (0..size).step_by(BLOCK) {
        let end = size.min(start + BLOCK);
        let (block, rest) = upper[start * size..].split_at_mut((end - start) * size);
        for r in start..end {
            let (done, below) = block.split_at_mut((r - start + 1) * size);
            let row = &mut done[(r - start) * size..];
            let pivot = row[r].max(f64::MIN_POSITIVE).sqrt();
            row[r..].iter_mut().for_each(|v| *v /= pivot);
            for (c, other) in (r + 1..).zip(below.chunks_exact_mut(size)) {
                subtract(&mut other[c..], &row[c..], row[c]);
            }
        }
        let block = &*block;
        let mut blocks: Vec<&mut [f64]> = rest.chunks_mut(BLOCK * size).collect();
        parallel::change(&mut blocks, |index, rows| {
            let from = end + index * BLOCK;
            let (count, width) = (rows.len() / size, size - from);
            let of = |columns| Matrix {
                data: &block[from..],
                rows: end - start,
                columns,
                row_stride: size,
                column_stride: 1,
            };
            let mut taken = vec![0.0; count * width];
            multiply(of(count).transposed(), of(width), &mut taken);
            for (row, taken) in rows.chunks_exact_mut(size).zip(taken.chunks_exact(width)) {
                subtract(&mut row[from..], taken, 1.0);
            }
        });
    }
}

fn subtract(from: &mut [f64], values: &[f64], by: f64) {
    if by != 0.0 {
        from.iter_mut().zip(values).for_each(|(v, w)| *v -= by * w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(moments: &[f64], filter: &[f32]) -> Rounded {
        let factor = Factor::of(&Form::Moments(Moments::dense(moments)), filter.len());
        factor.round(&[Wanted { filter, step: 1.0, enough: f64::INFINITY }], (-128.0, 127.0)).remove(0)
    }

    /// Error of rounded weights on the inputs, as second moments measure it.
    fn error(moments: &[f64], float: &[f32], rounded: &[f32]) -> f64 {
        let size = float.len();
        let e: Vec<f64> = float.iter().zip(rounded).map(|(f, r)| f64::from(f - r)).collect();
        (0..size).flat_map(|a| (0..size).map(move |b| (a, b))).map(|(a, b)| e[a] * moments[a * size + b] * e[b]).sum()
    }

    #[test]
    fn inputs_that_move_together_make_up_for_each_other() {
        let moments = [1.0, 0.99, 0.99, 1.0];
        let found = rounded(&moments, &[0.4, 0.4]).filter;
        // To the nearest, both are 0, and the sum of 0.8 is lost.
        assert_eq!(found.iter().sum::<f32>(), 1.0);
        assert!(error(&moments, &[0.4, 0.4], &found) < error(&moments, &[0.4, 0.4], &[0.0, 0.0]));
    }

    #[test]
    fn inputs_without_relation_are_rounded_to_the_nearest() {
        let found = rounded(&[1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0], &[0.4, 0.6, -1.4]);
        assert_eq!(found.filter, [0.0, 1.0, -1.0]);
    }

    #[test]
    fn a_filter_that_loses_enough_is_given_up() {
        let factor = Factor::of(&Form::Moments(Moments::dense(&[1.0, 0.0, 0.0, 1.0])), 2);
        let loss = |enough| {
            let wanted = Wanted { filter: &[0.4, 0.4], step: 1.0, enough };
            factor.round(&[wanted], (-128.0, 127.0)).remove(0).loss
        };
        let whole = loss(f64::INFINITY);
        assert_eq!([loss(whole / 2.0), loss(whole), loss(whole * 2.0)], [f64::INFINITY, f64::INFINITY, whole]);
    }

    #[test]
    fn weights_stay_within_their_width() {
        assert_eq!(rounded(&[1.0, 0.5, 0.5, 1.0], &[500.0, -500.0]).filter, [127.0, -128.0]);
    }

    /// Moments of inputs that are sums of their neighbours.
    fn moments(size: usize) -> Vec<f64> {
        let input = |sample: usize, at: usize| f64::from(((sample * 31 + at * 17 + sample * at) % 13) as u32) - 6.0;
        let product = |a: usize, b: usize| (0..2 * size).map(|s| input(s, a) * input(s, b)).sum::<f64>();
        (0..size * size).map(|at| product(at / size, at % size)).collect()
    }

    #[test]
    fn the_factor_times_itself_is_the_matrix_over_several_blocks() {
        let size = 2 * BLOCK + 5;
        let mut matrix = moments(size);
        (0..size).for_each(|at| matrix[at * size + at] += 1000.0);
        let mut upper = matrix.clone();
        factorize(&mut upper, size);
        let product =
            |a: usize, b: usize| (0..=a.min(b)).map(|r| upper[r * size + a] * upper[r * size + b]).sum::<f64>();
        for at in 0..size * size {
            let (a, b) = (at / size, at % size);
            assert!((product(a, b) - matrix[at]).abs() < 1e-6 * matrix[a * size + a], "{a} {b}");
        }
    }

    #[test]
    fn few_inputs_round_as_their_moments_do() {
        let (size, count) = (40, 7);
        let input = |at: usize| ((at * 7919 % 1013) as f32 / 507.0 - 1.0) * (1.0 + (at / count % 5) as f32);
        let rows: Vec<f32> = (0..size * count).map(input).collect();
        let product = |a: usize, b: usize| {
            (0..count).map(|at| f64::from(rows[a * count + at]) * f64::from(rows[b * count + at])).sum::<f64>()
        };
        let moments: Vec<f64> = (0..size * size).map(|at| product(at / size, at % size)).collect();
        let filters: Vec<Vec<f32>> =
            (0..3).map(|f| (0..size).map(|at| ((at * 3 + f) as f32 * 0.37).sin() * 5.0).collect()).collect();
        let wanted: Vec<Wanted> =
            filters.iter().map(|filter| Wanted { filter, step: 1.0, enough: f64::INFINITY }).collect();
        let expected = Factor::of(&Form::Moments(Moments::dense(&moments)), size).round(&wanted, (-4.0, 3.0));
        let found = Factor::of(&Form::Rows(rows), size).round(&wanted, (-4.0, 3.0));
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.filter, expected.filter);
            assert!((found.loss - expected.loss).abs() < 1e-3 * expected.loss, "{} {}", found.loss, expected.loss);
        }
    }

    #[test]
    fn what_is_solved_gives_the_rows_when_multiplied_by_the_damped_moments() {
        // More rows than lanes, about means.
        let (size, places, share) = (7, 50.0, 0.3);
        let matrix = moments(size);
        let means: Vec<f64> = (0..size).map(|at| 0.01 * (at as f64 - 3.0)).collect();
        let centered = |a: usize, b: usize| matrix[a * size + b] - places * means[a] * means[b];
        let damping = share * (0..size).map(|at| centered(at, at)).sum::<f64>() / size as f64;
        let rows: Vec<f32> = (0..size * (LANES + 3)).map(|at| (at as f32 * 0.37).sin() * 5.0).collect();
        let solved = Factor::centered(&Moments::dense(&matrix), &means, places, share).solve(&rows);
        for (solved, row) in solved.chunks(size).zip(rows.chunks(size)) {
            for (a, wanted) in row.iter().enumerate() {
                let own = damping * f64::from(solved[a]);
                let found: f64 = (0..size).map(|b| centered(a, b) * f64::from(solved[b])).sum::<f64>() + own;
                assert!((found - f64::from(*wanted)).abs() < 1e-3, "{found} and {wanted}");
            }
        }
    }

    #[test]
    fn the_loss_is_the_error_with_its_damping() {
        let size = 20;
        let mut matrix = moments(size);
        let filter: Vec<f32> = (0..size).map(|at| (at as f32 * 0.37).sin() * 5.0).collect();
        let found = rounded(&matrix, &filter);
        let mean = (0..size).map(|at| matrix[at * size + at]).sum::<f64>() / size as f64;
        (0..size).for_each(|at| matrix[at * size + at] += DAMPING * mean);
        let expected = error(&matrix, &filter, &found.filter);
        assert!((found.loss - expected).abs() < 1e-3 * expected, "{} and {expected}", found.loss);
    }
}
