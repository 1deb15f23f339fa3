//! The inner loop of every float32 matrix product: a few rows of packed weights times a few vectors of columns, summed
//! in registers; bias before, clamp after.
//!
//! Columns are read in place (a plane of an image, a row of a padded copy); only the weights are packed.

use super::buffer;
use super::simd::{Level, Work, at};
use super::vector::{Floats, Instructions};
use crate::Result;

/// Rows of a panel of packed weights; register tiles take all of them or half.
pub(super) const PANEL: usize = 8;

/// Weights of a product `y = w b`, eight rows side by side for each step of the depth.
pub(super) struct Panels {
    data: Vec<f32>,
    rows: usize,
    depth: usize,
}

impl Panels {
    /// Packs `rows * depth` elements; element (r, k) is at `r * row_stride + k * step`.
    pub fn pack(w: &[f32], rows: usize, depth: usize, (row_stride, step): (usize, usize)) -> Result<Panels> {
        let mut data = buffer::repeated(rows.div_ceil(PANEL) * PANEL * depth, 0.0)?;
        for r in 0..rows {
            let panel = &mut data[r / PANEL * PANEL * depth..];
            for k in 0..depth {
                panel[k * PANEL + r % PANEL] = w[r * row_stride + k * step];
            }
        }
        Ok(Panels { data, rows, depth })
    }
}

/// Position of a product's columns: row `k` starts `places[k]` after `base`, with contiguous columns.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    /// Origin of `places`.
    pub base: *const f32,
    /// Offsets from `base` to each row's first column.
    pub places: &'a [usize],
}

/// Operations on the sums: bias before, clamp after.
#[derive(Clone, Copy)]
pub(super) struct Epilogue<'a> {
    /// Biases, one per row.
    pub bias: Option<&'a [f32]>,
    /// Lowest and highest result of the clamp.
    pub range: Option<(f32, f32)>,
}

/// Computes `y = w b` for all columns; rows of `y` are `y_stride` apart.
///
/// # Safety
///
/// The processor has `level`. For every `k`, `count` elements from `b.base + b.places[k]` are readable; for every row
/// `r` of the weights, `count` elements from `y + r * y_stride` are writable and overlap nothing that is read.
pub(super) unsafe fn multiply(
    level: Level,
    w: &Panels,
    b: Columns,
    count: usize,
    y: *mut f32,
    y_stride: usize,
    e: Epilogue,
) {
    debug_assert!(b.places.len() == w.depth && e.bias.is_none_or(|b| b.len() == w.rows));
    // SAFETY: guaranteed by the caller.
    unsafe { at(level, Rows { w, b, count, y, y_stride, e }) }
}

struct Rows<'a> {
    w: &'a Panels,
    b: Columns<'a>,
    count: usize,
    y: *mut f32,
    y_stride: usize,
    e: Epilogue<'a>,
}

impl Work for Rows<'_> {
    type Made = ();

    #[inline(always)]
    unsafe fn run<I: Instructions>(self) {
        let Rows { w, b, count, y, y_stride, e } = self;
        // As many sums as fit the registers beside the operands. SAFETY: the contract is that of `multiply`.
        unsafe {
            match (I::REGISTERS, I::Floats::LEN) {
                (32, 16) => all::<I::Floats, I::EightFloats, 8, 3>(w, b, count, y, y_stride, e),
                (32, _) => all::<I::Floats, I::EightFloats, 8, 2>(w, b, count, y, y_stride, e),
                _ => all::<I::Floats, I::EightFloats, 4, 2>(w, b, count, y, y_stride, e),
            }
        }
    }
}

/// Computes tiles of `R` rows and `W` vectors. Remaining columns take narrower tiles, and if only a few remain, vectors
/// of rows (`P`).
///
/// # Safety
///
/// Those of [`multiply`], with the instructions of `V` and `P` for `level`.
#[inline(always)]
unsafe fn all<V: Floats, P: Floats, const R: usize, const W: usize>(
    w: &Panels,
    b: Columns,
    count: usize,
    y: *mut f32,
    y_stride: usize,
    e: Epilogue,
) {
    let mut column = 0;
    while column < count {
        let left = count - column;
        let b = Columns { base: b.base.wrapping_add(column), ..b };
        if P::LEN == PANEL && left <= 4 {
            let y = y.wrapping_add(column);
            // SAFETY: `left` columns from `column` on are within `count`.
            return unsafe {
                match left {
                    1 => few::<P, 1>(w, b, y, y_stride, e),
                    2 => few::<P, 2>(w, b, y, y_stride, e),
                    3 => few::<P, 3>(w, b, y, y_stride, e),
                    _ => few::<P, 4>(w, b, y, y_stride, e),
                }
            };
        }
        let mut row = 0;
        while row < w.rows {
            let rows = (w.rows - row).min(R);
            let t = Tile {
                w: &w.data[row / PANEL * PANEL * w.depth + row % PANEL..],
                step: PANEL,
                b,
                row,
                rows,
                y: y.wrapping_add(row * y_stride + column),
                y_stride,
                e,
            };
            // SAFETY: `w` and `y` begin at the tile's first row, `b` and `y` at its first column; a tile takes at most
            // `left` columns, and of `rows` no more than the weights have. A panel is padded to `PANEL` rows, `R` at most.
            unsafe {
                match left.div_ceil(V::LEN) {
                    1 => t.compute::<V, R, 1>(left),
                    2 if W > 2 || left < 2 * V::LEN => t.compute::<V, R, 2>(left),
                    _ if W == 2 => t.compute::<V, R, 2>(2 * V::LEN),
                    _ => t.compute::<V, R, 3>(left.min(3 * V::LEN)),
                }
            }
            row += R;
        }
        column += W * V::LEN;
    }
}

/// Computes `C` columns for all rows: vectors hold the rows of a panel, four panels at a time.
///
/// # Safety
///
/// Those of [`multiply`], with `C` columns, the instructions of `V`, and `V::LEN` equal to [`PANEL`].
#[inline(always)]
unsafe fn few<V: Floats, const C: usize>(w: &Panels, b: Columns, y: *mut f32, y_stride: usize, e: Epilogue) {
    let mut row = 0;
    while row < w.rows {
        // SAFETY: `row` is the first of a panel; four panels are taken only if the weights have four.
        unsafe {
            if w.rows - row > 3 * PANEL {
                panels::<V, C, 4>(w, b, row, y, y_stride, e);
                row += 4 * PANEL;
            } else {
                panels::<V, C, 1>(w, b, row, y, y_stride, e);
                row += PANEL;
            }
        }
    }
}

/// Computes `N` panels from `row` on.
///
/// # Safety
///
/// Those of [`few`]; `N` panels of the weights begin at `row`.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // As in `Tile::full`.
unsafe fn panels<V: Floats, const C: usize, const N: usize>(
    w: &Panels,
    b: Columns,
    row: usize,
    y: *mut f32,
    y_stride: usize,
    e: Epilogue,
) {
    // SAFETY: `from` walks through `N` panels of `w.data`, `PANEL` elements each step; `b.base + place + c` is one of the
    // caller's columns; of the bias only elements of rows that exist are read, and only such rows of `y` are written.
    unsafe {
        let mut sums = [[V::splat(0.0); C]; N];
        if let Some(bias) = e.bias {
            for n in 0..N {
                let row = row + n * PANEL;
                let bias = V::load_first(bias.as_ptr().wrapping_add(row), w.rows.saturating_sub(row).min(PANEL));
                for c in 0..C {
                    sums[n][c] = bias;
                }
            }
        }
        let mut from = w.data[row * w.depth..].as_ptr();
        for &place in b.places {
            let x = b.base.add(place);
            for n in 0..N {
                let weights = V::load(from.add(n * PANEL * w.depth));
                for c in 0..C {
                    sums[n][c] = weights.times_plus(V::splat(*x.add(c)), sums[n][c]);
                }
            }
            from = from.wrapping_add(PANEL);
        }
        let (low, high) = e.range.unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
        let (low, high) = (V::splat(low), V::splat(high));
        for n in 0..N {
            for c in 0..C {
                let mut values = [0.0; PANEL];
                sums[n][c].clamped(low, high).store(values.as_mut_ptr());
                let first = row + n * PANEL;
                for r in first..w.rows.min(first + PANEL) {
                    y.wrapping_add(r * y_stride + c).write(values[r - first]);
                }
            }
        }
    }
}

/// Computes `y = w b` for one row of weights, one weight per step of the depth; for windows of a single channel.
///
/// # Safety
///
/// Those of [`multiply`].
pub(super) unsafe fn multiply_row(level: Level, w: &[f32], b: Columns, count: usize, y: *mut f32, e: Epilogue) {
    debug_assert!(b.places.len() == w.len());
    // SAFETY: guaranteed by the caller.
    unsafe { at(level, Row { w, b, count, y, e }) }
}

struct Row<'a> {
    w: &'a [f32],
    b: Columns<'a>,
    count: usize,
    y: *mut f32,
    e: Epilogue<'a>,
}

impl Work for Row<'_> {
    type Made = ();

    #[inline(always)]
    unsafe fn run<I: Instructions>(self) {
        // SAFETY: the contract is that of `multiply_row`.
        unsafe { one::<I::Floats>(self.w, self.b, self.count, self.y, self.e) }
    }
}

/// Computes tiles of one row and up to eight vectors: enough sums at once to hide the latency of each.
///
/// # Safety
///
/// Those of [`multiply_row`], with the instructions of `V` for `level`.
#[inline(always)]
unsafe fn one<V: Floats>(w: &[f32], b: Columns, count: usize, y: *mut f32, e: Epilogue) {
    let mut column = 0;
    while column < count {
        let left = count - column;
        let b = Columns { base: b.base.wrapping_add(column), ..b };
        let t = Tile { w, step: 1, b, row: 0, rows: 1, y: y.wrapping_add(column), y_stride: 0, e };
        // SAFETY: a tile takes at most `left` columns from `column` on, and its one row.
        unsafe {
            match left.div_ceil(V::LEN) {
                1 => t.compute::<V, 1, 1>(left),
                2 => t.compute::<V, 1, 2>(left),
                3 => t.compute::<V, 1, 3>(left),
                4 => t.compute::<V, 1, 4>(left),
                5 => t.compute::<V, 1, 5>(left),
                6 => t.compute::<V, 1, 6>(left),
                7 => t.compute::<V, 1, 7>(left),
                _ => t.compute::<V, 1, 8>(left.min(8 * V::LEN)),
            }
        }
        column += 8 * V::LEN;
    }
}

/// One register tile.
struct Tile<'a> {
    /// Weights from the tile's first row on; the next step of the depth is `step` further.
    w: &'a [f32],
    step: usize,
    b: Columns<'a>,
    row: usize,
    rows: usize,
    y: *mut f32,
    y_stride: usize,
    e: Epilogue<'a>,
}

impl Tile<'_> {
    /// Computes `count` columns, more than `W - 1` vectors and at most `W`.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `V`. `w` holds `R` elements at every step, and a step for each place of
    /// `b`; `count` columns of `b` are readable, and `count` elements of each of `rows` rows of `y` writable.
    #[inline(always)]
    unsafe fn compute<V: Floats, const R: usize, const W: usize>(&self, count: usize) {
        // SAFETY: the contract is the same; without `FULL`, the last vector is loaded and stored partially.
        unsafe {
            if count == W * V::LEN { self.full::<V, R, W, true>(count) } else { self.full::<V, R, W, false>(count) }
        }
    }

    /// Computes a tile; `FULL` if the last vector is complete.
    ///
    /// # Safety
    ///
    /// Those of [`Tile::compute`].
    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    unsafe fn full<V: Floats, const R: usize, const W: usize, const FULL: bool>(&self, count: usize) {
        // SAFETY: columns up to `count` are loaded and stored, the last vector by its `last` elements; `w` advances by a
        // step for each place, with `R` weights at each; the bias has an element for each row of the weights.
        unsafe {
            let last = count - (W - 1) * V::LEN;
            // Plain loops of constant length throughout: the compiler unrolls them all and keeps the sums in registers,
            // which it does not for anything more elaborate.
            let mut sums = [[V::splat(0.0); W]; R];
            if let Some(bias) = self.e.bias {
                for r in 0..R {
                    let bias = V::splat(if r < self.rows { *bias.get_unchecked(self.row + r) } else { 0.0 });
                    for i in 0..W {
                        sums[r][i] = bias;
                    }
                }
            }
            let mut w = self.w.as_ptr();
            for &place in self.b.places {
                let from = self.b.base.add(place);
                let mut b = [V::splat(0.0); W];
                for i in 0..W {
                    let from = from.add(i * V::LEN);
                    b[i] = if FULL || i + 1 < W { V::load(from) } else { V::load_first(from, last) };
                }
                for r in 0..R {
                    let weight = V::splat(*w.add(r));
                    for i in 0..W {
                        sums[r][i] = b[i].times_plus(weight, sums[r][i]);
                    }
                }
                w = w.wrapping_add(self.step);
            }
            let (low, high) = self.e.range.unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
            let (low, high) = (V::splat(low), V::splat(high));
            for r in 0..R {
                let to = self.y.wrapping_add(r * self.y_stride);
                if r < self.rows {
                    for i in 0..W {
                        let (sum, to) = (sums[r][i].clamped(low, high), to.wrapping_add(i * V::LEN));
                        if FULL || i + 1 < W { sum.store(to) } else { sum.store_first(to, last) }
                    }
                }
            }
        }
    }
}
