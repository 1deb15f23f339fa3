//! Matrix products with any strides.

use gemm_common::Parallelism;

use super::real::Real;

/// Matrix product of the `gemm` crates for one type. The parameters are those of `gemm::gemm`: rows, columns and inner size;
/// the destination with its column and row strides, and if it is read; both operands with theirs; the factors of the
/// destination and of the product; which of the three are conjugated; threads.
///
/// The crate `gemm` itself is not used: it compiles the products of complex numbers, too.
pub type Multiplier<T> = unsafe fn(
    usize,
    usize,
    usize,
    *mut T,
    isize,
    isize,
    bool,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    T,
    bool,
    bool,
    bool,
    Parallelism,
);

/// Matrix in a slice: element (r, c) is at `r * row_stride + c * column_stride`.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T> {
    /// Slice that holds all elements.
    pub data: &'a [T],
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Makes a row-major matrix without gaps.
    pub fn dense(data: &'a [T], rows: usize, columns: usize) -> Self {
        Matrix { data, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Swaps rows and columns without moving elements.
    pub fn transposed(self) -> Self {
        Matrix {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Returns some of the rows.
    pub fn lines(self, range: std::ops::Range<usize>) -> Self {
        Matrix { data: &self.data[range.start * self.row_stride..], rows: range.len(), ..self }
    }

    /// Checks that every element lies in `data`.
    fn is_inside(&self) -> bool {
        if self.rows == 0 || self.columns == 0 {
            return true;
        }
        let last = (self.rows - 1)
            .checked_mul(self.row_stride)
            .zip((self.columns - 1).checked_mul(self.column_stride))
            .and_then(|(r, c)| r.checked_add(c));
        last.is_some_and(|last| last < self.data.len())
    }
}

/// Computes `c = a b`, with `c` dense and row-major.
pub fn multiply<T: Real>(a: Matrix<T>, b: Matrix<T>, c: &mut [T]) {
    assert!(c.len() == a.rows * b.columns, "the product does not fit its slice");
    // SAFETY: `c` has all elements of the product, and is borrowed mutably.
    unsafe { multiply_to(a, b, c.as_mut_ptr()) }
}

/// Computes `c = a b` as [`multiply`] does.
///
/// # Safety
///
/// `a.rows * b.columns` elements at `c` are writable and overlap neither operand. They may be uninitialized: all are written.
pub(super) unsafe fn multiply_to<T: Real>(a: Matrix<T>, b: Matrix<T>, c: *mut T) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    // The pointers below stay in bounds because of these checks; callers take the sizes from checked shapes.
    assert!(b.rows == k && a.is_inside() && b.is_inside(), "matrices do not fit their slices");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        // SAFETY: guaranteed by the caller.
        (0..m * n).for_each(|at| unsafe { c.add(at).write(T::ZERO) });
        return;
    }
    // The function is fastest where `c` is column-major, as its transpose is; a single column is both.
    let (a, b, column, row) = if n > 1 { (b.transposed(), a.transposed(), n, 1) } else { (a, b, 1, n) };
    // SAFETY: both operands lie inside their slices, as asserted, and `c` is as the caller guarantees; `read_dst` is
    // false, so `c` is only written.
    unsafe {
        T::multiplier()(
            a.rows,
            b.columns,
            k,
            c,
            column as isize,
            row as isize,
            false,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            T::ZERO,
            T::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
